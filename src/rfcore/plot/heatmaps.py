"""Gradients on the input, and effective receptive fields, with the exact box over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from rfcore.erf import EffectiveReceptiveField
from rfcore.field import Interval, ReceptiveField
from rfcore.plot.boxes import chosen_index, draw_box
from rfcore.plot.canvas import (
    INK,
    TEXT_SIZE,
    add_legend,
    axes_in,
    dress,
    line_sample,
    pixels,
)
from rfcore.plot.heat import BOX, add_colorbar, as_map, colors, draw_values
from rfcore.plot.shares import COLOR, draw_shares
from rfcore.plot.views import zoom
from rfcore.plot.words import check_rank, effective_facts, facts_of, index_label, meaning, wrapped

__all__ = ["effective", "gradient"]

SHARES = (0.5, 0.9)
# Of the standard deviation of the map: enough to join single pixels, too little to move a line.
SMOOTHING = 0.12


def gradient(
    values: ArrayLike,
    field: ReceptiveField | None = None,
    *,
    index: Sequence[int] | None = None,
    log: bool = False,
    label: str = "gradient",
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draws a gradient on the input, and over it the exact box of the output that it is of.

    White is zero. Signed gradients have a colour for each sign. The picture shows the box and a
    margin around it.

    Args:
        values: The gradient, of the input's spatial shape (height, width).
        field: The exact field; None for no box.
        index: The output that the gradient is of; None for the one in the middle.
        log: A logarithmic scale, over six decades at most.
        label: What the values are, for the colour bar.
        title: What the gradient is of.
        axes: Where to draw; None for a new figure.

    Returns:
        The axes, in pixels of the input.

    Raises:
        PlotError: The values are no map of that input.
        OutputIndexError: There is no such output.
    """
    box = None
    facts = []
    if field is not None:
        check_rank(len(field.axes), 2, "for three call rfcore.plot.slices(field, gradient=values).")
        box = field.box(chosen_index(field, index))
        facts = [index_label(index), *facts_of(field)]
    found = as_map(values, None if field is None else field.input_shape, 2)
    axes = axes_in(axes, 6.4, 6.8)
    _draw_map(axes, found, box, log=log, label=label)
    if box is not None:
        facts += _reach(box, axes)
        add_legend(axes, [line_sample("exact field", BOX)], columns=2, below=46)
    dress(axes, title, wrapped(facts))
    return axes


def _draw_map(
    axes: Axes,
    values: NDArray[np.float64],
    box: Sequence[Interval] | None,
    *,
    log: bool,
    label: str,
) -> None:
    shown = draw_values(axes, values, *colors(values, log=log))
    add_colorbar(axes, shown, label)
    if box is not None:
        draw_box(axes, box, BOX)
    if not values.any():
        axes.text(
            *(0.5, 0.55, "zero everywhere"),
            transform=axes.transAxes,
            ha="center",
            fontsize=TEXT_SIZE,
            color=INK,
        )
    zoom(axes, values.shape, box)
    pixels(axes.yaxis, "height in pixels")
    pixels(axes.xaxis, "width in pixels")


def _reach(box: Sequence[Interval], axes: Axes) -> list[str]:
    """What the facts say where a box ends outside of the picture."""
    bottom, top = axes.get_ylim()
    left, right = axes.get_xlim()
    (first_row, last_row), (first, last) = box
    if top <= first_row and last_row <= bottom and left <= first and last <= right:
        return []
    return [f"box [{first_row}, {last_row}) × [{first}, {last})"]


def effective(
    erf: EffectiveReceptiveField,
    *,
    log: bool = False,
    contours: Sequence[float] = SHARES,
    smoothing: float | None = None,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draws an effective receptive field: its map, lines around shares of its mass, the exact box.

    Inside each line lies its share of the mass, to a pixel. Single pixels of a map are noisy, so
    the lines follow the map's shape after a Gaussian of `smoothing` pixels.

    Args:
        erf: A measured field with two axes.
        log: A logarithmic scale, over six decades at most.
        contours: Up to three shares between 0 and 1; () for none.
        smoothing: Pixels; None for 0.12 standard deviations of the map.
        title: What the field is of.
        axes: Where to draw; None for a new figure.

    Returns:
        The axes, in pixels of the input.

    Raises:
        PlotError: The field has not two axes, or a share is none.
    """
    check_rank(
        erf.map.ndim, 2, "call rfcore.plot.profile(erf) for one, effective_slices(erf) for three."
    )
    found, box = erf.map, erf.box
    axes = axes_in(axes, 6.4, 7.2)
    _draw_map(axes, found, box, log=log, label=meaning(erf.aggregate))
    if smoothing is None:
        smoothing = SMOOTHING * min(erf.sigma) if erf.mass else 0
    styles = draw_shares(axes, found, contours, smoothing)
    handles: list[Artist] = [
        line_sample(f"{100 * share:.3g}% of the mass", {"color": COLOR, "linestyle": style}, 2)
        for share, style in styles.items()
    ]
    handles.append(_draw_centre(axes, erf.center))
    facts = effective_facts(erf)
    if box is not None:
        handles.append(line_sample("exact field", BOX))
        facts += _reach(box, axes)
    dress(axes, title, wrapped(facts))
    add_legend(axes, handles, columns=2, below=46)
    return axes


def _draw_centre(axes: Axes, center: Sequence[float]) -> Artist:
    y, x = center
    cross: dict[str, Any] = {"marker": "+", "linestyle": ""}
    axes.plot(x, y, color="white", markersize=14, markeredgewidth=4.5, zorder=5, **cross)
    axes.plot(x, y, color=INK, markersize=12, markeredgewidth=2, zorder=5, **cross)
    return line_sample("centre", {**cross, "color": INK, "markersize": 10, "markeredgewidth": 2})

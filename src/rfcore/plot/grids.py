"""The grid of fields: the boxes of a few outputs and the centres of all, on the input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from rfcore.field import Interval, ReceptiveField
from rfcore.plot.boxes import chosen_index, draw_box
from rfcore.plot.canvas import (
    CHOSEN,
    FIRST,
    INK,
    LAST,
    OTHER,
    add_legend,
    axes_in,
    dress,
    line_sample,
    pixels,
)
from rfcore.plot.images import draw_input
from rfcore.plot.views import figure_size, set_view
from rfcore.plot.words import check_rank, facts_of, index_label, wrapped

__all__ = ["draw_grid", "grid", "grid_facts", "shown_boxes"]

# More dots along an axis would run into each other.
MOST_CENTRES = 18
DOT: Mapping[str, Any] = {
    "color": INK,
    "marker": "o",
    "linestyle": "",
    "markersize": 3.8,
    "markeredgecolor": "white",
    "markeredgewidth": 0.5,
}
CROSS: Mapping[str, Any] = {
    "color": OTHER,
    "marker": "x",
    "linestyle": "",
    "markersize": 5,
    "markeredgewidth": 1.4,
}


def grid(
    field: ReceptiveField,
    image: ArrayLike | None = None,
    *,
    index: Sequence[int] | None = None,
    naive: bool = False,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draws what the first, a chosen and the last output see, and the centres of all outputs.

    Boxes are not clipped: what reaches into padding lies outside of the input.

    Args:
        field: A field with two axes.
        image: The input as (height, width) or (height, width, 3 or 4), see `sample_image`; None
            for a grey board.
        index: The output that is drawn solid; None for the one in the middle.
        naive: Also draw where the outputs would be if they shared the input out evenly among
            them, which is what the two sizes alone suggest.
        title: What the field is of.
        axes: Where to draw; None for a new figure.

    Returns:
        The axes, in pixels of the input.

    Raises:
        PlotError: The field has not two axes, or the image does not fit.
        OutputIndexError: There is no such output.
    """
    check_rank(
        len(field.axes), 2, "call rfcore.plot.timeline(field) for one, slices(field) for three."
    )
    chosen = chosen_index(field, index)
    if axes is None:
        width, height = figure_size(field.input_shape, shown_boxes(field, chosen))
        lines = grid_facts(field).count("\n") + (3 if naive else 2)
        axes = axes_in(None, width + 0.9, height + 1.8 + 0.26 * lines)
    handles = draw_grid(axes, field, image, chosen, naive=naive, label=index_label(index))
    dress(axes, title, grid_facts(field))
    add_legend(axes, handles, columns=2, below=46)
    return axes


def draw_grid(
    axes: Axes,
    field: ReceptiveField,
    image: ArrayLike | None,
    chosen: tuple[int, ...],
    *,
    naive: bool,
    label: str,
) -> list[Artist]:
    """Draws the grid without title and legend; returns the entries of the legend."""
    draw_input(axes, field.input_shape, image)
    styles = _styles(field, chosen)
    for output, style in styles.items():
        draw_box(axes, field.box(output), style, tint=0.2 if output == chosen else 0)
    labels = {"first output": FIRST, label: CHOSEN, "last output": LAST}
    handles: list[Artist] = [
        line_sample(text, style) for text, style in labels.items() if style in styles.values()
    ]
    handles.append(_draw_centres(axes, field))
    if naive:
        handles.append(_draw_naive(axes, field))
    set_view(axes, field.input_shape, shown_boxes(field, chosen))
    pixels(axes.yaxis, "height in pixels")
    pixels(axes.xaxis, "width in pixels")
    return handles


def grid_facts(field: ReceptiveField) -> str:
    """What stands above a grid."""
    each = math.prod(_steps(field))
    return wrapped([*facts_of(field), *([f"1 in {each} centres drawn"] if each > 1 else [])])


def shown_boxes(field: ReceptiveField, chosen: tuple[int, ...]) -> list[tuple[Interval, ...]]:
    """The boxes that a grid has, unclipped."""
    return [field.box(output) for output in _styles(field, chosen)]


def _styles(
    field: ReceptiveField, chosen: tuple[int, ...]
) -> dict[tuple[int, ...], Mapping[str, Any]]:
    """The style of each output that has a box; the chosen one may be a corner."""
    last = tuple(n - 1 for n in field.output_shape)
    return {(0, 0): FIRST, last: LAST, chosen: CHOSEN}


def _steps(field: ReceptiveField) -> tuple[int, ...]:
    """Every how many outputs one has room for a mark, per axis."""
    return tuple(math.ceil(n / MOST_CENTRES) for n in field.output_shape)


def _draw_centres(axes: Axes, field: ReceptiveField) -> Artist:
    steps = _steps(field)
    y, x = (
        [axis.center(j) for j in range(0, axis.output_size, step)]
        for axis, step in zip(field.axes, steps, strict=True)
    )
    xs, ys = np.meshgrid(x, y)
    axes.plot(xs.ravel(), ys.ravel(), zorder=5, **DOT)
    return line_sample("centre", {**DOT, "markersize": 5})


def _draw_naive(axes: Axes, field: ReceptiveField) -> Artist:
    steps = _steps(field)
    (height, width), cells = field.input_shape, _naive_cells(field)
    if max(steps) == 1:
        rows, columns = (
            np.arange(n + 1) * cell for n, cell in zip(field.output_shape, cells, strict=True)
        )
        lines: dict[str, Any] = {"color": OTHER, "linewidth": 0.7, "alpha": 0.6, "zorder": 2}
        axes.hlines(rows, 0, width, **lines)
        axes.vlines(columns, 0, height, **lines)
    y, x = (
        (np.arange(0, n, step) + 0.5) * cell
        for n, step, cell in zip(field.output_shape, steps, cells, strict=True)
    )
    xs, ys = np.meshgrid(x, y)
    # Crosses have no edge that could be pale, as dots do.
    pale = {"color": "white", "alpha": 0.7, "markersize": 6, "markeredgewidth": 2.6}
    axes.plot(xs.ravel(), ys.ravel(), zorder=4.4, **{**CROSS, **pale})
    axes.plot(xs.ravel(), ys.ravel(), zorder=4.5, **CROSS)
    return line_sample("naive grid", {**CROSS, "markersize": 6})


def _naive_cells(field: ReceptiveField) -> tuple[float, ...]:
    """The pixels per output, per axis, that input and output sizes suggest."""
    return tuple(axis.input_size / axis.output_size for axis in field.axes)

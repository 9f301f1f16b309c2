"""Profiles of an effective receptive field: along each axis, and around its centre."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rfcore.errors import PlotError
from rfcore.plot.canvas import (
    CHOSEN,
    FIRST,
    INK,
    LAST,
    LINE_WIDTH,
    TEXT_SIZE,
    add_legend,
    axes_in,
    dress,
    line_sample,
    pixels,
)
from rfcore.plot.measured import Measured, meaning
from rfcore.plot.views import zoomed
from rfcore.plot.words import axis_names, by_axis, counted, wrapped

__all__ = ["profile", "radial"]

STYLES = (CHOSEN, FIRST, LAST)
SIZE = (7.5, 5.2)
LINE_LENGTH = 66
# Below this share of the peak, float32 gradients are noise.
LOG_RANGE = 1e-6


def profile(erf: Measured, *, log: bool = False, title: str = "", axes: Axes | None = None) -> Axes:
    """Draws how the mass of an effective receptive field lies along each axis.

    The other axes are summed over. Thin lines mark the edges of the exact field.

    Args:
        erf: A measured field of any number of axes.
        log: A logarithmic scale, over six decades at most.
        title: What the field is of.
        axes: Where to draw; None for a new figure.

    Returns:
        The axes: pixels from the centre to the right, share of the mass in a pixel upwards.

    Raises:
        PlotError: The map is zero everywhere.
    """
    values = np.asarray(erf.map, dtype=np.float64)
    mass = _mass(erf)
    axes = axes_in(axes, *SIZE)
    names = axis_names(values.ndim)
    handles: list[Artist] = []
    unit = "steps" if values.ndim == 1 else "pixels"
    facts = [counted([erf.count], "input"), f"σ {by_axis(erf.sigma)} {unit}"]
    shown = [
        zoomed(length, None if erf.box is None else erf.box[number])
        for number, length in enumerate(values.shape)
    ]
    for number, (name, style) in enumerate(zip(names, STYLES, strict=False)):
        rest = tuple(k for k in range(values.ndim) if k != number)
        share = values.sum(axis=rest) / mass
        offsets = np.arange(len(share)) + 0.5 - erf.center[number]
        look: dict[str, Any] = {**style, "linewidth": LINE_WIDTH}
        # Each pixel is a step as wide as it is.
        edges = np.append(offsets - 0.5, offsets[-1] + 0.5)
        axes.stairs(share, edges, baseline=None, **look)
        handles.append(line_sample(name, style))
        if erf.box is not None:
            for edge in erf.box[number]:
                axes.axvline(edge - erf.center[number], **{**look, "linewidth": 1.2}, zorder=1)
    if erf.box is not None:
        handles.append(line_sample("edges of the exact field", {"color": INK}, 1.2))
    _set_scale(axes, log=log)
    starts, ends = zip(*shown, strict=True)
    axes.set_xlim(
        min(start - center for start, center in zip(starts, erf.center, strict=True)),
        max(end - center for end, center in zip(ends, erf.center, strict=True)),
    )
    pixels(axes.xaxis, f"{unit} from the centre", most_ticks=7)
    axes.set_ylabel(f"share of the mass per {unit[:-1]}", fontsize=TEXT_SIZE, color=INK)
    dress(axes, title, wrapped(facts, LINE_LENGTH))
    add_legend(axes, handles, columns=4, below=46)
    return axes


def radial(erf: Measured, *, log: bool = False, title: str = "", axes: Axes | None = None) -> Axes:
    """Draws the mean of an effective receptive field at each distance from its centre.

    Args:
        erf: A measured field of any number of axes.
        log: A logarithmic scale, over six decades at most.
        title: What the field is of.
        axes: Where to draw; None for a new figure.

    Returns:
        The axes: distance in pixels to the right, the mean of the map over a ring upwards.

    Raises:
        PlotError: The map is zero everywhere.
    """
    _mass(erf)
    axes = axes_in(axes, *SIZE)
    rings = erf.radial_profile()
    axes.plot(rings.radii, rings.mean, linewidth=LINE_WIDTH, **CHOSEN)
    axes.set_xlim(left=0)
    _set_scale(axes, log=log)
    pixels(axes.xaxis, "distance from the centre in pixels", most_ticks=7)
    axes.set_ylabel(meaning(erf.aggregate), fontsize=TEXT_SIZE, color=INK)
    dress(axes, title, wrapped([counted([erf.count], "input")], LINE_LENGTH))
    return axes


def _mass(erf: Measured) -> float:
    mass = float(np.sum(erf.map))
    if not mass:
        raise PlotError(
            "The effective receptive field is zero everywhere, so that it has no profile.",
            "measure it on other inputs: rfcore.effective(model, inputs='uniform').",
        )
    return mass


def _set_scale(axes: Axes, *, log: bool) -> None:
    if log:
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(axes.get_ylim()[0], axes.get_ylim()[1] * LOG_RANGE))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_ylim(bottom=0)
    axes.grid(color="#e2e2e2", linewidth=0.8)
    axes.set_axisbelow(True)

"""Profiles of an effective receptive field: along each axis, and around its centre."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from rfcore.erf import EffectiveReceptiveField
from rfcore.errors import DeadGradientError, PlotError
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
from rfcore.plot.views import zoomed
from rfcore.plot.words import axis_names, effective_facts, meaning, unit_of, wrapped

__all__ = ["profile", "radial"]

STYLES = (CHOSEN, FIRST, LAST)
SIZE = (7.5, 5.2)
LINE_LENGTH = 66
# Below this share of the peak, float32 gradients are noise.
LOG_RANGE = 1e-6


def profile(
    erf: EffectiveReceptiveField, *, log: bool = False, title: str = "", axes: Axes | None = None
) -> Axes:
    """Draws how the mass of an effective receptive field lies along each axis.

    The other axes are summed over. Thin lines mark the edges of the exact field.

    Args:
        erf: A measured field with up to three axes.
        log: A logarithmic scale, over six decades at most.
        title: What the field is of.
        axes: Where to draw; None for a new figure.

    Returns:
        The axes, with pixels from the centre to the right and the share of the mass upwards.

    Raises:
        DeadGradientError: The map is zero everywhere.
        PlotError: It has more than three axes.
    """
    if erf.map.ndim > len(STYLES):
        raise PlotError(
            f"{erf.map.ndim} axes have no room in one picture.", "call rfcore.plot.radial(erf)."
        )
    facts = effective_facts(erf)
    marginals = _marginals(erf)
    axes = axes_in(axes, *SIZE)
    names = axis_names(len(marginals))
    handles: list[Artist] = []
    views = []
    for number, (share, name, style) in enumerate(zip(marginals, names, STYLES, strict=False)):
        center = erf.center[number]
        # Each pixel is a step as wide as it is.
        edges = np.arange(len(share) + 1) - center
        axes.stairs(share, edges, baseline=None, linewidth=LINE_WIDTH, **style)
        handles.append(line_sample(name, style))
        interval = None if erf.box is None else erf.box[number]
        views += [edge - center for edge in zoomed(len(share), interval)]
        for edge in interval or ():
            axes.axvline(edge - center, linewidth=1.2, zorder=1, **style)
    if erf.box is not None:
        handles.append(line_sample("edges of the exact field", {"color": INK}, 1.2))
    unit = unit_of(len(marginals))
    _set_scale(axes, log=log)
    axes.set_xlim(min(views), max(views))
    pixels(axes.xaxis, f"{unit}s from the centre", most_ticks=7)
    axes.set_ylabel(f"share of the mass per {unit}", fontsize=TEXT_SIZE, color=INK)
    dress(axes, title, wrapped(facts, LINE_LENGTH))
    add_legend(axes, handles, columns=4, below=46)
    return axes


def _marginals(erf: EffectiveReceptiveField) -> list[NDArray[np.float64]]:
    """Per axis, the share of the mass at each of its pixels."""
    values = erf.map
    if not erf.mass:
        raise DeadGradientError(erf.count, erf.aggregate)
    others = [tuple(k for k in range(values.ndim) if k != axis) for axis in range(values.ndim)]
    return [values.sum(axis=rest) / erf.mass for rest in others]


def radial(
    erf: EffectiveReceptiveField, *, log: bool = False, title: str = "", axes: Axes | None = None
) -> Axes:
    """Draws the mean of an effective receptive field at each distance from its centre.

    Args:
        erf: A measured field of any number of axes.
        log: A logarithmic scale, over six decades at most.
        title: What the field is of.
        axes: Where to draw; None for a new figure.

    Returns:
        The axes, with distance in pixels to the right and the mean of the map over a ring upwards.

    Raises:
        DeadGradientError: The map is zero everywhere.
    """
    rings = erf.radial_profile()
    axes = axes_in(axes, *SIZE)
    axes.plot(rings.radii, rings.mean, linewidth=LINE_WIDTH, marker=".", **CHOSEN)
    axes.set_xlim(left=0)
    _set_scale(axes, log=log)
    pixels(axes.xaxis, f"distance from the centre in {unit_of(erf.map.ndim)}s", most_ticks=7)
    axes.set_ylabel(meaning(erf.aggregate), fontsize=TEXT_SIZE, color=INK)
    dress(axes, title, wrapped(effective_facts(erf), LINE_LENGTH))
    return axes


def _set_scale(axes: Axes, *, log: bool) -> None:
    if log:
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(axes.get_ylim()[0], axes.get_ylim()[1] * LOG_RANGE))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_ylim(bottom=0)
    axes.grid(color="#e2e2e2", linewidth=0.8)
    axes.set_axisbelow(True)

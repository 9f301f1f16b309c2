"""Fields with three axes: three slices through the middle of a box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure, SubFigure
from numpy.typing import ArrayLike

from rfcore.erf import EffectiveReceptiveField
from rfcore.errors import PlotError
from rfcore.field import ReceptiveField
from rfcore.plot.boxes import chosen_index, draw_box
from rfcore.plot.canvas import INK, add_legend, dress, figure_in, line_sample, new_figure, pixels
from rfcore.plot.heat import add_colorbar
from rfcore.plot.solids import Backdrop, Plane, Solid, cut_axis
from rfcore.plot.views import set_view
from rfcore.plot.words import (
    axis_names,
    check_rank,
    effective_facts,
    facts_of,
    index_label,
    meaning,
    wrapped,
)

__all__ = ["effective_slices", "slice_axes", "slices", "slices_size", "solid_of"]

WIDTH_INCHES = 7.6
LINE_LENGTH = 62
# What labels, titles and legend take.
FRAME_INCHES = (2.2, 3.6)
MOST_INCHES = 11.0
MARGIN = 0.05
# No side of a panel is shorter than this share of the longest.
LEAST_SIDE = 0.2
PLANES: tuple[Plane, ...] = ((1, 2), (1, 0), (0, 2))
CUT: Mapping[str, Any] = {"color": INK, "linestyle": (0, (2, 3))}


def slices(
    field: ReceptiveField,
    volume: ArrayLike | None = None,
    *,
    gradient: ArrayLike | None = None,
    index: Sequence[int] | None = None,
    log: bool = False,
    title: str = "",
    axes: Sequence[Axes] | None = None,
) -> Figure | SubFigure:
    """Draws three slices of an input with three axes, through the middle of what an output sees.

    Args:
        field: A field with three axes.
        volume: The input as (depth, height, width), in grey; None for a grey board.
        gradient: A gradient of the same shape, which is drawn in colours instead of the volume.
        index: The output; None for the one in the middle.
        log: A logarithmic scale for the gradient, over six decades at most.
        title: What the field is of.
        axes: Three axes; None for a new figure.

    Returns:
        The figure that the axes are in.

    Raises:
        PlotError: The field has not three axes, or the volume or gradient does not fit.
        OutputIndexError: There is no such output.
    """
    check_rank(len(field.axes), 3, "call rfcore.plot.grid(field) for two, timeline(field) for one.")
    solid = solid_of(field, index)
    if gradient is None:
        backdrop = Backdrop.of_volume(solid.shape, volume)
    else:
        backdrop = Backdrop.of_gradient(solid.shape, gradient, log=log)
    facts = [index_label(index), *facts_of(field)]
    label = "" if gradient is None else "gradient"
    return _draw(solid, backdrop, facts, label=label, title=title, axes=axes)


def effective_slices(
    erf: EffectiveReceptiveField,
    *,
    log: bool = False,
    title: str = "",
    axes: Sequence[Axes] | None = None,
) -> Figure | SubFigure:
    """Draws three slices of an effective receptive field with three axes, through its centre.

    Args:
        erf: A measured field with three axes.
        log: A logarithmic scale, over six decades at most.
        title: What the field is of.
        axes: Three axes; None for a new figure.

    Returns:
        The figure that the axes are in.

    Raises:
        PlotError: The field has not three axes.
    """
    check_rank(erf.map.ndim, 3, "call rfcore.plot.effective(erf) for two, profile(erf) for one.")
    solid = Solid(erf.map.shape, erf.box, erf.center)
    backdrop = Backdrop.of_gradient(solid.shape, erf.map, log=log)
    label = meaning(erf.aggregate)
    return _draw(solid, backdrop, effective_facts(erf), label=label, title=title, axes=axes)


def solid_of(field: ReceptiveField, index: Sequence[int] | None) -> Solid:
    """The input of a field, and what one output sees of it."""
    chosen = chosen_index(field, index)
    return Solid(field.input_shape, field.box(chosen), field.center(chosen))


def _draw(
    solid: Solid,
    backdrop: Backdrop,
    facts: Sequence[str],
    *,
    label: str,
    title: str,
    axes: Sequence[Axes] | None,
) -> Figure | SubFigure:
    if axes is None:
        axes = slice_axes(new_figure(*slices_size(solid)), solid)
    if len(axes) != len(PLANES):
        raise PlotError(f"Three slices do not fit {len(axes)} axes.", "give three, or axes=None.")
    for place, plane in zip(axes, PLANES, strict=True):
        across = cut_axis(plane)
        at = f"at {axis_names(3)[across]} {solid.middle[across]}"
        _draw_slice(place, solid, plane, backdrop)
        if place is axes[0]:
            dress(place, title, f"{wrapped(facts, LINE_LENGTH)}\n{at}", beyond=True)
        else:
            dress(place, "", at)
    if label:
        add_colorbar(axes[1], ScalarMappable(backdrop.norm, backdrop.palette), label)
    handles = [line_sample("other slices", CUT, 1)]
    if solid.box is not None:
        handles.insert(0, line_sample("exact field", backdrop.box))
    add_legend(axes[2], handles, columns=2, below=46)
    return figure_in(axes[0])


def _draw_slice(axes: Axes, solid: Solid, plane: Plane, backdrop: Backdrop) -> None:
    down, right = plane
    backdrop.draw(axes, solid, plane)
    line: dict[str, Any] = {**CUT, "linewidth": 1, "zorder": 2}
    axes.axhline(solid.middle[down] + 0.5, **line)
    axes.axvline(solid.middle[right] + 0.5, **line)
    boxes = solid.box_in(plane)
    for box in boxes:
        draw_box(axes, box, backdrop.box, tint=backdrop.tint)
    shape = (solid.shape[down], solid.shape[right])
    set_view(axes, shape, boxes, margin=MARGIN * max(solid.views))
    names = axis_names(3)
    pixels(axes.yaxis, f"{names[down]} in pixels")
    pixels(axes.xaxis, f"{names[right]} in pixels")


def slices_size(solid: Solid) -> tuple[float, float]:
    """Inches, width and height, for three slices."""
    depth, height, width = _sides(solid)
    scale = (WIDTH_INCHES - FRAME_INCHES[0]) / (width + depth)
    return WIDTH_INCHES, min(scale * (height + depth) + FRAME_INCHES[1], MOST_INCHES)


def slice_axes(figure: Figure | SubFigure, solid: Solid) -> list[Axes]:
    """Three axes in a figure, as a drawing of a solid: from the front, the right and below."""
    depth, height, width = _sides(solid)
    grid = figure.add_gridspec(2, 2, width_ratios=[width, depth], height_ratios=[height, depth])
    places = [figure.add_subplot(grid[row, column]) for row, column in ((0, 0), (0, 1), (1, 0))]
    # Panels of one scale meet where they share an axis.
    for axes, anchor in zip(places, ("SE", "SW", "NE"), strict=True):
        axes.set_anchor(anchor)
    return places


def _sides(solid: Solid) -> list[float]:
    """How long each axis is drawn, relative to the others."""
    longest = max(solid.views)
    return [max(view, LEAST_SIDE * longest) + 2 * MARGIN * longest for view in solid.views]

"""Fields with three axes: three slices through the middle of a box."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import ArrayLike, NDArray

from rfcore.errors import PlotError
from rfcore.field import ReceptiveField
from rfcore.plot.boxes import chosen_index, draw_box
from rfcore.plot.canvas import (
    CHOSEN,
    INK,
    add_legend,
    dress,
    figure_in,
    line_sample,
    new_figure,
    pixels,
)
from rfcore.plot.heat import BOX, add_colorbar, as_map, colors, draw_values
from rfcore.plot.images import draw_input
from rfcore.plot.views import set_view
from rfcore.plot.words import axis_names, check_rank, facts_of, index_label, wrapped

__all__ = ["slice_axes", "slices", "slices_size"]

WIDTH_INCHES = 7.6
LINE_LENGTH = 62
# What labels, titles and legend take.
FRAME_INCHES = (2.2, 3.6)
MOST_INCHES = 11.0
MARGIN = 0.05
# No side of a panel is shorter than this share of the longest.
LEAST_SIDE = 0.2
# The axes that a slice shows, downwards and to the right; the third is cut.
Plane = tuple[int, int]
PLANES: tuple[Plane, ...] = ((1, 2), (1, 0), (0, 2))
CUT: Mapping[str, Any] = {"color": INK, "linewidth": 1, "linestyle": (0, (2, 3)), "zorder": 2}
CUT_SAMPLE = line_sample("other slices", {k: CUT[k] for k in ("color", "linestyle")}, 1)


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
        gradient: A gradient, or the `map` of an effective receptive field, of the same shape; it
            is drawn in colours instead of the volume.
        index: The output; None for the one in the middle.
        log: A logarithmic scale for the gradient.
        title: What the field is of.
        axes: Three axes; None for a new figure.

    Returns:
        The figure that the axes are in.

    Raises:
        PlotError: The field has not three axes, or the volume or gradient does not fit.
        IndexError: There is no such output.
    """
    check_rank(
        field, 3, "for two axes call rfcore.plot.grid(field), for one rfcore.plot.timeline(field)."
    )
    chosen = chosen_index(field, index)
    if axes is None:
        axes = slice_axes(new_figure(*slices_size(field, chosen)), field, chosen)
    if len(axes) != 3:
        raise PlotError(f"Three slices do not fit {len(axes)} axes.", "give three, or axes=None.")
    facts = wrapped([index_label(index), *facts_of(field)], LINE_LENGTH)
    backdrop = _Backdrop.of(field.input_shape, volume, gradient, log=log)
    middle = _middle(field, chosen)
    for number, (place, plane) in enumerate(zip(axes, PLANES, strict=True)):
        _draw_slice(place, field, chosen, plane, middle, backdrop)
        at = _cut_label(plane, middle)
        if number == 0:
            dress(place, title, f"{facts}\n{at}", beyond=True)
        else:
            dress(place, "", at)
    if backdrop.gradient is not None:
        mappable = ScalarMappable(backdrop.norm, backdrop.palette)
        add_colorbar(axes[1], mappable, "gradient")
    add_legend(axes[2], [line_sample("exact field", backdrop.box), CUT_SAMPLE], columns=2, below=46)
    return figure_in(axes[0])


def slices_size(field: ReceptiveField, chosen: tuple[int, ...]) -> tuple[float, float]:
    """Inches, width and height, for the three slices of a field."""
    depth, height, width = _sides(field, chosen)
    scale = (WIDTH_INCHES - FRAME_INCHES[0]) / (width + depth)
    return WIDTH_INCHES, min(scale * (height + depth) + FRAME_INCHES[1], MOST_INCHES)


def slice_axes(
    figure: Figure | SubFigure, field: ReceptiveField, chosen: tuple[int, ...]
) -> list[Axes]:
    """Three axes in a figure, as a drawing of a solid: from the front, the right and below."""
    depth, height, width = _sides(field, chosen)
    grid = figure.add_gridspec(2, 2, width_ratios=[width, depth], height_ratios=[height, depth])
    places = [figure.add_subplot(grid[row, column]) for row, column in ((0, 0), (0, 1), (1, 0))]
    # Panels of one scale meet where they share an axis.
    for axes, anchor in zip(places, ("SE", "SW", "NE"), strict=True):
        axes.set_anchor(anchor)
    return places


def _views(field: ReceptiveField, chosen: tuple[int, ...]) -> list[int]:
    """Pixels that input and box take together, per axis."""
    return [
        max(length, hi) - min(0, lo)
        for length, (lo, hi) in zip(field.input_shape, field.box(chosen), strict=True)
    ]


def _sides(field: ReceptiveField, chosen: tuple[int, ...]) -> list[float]:
    """How long each axis is drawn, relative to the others."""
    views = _views(field, chosen)
    return [max(view, LEAST_SIDE * max(views)) + 2 * MARGIN * max(views) for view in views]


@dataclass(frozen=True, slots=True)
class _Backdrop:
    """What lies under the boxes: a board, a volume in grey, or a gradient in colours."""

    volume: NDArray[np.float64] | None
    gradient: NDArray[np.float64] | None
    palette: Colormap
    norm: Normalize

    @classmethod
    def of(
        cls,
        shape: tuple[int, ...],
        volume: ArrayLike | None,
        gradient: ArrayLike | None,
        *,
        log: bool,
    ) -> Self:
        if gradient is not None:
            values = as_map(gradient, shape, 3)
            return cls(None, values, *colors(values, log=log))
        grey = None if volume is None else as_map(volume, shape, 3)
        low, high = (0.0, 1.0) if grey is None else (float(grey.min()), float(grey.max()))
        return cls(grey, None, colormaps["gray"], Normalize(low, high))

    @property
    def box(self) -> Mapping[str, Any]:
        return CHOSEN if self.gradient is None else BOX

    def values(self) -> NDArray[np.float64] | None:
        return self.volume if self.gradient is None else self.gradient


def _middle(field: ReceptiveField, chosen: tuple[int, ...]) -> tuple[int, ...]:
    """The pixel in the middle of a box, or the nearest that the input has."""
    return tuple(
        min(max(math.floor(center), 0), length - 1)
        for center, length in zip(field.center(chosen), field.input_shape, strict=True)
    )


def _cut_label(plane: Plane, middle: Sequence[int]) -> str:
    cut = _cut_axis(plane)
    return f"at {axis_names(3)[cut]} {middle[cut]}"


def _cut_axis(plane: Plane) -> int:
    (cut,) = {0, 1, 2} - set(plane)
    return cut


def _draw_slice(
    axes: Axes,
    field: ReceptiveField,
    chosen: tuple[int, ...],
    plane: Plane,
    middle: Sequence[int],
    backdrop: _Backdrop,
) -> None:
    down, right = plane
    height, width = field.input_shape[down], field.input_shape[right]
    values = backdrop.values()
    if values is None:
        draw_input(axes, (height, width), None)
    else:
        cut = np.take(values, middle[_cut_axis(plane)], axis=_cut_axis(plane))
        draw_values(axes, cut if down < right else cut.T, backdrop.palette, backdrop.norm)
    box = [field.box(chosen)[axis] for axis in plane]
    axes.axhline(middle[down] + 0.5, **CUT)
    axes.axvline(middle[right] + 0.5, **CUT)
    draw_box(axes, box, backdrop.box, tint=0.15 if backdrop.gradient is None else 0)
    set_view(axes, (height, width), [box], margin=MARGIN * max(_views(field, chosen)))
    names = axis_names(3)
    pixels(axes.yaxis, f"{names[down]} in pixels")
    pixels(axes.xaxis, f"{names[right]} in pixels")

"""Several feature maps of one network, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from rfcore.errors import PlotError
from rfcore.field import ReceptiveField
from rfcore.plot.boxes import chosen_index
from rfcore.plot.canvas import dress, dressed_legend, new_figure, pixels
from rfcore.plot.grids import draw_grid, grid_facts, shown_boxes
from rfcore.plot.slices import slice_axes, slices, slices_size, solid_of
from rfcore.plot.timelines import (
    ROW_INCHES,
    WIDTH_INCHES,
    draw_timeline,
    rows_shown,
    timeline_facts,
)
from rfcore.plot.views import figure_size
from rfcore.plot.words import index_label

__all__ = ["panels"]

MOST_COLUMNS = 3
LINE_INCHES = 0.36


def panels(
    fields: Mapping[str, ReceptiveField],
    image: ArrayLike | None = None,
    *,
    index: Sequence[int] | None = None,
    naive: bool = False,
) -> Figure:
    """Draws a panel per feature map: grids for images, timelines for sequences, or slices.

    Args:
        fields: Fields with one, two or three axes, all alike, by the name of their feature map,
            as `estimate` returns them for a list of outputs.
        image: The input that all are drawn on, for two axes as (height, width) or (height, width,
            3 or 4), for three as (depth, height, width); None for a grey board.
        index: The output that is drawn solid; None for the one in the middle of each.
        naive: As in `grid`.

    Returns:
        A figure that belongs to no window; call its `savefig`.

    Raises:
        PlotError: There are no fields, their axes are not alike, or the image does not fit.
        OutputIndexError: `index` is not inside every output.
    """
    ranks = sorted({len(field.axes) for field in fields.values()})
    if ranks not in ([1], [2], [3]):
        raise PlotError(
            f"Fields of one, two or three axes can be drawn, all alike; these have "
            f"{' and '.join(map(str, ranks)) or 'none'}.",
            "draw those alike: rfcore.plot.panels({'layer': field}).",
        )
    if ranks == [1] and image is not None:
        raise PlotError("Timelines are drawn on no image.", "leave image=None.")
    if ranks != [2] and naive:
        raise PlotError("The naive grid is one of two axes.", "leave naive=False.")
    chosen = {name: chosen_index(field, index) for name, field in fields.items()}
    if ranks == [1]:
        return _timelines(fields, chosen, index_label(index))
    if ranks == [2]:
        return _grids(fields, chosen, image, index_label(index), naive=naive)
    return _slices(fields, image, index)


def _grids(
    fields: Mapping[str, ReceptiveField],
    chosen: Mapping[str, tuple[int, ...]],
    image: ArrayLike | None,
    label: str,
    *,
    naive: bool,
) -> Figure:
    columns = min(len(fields), MOST_COLUMNS)
    rows = math.ceil(len(fields) / columns)
    sizes = [
        figure_size(field.input_shape, shown_boxes(field, chosen[name]))
        for name, field in fields.items()
    ]
    width, height = map(max, zip(*sizes, strict=True))
    figure = new_figure(width * columns, (height + 2.2 * LINE_INCHES) * rows + 2 * LINE_INCHES)
    handles: dict[str, Artist] = {}
    for number, (name, field) in enumerate(fields.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        drawn = draw_grid(axes, field, image, chosen[name], naive=naive, label=label)
        handles |= {str(handle.get_label()): handle for handle in drawn}
        dress(axes, name, grid_facts(field))
    _figure_legend(figure, list(handles.values()), columns=4 if columns > 1 else 2)
    return figure


def _timelines(
    fields: Mapping[str, ReceptiveField], chosen: Mapping[str, tuple[int, ...]], label: str
) -> Figure:
    heights = [
        len(rows_shown(field.axes[0], chosen[name][0])) + 3 for name, field in fields.items()
    ]
    figure = new_figure(WIDTH_INCHES, ROW_INCHES * (sum(heights) + 3))
    grid = figure.add_gridspec(len(fields), 1, height_ratios=heights)
    handles: dict[str, Artist] = {}
    below: Axes | None = None
    for row, (name, field) in enumerate(fields.items()):
        (output,) = chosen[name]
        below = figure.add_subplot(grid[row], sharex=below)
        drawn = draw_timeline(below, field.axes[0], output, label=label)
        handles |= {str(handle.get_label()): handle for handle in drawn}
        pixels(below.xaxis, "", most_ticks=9)
        dress(below, name, timeline_facts(field, output))
    pixels(figure.axes[-1].xaxis, "steps of the input", most_ticks=9)
    _figure_legend(figure, list(handles.values()), columns=3)
    return figure


def _slices(
    fields: Mapping[str, ReceptiveField],
    volume: ArrayLike | None,
    index: Sequence[int] | None,
) -> Figure:
    columns = min(len(fields), MOST_COLUMNS)
    rows = math.ceil(len(fields) / columns)
    sizes = [slices_size(solid_of(field, index)) for field in fields.values()]
    width, height = map(max, zip(*sizes, strict=True))
    figure = new_figure(width * columns, height * rows)
    places = figure.subfigures(rows, columns, squeeze=False).ravel()
    for place, (name, field) in zip(places, fields.items(), strict=False):
        axes = slice_axes(place, solid_of(field, index))
        slices(field, volume, index=index, title=name, axes=axes)
    return figure


def _figure_legend(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    dressed_legend(
        figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))
    )

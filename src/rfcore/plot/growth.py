"""How the field grows through the layers of a network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rfcore.errors import PlotError
from rfcore.field import ReceptiveField
from rfcore.plot.canvas import (
    CHOSEN,
    FIRST,
    INK,
    LAST,
    LINE_WIDTH,
    PALE,
    POINTS_PER_INCH,
    TEXT_SIZE,
    add_legend,
    axes_in,
    dress,
    figure_in,
    pixels,
)
from rfcore.plot.words import axis_names, unit_of

__all__ = ["growth"]

ROW_INCHES = 0.3
MOST_INCHES = 9.0
WIDTH_INCHES = 7.5
MARKERS = ("o", "s", "^")
STYLES = (CHOSEN, FIRST, LAST)


def growth(
    fields: Mapping[str, ReceptiveField], *, title: str = "", axes: Axes | None = None
) -> Axes:
    """Draws the size of the field after each layer, from top to bottom.

    Axes with equal sizes share a line. A global field has no size; it is marked at the right edge.

    Args:
        fields: Fields of the same input, by the name of their layer, in the order of the layers,
            as `estimate` returns them for a list of outputs.
        title: What the layers are of.
        axes: Where to draw; None for a new figure.

    Returns:
        The axes, with sizes in pixels to the right and layers downwards.

    Raises:
        PlotError: There are no fields, they are of different inputs, or more than three axes
            differ.
    """
    shapes = dict.fromkeys(field.input_shape for field in fields.values())
    if len(shapes) != 1:
        found = " and ".join(map(str, shapes)) or "none"
        raise PlotError(
            f"Growth is told by fields of one input; these have {found}.",
            "give the dict of rfcore.estimate(model, output=[…]).",
        )
    (shape,) = shapes
    height = min(2.2 + ROW_INCHES * len(fields), MOST_INCHES)
    axes = axes_in(axes, WIDTH_INCHES, height)
    handles = [_draw_size(axes, list(fields.values()), *line) for line in _lines(fields, shape)]
    if any(any(field.is_global) for field in fields.values()):
        handles.append(_draw_global(axes, list(fields.values())))
    handles.append(_draw_input_sizes(axes, shape))
    axes.set_ylim(len(fields) - 0.4, -0.6)
    _name_layers(axes, list(fields))
    axes.set_xlim(left=0)
    pixels(axes.xaxis, f"size in {unit_of(len(shape))}s", most_ticks=7)
    axes.grid(axis="x", color="#e2e2e2", linewidth=0.8)
    axes.set_axisbelow(True)
    dress(axes, title, "")
    add_legend(axes, handles, columns=2, below=46)
    return axes


Line = tuple[int, str, Mapping[str, Any], str]


def _lines(fields: Mapping[str, ReceptiveField], shape: Sequence[int]) -> list[Line]:
    """The axes that have a line: number, label, style and marker; equal axes share one."""
    names = axis_names(len(shape))
    together: dict[tuple[int, ...], list[int]] = {}
    for number in range(len(shape)):
        sizes = tuple(field.size[number] for field in fields.values())
        together.setdefault(sizes, []).append(number)
    if len(together) > len(STYLES):
        raise PlotError(
            f"{len(together)} axes that differ have no room in one picture.",
            "draw three of them: ReceptiveField(field.axes[:3]) for each field.",
        )
    if len(together) == 1:
        return [(0, "size", STYLES[0], MARKERS[0])]
    return [
        (numbers[0], " and ".join(names[n] for n in numbers), style, marker)
        for numbers, style, marker in zip(together.values(), STYLES, MARKERS, strict=False)
    ]


def _draw_size(
    axes: Axes,
    fields: Sequence[ReceptiveField],
    number: int,
    label: str,
    style: Mapping[str, Any],
    marker: str,
) -> Line2D:
    sizes = [math.nan if field.is_global[number] else field.size[number] for field in fields]
    # Many marks on one line hide it.
    size = min(7.0, max(2.5, 250 / len(fields)))
    look: dict[str, Any] = {**style, "linewidth": LINE_WIDTH, "marker": marker}
    axes.plot(sizes, range(len(fields)), markersize=size, label=label, **look)
    return Line2D([], [], label=label, markersize=7, **look)


def _draw_global(axes: Axes, fields: Sequence[ReceptiveField]) -> Line2D:
    rows = [row for row, field in enumerate(fields) if any(field.is_global)]
    look: dict[str, Any] = {
        "color": INK,
        "marker": ">",
        "linestyle": "",
        "markersize": 9,
        "markerfacecolor": "white",
        "markeredgewidth": 1.5,
    }
    edge = axes.get_yaxis_transform()
    axes.plot([0.985] * len(rows), rows, transform=edge, zorder=4, clip_on=False, **look)
    return Line2D([], [], label="global", **look)


def _draw_input_sizes(axes: Axes, shape: Sequence[int]) -> Line2D:
    look: dict[str, Any] = {"color": PALE, "linewidth": 1.6, "linestyle": (0, (6, 3))}
    for length in dict.fromkeys(shape):
        axes.axvline(length, zorder=1, **look)
    lengths = " × ".join(map(str, shape))
    return Line2D([], [], label=f"input, {lengths}", **look)


def _name_layers(axes: Axes, names: Sequence[str]) -> None:
    """Names as many layers as there is room for, the last one among them."""
    inches = axes.get_window_extent().height / figure_in(axes).dpi
    room = max(1, int(inches * POINTS_PER_INCH / (1.3 * TEXT_SIZE)))
    step = math.ceil(len(names) / room)
    ticks = range(len(names) - 1, -1, -step)
    axes.set_yticks(list(ticks), [names[tick] for tick in ticks])

"""Boxes over a picture of the input, and which output they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from rfcore.errors import OutputIndexError
from rfcore.field import Interval, ReceptiveField
from rfcore.plot.canvas import LINE_WIDTH

__all__ = ["chosen_index", "draw_box"]


def chosen_index(field: ReceptiveField, index: Sequence[int] | None) -> tuple[int, ...]:
    """The output that is asked for, counted from the front; the middle one for None.

    Raises:
        OutputIndexError: There is no such output.
    """
    shape = field.output_shape
    if index is None:
        return tuple(n // 2 for n in shape)
    try:
        field.box(index)
    except (IndexError, TypeError) as error:
        last = tuple(n - 1 for n in shape)
        raise OutputIndexError(
            index, shape, "names no output", f"the last one is index={last}."
        ) from error
    return tuple(i % n for i, n in zip(index, shape, strict=True))


def draw_box(
    axes: Axes, box: Sequence[Interval], style: Mapping[str, Any], *, tint: float = 0
) -> None:
    """Draws the outline of a box ((top, bottom), (left, right)), unclipped.

    Args:
        axes: Where.
        box: One (lo, hi) for the rows and one for the columns.
        style: Colour and line style.
        tint: How much its inside takes of the colour, up to 1.
    """
    (top, bottom), (left, right) = box
    place = ((left, top), right - left, bottom - top)
    if tint:
        axes.add_patch(Rectangle(*place, color=style["color"], alpha=tint, linewidth=0))
    # A pale line beneath keeps it apart from whatever image it lies on.
    beneath: dict[str, Any] = {"edgecolor": "white", "linewidth": LINE_WIDTH + 1.8, "alpha": 0.7}
    axes.add_patch(Rectangle(*place, fill=False, zorder=3.9, **beneath))
    axes.add_patch(Rectangle(*place, fill=False, linewidth=LINE_WIDTH, zorder=4, **style))

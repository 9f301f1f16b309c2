"""Which part of the plane a picture shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes

from rfcore.field import Interval
from rfcore.plot.canvas import INK, TEXT_SIZE

__all__ = ["figure_size", "set_view", "zoom", "zoomed"]

MARGIN = 0.05
# Beyond this, square pixels would leave a line of one of the two axes.
MOST_ELONGATED = 6
# An input that takes less of the picture than this is pointed at.
TINY = 1 / 12
PANEL_INCHES = 4.6
# How much is shown around a box, and at most beyond the input, as shares of their lengths.
AROUND, BEYOND = 0.12, 0.6


def set_view(
    axes: Axes,
    shape: Sequence[int],
    boxes: Iterable[Sequence[Interval]],
    *,
    margin: float | None = None,
) -> None:
    """Shows the whole input of (height, width) and all boxes, rows downwards.

    Args:
        axes: Where.
        shape: Height and width of the input.
        boxes: What else is to be seen, unclipped.
        margin: Pixels around it; None for a twentieth of its length.
    """
    height, width = shape
    held = [((0, height), (0, width)), *boxes]
    rows = [edge for box in held for edge in box[0]]
    columns = [edge for box in held for edge in box[1]]
    view = (max(rows) - min(rows), max(columns) - min(columns))
    square = max(view) <= MOST_ELONGATED * min(view)
    around = [MARGIN * (max(view) if square else length) for length in view]
    if margin is not None and square:
        around = [margin, margin]
    axes.set_ylim(max(rows) + around[0], min(rows) - around[0])
    axes.set_xlim(min(columns) - around[1], max(columns) + around[1])
    axes.set_aspect("equal" if square else "auto")
    if height < TINY * view[0] and width < TINY * view[1]:
        _point_at_input(axes, (width / 2, height / 2))


def figure_size(shape: Sequence[int], boxes: Iterable[Sequence[Interval]]) -> tuple[float, float]:
    """Inches, width and height, for a panel in which little stays empty."""
    held = [*boxes, [(0, n) for n in shape]]
    view = [max(b[k][1] for b in held) - min(b[k][0] for b in held) for k in (0, 1)]
    ratio = view[0] / view[1]
    if not 1 / MOST_ELONGATED <= ratio <= MOST_ELONGATED:
        ratio = 0.6
    return PANEL_INCHES, PANEL_INCHES * min(max(ratio, 0.3), 1.6)


def _point_at_input(axes: Axes, middle: tuple[float, float]) -> None:
    axes.annotate(
        "input",
        middle,
        xytext=(34, 34),
        textcoords="offset points",
        fontsize=TEXT_SIZE,
        color=INK,
        arrowprops={"arrowstyle": "->", "color": INK},
        zorder=6,
    )


def zoom(axes: Axes, shape: Sequence[int], box: Sequence[Interval] | None) -> None:
    """Shows a box and a margin around it, the whole input where there is none, rows downwards."""
    (top, bottom), (left, right) = (
        zoomed(length, None if box is None else box[number]) for number, length in enumerate(shape)
    )
    axes.set_ylim(bottom, top)
    axes.set_xlim(left, right)
    lengths = (bottom - top, right - left)
    square = max(lengths) <= MOST_ELONGATED * min(lengths)
    axes.set_aspect("equal" if square else "auto")


def zoomed(length: int, interval: Interval | None) -> tuple[float, float]:
    """What a picture shows of an axis: an interval and a margin, and little beyond the input."""
    least, most = -BEYOND * length, (1 + BEYOND) * length
    if interval is None or interval[0] >= length or interval[1] <= 0:
        return -0.02 * length, 1.02 * length
    low, high = interval
    margin = AROUND * (high - low)
    return max(low - margin, least), min(high + margin, most)

"""Timelines of fields with one axis: what outputs see of the past and of what is to come."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from rfcore.field import AxisField, ReceptiveField
from rfcore.plot.boxes import chosen_index
from rfcore.plot.canvas import (
    CHOSEN,
    FIRST,
    INK,
    LAST,
    LINE_WIDTH,
    NEAR,
    add_legend,
    axes_in,
    dress,
    pixels,
)
from rfcore.plot.words import check_rank, counted, facts_of, index_label, wrapped

__all__ = ["draw_timeline", "past_and_lookahead", "rows_shown", "timeline"]

ROW_INCHES = 0.36
WIDTH_INCHES = 9.5
LINE_LENGTH = 84
MOST_ROWS = 8
HALF_BAR = 0.32
NOW = "now: the step at output × stride"


def timeline(
    field: ReceptiveField,
    *,
    index: Sequence[int] | None = None,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draws what some outputs see of a sequence: the past, now, and the lookahead.

    An output stands at the input step output × stride, its *now*. What it sees before is its past,
    what it sees after is its lookahead. Bars are not clipped to the input.

    Args:
        field: A field with one axis.
        index: The output whose past and lookahead are told; None for the one in the middle.
        title: What the field is of.
        axes: Where to draw; None for a new figure.

    Returns:
        The axes, in steps of the input.

    Raises:
        PlotError: The field has not one axis.
        OutputIndexError: There is no such output.
    """
    check_rank(
        len(field.axes), 1, "choose an axis: rfcore.plot.timeline(ReceptiveField(field.axes[:1]))."
    )
    (chosen,) = chosen_index(field, index)
    rows = len(rows_shown(field.axes[0], chosen))
    axes = axes_in(axes, WIDTH_INCHES, ROW_INCHES * (rows + 7))
    handles = draw_timeline(axes, field.axes[0], chosen, label=index_label(index))
    pixels(axes.xaxis, "steps of the input", most_ticks=9)
    dress(axes, title, timeline_facts(field, chosen))
    add_legend(axes, handles, columns=3, below=46)
    return axes


def past_and_lookahead(axis: AxisField, output: int) -> tuple[int | None, int | None] | None:
    """Steps that an output sees before and after its *now*; None where they have no end.

    Returns:
        Past and lookahead, or None where there is no *now*: outputs of a global axis stand nowhere,
        and a mirrored axis runs backwards.
    """
    if axis.is_global or axis.shift <= 0:
        return None
    low, high = axis.interval(output)
    now = math.floor(output * axis.stride)
    return (
        None if axis.lows is None else max(0, now - low),
        None if axis.highs is None else max(0, high - 1 - now),
    )


def timeline_facts(field: ReceptiveField, chosen: int) -> str:
    """The facts of a field, and the past and lookahead of one output below them."""
    facts = wrapped(facts_of(field), LINE_LENGTH)
    found = past_and_lookahead(field.axes[0], chosen)
    if found is None:
        return facts
    past, lookahead = ("all" if n is None else counted([n], "step") for n in found)
    return f"{facts}\noutput {chosen}: past {past}, lookahead {lookahead}"


def rows_shown(axis: AxisField, chosen: int) -> dict[int, Mapping[str, Any]]:
    """Outputs with their style: the first, the last, the chosen one and its neighbours."""
    # A whole period where there is room, so that every phase is seen.
    count = min(max(axis.period, 3), MOST_ROWS)
    low = max(0, chosen - count // 2)
    around = range(low, min(low + count, axis.output_size))
    styles = dict.fromkeys(around, NEAR) | {0: FIRST, axis.output_size - 1: LAST, chosen: CHOSEN}
    return {output: styles[output] for output in sorted(styles)}


def draw_timeline(axes: Axes, axis: AxisField, chosen: int, *, label: str) -> list[Artist]:
    """Draws the rows without title; returns the entries of the legend."""
    rows = rows_shown(axis, chosen)
    axes.axvspan(0, axis.input_size, color="#ececec", linewidth=0, zorder=0)
    nows = []
    for row, (output, style) in enumerate(rows.items()):
        low, high = axis.interval(output)
        color = style["color"]
        seen = past_and_lookahead(axis, output)
        now = high - 1 if seen is None else math.floor(output * axis.stride)
        ahead = min(max(now + 1, low), high)
        bar = {"color": color, "linewidth": 0, "zorder": 2}
        axes.add_patch(
            Rectangle((low, row - HALF_BAR), ahead - low, 2 * HALF_BAR, alpha=0.5, **bar)
        )
        axes.add_patch(
            Rectangle((ahead, row - HALF_BAR), high - ahead, 2 * HALF_BAR, alpha=0.2, **bar)
        )
        axes.vlines([low, high], row - HALF_BAR, row + HALF_BAR, color=color, linewidth=LINE_WIDTH)
        if seen is not None:
            nows.append((now + 0.5, row))
    axes.set_yticks(range(len(rows)), [f"output {output}" for output in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    _set_steps_view(axes, axis, rows)
    labels = {"first output": FIRST, label: CHOSEN, "last output": LAST}
    handles: list[Artist] = [
        Patch(facecolor=style["color"], alpha=0.5, label=text)
        for text, style in labels.items()
        if style in rows.values()
    ]
    if nows:
        x, y = zip(*nows, strict=True)
        now_style: Any = {"color": INK, "marker": "d", "linestyle": ""}
        axes.plot(x, y, markersize=5, markeredgewidth=0, zorder=5, **now_style)
        handles += [
            Line2D([], [], markersize=7, label=NOW, **now_style),
            Patch(facecolor=NEAR["color"], alpha=0.5, label="past, dark"),
            Patch(facecolor=NEAR["color"], alpha=0.2, label="lookahead, pale"),
        ]
    return handles


def _set_steps_view(axes: Axes, axis: AxisField, rows: Mapping[int, Any]) -> None:
    edges = [0, axis.input_size, *(edge for output in rows for edge in axis.interval(output))]
    margin = 0.02 * (max(edges) - min(edges))
    axes.set_xlim(min(edges) - margin, max(edges) + margin)

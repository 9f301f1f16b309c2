"""Axes that every output sees to one end or to both, and the op that a note gives as the reason."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from rfcore.errors import IrregularFieldError
from rfcore.evidence import Watch
from rfcore.field import AxisField
from rfcore.global_paths import global_ops
from rfcore.global_reach import GlobalReach, global_reach
from rfcore.laws import Law, Sighting, find_law
from rfcore.measurement import Measurement
from rfcore.notes import UNSEEN, global_note
from rfcore.points import LARGEST_AREA
from rfcore.rows import ProbedOutput
from rfcore.unsteady import unsteady_op
from rfcore.walk import Elastic, Walker

__all__ = ["confirm_global", "global_axis"]


def global_axis(
    told: Measurement,
    probed: ProbedOutput,
    axis: int,
    sightings: Mapping[int, Sighting],
    max_period: int,
    elastic: Elastic,
    watch: Watch,
) -> AxisField | None:
    """The field, if ops that reduce a whole axis take it to one border or both.

    Args:
        told: The output.
        probed: The output in the trace that was looked at.
        axis: The number of the spatial axis.
        sightings: What its rows see there.
        max_period: Longest period to try for an edge that is not global.
        elastic: Which axes of each node carry position.
        watch: What the walk passed.
    """
    ops = global_ops(probed.walker.graph, probed.node, elastic)
    candidates = [op for op in ops if op in watch.visited]
    reach = global_reach(probed, axis, sightings, candidates) if candidates else None
    if reach is None:
        return None
    law: Law | None = Law(None, None, 1, 0, Fraction(1))
    if not (reach.low and reach.high):
        law = _one_edge(told, probed, axis, sightings, max_period, reach)
    if law is None:
        return None
    told.findings.notes += _notes(probed, axis, reach)
    told.findings.listen(watch)
    return law.axis_field(*told.size(axis))


def _one_edge(
    told: Measurement,
    probed: ProbedOutput,
    axis: int,
    sightings: Mapping[int, Sighting],
    max_period: int,
    reach: GlobalReach,
) -> Law | None:
    """The law of the edge that is not global."""
    law = find_law(sightings, max_period, low=not reach.low, high=not reach.high)
    if law is None or probed.walker.graph is told.traces.asked.graph:
        return law
    # Counted from the high border, positions are those of one size alone.
    return None if law.shift < 0 or unsteady_op(probed, axis) else law


def _notes(probed: ProbedOutput, axis: int, reach: GlobalReach) -> list[str]:
    op = probed.walker.graph.nodes[reach.op]
    whole = reach.low and reach.high
    extent = "all of it" if whole else "its low end" if reach.low else "its high end"
    ends = zip(("first", "last"), (reach.low, reach.high), reach.unseen, strict=True)
    return [
        global_note(axis, extent, op.label),
        *(
            f"axis {axis}: the {end} {unseen} of its pixels are {UNSEEN}, for strides or "
            "crops leave them over"
            for end, reaches, unseen in ends
            if reaches and unseen
        ),
    ]


def confirm_global(
    told: Measurement, axes: Sequence[AxisField], open_axes: Collection[int]
) -> None:
    """Refuses what only whole rows see: products of a map with its transpose, for one.

    Args:
        told: The output.
        axes: The fields that rows gave.
        open_axes: Axes about which points decide anyway.

    Raises:
        IrregularFieldError: A single output does not see the axis that its row sees.
    """
    if len(axes) == 1 or math.prod(told.traces.spec.spatial_shape) > LARGEST_AREA:
        return
    walker = Walker(told.traces.asked.graph)
    probed = ProbedOutput(walker, told.node, told.axes, told.dims, told.traces.ahead)
    asked = [n for n, axis in enumerate(axes) if axis.is_global and n not in open_axes]
    middle = probed.single([axis.output_size // 2 for axis in axes]) if asked else []
    for number in asked:
        one, everything = middle[number], probed.everything(number)
        if one and everything and (one.first, one.last) != (everything.first, everything.last):
            detail = "a row of outputs sees all of it, a single output does not"
            raise IrregularFieldError(told.address, number, detail)

"""Is a field global, and which op made it so?

A row that sees an axis to its end may do so because its field is wide, or because some op
reduces the whole axis. Cutting the ops that could do it tells the two apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rfcore.laws import Sighting
from rfcore.rows import ProbedOutput

__all__ = ["GlobalReach", "global_reach"]


@dataclass(frozen=True, slots=True)
class GlobalReach:
    """How far every output sees, however large the input is.

    Attributes:
        low: Whether down to the axis' low end.
        high: Whether up to its high end.
        op: The first op in execution order that alone makes it so.
        unseen: How many pixels at the low and at the high end no output sees.
    """

    low: bool
    high: bool
    op: int
    unseen: tuple[int, int] = (0, 0)

    def holds(self, sightings: Mapping[int, Sighting], everything: Sighting) -> bool:
        """Whether some output sees as far as that."""
        return any(
            (not self.low or s.first == everything.first)
            and (not self.high or s.last == everything.last)
            for s in sightings.values()
        )


def global_reach(
    probed: ProbedOutput,
    axis: int,
    sightings: Mapping[int, Sighting],
    candidates: Sequence[int],
) -> GlobalReach | None:
    """Whether the candidates take every output to an end of the axis; None if they do not.

    Args:
        probed: The output.
        axis: The spatial axis.
        sightings: What its rows see.
        candidates: Ops on the way that can see an axis to its end, in execution order.
    """
    local = probed.cutting(candidates).rows(axis, sightings)
    everything = probed.everything(axis)
    if everything is None:
        return None
    low = all(s.first == everything.first for s in sightings.values()) and (
        not local or any(s.low is not None for s in local.values())
    )
    high = all(s.last == everything.last for s in sightings.values()) and (
        not local or any(s.high is not None for s in local.values())
    )
    if not low and not high:
        return None
    unseen = (everything.first, probed.length(axis) - 1 - everything.last)
    for op in candidates:
        alone = probed.cutting(other for other in candidates if other != op)
        reach = GlobalReach(low, high, op, unseen)
        if reach.holds(alone.rows(axis, [min(sightings)]), everything):
            return reach
    return GlobalReach(low, high, candidates[0], unseen)

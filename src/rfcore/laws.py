"""From what a few outputs see to the law that all of them follow.

Along one axis the edges of the intervals repeat: lo(j + P) = lo(j) + S. A law is the smallest
period P, and the shift S, that explain every edge that was seen in full. A stride is never taken
from two neighbours alone.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import IrregularFieldError
from rfcore.field import AxisField

__all__ = ["Law", "Sighting", "find_law", "irregular", "law_of", "sighting", "widest_hole"]

# A seen position, as numpy stores it.
SEEN = np.True_.tobytes()


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one output was seen to depend on, along one axis.

    Attributes:
        low: First position seen, or None where the border hides it.
        high: One past the last position seen, or None likewise.
        seen: Number of positions seen.
        first: First position seen, hidden edge or not.
        last: Last position seen, likewise.
        size: Length of the axis.
    """

    low: int | None
    high: int | None
    seen: int
    first: int
    last: int
    size: int

    @property
    def whole(self) -> bool:
        """Whether it spans the whole axis."""
        return self.first == 0 and self.last == self.size - 1


@dataclass(frozen=True, slots=True)
class Law:
    """Edges of one period and how far they move per period; see `AxisField`."""

    lows: tuple[int, ...] | None
    highs: tuple[int, ...] | None
    period: int
    shift: int
    density: Fraction

    def moved(self, pixels: int) -> Law:
        """The law whose edges all lie so many pixels higher."""
        lows, highs = (
            None if edges is None else tuple(edge + pixels for edge in edges)
            for edges in (self.lows, self.highs)
        )
        return replace(self, lows=lows, highs=highs)

    def axis_field(self, input_size: int, output_size: int) -> AxisField:
        """The law at one input size."""
        return AxisField(
            input_size,
            output_size,
            self.lows,
            self.highs,
            self.period,
            self.shift,
            self.density,
        )


def sighting(
    influence: NDArray[np.bool_], *, lost: Sequence[bool] = (False, False), hole: int = 0
) -> Sighting | None:
    """Reads one output's influence along one axis; None where it sees nothing.

    An edge counts as hidden where it touches the border or lies closer to it than the widest
    hole in the influence (the next tap may be hidden behind the border), and where the walk is
    known to have reached into padding.

    Args:
        influence: Which positions are seen.
        lost: Whether the walk went past the low and the high border.
        hole: Widest hole known from other outputs: at a border an output may show none itself.
    """
    # One byte per position, which Python searches from both ends faster than numpy does.
    data, size = influence.tobytes(), len(influence)
    low, high = data.find(SEEN), data.rfind(SEEN) + 1
    if not high:
        return None
    seen = data.count(SEEN, low, high)
    if seen < high - low:
        hole = max(hole, widest_hole(influence[low:high]))
    return Sighting(
        low if low > hole and not lost[0] else None,
        high if size - high > hole and not lost[1] else None,
        seen,
        low,
        high - 1,
        size,
    )


def widest_hole(influence: NDArray[np.bool_]) -> int:
    """Length of the longest run of unseen positions between seen ones."""
    positions = np.flatnonzero(influence)
    if len(positions) < 2:
        return 0
    return int(np.diff(positions).max()) - 1


def find_law(
    sightings: Mapping[int, Sighting],
    max_period: int,
    *,
    low: bool = True,
    high: bool = True,
    per_phase: int = 2,
) -> Law | None:
    """The law of smallest period that explains every edge in sight, or None.

    Args:
        sightings: What each probed output was seen to depend on.
        max_period: Longest period to try.
        low: Whether low edges follow a law (else they are global).
        high: Whether high edges do.
        per_phase: How often each phase of a period must be seen. Twice is enough where the
            structure of the network tells the period; where only the sightings do, uneven
            windows (as of adaptive pooling) can look periodic for two periods, and each edge
            has to show by itself that it moves as the other does.
    """
    edges = []
    if low:
        edges.append({j: s.low for j, s in sightings.items() if s.low is not None})
    if high:
        edges.append({j: s.high for j, s in sightings.items() if s.high is not None})
    if not edges or min(map(len, edges)) < 2 or max(map(len, edges)) < 3:
        return None
    for period in range(1, max_period + 1):
        shift = _common_shift(edges, period, per_phase)
        if shift:
            phases = [_phases(edge, period, shift) for edge in edges]
            lows = phases.pop(0) if low else None
            highs = phases.pop(0) if high else None
            density = _density(sightings, period, max_period, complete=low and high)
            law = Law(lows, highs, period, shift, density)
            return law if _contains_all(law, sightings) else None
    return None


def _contains_all(law: Law, sightings: Mapping[int, Sighting]) -> bool:
    """Whether no output sees beyond an edge that a border hides; with both hidden it may wrap."""
    for j, s in sightings.items():
        moved = j // law.period * law.shift
        if s.low is None and s.high is None:
            continue
        if s.low is None and law.lows is not None and s.first < law.lows[j % law.period] + moved:
            return False
        if s.high is None and law.highs is not None and s.last >= law.highs[j % law.period] + moved:
            return False
    return True


def _common_shift(edges: Iterable[Mapping[int, int]], period: int, per_phase: int) -> int | None:
    """The shift per period on which all pairs of outputs of one phase agree, or None.

    One of the edges must show every phase `per_phase` times: one seen once agrees with anything.
    Where that is more than twice, the other has to show itself often enough too.
    """
    edges = list(edges)
    if per_phase > 2 and any(not _shows_itself(edge, period) for edge in edges):
        return None
    shift: int | None = None
    confirmed = False
    for edge in edges:
        last: dict[int, tuple[int, int]] = {}
        for j in sorted(edge):
            phase = j % period
            if phase in last:
                earlier, value = last[phase]
                step, rest = divmod((edge[j] - value) * period, j - earlier)
                if rest or (shift is not None and step != shift):
                    return None
                shift = step
            last[phase] = (j, edge[j])
        if len(last) < period:
            return None
        seen = Counter(j % period for j in edge)
        # Three in a row are enough for what moves evenly.
        least = 2 if period == 1 else per_phase
        confirmed |= len(edge) >= 3 and min(seen.values()) >= least
    return shift if confirmed else None


def _shows_itself(edge: Mapping[int, int], period: int) -> bool:
    """Whether an edge is in sight in all phases twice, and three times at all."""
    seen = Counter(j % period for j in edge)
    return len(edge) >= 3 and len(seen) == period and min(seen.values()) >= 2


def _phases(edge: Mapping[int, int], period: int, shift: int) -> tuple[int, ...]:
    at = {j % period: value - j // period * shift for j, value in edge.items()}
    return tuple(at[phase] for phase in range(period))


def _density(
    sightings: Mapping[int, Sighting], period: int, max_period: int, *, complete: bool
) -> Fraction:
    """Share of the interval that is seen, averaged over outputs, from those seen in full.

    What lies between two edges may alternate where the edges do not, over a multiple of their
    period. In a model of one size it may follow none, and all that are seen count alike.
    """
    shares = {
        j: Fraction(s.seen, s.high - s.low)
        for j, s in sightings.items()
        if s.low is not None and s.high is not None
    }
    if not complete or not shares:
        return Fraction(1)
    for repeat in range(period, max_period + 1, period):
        phases = {j % repeat: share for j, share in shares.items()}
        if all(phases[j % repeat] == share for j, share in shares.items()):
            return sum(phases.values(), Fraction(0)) / len(phases)
    return sum(shares.values(), Fraction(0)) / len(shares)


def law_of(sightings: Mapping[int, Sighting], max_period: int, output: str, axis: int) -> Law:
    """As `find_law`, but explains why there is none.

    Raises:
        IrregularFieldError: No period explains what was seen.
    """
    law = find_law(sightings, max_period)
    if law is None:
        raise irregular(sightings, max_period, output, axis)
    return law


def irregular(
    sightings: Mapping[int, Sighting], max_period: int, output: str, axis: int
) -> IrregularFieldError:
    """The error that says why no law explains the sightings."""
    lows = {j: s.low for j, s in sightings.items() if s.low is not None}
    highs = {j: s.high for j, s in sightings.items() if s.high is not None}
    if max(len(lows), len(highs)) < 3:
        return IrregularFieldError(
            output,
            axis,
            f"only {len(lows.keys() & highs.keys())} outputs could be seen in full, and a stride "
            "is never taken from two neighbours alone",
            "use a larger input, so that three outputs or more lie inside it.",
        )
    slopes = [_slope(edge) for edge in (lows, highs)]
    if None not in slopes and slopes[0] != slopes[1]:
        detail = (
            f"per output its low edge moves by {slopes[0]} and its high edge by {slopes[1]} "
            "pixels: paths of different stride meet here"
        )
    else:
        shown = ", ".join(
            f"{j}: [{'?' if s.low is None else s.low}, {'?' if s.high is None else s.high})"
            for j, s in itertools.islice(sorted(sightings.items()), 6)
        )
        detail = f"no period up to {max_period} explains the intervals of its outputs ({shown}, …)"
    return IrregularFieldError(output, axis, detail)


def _slope(edge: Mapping[int, int]) -> Fraction | None:
    indices = sorted(edge)
    slopes = {Fraction(edge[b] - edge[a], b - a) for a, b in itertools.pairwise(indices)}
    return slopes.pop() if len(slopes) == 1 else None

"""From what a few outputs see to the law that all of them follow.

Along one axis the edges of the intervals repeat: lo(j + P) = lo(j) + S. The fit finds the
smallest period P, and the shift S, that explain every edge that was seen in full. It never
takes a stride from two neighbours alone.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import (
    IndependentOutputError,
    InputShapeError,
    IrregularFieldError,
    ProbeError,
    RfcoreError,
    TruncatedFieldError,
)
from rfcore.field import AxisField, ReceptiveField
from rfcore.hookspecs import Probe
from rfcore.masks import any_over

__all__ = ["Law", "Sighting", "find_law", "fit", "law_of", "sighting", "widest_hole"]


# Periods up to this are told from shorter ones by the first window already: 2^5 is the period
# of a decoder of five levels, the deepest in common use.
FIRST_PERIOD = 32


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
    positions = np.flatnonzero(influence)
    if not len(positions):
        return None
    size = len(influence)
    low, high = int(positions[0]), int(positions[-1]) + 1
    hole = max(hole, widest_hole(influence))
    return Sighting(
        low if low > hole and not lost[0] else None,
        high if size - high > hole and not lost[1] else None,
        len(positions),
        low,
        high - 1,
        size,
    )


def widest_hole(influence: NDArray[np.bool_]) -> int:
    """Length of the longest run of unseen positions between seen ones."""
    positions = np.flatnonzero(influence)
    return int(np.diff(positions).max()) - 1 if len(positions) > 1 else 0


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
            windows (as of adaptive pooling) can look periodic for two periods.
    """
    edges = []
    if low:
        edges.append({j: s.low for j, s in sightings.items() if s.low is not None})
    if high:
        edges.append({j: s.high for j, s in sightings.items() if s.high is not None})
    if not edges or min(map(len, edges)) < 2 or max(map(len, edges)) < 3:
        return None
    for period in range(1, max_period + 1):
        shift = _common_shift(edges, period, per_phase if period > 1 else 2)
        if shift:
            phases = [_phases(edge, period, shift) for edge in edges]
            lows = phases.pop(0) if low else None
            highs = phases.pop(0) if high else None
            density = _density(sightings, period, complete=low and high)
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
    """
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
        confirmed |= len(edge) >= 3 and min(seen.values()) >= per_phase
    return shift if confirmed else None


def _phases(edge: Mapping[int, int], period: int, shift: int) -> tuple[int, ...]:
    at = {j % period: value - j // period * shift for j, value in edge.items()}
    return tuple(at[phase] for phase in range(period))


def _density(sightings: Mapping[int, Sighting], period: int, *, complete: bool) -> Fraction:
    """Share of the interval that is seen, averaged over phases, from outputs seen in full."""
    shares = {
        j % period: Fraction(s.seen, s.high - s.low)
        for j, s in sightings.items()
        if s.low is not None and s.high is not None
    }
    if not complete or not shares:
        return Fraction(1)
    return sum(shares.values(), Fraction(0)) / len(shares)


def law_of(sightings: Mapping[int, Sighting], max_period: int, output: str, axis: int) -> Law:
    """As `find_law`, but explains why there is none.

    Raises:
        IrregularFieldError: No period explains what was seen.
    """
    law = find_law(sightings, max_period)
    if law is None:
        raise _irregular(sightings, max_period, output, axis)
    return law


def _irregular(
    sightings: Mapping[int, Sighting], max_period: int, output: str, axis: int
) -> IrregularFieldError:
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


def fit(probe: Probe, *, input_shape: Sequence[int], output_shape: Sequence[int]) -> ReceptiveField:
    """Fits size, stride and offset to any callable from an output mask to an input gradient.

    Args:
        probe: Takes a float array of shape `output_shape` that is 1 at one output and 0
            elsewhere, and returns an array of shape `input_shape` that is non-zero where that
            output depends on the input. Signs and magnitudes do not matter.
        input_shape: Spatial shape of the input, in pixels per axis.
        output_shape: Spatial shape of the output.

    Returns:
        The field of the probe. It is exact if the probe is; a gradient can only be too small.

    Raises:
        ProbeError: The probe raised, or returned NaN, infinities or a wrong shape.
        IndependentOutputError: The probed outputs do not depend on the input.
        TruncatedFieldError: The field is wider than the input.
        IrregularFieldError: No stride and period explain the outputs.
        InputShapeError: The shapes are empty or of different rank.

    Example:
        >>> import numpy as np, rfcore
        >>> def probe(mask):                      # a 3-tap convolution of stride 2, padding 1
        ...     spread = np.zeros(2 * len(mask) + 2)
        ...     for tap in range(3):
        ...         spread[tap : tap + 2 * len(mask) : 2] += mask
        ...     return spread[1:-1]
        >>> rfcore.fit(probe, input_shape=(40,), output_shape=(20,))
        ReceptiveField(size=(3,), stride=(2,), offset=(0.5,), input_shape=(40,))

    Source: the affine law of receptive fields in Araujo, Norris and Sim, "Computing Receptive
        Fields of Convolutional Neural Networks", Distill 2019, extended by a period.
    """
    inputs, outputs = tuple(input_shape), tuple(output_shape)
    if not inputs or len(inputs) != len(outputs) or min(*inputs, *outputs) < 1:
        raise InputShapeError(
            inputs,
            f"does not fit output_shape={outputs}",
            "give one positive length per spatial axis for both, without batch and channels.",
        )
    observer = _PointObserver(probe, inputs, outputs)
    axes = tuple(_fit_axis(observer, axis) for axis in range(len(inputs)))
    return ReceptiveField(axes)


def _fit_axis(observer: _PointObserver, axis: int) -> AxisField:
    """Widens a window of probed outputs until a period explains all of it, or none is left."""
    count, length = observer.outputs[axis], observer.inputs[axis]
    max_period = min(FIRST_PERIOD, max(1, count // 2))
    while True:
        sightings = observer(axis, _window_and_far(count, max_period))
        law = find_law(sightings, max_period, per_phase=3)
        if law is not None:
            return law.axis_field(length, count)
        if max_period >= count // 2:
            break
        max_period = min(2 * max_period, count // 2)
    return _refused(observer(axis, range(count)), max_period, axis, length, count)


def _window_and_far(count: int, max_period: int) -> list[int]:
    """Three periods around the middle, and outputs spread over the whole axis to confirm them."""
    middle, reach = count // 2, (3 * max_period + 1) // 2
    window = range(max(0, middle - reach), min(count, middle + reach + 1))
    spread = (round(i * (count - 1) / 8) for i in range(9))
    return sorted({*window, *spread})


def _refused(
    sightings: Mapping[int, Sighting], max_period: int, axis: int, length: int, count: int
) -> AxisField:
    law = find_law(sightings, max_period, per_phase=3)
    if law is not None:
        return law.axis_field(length, count)
    if not sightings:
        raise IndependentOutputError("", f" on axis {axis}, as far as the probe tells")
    lows = sum(s.low is not None for s in sightings.values())
    highs = sum(s.high is not None for s in sightings.values())
    if min(lows, highs) < len(sightings) and (min(lows, highs) < 2 or max(lows, highs) < 3):
        raise TruncatedFieldError(
            "",
            axis,
            length,
            f"{lows} low and {highs} high edges of {count} outputs could be seen",
            "probe a larger input: at least twice the field, and three outputs inside it.",
        )
    raise _irregular(sightings, max_period, "", axis)


class _PointObserver:
    """Asks a plain probe about single outputs near the middle, each at most once."""

    def __init__(self, probe: Probe, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        self.inputs, self.outputs = inputs, outputs
        self._probe = probe
        self._known: dict[tuple[int, ...], NDArray[np.bool_]] = {}

    def __call__(self, axis: int, indices: Iterable[int]) -> dict[int, Sighting]:
        middle = [n // 2 for n in self.outputs]
        others = tuple(a for a in range(len(self.inputs)) if a != axis)
        profiles = {}
        for index in indices:
            point = tuple(index if a == axis else m for a, m in enumerate(middle))
            profiles[index] = any_over(self._influence(point), others)
        hole = max(map(widest_hole, profiles.values()))
        found = {index: sighting(profile, hole=hole) for index, profile in profiles.items()}
        return {index: seen for index, seen in found.items() if seen is not None}

    def _influence(self, point: tuple[int, ...]) -> NDArray[np.bool_]:
        if point not in self._known:
            mask = np.zeros(self.outputs)
            mask[point] = 1.0
            try:
                answer = np.asarray(self._probe(mask))
            except RfcoreError:
                raise
            except Exception as error:
                raise ProbeError(f"raised {type(error).__name__}: {error}") from error
            self._known[point] = self._checked(answer)
        return self._known[point]

    def _checked(self, answer: NDArray[np.generic]) -> NDArray[np.bool_]:
        if answer.shape != self.inputs:
            raise ProbeError(f"returned shape {answer.shape}, expected {self.inputs}")
        if answer.dtype.kind not in "biuf":
            raise ProbeError(f"returned an array of type {answer.dtype}")
        if answer.dtype.kind == "f" and not np.isfinite(answer).all():
            raise ProbeError("returned NaN or infinite values")
        influence: NDArray[np.bool_] = answer != 0
        return influence

"""What a campaign holds every answer against: the same layers written out, and walked taps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import (
    IrregularFieldError,
    NoSpatialAxesError,
    RfcoreError,
    TruncatedFieldError,
    UnsupportedOpError,
)
from rfcore.field import AxisField, ReceptiveField
from rfcore.layers import Branches, Layer, Padding, Roll
from rfcore.notes import UNSEEN
from rfcore.testing.case import Case
from rfcore.testing.walking import EndlessWalk, NoLawError, SizedWalk, along_axis

__all__ = [
    "Outcome",
    "all_layers",
    "assert_same",
    "assert_walked",
    "has_law",
    "is_needless",
    "outcome_of",
    "seen_by_walking",
]

LONGEST_PERIOD = 60
# Periods of the edges, at most, after which what lies between them has repeated twice.
REPEATS = 48
UNTOLD = (IrregularFieldError, NoSpatialAxesError, TruncatedFieldError)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an estimate.

    Attributes:
        field: The field, if there is one.
        refusal: The error, if it was refused.
    """

    field: ReceptiveField | None = None
    refusal: RfcoreError | None = None

    def __str__(self) -> str:
        if self.refusal is not None:
            return f"{type(self.refusal).__name__}: {self.refusal}"
        return repr(self.field.to_dict() if self.field else None)


def outcome_of(estimate: Callable[[], ReceptiveField]) -> Outcome:
    """The field that `estimate` returns, or its refusal; any other error is a fault."""
    try:
        return Outcome(field=estimate())
    except RfcoreError as refusal:
        return Outcome(refusal=refusal)


def assert_same(found: Outcome, known: Outcome) -> None:
    """Checks that two outcomes are equal to the last number, or refusals of one kind.

    That a field cannot be told has several words, according to what is known of the axes: a
    border hides it, no law explains it, or the output has no axis that it could be told along.

    Raises:
        AssertionError: They are not.
    """
    if found.field is not None and known.field is not None:
        numbers = [one.field.to_dict() | {"notes": []} for one in (found, known) if one.field]
        assert numbers[0] == numbers[1], f"{found}\ninstead of {known}"
    else:
        assert _kind(found.refusal) is _kind(known.refusal), f"{found}\ninstead of {known}"
        assert found.refusal is None or found.refusal.hint


def is_needless(found: Outcome, known: Outcome) -> bool:
    """Whether something was refused by one that the other has an answer for.

    It is no wrong number: a size may be beyond what is followed, or too small to tell a border
    from the middle.
    """
    return isinstance(found.refusal, UNTOLD) and known.field is not None


def _kind(refusal: RfcoreError | None) -> type:
    # What a larger size takes may be more than fits in memory.
    untold = isinstance(refusal, (*UNTOLD, UnsupportedOpError))
    return TruncatedFieldError if untold else type(refusal)


def all_layers(layers: Sequence[Layer]) -> Iterator[Layer]:
    """The layers, and those within them."""
    for layer in layers:
        yield layer
        if isinstance(layer, Branches):
            for path in layer.paths:
                yield from all_layers(path)


def seen_by_walking(case: Case, axis: int) -> NDArray[np.bool_]:
    """What each output sees along an axis at the case's size, shape (outputs, inputs)."""
    walk = SizedWalk(along_axis(case.layers, axis), case.input_shape[axis])
    seen = np.zeros((walk.lengths[-1], walk.length), bool)
    for output, row in enumerate(seen):
        row[sorted(walk.seen(output))] = True
    return seen


def assert_walked(case: Case, field: ReceptiveField) -> None:
    """Checks a field against the taps of its layers, walked back one by one for every output.

    Raises:
        AssertionError: They differ.
    """
    assert field.exact, "written-out layers have exact fields"
    for number, axis in enumerate(field.axes):
        seen = seen_by_walking(case, number)
        outputs, inputs = seen.shape
        assert (axis.output_size, axis.input_size) == (outputs, inputs)
        if not _wraps(case.layers):
            for output, row in enumerate(seen):
                _assert_inside(np.flatnonzero(row), axis, output)
        layers = along_axis(case.layers, number)
        try:
            if _grows(layers, inputs):
                _assert_law(axis, EndlessWalk(layers, inputs))
            else:
                _assert_clear_outputs(axis, EndlessWalk(layers, inputs))
        except NoLawError:
            # Where it does not reach, a note says so.
            if not any(UNSEEN in note for note in field.notes):
                _assert_reaches(axis, seen)


def _wraps(layers: Sequence[Layer]) -> bool:
    """Whether pixels stand in for those past a border: then a law is for the middle only."""
    return any(
        isinstance(layer, Roll) or (isinstance(layer, Padding) and layer.mode != "zeros")
        for layer in all_layers(layers)
    )


def _assert_inside(positions: NDArray[np.intp], axis: AxisField, output: int) -> None:
    low, high = axis.interval(output)
    outside = [int(p) for p in positions if not low <= p < high]
    assert not outside, f"output {output} sees {outside}, outside of [{low}, {high})"


def _grows(layers: tuple[Layer, ...], n: int) -> bool:
    """Whether paths that meet at one size do so at larger ones; of unequal stride they do not."""
    return any(_fits(layers, size) for size in range(2 * n, 2 * n + 2 * LONGEST_PERIOD))


def _fits(layers: tuple[Layer, ...], n: int) -> bool:
    lengths = SizedWalk(layers, n).lengths
    for layer, length in zip(layers, lengths, strict=False):
        if isinstance(layer, Branches):
            ends = {SizedWalk(path, length).lengths[-1] for path in layer.paths}
            if len(ends - {1}) > 1 or not all(_fits(path, length) for path in layer.paths):
                return False
    return True


def _assert_law(axis: AxisField, walk: EndlessWalk) -> None:
    """The interval of every output, to the pixel, and the share of it that is seen."""
    for output in range(max(axis.output_size, axis.period)):
        _assert_interval(axis, output, walk.seen(output))
    density = _share_seen(walk, axis.period)
    assert axis.density == density, f"density {axis.density}, walked {density}"


def _assert_clear_outputs(axis: AxisField, walk: EndlessWalk) -> None:
    """The interval of every output that no border comes near, in a model of one size."""
    for output in range(axis.output_size):
        seen = walk.seen(output)
        if min(seen) >= 0 and max(seen) < walk.length:
            _assert_interval(axis, output, seen)


def _assert_interval(axis: AxisField, output: int, seen: frozenset[int]) -> None:
    assert not axis.is_global, "no layer sees everything"
    low, high = min(seen), max(seen) + 1
    assert axis.interval(output) == (low, high), (
        f"output {output} has {axis.interval(output)}, walked {(low, high)}"
    )


def _share_seen(walk: EndlessWalk, period: int) -> Fraction:
    """The mean share over outputs, which may repeat after several periods of the edges only."""
    seen = [walk.seen(output) for output in range(REPEATS * period)]
    shares = [Fraction(len(s), max(s) + 1 - min(s)) for s in seen]
    steps = range(period, len(shares) // 2 + 1, period)
    repeat = next(n for n in steps if shares[n:] == shares[:-n])
    return sum(shares[:repeat], Fraction(0)) / repeat


def _assert_reaches(axis: AxisField, seen: NDArray[np.bool_]) -> None:
    """A global axis shows at its own size, at least where every output sees both ends."""
    if axis.is_global:
        assert seen[:, [0, -1]].any(), "called global, but no output sees an end of the input"


def has_law(case: Case) -> bool:
    """Whether walking shows a law on every axis, so that a refusal would be needless."""
    return all(
        _period(along_axis(case.layers, axis), n) is not None
        for axis, n in enumerate(case.input_shape)
    )


def _period(layers: tuple[Layer, ...], n: int) -> int | None:
    walk = EndlessWalk(layers, n)
    try:
        seen = [walk.seen(output) for output in range(4 * LONGEST_PERIOD)]
    except NoLawError:
        return None
    if not all(seen):
        return None
    edges = np.array([(min(positions), max(positions)) for positions in seen])
    for period in range(1, LONGEST_PERIOD + 1):
        moved = edges[period:] - edges[:-period]
        if (moved == moved[0, 0]).all() and moved[0, 0]:
            return period
    return None

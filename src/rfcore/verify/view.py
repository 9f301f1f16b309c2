"""One axis of a model at one input size, and the verdict on what its outputs see along it.

A slab, all pixels from one on to a border, is spoiled at once, so that one forward tells about
every output. An output has to notice the slab that begins at the outermost pixel that the field
says it sees, and must not notice the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rfcore.field import AxisField
from rfcore.verify.certificate import Check, Edge, Method, Verdict, Witness
from rfcore.verify.sight import edges
from rfcore.verify.trial import NAN, Box, Fill, Trial

__all__ = ["EDGES", "SIDES", "AxisView", "Side", "largest_along"]

Side = Literal[-1, 1]
SIDES: tuple[Side, Side] = (-1, 1)
EDGES: dict[Side, Edge] = {-1: "low", 1: "high"}
# Kinds of noise that are tried beside NaN, which something may swallow, or weights of zero pass on.
FIRST_NOISES = 3
# Enough to judge; more outputs of the same kind would tell the same.
STRAYS = 2


class AxisView:
    """The outputs along one axis, asked by spoiling slabs of the input.

    Args:
        trial: The model at one input size.
        axis: The spatial axis.
        law: The field along it, at the trial's size.
        dim: The output's axis that moves along it; None where there is none.
        copies: Whether borders are filled with copies of pixels, maybe those of a map within the
            network that ends before the input does: then the middle alone follows the law.
    """

    def __init__(
        self, trial: Trial, axis: int, law: AxisField, dim: int | None, copies: bool = False
    ) -> None:
        self.trial, self.axis, self.law, self.dim = trial, axis, law, dim
        self.first, self.last = edges(law)
        self.in_sight = (self.first >= 0) & (self.last < law.input_size)
        if copies:
            self.in_sight &= _in_middle_half(law.output_size)
        self._noticed: dict[tuple[Side, int, Fill], NDArray[np.float64]] = {}

    def edge(self, output: int, side: Side) -> int:
        """The outermost pixel on one side that the field says an output sees."""
        return int((self.last if side > 0 else self.first)[output])

    def slab(self, side: Side, pixel: int) -> Box:
        """All pixels from one on to the border of that side."""
        along = slice(pixel, None) if side > 0 else slice(None, pixel + 1)
        return self._across(along)

    def _across(self, along: slice) -> Box:
        spec = self.trial.spec
        return tuple(
            along if d == spec.axes[self.axis] else slice(None) for d in range(len(spec.shape))
        )

    def noticed(self, side: Side, pixel: int, fill: Fill) -> NDArray[np.float64]:
        """How much each output along the axis changes when a slab is spoiled."""
        key = (side, pixel, fill)
        if key not in self._noticed:
            changes = self.trial.changes([self.slab(side, pixel)], fill)
            self._noticed[key] = largest_along(changes, self.dim)
        return self._noticed[key]

    def judge(
        self, output: int, side: Side, *, demanded: bool, distrust: bool = False
    ) -> Check | None:
        """The verdict on one edge of one output.

        Args:
            output: The output's index.
            side: Which edge.
            demanded: Whether the output has to notice the edge itself. Near a border, padding
                inside the network may rightly cut the path to it.
            distrust: Whether to spoil with noise as well where NaN is not noticed.

        Returns:
            The verdict; None where there is nothing to ask.
        """
        edge, beyond = self.edge(output, side), self.edge(output, side) + side
        outside = 0 <= beyond < self.law.input_size
        if not outside and not (demanded and 0 <= edge < self.law.input_size):
            return None
        leaks_nan = outside and self.noticed(side, beyond, NAN)[output] > 0
        leak, rounds = None, False
        if leaks_nan:
            leak, rounds = self._noise_from(output, side, beyond)
        elif outside and distrust:
            fills = self.trial.finite_fills[:FIRST_NOISES]
            # What spreads by rounding would have spread NaN, so that any change counts.
            leak = next((f for f in fills if self.noticed(side, beyond, f)[output] > 0), None)
        if leak is not None:
            return self._leak(output, side, leak)
        if not leaks_nan and self._inside(edge) and self.noticed(side, edge, NAN)[output] > 0:
            fills = self.trial.finite_fills[:FIRST_NOISES]
            too = any(self.noticed(side, edge, fill)[output] > 0 for fill in fills)
            return self._check(output, side, "both" if too else "nan", "held")
        if not leaks_nan and not demanded:
            return self._check(output, side, "nan", "quiet")
        if self._inside(edge) and self._noise_shows(output, side, edge, strictly=rounds):
            self.trial.nan_spreads |= leaks_nan
            return self._check(output, side, "finite", "held")
        if leaks_nan:
            # Noise is too weak here to show even what is inside, so it cannot acquit.
            return self._leak(output, side, NAN)
        return self._unseen(output, side, (NAN, *self.trial.finite_fills))

    def confirmed(self, check: Check) -> Check:
        """A verdict that rests on NaN alone, put to noise where NaN is known to spread."""
        if check.verdict != "held" or check.method != "nan":
            return check
        side: Side = 1 if check.edge == "high" else -1
        if self._noise_shows(check.output, side, check.pixel, strictly=False):
            return replace(check, method="both")
        return self._unseen(check.output, side, self.trial.finite_fills)

    def strays(self, side: Side, *, trusted: bool) -> list[int]:
        """Outputs that noticed, in what was run so far, a slab beyond their edge.

        Args:
            side: Which side.
            trusted: Whether NaN alone is enough evidence here.
        """
        outer = self.last if side > 0 else self.first
        excess: NDArray[np.int64] = np.zeros(self.law.output_size, np.int64)
        slabs = {pixel for at, pixel, fill in self._noticed if at == side and fill == NAN}
        for pixel in slabs:
            wrong = (self.noticed(side, pixel, NAN) > 0) & (side * (pixel - outer) > 0)
            if wrong.any() and not trusted:
                wrong &= self._any_noise(side, pixel)
            excess = np.maximum(excess, np.where(wrong, side * (pixel - outer), 0))
        found = []
        for among in (self.in_sight, ~self.in_sight):
            worst = np.argsort(-excess * among, kind="stable")[:STRAYS]
            found += [int(output) for output in worst if excess[output] > 0 and among[output]]
        return found

    def left_over(self, check: Check) -> int | None:
        """How many pixels at the end no output at all notices, for an edge that did not show.

        Returns:
            Their number; None where some output sees beyond what this one does.
        """
        if check.verdict != "unseen" or check.reach is None:
            return None
        side: Side = 1 if check.edge == "high" else -1
        fills = (NAN, *self.trial.finite_fills)
        if any(self.noticed(side, check.reach + side, fill).any() for fill in fills):
            return None
        return abs(check.pixel - check.reach)

    def _any_noise(self, side: Side, pixel: int) -> NDArray[np.bool_]:
        fills = self.trial.finite_fills
        told = [self._significant(side, pixel, fill) for fill in fills]
        return np.asarray(np.any(told, axis=0))

    def _significant(self, side: Side, pixel: int, fill: Fill) -> NDArray[np.bool_]:
        """Which outputs change by more than far values could change their rounding."""
        change = self.noticed(side, pixel, fill)
        return np.asarray(change > self.trial.rounding(change))

    def _noise_from(self, output: int, side: Side, pixel: int) -> tuple[Fill | None, bool]:
        """Noise that an output notices, and whether any changed it by rounding alone."""
        rounds = False
        for fill in self.trial.finite_fills:
            if self._significant(side, pixel, fill)[output]:
                return fill, rounds
            rounds |= bool(self.noticed(side, pixel, fill)[output] > 0)
        return None, rounds

    def _noise_shows(self, output: int, side: Side, pixel: int, *, strictly: bool) -> bool:
        return any(
            self._significant(side, pixel, fill)[output]
            if strictly
            else self.noticed(side, pixel, fill)[output] > 0
            for fill in self.trial.finite_fills
        )

    def _inside(self, pixel: int) -> bool:
        return 0 <= pixel < self.law.input_size

    def _check(
        self,
        output: int,
        side: Side,
        method: Method,
        verdict: Verdict,
        reach: int | None = None,
        witness: Witness | None = None,
    ) -> Check:
        shape, pixel = self.trial.spec.spatial_shape, self.edge(output, side)
        method = "finite" if self.trial.holds_numbers else method
        return Check(self.axis, EDGES[side], output, pixel, shape, method, verdict, reach, witness)

    def _leak(self, output: int, side: Side, fill: Fill) -> Check:
        border = self.law.input_size - 1 if side > 0 else 0
        reach = self._outermost(output, side, fill, self.edge(output, side) + side, border)
        verdict: Verdict = "leak" if self.in_sight[output] else "border"
        method: Method = "nan" if fill == NAN else "finite"
        witness = self._witness(output, reach, fill)
        return self._check(output, side, method, verdict, reach, witness)

    def _unseen(self, output: int, side: Side, fills: Sequence[Fill]) -> Check:
        """The edge does not show; how far out does anything?"""
        everything = 0 if side > 0 else self.law.input_size - 1
        edge = min(max(self.edge(output, side), 0), self.law.input_size - 1)
        for fill in fills:
            if self.noticed(side, everything, fill)[output] > 0:
                reach = self._outermost(output, side, fill, everything, edge)
                method: Method = "nan" if fill == NAN else "finite"
                return self._check(output, side, method, "unseen", reach)
        return self._check(output, side, "finite", "unseen")

    def _outermost(self, output: int, side: Side, fill: Fill, inner: int, outer: int) -> int:
        """The outermost pixel whose slab is noticed, between one that is and a last one."""
        while inner != outer:
            middle = (inner + outer + (1 if side > 0 else 0)) // 2
            if self.noticed(side, middle, fill)[output] > 0:
                inner = middle
            else:
                outer = middle - side
        return inner

    def _witness(self, output: int, reach: int, fill: Fill) -> Witness | None:
        """One position in the outermost row, and a position of the output that it changes."""
        # A row alone may need other noise than a slab to get through dead activations.
        others = (f for f in (*self.trial.finite_fills, NAN) if f != fill)
        found = (self._witness_by(output, reach, f) for f in (fill, *others))
        return next((witness for witness in found if witness is not None), None)

    def _witness_by(self, output: int, reach: int, fill: Fill) -> Witness | None:
        trial, spec = self.trial, self.trial.spec
        box = list(self._across(slice(reach, reach + 1)))
        changes = trial.changes([tuple(box)], fill)
        if self.dim is not None:
            own = np.zeros(changes.shape[self.dim], np.bool_)
            own[output] = True
            shape = [-1 if d == self.dim else 1 for d in range(changes.ndim)]
            changes = np.where(own.reshape(shape), changes, 0.0)
        if not changes.any():
            return None
        place = tuple(int(i) for i in np.unravel_index(np.argmax(changes), changes.shape))
        for d in spec.axes:
            low, high = box[d].start or 0, spec.shape[d] if box[d].stop is None else box[d].stop
            while high - low > 1:
                middle = (low + high) // 2
                box[d] = slice(low, middle)
                noticed = trial.changes([tuple(box)], fill)[place] > 0
                low, high = (low, middle) if noticed else (middle, high)
            box[d] = slice(low, high)
        if not trial.changes([tuple(box)], fill)[place] > 0:
            return None
        return Witness(place, tuple(int(box[d].start) for d in spec.axes))


def _in_middle_half(count: int) -> NDArray[np.bool_]:
    outputs = np.arange(count)
    return (outputs >= count // 4) & (outputs < count - count // 4)


def largest_along(changes: NDArray[np.float64], dim: int | None) -> NDArray[np.float64]:
    """The largest change at each index of one axis; a single one where there is no axis."""
    others = tuple(d for d in range(changes.ndim) if d != dim)
    return np.atleast_1d(np.asarray(changes.max(axis=others, initial=0.0)))

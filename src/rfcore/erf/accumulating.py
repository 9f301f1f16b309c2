"""The streaming sum: one map held, each input seen once, and at any moment a state to go on from.

A state is a value. One input later there is another, and a single assignment tells them apart, so
that an interrupt finds either the one or the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import isclose

import numpy as np

from rfcore.erf.moments import Map
from rfcore.erf.sources import Array, Source
from rfcore.errors import (
    NoInputsError,
    NonFiniteError,
    NonFiniteGradientError,
    ResumeMismatchError,
    TooFewInputsError,
)

__all__ = ["Accumulation", "State"]

# Another machine or thread count moves the last digits of a gradient; other weights move the first.
SAME_MODEL = 1e-3


@dataclass(frozen=True, slots=True)
class State:
    """What has been measured.

    Attributes:
        total: Sum of the maps; None before the first.
        count: How many were summed.
        skipped: How many inputs were left out.
        digest: Hash over all inputs that were taken, in order.
        first: Number of the first input that was measured, and its map's mass.
    """

    total: Map | None = None
    count: int = 0
    skipped: int = 0
    digest: str = ""
    first: tuple[int, float] | None = None

    @property
    def taken(self) -> int:
        """Inputs that were measured or left out."""
        return self.count + self.skipped

    def and_map(self, values: Map, digest: str) -> State:
        """One input more."""
        first = self.first or (self.taken, float(values.sum()))
        total = values if self.total is None else self.total + values
        return State(total, self.count + 1, self.skipped, digest, first)

    def and_skipped(self, digest: str) -> State:
        """One input left out."""
        return replace(self, skipped=self.skipped + 1, digest=digest)


@dataclass(slots=True)
class Accumulation:
    """A measurement that goes on, input by input.

    Attributes:
        source: The inputs.
        measure: From an input to its map; `NonFiniteGradientError` where there is none.
        count: How many inputs to take; None for all.
        skip: Leave out inputs that are not finite, or whose gradient is not.
        state: What has been measured so far.
    """

    source: Source
    measure: Callable[[Array], Map]
    count: int | None
    skip: bool
    state: State = State()

    def run(self) -> Iterator[State]:
        """Takes the inputs that are left, and yields the state after each.

        Raises:
            NoInputsError: There is none, or all are left out.
            TooFewInputsError: The inputs end before `count`.
            NonFiniteError: One, or its gradient, is not finite.
            ResumeMismatchError: Those taken before were others, or the model was.
        """
        arrays = self.source.arrays()
        if self.state.taken:
            self._recognise(arrays)
        left = None if self.count is None else self.count - self.state.taken
        for array in islice(arrays, left):
            self.state = self._and(array)
            yield self.state
        self._check_end()

    def _and(self, array: Array) -> State:
        digest = _digest(self.state.digest, array)
        finite = int(np.isfinite(array).sum())
        if finite < array.size:
            if self.skip:
                return self.state.and_skipped(digest)
            raise NonFiniteError(self.state.taken, "input", array.size - finite)
        try:
            values = self.measure(array)
        except NonFiniteGradientError as error:
            if self.skip:
                return self.state.and_skipped(digest)
            raise NonFiniteError(self.state.taken, "gradient") from error
        return self.state.and_map(values, digest)

    def _recognise(self, arrays: Iterator[Array]) -> None:
        """Reads past the inputs that were taken before, if they and the model are the same."""
        digest = ""
        for number in range(self.state.taken):
            array = next(arrays, None)
            if array is None:
                raise ResumeMismatchError({"the number of inputs": (self.state.taken, number)})
            digest = _digest(digest, array)
            if self.state.first and number == self.state.first[0]:
                self._recognise_model(array, self.state.first[1])
        if digest != self.state.digest:
            raise ResumeMismatchError(
                {f"the hash of the first {self.state.taken} inputs": (self.state.digest, digest)},
                "give the same inputs in the same order, those that were taken included.",
            )

    def _recognise_model(self, array: Array, mass: float) -> None:
        now = float(self.measure(array).sum())
        if not isclose(now, mass, rel_tol=SAME_MODEL):
            raise ResumeMismatchError(
                {"the mass of the gradient at the first input": (mass, now)},
                "load the weights that were measured before; a model in training mode that draws "
                "random numbers (dropout) cannot be continued.",
            )

    def _check_end(self) -> None:
        taken = self.state.taken
        if not taken:
            raise NoInputsError("the stream of inputs is empty", "give at least one input.")
        if self.count is not None and taken < self.count:
            raise TooFewInputsError(self.count, taken)
        if not self.state.count:
            problem = (
                f"all {taken} inputs were left out, for they or their gradients are not finite"
            )
            raise NoInputsError(problem, 'on_nan="raise" says what is wrong with the first.')


def _digest(before: str, array: Array) -> str:
    """The hash of everything until now and one more input."""
    hashed = hashlib.blake2b(bytes.fromhex(before), digest_size=16)
    hashed.update(array.tobytes())
    return hashed.hexdigest()

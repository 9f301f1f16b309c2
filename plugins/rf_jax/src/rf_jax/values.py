"""What a variable of a jaxpr stands for: a node of the graph, a constant, or a refusal.

Constants are not computed while the jaxpr is read. They remember how they would be, and are
computed once a rule or a walk asks for their zeros or for the indices in them.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from rf_jax.evaluation import evaluate, folds
from rfcore.errors import RfcoreError
from rfcore.graph import Mask, Pattern

__all__ = [
    "LARGEST_PATTERN",
    "Application",
    "Constant",
    "Fills",
    "Refused",
    "Seen",
    "Shape",
    "Value",
]

Shape = tuple[int, ...]

# The largest constant that is computed to look for zeros in it, in elements.
LARGEST_PATTERN = 1 << 26
# Constants of so few elements are computed at once: counters of loops would pile up otherwise.
SMALL = 16


@dataclass(frozen=True, slots=True, eq=False)
class Fills:
    """Where a value that depends on the input is a known constant all the same.

    Masks of the value's rank, of length 1 along axes where all is alike; None for nowhere.

    Attributes:
        zero: Where it is zero.
        low: Where it is so low that its exponential is zero.
    """

    zero: Constant | None = None
    low: Constant | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A value that depends on the input.

    Attributes:
        node: Its node.
        fills: Where it is a known constant all the same.
    """

    node: int
    fills: Fills = Fills()


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """A value behind an op that cannot be traced; only who asks for it is told."""

    error: RfcoreError


class Application:
    """One primitive applied to constants, computed at most once for all its results."""

    __slots__ = ("is_positional", "operands", "params", "primitive", "results")

    def __init__(self, primitive: Any, params: dict[str, Any], operands: Sequence[Constant]):
        self.primitive, self.params, self.operands = primitive, params, operands
        self.results: Sequence[Any] | None = None
        self.is_positional = True
        for operand in operands:
            if not operand.is_positional:
                self.is_positional = False
                break

    def run(self) -> Sequence[Any]:
        """Computes the results, and all that they need, without recursion."""
        if self.results is None:
            with np.errstate(all="ignore"):
                self._compute()
        assert self.results is not None
        return self.results

    def _compute(self) -> None:
        stack = [self]
        while stack:
            current = stack[-1]
            waiting = [
                made
                for operand in current.operands
                if (made := operand.made_by) is not None and made.results is None
            ]
            if current.results is None and not waiting:
                arrays = [operand.value() for operand in current.operands]
                current.results = evaluate(current.primitive, current.params, arrays)
            if current.results is not None:
                stack.pop()
            stack += waiting


class Constant:
    """A value that does not depend on the input.

    Attributes:
        shape: Its shape.
        hidden: Why its values are not known; empty where they are.
        made_by: What computes it, None for weights and literals.
    """

    __slots__ = ("_asked", "_index", "_positional", "_value", "hidden", "made_by", "shape")

    def __init__(
        self,
        shape: Sequence[int],
        value: Any = None,
        *,
        hidden: str = "",
        made_by: Application | None = None,
        index: int = 0,
    ) -> None:
        self.shape = tuple(shape)
        self.hidden, self.made_by = hidden, made_by
        self._value, self._index = value, index
        self._asked: dict[str, Any] = {}
        self._positional = self.size <= 1 if made_by is None else made_by.is_positional

    @classmethod
    def given(cls, value: Any) -> Constant:
        """A weight or literal."""
        return cls(np.shape(value), value)

    @classmethod
    def computed(
        cls, primitive: Any, params: dict[str, Any], operands: Sequence[Constant], avals: Any
    ) -> list[Constant]:
        """The results of a primitive on constants."""
        for operand in operands:
            if operand.hidden:
                return [cls(aval.shape, hidden=operand.hidden) for aval in avals]
        made_by = Application(primitive, params, operands)
        results = [cls(aval.shape, made_by=made_by, index=i) for i, aval in enumerate(avals)]
        if (
            all(math.prod(value.shape) <= SMALL for value in (*operands, *results))
            and folds(primitive)
            and all(operand.ready for operand in operands)
        ):
            made_by.run()
        return results

    @property
    def ready(self) -> bool:
        """Whether its value is at hand."""
        return not self.hidden and (self.made_by is None or self.made_by.results is not None)

    @property
    def size(self) -> int:
        """Its number of elements."""
        return math.prod(self.shape)

    @property
    def is_positional(self) -> bool:
        """Whether it is computed from positions and single numbers alone, from no weights."""
        return self._positional

    def recipe(self) -> tuple[Any, ...]:
        """What a positional constant is computed by: equal recipes make equal values."""
        steps: dict[int, tuple[int, tuple[Any, ...]]] = {}

        def told(constant: Constant) -> tuple[Any, ...]:
            if constant.made_by is None:
                return ("number", str(np.asarray(constant.value()).tolist()), constant.shape)
            key = id(constant.made_by)
            if key not in steps:
                made = constant.made_by
                operands = tuple(told(operand) for operand in made.operands)
                steps[key] = (len(steps), (made.primitive.name, str(made.params), operands))
                return ("step", *steps[key], constant._index)
            return ("step", steps[key][0], constant._index)

        return told(self)

    def value(self) -> Any:
        """The value, as the framework has it."""
        return self._value if self.made_by is None else self.made_by.run()[self._index]

    def array(self) -> NDArray[Any]:
        """The value of a constant whose values are known."""
        return np.asarray(self.value())

    def holds(self, test: Callable[[NDArray[Any]], Mask]) -> Callable[[], Mask | None]:
        """Where `test` holds, asked when the result is called; None where nobody knows."""

        def load() -> Mask | None:
            return None if self.hidden else np.asarray(test(self.array()))

        return load

    def once(self, question: str, answer: Callable[[], Any]) -> Any:
        """What `answer` returned when this question was asked first."""
        if question not in self._asked:
            self._asked[question] = answer()
        return self._asked[question]

    def open(self) -> Pattern:
        """Where this mask does not hold."""
        pattern: Pattern = self.once("open", lambda: Pattern(self.holds(np.logical_not)))
        return pattern

    def pattern(self) -> Pattern:
        """Where it is not zero. All zeros are an untrained weight, which counts as dense."""
        pattern: Pattern = self.once("pattern", self._pattern)
        return pattern

    def _pattern(self) -> Pattern:
        def load() -> Mask | None:
            if self.hidden:
                return None
            known = _zeros_of(self._value) if self.made_by is None else None
            return self._partly_zero() if known is None else _all_but(known, self.shape)

        return Pattern(load)

    def _partly_zero(self) -> Mask | None:
        mask = np.asarray(self.array() != 0)
        zeros = mask.size - np.count_nonzero(mask)
        partly = 0 < zeros < mask.size
        if self.made_by is None and (zeros <= FEW or not partly):
            _remember(self._value, np.flatnonzero(~mask) if partly else _NOWHERE)
        return mask if partly else None


class _Known(NamedTuple):
    """A weight, as long as it lives, and where it is zero, flattened."""

    weight: weakref.ref[Any]
    zeros: NDArray[np.intp]


# Weights of jax itself are immutable. Places of many zeros would take much room.
_known: dict[int, _Known] = {}
FEW = 64
_NOWHERE = np.zeros(0, np.intp)


def _zeros_of(weight: Any) -> NDArray[np.intp] | None:
    known = _known.get(id(weight))
    return known.zeros if known is not None and known.weight() is weight else None


def _remember(weight: Any, zeros: NDArray[np.intp]) -> None:
    if isinstance(weight, jax.Array):
        key = id(weight)
        _known[key] = _Known(weakref.ref(weight, lambda _: _known.pop(key, None)), zeros)


def _all_but(zeros: NDArray[np.intp], shape: Shape) -> Mask | None:
    if not len(zeros):
        return None
    mask = np.ones(shape, bool)
    mask.reshape(-1)[zeros] = False
    return mask


Value = Seen | Constant | Refused

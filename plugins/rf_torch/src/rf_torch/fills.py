"""Where a value is a known constant although it depends on the input elsewhere.

An attention mask fills scores with minus infinity; the softmax makes exact zeros of those, and
what is multiplied by a zero is not seen. Causal masks, local attention and triangular products
are structure for that reason alone, so fills are followed from the op that makes them, through
the few ops that keep them, to the product that they cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rfcore.graph import (
    AxisMap,
    Concatenate,
    Elementwise,
    GraphBuilder,
    Mask,
    Node,
    Pattern,
    Reshape,
    Transpose,
)

__all__ = ["Fill", "Fills", "Switch", "is_low", "is_zero", "softmaxed", "whole"]

# At most this is as good as minus infinity to a softmax: exp(-10000) is zero in every float type.
LOW = -1e4

Shape = tuple[int, ...]


class Switch(Pattern):
    """A pattern that may be empty: where nothing is let through, unlike an untrained weight."""

    __slots__ = ()

    def read(self) -> Mask | None:
        """See `Pattern`; all False is not dense here."""
        if not self._loaded:
            value = self._load()
            self._value = None if value is None or value.all() else value
            self._loaded = True
        return self._value


@dataclass(frozen=True, slots=True)
class Fill:
    """Where a value is filled.

    Attributes:
        shape: Shape of the mask, of the value's rank, 1 along axes where all is alike.
        load: The mask, True where filled; read only when needed.
    """

    shape: Shape
    load: Callable[[], Mask]

    def __or__(self, other: Fill) -> Fill:
        shape = np.broadcast_shapes(self.shape, other.shape)
        return Fill(shape, lambda: np.broadcast_to(self.load() | other.load(), shape))

    def __and__(self, other: Fill) -> Fill:
        shape = np.broadcast_shapes(self.shape, other.shape)
        return Fill(shape, lambda: np.broadcast_to(self.load() & other.load(), shape))

    def __sub__(self, other: Fill) -> Fill:
        shape = np.broadcast_shapes(self.shape, other.shape)
        return Fill(shape, lambda: np.broadcast_to(self.load() & ~other.load(), shape))

    @property
    def size(self) -> int:
        """Elements of the mask."""
        return math.prod(self.shape)

    @classmethod
    def of(cls, shape: Sequence[int], holds: Callable[[], Mask | None]) -> Fill:
        """The fill where `holds` says; nowhere if that is not known."""
        full = tuple(shape)

        def load() -> Mask:
            mask = holds()
            return np.zeros(full, bool) if mask is None else mask

        return cls(full, load)

    def open(self) -> Pattern:
        """Where it is not filled."""
        return Switch(lambda: ~self.load())

    def aligned(self, rank: int) -> Fill:
        """The same of a value that was broadcast to more axes."""
        shape = (1,) * (rank - len(self.shape)) + self.shape
        return Fill(shape, lambda: self.load().reshape(shape))

    def reshaped(self, source: Shape, result: Shape) -> Fill:
        """The same of a value that was given another shape."""
        before, after = list(self.shape), [1] * len(result)
        for old, new in _runs(source, result):
            if all(self.shape[dim] == 1 for dim in old):
                continue
            before[old.start : old.stop] = source[old.start : old.stop]
            after[new.start : new.stop] = result[new.start : new.stop]
        return Fill(tuple(after), lambda: np.broadcast_to(self.load(), before).reshape(after))

    def transposed(self, order: Sequence[int]) -> Fill:
        """The same of a value whose axes were permuted."""
        shape = tuple(self.shape[dim] for dim in order)
        return Fill(shape, lambda: self.load().transpose(order))

    def taken(self, op: AxisMap) -> Fill | None:
        """The same of a part of the value; nothing where several positions are mixed."""
        if self.shape[op.dim] == 1:
            return self
        if op.taps.shape[1] != 1 or (op.taps < 0).any():
            return None
        shape = (*self.shape[: op.dim], len(op.taps), *self.shape[op.dim + 1 :])
        return Fill(shape, lambda: self.load().take(op.taps[:, 0], axis=op.dim))


def _names(text: str) -> frozenset[str]:
    return frozenset(f"aten.{name}" for name in text.split())


# Which elementwise ops keep a fill of any operand, and which only that of the first of several.
_KEEP_ZERO = _names("mul clone _to_copy expand neg abs relu native_dropout dropout")
_KEEP_FIRST_ZERO = _names("div")
_KEEP_LOW = _names("add clone _to_copy expand")
_KEEP_FIRST_LOW = _names("sub")
_ZERO_OF_LOW = _names("exp sigmoid relu")


@dataclass(slots=True)
class Fills:
    """The fills of the nodes of one trace."""

    builder: GraphBuilder
    _zeros: dict[int, Fill] = field(default_factory=dict)
    _lows: dict[int, Fill] = field(default_factory=dict)

    def add_zeros(self, node: int, fill: Fill) -> None:
        """Notes where a node is zero."""
        self._zeros[node] = fill.aligned(len(self.builder.shape(node)))

    def add_lows(self, node: int, fill: Fill) -> None:
        """Notes where a node is so low that its exponential is zero."""
        self._lows[node] = fill.aligned(len(self.builder.shape(node)))

    def zeros(self, node: int) -> Fill | None:
        """Where a node is zero, as far as is known."""
        return _union(self._zeros.get(node), self._kept(node, _KEEP_ZERO, _KEEP_FIRST_ZERO, "zero"))

    def lows(self, node: int) -> Fill | None:
        """Where a node is as good as minus infinity, as far as is known."""
        return _union(self._lows.get(node), self._kept(node, _KEEP_LOW, _KEEP_FIRST_LOW, "low"))

    def _kept(
        self, index: int, every: frozenset[str], first: frozenset[str], kind: str
    ) -> Fill | None:
        follow = self.zeros if kind == "zero" else self.lows
        node = self.builder.nodes[index]
        if isinstance(node.op, Elementwise):
            if kind == "zero" and node.name in _ZERO_OF_LOW and len(node.inputs) == 1:
                return _union(self.lows(node.inputs[0]), None)
            sources: Sequence[int] = ()
            if node.name in every:
                sources = node.inputs
            elif node.name in first and len(node.inputs) > 1:
                sources = node.inputs[:1]
            found: Fill | None = None
            for source in sources:
                fill = follow(source)
                found = _union(found, None if fill is None else fill.aligned(len(node.shape)))
            return found
        return self._moved(node, follow)

    def _moved(self, node: Node, follow: Callable[[int], Fill | None]) -> Fill | None:
        """The fill of a node that only rearranges its operands."""
        if isinstance(node.op, Concatenate):
            return self._joined(node, node.op, follow)
        if not isinstance(node.op, Reshape | Transpose | AxisMap):
            return None
        fill = follow(node.inputs[0])
        if fill is None:
            return None
        if isinstance(node.op, Reshape):
            return fill.reshaped(self.builder.shape(node.inputs[0]), node.shape)
        if isinstance(node.op, Transpose):
            return fill.transposed(node.op.order)
        return fill.taken(node.op)

    def _joined(
        self, node: Node, op: Concatenate, follow: Callable[[int], Fill | None]
    ) -> Fill | None:
        parts = [
            (start, self.builder.shape(source)[op.dim], fill)
            for start, source in zip(op.starts, node.inputs, strict=True)
            if (fill := follow(source)) is not None
        ]
        if not parts:
            return None
        spread = np.broadcast_shapes(
            *((*f.shape[: op.dim], 1, *f.shape[op.dim + 1 :]) for _, _, f in parts)
        )
        shape = (*spread[: op.dim], node.shape[op.dim], *spread[op.dim + 1 :])

        def load() -> Mask:
            joined = np.zeros(shape, bool)
            along = np.moveaxis(joined, op.dim, 0)
            for start, length, fill in parts:
                along[start : start + length] = np.moveaxis(fill.load(), op.dim, 0)
            return joined

        return Fill(shape, load)


def softmaxed(fill: Fill, dims: Sequence[int]) -> Fill:
    """Where a softmax over `dims` is zero: where it was low, unless nothing else was there."""

    def load() -> Mask:
        low = fill.load()
        return low & ~low.all(axis=tuple(dims), keepdims=True)

    return Fill(fill.shape, load)


def whole(value: Any, test: Callable[[Any], bool]) -> Fill:
    """The fill of a tensor that holds one number, if a test holds of that."""
    holds = not isinstance(value, complex) and bool(test(value))
    return Fill((), lambda: np.array(holds))


def is_low(value: Any) -> Any:
    """Which numbers are as good as minus infinity."""
    return value <= LOW


def is_zero(value: Any) -> Any:
    """Which numbers are zero."""
    return value == 0


def _union(one: Fill | None, other: Fill | None) -> Fill | None:
    if one is None or other is None:
        return one or other
    return one | other


def _runs(left: Shape, right: Shape) -> Iterator[tuple[range, range]]:
    """The smallest runs of axes of two shapes that hold the same number of elements."""
    i = j = 0
    if 0 in left:
        yield range(len(left)), range(len(right))
        return
    while i < len(left) or j < len(right):
        start, begin = i, j
        i, j = min(i + 1, len(left)), min(j + 1, len(right))
        while (one := math.prod(left[start:i])) != (other := math.prod(right[begin:j])):
            if one < other:
                i += 1
            else:
                j += 1
        # Axes of length 1 at the end belong to the last run.
        if math.prod(left[i:]) == 1 and math.prod(right[j:]) == 1:
            i, j = len(left), len(right)
        yield range(start, i), range(begin, j)

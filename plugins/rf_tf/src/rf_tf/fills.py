"""Constants that were written over parts of a value: attention masks and what becomes of them.

A mask adds, or puts, a number as good as minus infinity where a query may not look. Its softmax
is zero there, and a product with zero is not seen. So fills are remembered where they are made,
and looked up, through the ops that keep them, by the products and reductions that they cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce, singledispatchmethod
from typing import Any, Literal

import numpy as np

from rfcore.graph import (
    AxisMap,
    Concatenate,
    Elementwise,
    GraphBuilder,
    Mask,
    Node,
    Op,
    Pattern,
    Reduce,
    Reshape,
    Transpose,
)

__all__ = ["Fill", "Fills", "Kind", "is_low", "is_partly_zero", "is_zero"]

Shape = tuple[int, ...]
Kind = Literal["zero", "low"]

# exp(-10000) is zero in every floating-point type.
LOW = -1e4


def is_low(value: Any) -> Any:
    """Which numbers are as good as minus infinity to a softmax."""
    return value <= LOW


def is_zero(value: Any) -> Any:
    """Which numbers are zero."""
    return value == 0


def is_partly_zero(value: Any) -> Any:
    """Where zeros are structure: a constant of nothing but zeros is an untrained weight."""
    if value.all():
        return np.zeros((1,) * value.ndim, bool)
    zeros = np.asarray(value == 0)
    return zeros & ~zeros.all()


class _Openings(Pattern):
    """Where something is let through; unlike a weight's pattern it may be nowhere."""

    __slots__ = ()

    def read(self) -> Mask | None:
        """See `Pattern`; None only where all is let through or nothing is known."""
        if not self._loaded:
            found = self._load()
            self._value = None if found is None or found.all() else found
            self._loaded = True
        return self._value


@dataclass(frozen=True, slots=True)
class Fill:
    """Where a value is filled, read when needed.

    Attributes:
        shape: Shape of the mask, of the value's rank, 1 along axes where all is alike.
        load: The mask, True where filled.
    """

    shape: Shape
    load: Callable[[], Mask]

    @classmethod
    def of(cls, shape: Sequence[int], holds: Callable[[], Mask | None]) -> Fill:
        """The fill where `holds` says; nowhere if that is not known."""
        full = tuple(shape)

        def load() -> Mask:
            found = holds()
            return np.zeros(full, bool) if found is None else np.broadcast_to(found, full)

        return cls(full, load)

    @property
    def size(self) -> int:
        """Elements of the mask."""
        return math.prod(self.shape)

    def combined(self, other: Fill, function: Callable[[Mask, Mask], Any]) -> Fill:
        """What a function makes of two fills, broadcast."""
        shape = np.broadcast_shapes(self.shape, other.shape)
        return Fill(
            shape, lambda: np.asarray(np.broadcast_to(function(self.load(), other.load()), shape))
        )

    def __or__(self, other: Fill) -> Fill:
        return self.combined(other, np.logical_or)

    def __and__(self, other: Fill) -> Fill:
        return self.combined(other, np.logical_and)

    def __sub__(self, other: Fill) -> Fill:
        return self.combined(other, np.greater)

    def open(self) -> Pattern:
        """Where it is not filled."""
        return _Openings(lambda: ~self.load())

    def with_rank(self, rank: int) -> Fill:
        """The same after broadcasting to more axes."""
        shape = (1,) * (rank - len(self.shape)) + self.shape
        return self if shape == self.shape else Fill(shape, lambda: self.load().reshape(shape))


_CARRY = "Cast Identity IdentityN BroadcastTo StopGradient PreventGradient CheckNumerics Snapshot"
_ODD = "Mul MulNoNan Neg Abs Square Sqrt Sign Relu Relu6 LeakyRelu Elu Selu Tanh"
_KEEP: dict[Kind, frozenset[str]] = {
    "zero": frozenset(f"{_CARRY} {_ODD} EnsureShape".split()),
    "low": frozenset(f"{_CARRY} Add AddV2 BiasAdd EnsureShape".split()),
}
_KEEP_OF_FIRST: dict[Kind, frozenset[str]] = {
    "zero": frozenset(("RealDiv", "Div", "DivNoNan")),
    "low": frozenset(("Sub",)),
}


@dataclass(slots=True)
class Fills:
    """The fills of the nodes of one recording."""

    builder: GraphBuilder
    _noted: dict[tuple[int, Kind], Fill] = field(default_factory=dict)
    _found: dict[tuple[int, Kind], Fill | None] = field(default_factory=dict)

    def note(self, node: int, kind: Kind, fill: Fill) -> None:
        """Remembers where a node is zero, or so low that its exponential is."""
        self._noted[node, kind] = fill.with_rank(len(self.builder.shape(node)))

    def find(self, node: int, kind: Kind) -> Fill | None:
        """Where a node is zero or low, as far as is known; None for nowhere."""
        key = (node, kind)
        if key not in self._found:
            told = self.builder.nodes[node]
            self._found[key] = _either([self._noted.get(key), self._kept(told.op, told, kind)])
        return self._found[key]

    @singledispatchmethod
    def _kept(self, op: Op, node: Node, kind: Kind) -> Fill | None:
        """The fill that an op keeps of its operands'."""
        return None

    @_kept.register
    def _(self, op: Elementwise, node: Node, kind: Kind) -> Fill | None:
        rank = len(node.shape)
        found = [self.find(source, kind) for source in node.inputs]
        fills = [None if fill is None else fill.with_rank(rank) for fill in found]
        if node.name in _KEEP[kind]:
            return _either(fills)
        if node.name not in _KEEP_OF_FIRST[kind] or len(fills) != 2:
            return None
        first, second = fills
        # Low minus low is anything.
        return first if first is None or second is None or kind == "zero" else first - second

    @_kept.register
    def _(self, op: Reduce, node: Node, kind: Kind) -> Fill | None:
        if node.name != "Max" or kind != "low":
            return None
        fill = self.find(node.inputs[0], kind)
        if fill is None:
            return None
        dims = op.dims
        kept = [1 if dim in dims else n for dim, n in enumerate(fill.shape)]
        shape = kept if op.keepdims else [n for dim, n in enumerate(kept) if dim not in dims]
        return Fill(tuple(shape), lambda: np.asarray(fill.load().all(dims, keepdims=op.keepdims)))

    @_kept.register
    def _(self, op: Reshape, node: Node, kind: Kind) -> Fill | None:
        fill = self.find(node.inputs[0], kind)
        if fill is None:
            return None
        source = self.builder.shape(node.inputs[0])
        squeezed = [n for n in source if n != 1]
        if squeezed == [n for n in node.shape if n != 1]:
            varying = iter([fill.shape[d] for d, n in enumerate(source) if n != 1])
            shape = tuple(1 if n == 1 else next(varying) for n in node.shape)
            return Fill(shape, lambda: fill.load().reshape(shape))
        return Fill(node.shape, lambda: np.broadcast_to(fill.load(), source).reshape(node.shape))

    @_kept.register
    def _(self, op: Transpose, node: Node, kind: Kind) -> Fill | None:
        fill = self.find(node.inputs[0], kind)
        if fill is None:
            return None
        shape = tuple(fill.shape[dim] for dim in op.order)
        return Fill(shape, lambda: fill.load().transpose(op.order))

    @_kept.register
    def _(self, op: AxisMap, node: Node, kind: Kind) -> Fill | None:
        fill = self.find(node.inputs[0], kind)
        if fill is None or op.taps.shape[1] != 1 or bool((op.taps < 0).any()):
            return None
        if fill.shape[op.dim] == 1:
            return fill
        shape = (*fill.shape[: op.dim], len(op.taps), *fill.shape[op.dim + 1 :])
        return Fill(shape, lambda: fill.load().take(op.taps[:, 0], axis=op.dim))

    @_kept.register
    def _(self, op: Concatenate, node: Node, kind: Kind) -> Fill | None:
        found = [
            (start, self.builder.shape(source), self.find(source, kind))
            for start, source in zip(op.starts, node.inputs, strict=True)
        ]
        if all(fill is None for _, _, fill in found):
            return None

        def load() -> Mask:
            whole = np.zeros(node.shape, bool)
            for start, shape, fill in found:
                if fill is not None:
                    place = [slice(None)] * len(shape)
                    place[op.dim] = slice(start, start + shape[op.dim])
                    whole[tuple(place)] = fill.load()
            return whole

        return Fill(node.shape, load)


def _either(fills: Sequence[Fill | None]) -> Fill | None:
    known = [fill for fill in fills if fill is not None]
    return reduce(Fill.__or__, known) if known else None

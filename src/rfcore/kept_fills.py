"""Following fills through a graph: from the op that makes one, through those that keep it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce, singledispatchmethod

import numpy as np

from rfcore.fills import Fill, Kind
from rfcore.graph import (
    AxisMap,
    Concatenate,
    Elementwise,
    GraphBuilder,
    Mask,
    Node,
    Op,
    Reduce,
    Reshape,
    Transpose,
)

__all__ = ["Fills", "Keeping"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a framework's ops do to a fill, by the names that nodes have.

    Attributes:
        zero: Elementwise ops that are zero where any operand is.
        low: Elementwise ops that are low where any operand is.
        zero_of_first: Those that are zero where the first of two operands is.
        low_of_first: Those that are low where the first of two operands is and the other is not.
        zero_of_low: Ops of one operand that are zero where it is low.
        low_of_all: Reductions that are low where everything reduced is.
    """

    zero: frozenset[str]
    low: frozenset[str]
    zero_of_first: frozenset[str]
    low_of_first: frozenset[str]
    zero_of_low: frozenset[str] = frozenset()
    low_of_all: frozenset[str] = frozenset()


@dataclass(slots=True)
class Fills:
    """The fills of the nodes of one graph.

    Attributes:
        builder: The graph that is being built.
        keeping: Which of its ops keep a fill.
    """

    builder: GraphBuilder
    keeping: Keeping
    _noted: dict[tuple[int, Kind], Fill] = field(default_factory=dict, init=False)
    _found: dict[Kind, list[Fill | None]] = field(
        default_factory=lambda: {"zero": [], "low": []}, init=False
    )

    def note(self, node: int, kind: Kind, fill: Fill) -> None:
        """Remembers where a node is zero, or so low that its exponential is."""
        self._noted[node, kind] = fill.with_rank(len(self.builder.shape(node)))
        for found in self._found.values():
            del found[node:]

    def find(self, node: int, kind: Kind) -> Fill | None:
        """Where a node is zero or low, as far as is known; None for nowhere."""
        found = self._found[kind]
        # In execution order rather than by recursion: a chain may be thousands of ops long.
        while len(found) <= node:
            told = self.builder.nodes[len(found)]
            noted = self._noted.get((len(found), kind))
            found.append(_either([noted, self._kept(told.op, told, kind)]))
        return found[node]

    @singledispatchmethod
    def _kept(self, op: Op, node: Node, kind: Kind) -> Fill | None:
        """The fill that an op keeps of its operands'."""
        return None

    @_kept.register
    def _(self, op: Elementwise, node: Node, kind: Kind) -> Fill | None:
        keeping, rank = self.keeping, len(node.shape)
        if kind == "zero" and node.name in keeping.zero_of_low and len(node.inputs) == 1:
            return self.find(node.inputs[0], "low")
        found = [self.find(source, kind) for source in node.inputs]
        fills = [None if fill is None else fill.with_rank(rank) for fill in found]
        if node.name in (keeping.zero if kind == "zero" else keeping.low):
            return _either(fills)
        of_first = keeping.zero_of_first if kind == "zero" else keeping.low_of_first
        if node.name not in of_first or len(fills) != 2:
            return None
        first, second = fills
        # Low minus low is anything.
        return first if first is None or second is None or kind == "zero" else first - second

    @_kept.register
    def _(self, op: Reduce, node: Node, kind: Kind) -> Fill | None:
        if kind == "zero" or node.name not in self.keeping.low_of_all:
            return None
        fill = self.find(node.inputs[0], kind)
        return None if fill is None else fill.reduced(op.dims, keepdims=op.keepdims)

    @_kept.register
    def _(self, op: Reshape, node: Node, kind: Kind) -> Fill | None:
        fill = self.find(node.inputs[0], kind)
        source = self.builder.shape(node.inputs[0])
        return None if fill is None else fill.reshaped(source, node.shape)

    @_kept.register
    def _(self, op: Transpose, node: Node, kind: Kind) -> Fill | None:
        fill = self.find(node.inputs[0], kind)
        return None if fill is None else fill.transposed(op.order)

    @_kept.register
    def _(self, op: AxisMap, node: Node, kind: Kind) -> Fill | None:
        fill = self.find(node.inputs[0], kind)
        return None if fill is None else fill.taken(op)

    @_kept.register
    def _(self, op: Concatenate, node: Node, kind: Kind) -> Fill | None:
        parts = [
            (start, self.builder.shape(source)[op.dim], fill)
            for start, source in zip(op.starts, node.inputs, strict=True)
            if (fill := self.find(source, kind)) is not None
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


def _either(fills: Sequence[Fill | None]) -> Fill | None:
    known = [fill for fill in fills if fill is not None]
    return reduce(Fill.__or__, known) if known else None

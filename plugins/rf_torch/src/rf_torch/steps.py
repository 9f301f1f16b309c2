"""The kinds of steps that lead from a tensor to a view of it, forwards and backwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rfcore.errors import UnsupportedOpError
from rfcore.graph import AxisMap, Elementwise, GraphBuilder, Node, Overwrite, Reshape, Transpose
from rfcore.pieces import overwritten

__all__ = [
    "COMPLEX_PRODUCT",
    "Pairs",
    "Parts",
    "Permuted",
    "Picked",
    "Reshaped",
    "Shape",
    "Sliced",
    "Spread",
    "Step",
    "written_through",
]

# The name of a product whose real and imaginary parts both see both parts of its factors.
COMPLEX_PRODUCT = "aten.mul of complex numbers"

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Base of the steps from a tensor of shape `source` to a view of shape `result`."""

    name: str
    source: Shape
    result: Shape

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """The view's node, from the node of what is viewed."""
        raise UnsupportedOpError(
            self.name, builder.layer, "what it views was written in place, which is not tracked"
        )

    def backward(self, builder: GraphBuilder, base: int | None, value: int | None) -> int | None:
        """The node of what is viewed after `value` was written to the view."""
        raise UnsupportedOpError(
            self.name, builder.layer, "writing in place through such a view is not tracked"
        )


@dataclass(frozen=True, slots=True)
class Reshaped(Step):
    """The same values under another shape."""

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        return builder.reshape(node, self.result, self.name)

    def backward(self, builder: GraphBuilder, base: int | None, value: int | None) -> int | None:
        """See `Step`."""
        return None if value is None else builder.reshape(value, self.source, self.name)


@dataclass(frozen=True, slots=True)
class Permuted(Step):
    """Axes in another order."""

    order: tuple[int, ...]

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        return builder.transpose(node, self.order, self.name)

    def backward(self, builder: GraphBuilder, base: int | None, value: int | None) -> int | None:
        """See `Step`."""
        if value is None:
            return None
        inverse = [int(i) for i in np.argsort(self.order)]
        return builder.transpose(value, inverse, self.name)


@dataclass(frozen=True, slots=True)
class Sliced(Step):
    """A part of one axis."""

    dim: int
    start: int
    step: int = 1

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        if self.source == self.result:
            return node
        taps = self.start + self.step * np.arange(self.result[self.dim])
        return builder.axis_map(node, self.dim, taps, self.name)

    def backward(self, builder: GraphBuilder, base: int | None, value: int | None) -> int | None:
        """See `Step`."""
        if self.source == self.result:
            return value
        operands = {"base": base, "value": value}
        known = {name: node for name, node in operands.items() if node is not None}
        if not known:
            return None
        if base is not None and value is not None:
            end = self.start + self.step * self.result[self.dim]
            positions = range(self.start, end, self.step)
            node = overwritten(builder, base, value, self.dim, positions, self.name)
            if node is not None:
                return node
        starts = tuple(self.start if d == self.dim else 0 for d in range(len(self.source)))
        steps = tuple(self.step if d == self.dim else 1 for d in range(len(self.source)))
        op = Overwrite(starts, self.result, steps, tuple(known))
        return builder.add(op, list(known.values()), self.source, self.name)


@dataclass(frozen=True, slots=True)
class Spread(Step):
    """Broadcast to more or longer axes."""

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        if self.source == self.result:
            return node
        return builder.elementwise((node,), self.result, self.name)


@dataclass(frozen=True, slots=True)
class Picked(Step):
    """Any positions of one axis, in any order.

    Attributes:
        dim: The axis.
        taps: For each position of the view the one that it shows.
    """

    dim: int
    taps: np.ndarray[Any, np.dtype[np.int64]]

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        return builder.axis_map(node, self.dim, self.taps, self.name)

    def backward(self, builder: GraphBuilder, base: int | None, value: int | None) -> int | None:
        """See `Step`."""
        if len(np.unique(self.taps)) != len(self.taps):
            raise UnsupportedOpError(
                self.name, builder.layer, "it writes through a view that shows some values twice"
            )
        written = np.full(self.source[self.dim], -1, np.int64)
        written[self.taps] = np.arange(len(self.taps))
        kept = np.where(written < 0, np.arange(len(written)), -1)
        parts = [
            builder.axis_map(node, self.dim, taps, self.name)
            for node, taps in ((base, kept), (value, written))
            if node is not None
        ]
        if len(parts) < 2:
            return parts[0] if parts else None
        return builder.elementwise(parts, self.source, self.name)


@dataclass(frozen=True, slots=True)
class Parts(Step):
    """A complex value as real pairs along a new last axis."""

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        single = builder.reshape(node, (*self.source, 1), self.name)
        if _mixes_parts(builder, node):
            return builder.elementwise((single,), self.result, self.name)
        note = f"{self.name}: real and imaginary parts are not told apart, an upper bound"
        return builder.add(Elementwise(), (single,), self.result, self.name, note, exact=False)


def _mixes_parts(builder: GraphBuilder, index: int) -> bool:
    """Whether a complex value is a product of complex ones: both parts see both parts then."""
    node: Node = builder.nodes[index]
    while isinstance(node.op, Reshape | Transpose | AxisMap):
        node = builder.nodes[node.inputs[0]]
    return node.name == COMPLEX_PRODUCT


@dataclass(frozen=True, slots=True)
class Pairs(Step):
    """Real pairs along the last axis as complex numbers."""

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        return builder.reduce(node, [len(self.result)], False, self.name)


def written_through(
    builder: GraphBuilder, base: int | None, steps: Sequence[Step], value: int | None
) -> int | None:
    """The node of a base after `value` was written to its view by way of `steps`."""
    if not steps:
        return value
    first, *rest = steps
    before = None if base is None else first.forward(builder, base)
    return first.backward(builder, base, written_through(builder, before, rest, value))

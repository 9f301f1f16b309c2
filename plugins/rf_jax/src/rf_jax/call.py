"""One primitive in a jaxpr, and what a rule needs to translate it into nodes of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rf_jax.values import LARGEST_PATTERN, Constant, Seen, Shape, Value
from rfcore.errors import UnsupportedOpError
from rfcore.graph import Elementwise, GraphBuilder, Pattern

__all__ = ["Call", "Rule"]


@dataclass(frozen=True, slots=True)
class Call:
    """One primitive, at least one of whose operands depends on the input.

    Attributes:
        primitive: The primitive.
        params: Its parameters.
        operands: What its operands stand for.
        shapes: Shapes of its operands.
        results: Shapes of its results.
        avals: What JAX knows of its operands, then of its results.
        builder: The graph that is built.
    """

    primitive: Any
    params: Mapping[str, Any]
    operands: Sequence[Seen | Constant]
    shapes: Sequence[Shape]
    results: Sequence[Shape]
    avals: Sequence[Any]
    builder: GraphBuilder

    @property
    def name(self) -> str:
        """The primitive's name."""
        return str(self.primitive.name)

    @property
    def shape(self) -> Shape:
        """Shape of the (first) result."""
        return self.results[0]

    @property
    def types(self) -> list[Any]:
        """Element types of its operands, then of its results."""
        return [getattr(aval, "dtype", None) for aval in self.avals]

    def seen(self) -> list[Seen]:
        """The operands that depend on the input."""
        return [operand for operand in self.operands if isinstance(operand, Seen)]

    def nodes(self) -> list[int]:
        """Their nodes."""
        return [operand.node for operand in self.operands if isinstance(operand, Seen)]

    def operand(self, number: int) -> int:
        """The node of an operand that has to depend on the input for this rule."""
        operand = self.operands[number]
        if isinstance(operand, Seen):
            return operand.node
        raise self.refused(f"its operand {number} does not depend on the input, others do")

    def elementwise(self, nodes: Sequence[int], shape: Sequence[int]) -> int:
        """Adds an elementwise node, or nothing where it would change nothing."""
        if len(set(nodes)) == 1 and self.builder.shape(nodes[0]) == tuple(shape):
            return nodes[0]
        return self.builder.elementwise(nodes, shape, self.name)

    def gated(self, nodes: Sequence[int], gates: Sequence[Pattern | None]) -> int:
        """Adds an elementwise node that depends on each operand only where its gate is open."""
        if all(gate is None for gate in gates):
            return self.elementwise(nodes, self.shape)
        return self.builder.add(Elementwise(tuple(gates)), nodes, self.shape, self.name)

    def reshape(self, node: int, shape: Sequence[int]) -> int:
        """Adds a reshape, or nothing where the shape stays."""
        return self.builder.reshape(node, tuple(shape), self.name)

    def transpose(self, node: int, order: Sequence[int]) -> int:
        """Adds a permutation of axes, or nothing where they stay."""
        if list(order) == list(range(len(order))):
            return node
        return self.builder.transpose(node, order, self.name)

    def taps(self, node: int, dim: int, taps: NDArray[Any]) -> int:
        """Adds a map along one axis, or nothing where every position stays."""
        length = self.builder.shape(node)[dim]
        if taps.shape == (length,) and bool((taps == np.arange(length)).all()):
            return node
        return self.builder.axis_map(node, dim, taps, self.name)

    def reduce(self, node: int, dims: Sequence[int], *, keepdims: bool) -> int:
        """Adds a reduction over whole axes, or nothing over none."""
        return self.builder.reduce(node, dims, keepdims, self.name) if dims else node

    def everything(self, node: int, shape: Sequence[int]) -> int:
        """Adds nodes in which every position of `shape` sees all of `node`."""
        rank = len(self.builder.shape(node))
        reduced = self.reduce(node, range(rank), keepdims=False)
        return self.builder.elementwise((reduced,), shape, self.name)

    def bounded(self, node: int, note: str) -> int:
        """Adds a node that passes everything on, and says why that is only an upper bound."""
        shape = self.builder.shape(node)
        text = f"{self.name}: {note}"
        return self.builder.add(Elementwise(), (node,), shape, self.name, text, exact=False)

    def fits(self, constant: Constant) -> bool:
        """Whether a constant is small enough to look for zeros in it."""
        return constant.size <= LARGEST_PATTERN

    def unread(self, node: int, constant: Constant) -> int:
        """Adds a node that says that a constant was too large to look for zeros in it."""
        return self.bounded(
            node,
            f"a constant of {constant.size} elements is taken as non-zero everywhere, "
            "an upper bound",
        )

    def indices(self, constant: Constant) -> NDArray[np.int64] | None:
        """The values of an index operand, or None where nobody knows them."""
        if constant.hidden:
            return None
        if not self.fits(constant):
            raise self.refused(f"its table of {constant.size} indices is too large to be read")
        return np.asarray(constant.array(), dtype=np.int64)

    def refused(self, reason: str) -> UnsupportedOpError:
        """The error that says why this primitive has no exact rule here."""
        return UnsupportedOpError(self.name, self.builder.layer, reason)


Rule = Callable[[Call], int | Value | Sequence[int | Value]]
"""From a primitive to the node or value of its result, or one per result."""

"""A small framework-neutral graph of what depends on what.

A backend translates one forward pass into this graph; `pullback.py` walks it backwards.
Only values that depend on the measured input are nodes: weights, constants and everything
computed from them alone leave no node, at most a `Pattern` on the op that uses them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfcore.ops import (
    AxisMap,
    Concatenate,
    Contract,
    Cumulative,
    Elementwise,
    Gather,
    Input,
    Mask,
    Op,
    Opaque,
    Overwrite,
    Pattern,
    Reduce,
    Reshape,
    Shape,
    Transpose,
    Window,
    WindowAxis,
)

__all__ = [
    "AxisMap",
    "Concatenate",
    "Contract",
    "Cumulative",
    "Elementwise",
    "Gather",
    "Graph",
    "GraphBuilder",
    "Input",
    "Mask",
    "Node",
    "Op",
    "Opaque",
    "Overwrite",
    "Pattern",
    "Reduce",
    "Reshape",
    "Transpose",
    "Window",
    "WindowAxis",
]

# Axes of the input.
Order = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One value that depends on the input.

    Attributes:
        op: How it depends on its operands.
        inputs: Indices of the operand nodes.
        shape: Its full shape, batch and channels included.
        name: The framework's name of the op, for messages.
        layer: The user's name of the layer that made it, for messages.
        note: What a reader of a result that passed here should know.
        exact: Whether the rule gives the true dependence; where not, the note says why.
    """

    op: Op
    inputs: tuple[int, ...]
    shape: Shape
    name: str = ""
    layer: str = ""
    note: str = ""
    exact: bool = True

    @property
    def label(self) -> str:
        """The op and its layer, as messages name them."""
        return f"{self.name} in {self.layer!r}" if self.layer else self.name


@dataclass(frozen=True)
class Graph:
    """Nodes in execution order; node 0 is the input.

    Attributes:
        nodes: The nodes, as walks go through them.
        traced: They as the framework has them, where that is another way to say the same.
    """

    nodes: tuple[Node, ...]
    traced: tuple[Node, ...] = ()

    @property
    def as_traced(self) -> Graph:
        """What two traces of one model are compared by."""
        return Graph(self.traced) if self.traced else self

    @cached_property
    def axis_orders(self) -> Mapping[int, Order]:
        """For each node that it is plain of, which axis of the input each of its axes is.

        Such an axis holds positions along its own axis of the input, and along no other.
        """
        orders = {0: tuple(range(len(self.nodes[0].shape)))}
        for index, node in enumerate(self.nodes[1:], start=1):
            sources = [orders[source] for source in node.inputs if source in orders]
            order = _order(node, sources) if len(sources) == len(node.inputs) else None
            if order is not None:
                orders[index] = order
        return orders

    @cached_property
    def remarkable(self) -> frozenset[int]:
        """The nodes that a reader may want to hear of, or that not all outputs may see alike."""
        return frozenset(index for index, node in enumerate(self.nodes) if not _is_plain(node))

    def keeps_axes_in_place(self, output: int) -> bool:
        """Whether no op before a node moves an axis to another place, or all are moved back."""
        return self.axis_orders.get(output) == self.axis_orders[0]

    def origins(self) -> list[int]:
        """For each node the first one whose positions it hands on one by one, or itself.

        Activations and the like: whoever asks what they depend on may ask their origin.
        """
        origins: list[int] = []
        for index, node in enumerate(self.nodes):
            passes = (
                isinstance(node.op, Elementwise)
                and not node.op.gates
                and len(node.inputs) == 1
                and self.nodes[node.inputs[0]].shape == node.shape
                and node.exact
                and not node.note
            )
            origins.append(origins[node.inputs[0]] if passes else index)
        return origins

    def ancestors(self, output: int) -> list[int]:
        """The nodes that `output` depends on, itself included, in execution order."""
        needed = {output}
        for index in range(output, -1, -1):
            if index in needed:
                needed.update(self.nodes[index].inputs)
        return sorted(needed)


def _order(node: Node, sources: Sequence[Order]) -> Order | None:
    """Which axis of the input each axis of a node is, if that is plain from those of its inputs."""
    op = node.op
    if isinstance(op, Reshape | Contract | Gather | Opaque):
        return None
    longest = max(sources, key=len)
    if isinstance(op, Transpose):
        return tuple(longest[dim] for dim in op.order)
    if isinstance(op, Reduce) and not op.keepdims:
        return tuple(axis for dim, axis in enumerate(longest) if dim not in op.dims)
    # Values of lower rank are broadcast: their axes are the last ones.
    aligned = all(order == longest[len(longest) - len(order) :] for order in sources)
    return longest if aligned and len(longest) == len(node.shape) else None


def _is_plain(node: Node) -> bool:
    op = node.op
    everyday = isinstance(op, Input | Elementwise | Window | Transpose | Concatenate)
    gated = isinstance(op, Elementwise) and bool(op.gates)
    return everyday and not gated and node.exact and not node.note


@dataclass(slots=True)
class GraphBuilder:
    """Collects nodes during a trace; `layer` is stamped on each node that is added."""

    input_shape: Shape
    layer: str = ""
    nodes: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nodes.append(Node(Input(), (), self.input_shape, "input"))

    def add(
        self,
        op: Op,
        inputs: Sequence[int],
        shape: Sequence[int],
        name: str,
        note: str = "",
        exact: bool = True,
    ) -> int:
        """Appends a node and returns its index."""
        node = Node(op, tuple(inputs), tuple(map(int, shape)), name, self.layer, note, exact)
        self.nodes.append(node)
        return len(self.nodes) - 1

    def shape(self, index: int) -> Shape:
        """The shape of a node added before."""
        return self.nodes[index].shape

    def elementwise(self, inputs: Sequence[int], shape: Sequence[int], name: str) -> int:
        """Adds an ungated elementwise (or broadcasting) op."""
        return self.add(Elementwise(), inputs, shape, name)

    def reshape(self, value: int, shape: Sequence[int], name: str) -> int:
        """Adds a reshape, or nothing where the shape stays."""
        if math.prod(shape) != math.prod(self.shape(value)):
            raise ValueError(f"cannot reshape {self.shape(value)} to {tuple(shape)}")
        if tuple(shape) == self.shape(value):
            return value
        return self.add(Reshape(), (value,), shape, name)

    def transpose(self, value: int, order: Sequence[int], name: str) -> int:
        """Adds a permutation of axes."""
        source = self.shape(value)
        return self.add(Transpose(tuple(order)), (value,), [source[i] for i in order], name)

    def axis_map(self, value: int, dim: int, taps: NDArray[Any], name: str) -> int:
        """Adds a map along one axis; `taps` of shape (n,) means one tap per output."""
        table = np.asarray(taps, dtype=np.int64)
        table = table[:, None] if table.ndim == 1 else table
        shape = list(self.shape(value))
        shape[dim] = table.shape[0]
        return self.add(AxisMap(dim, table), (value,), shape, name)

    def reduce(self, value: int, dims: Sequence[int], keepdims: bool, name: str) -> int:
        """Adds a reduction over whole axes."""
        shape = self.shape(value)
        kept = [1 if d in dims else n for d, n in enumerate(shape)]
        result = kept if keepdims else [n for d, n in enumerate(shape) if d not in dims]
        return self.add(Reduce(tuple(dims), keepdims), (value,), result, name)

    def mix(self, value: int, dims: Sequence[int], shape: Sequence[int], name: str) -> int:
        """Adds an op whose every output along `dims` sees all inputs along `dims`."""
        return self.elementwise((self.reduce(value, dims, True, name),), shape, name)

    def window(self, value: int, op: Window, shape: Sequence[int], name: str) -> int:
        """Adds a convolution or pooling."""
        return self.add(op, (value,), shape, name)

    def finish(self) -> Graph:
        """The graph collected so far."""
        return Graph(tuple(self.nodes))

"""A small framework-neutral graph of what depends on what.

A backend translates one forward pass into this graph; `pullback.py` walks it backwards.
Only values that depend on the measured input are nodes: weights, constants and everything
computed from them alone leave no node, at most a `Pattern` on the op that uses them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

Mask = NDArray[np.bool_]
Shape = tuple[int, ...]


class Pattern:
    """Where a constant operand is non-zero, read only when the answer may depend on it.

    Args:
        load: Returns a boolean array, or None where the constant is dense. A weight that is
            entirely zero is untrained, which counts as dense too. Called at most once.
    """

    __slots__ = ("_load", "_loaded", "_value")

    def __init__(self, load: Callable[[], Mask | None]) -> None:
        self._load = load
        self._loaded = False
        self._value: Mask | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was read, and every entry counts."""
        return self._loaded and self._value is None

    def read(self) -> Mask | None:
        """The pattern, or None where every entry counts."""
        if not self._loaded:
            value = booleans(self._load())
            self._value = None if value is None or bool(value.all()) else value
            self._loaded = True
        return self._value


def booleans(loaded: object) -> Mask | None:
    """What a pattern loaded, unless it is none: zeros of another type would be found nowhere."""
    if loaded is None or (isinstance(loaded, np.ndarray) and loaded.dtype == bool):
        return loaded
    kind = loaded.dtype if isinstance(loaded, np.ndarray) else type(loaded).__name__
    raise TypeError(f"its pattern is of type {kind}, not an array of booleans")


@dataclass(frozen=True, slots=True)
class Op:
    """Base of the op kinds: how an output position depends on operand positions."""


@dataclass(frozen=True, slots=True)
class Input(Op):
    """The measured input itself; always node 0."""


@dataclass(frozen=True, slots=True)
class Elementwise(Op):
    """Same position in every operand, with broadcasting aligned at the last axis.

    Attributes:
        gates: Where the result depends on each operand at all (a constant factor that is zero
            elsewhere, a constant `where` predicate), broadcastable to the result; None for
            everywhere. Empty for no gates.
    """

    gates: tuple[Pattern | None, ...] = ()


@dataclass(frozen=True, slots=True)
class WindowAxis:
    """One spatial axis of a window op.

    Output j sees the positions `j * stride - low + tap * dilation` of its input after
    `base_dilation - 1` gaps were put between neighbours (transposed convolution).
    """

    dim: int
    kernel_size: int
    stride: int = 1
    dilation: int = 1
    low: int = 0
    base_dilation: int = 1


@dataclass(frozen=True, slots=True)
class Window(Op):
    """Convolution, transposed convolution or pooling.

    Attributes:
        axes: The spatial axes.
        channel_dim: The axis of channels, mixed within each group; None keeps channels apart.
        groups: Number of channel groups.
        pattern: Non-zero kernel entries, shape (out_channels, in_channels // groups, *kernel).
    """

    axes: tuple[WindowAxis, ...]
    channel_dim: int | None = None
    groups: int = 1
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Reduce(Op):
    """Any function over whole axes (sum, mean, max, norm statistics), kept or dropped."""

    dims: tuple[int, ...]
    keepdims: bool = True


@dataclass(frozen=True, slots=True)
class Cumulative(Op):
    """Output i along `dim` sees the inputs up to and including i (from i on if `reverse`)."""

    dim: int
    reverse: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AxisMap(Op):
    """Output i along `dim` sees the inputs `taps[i]`; -1 stands for none.

    Slices, crops, padding of every kind, rolls, flips, repeats, resizing and gathers along one
    axis are all of this kind.

    Attributes:
        taps: Integer array of shape (output length, taps per output).
    """

    dim: int
    taps: NDArray[np.int64]

    @property
    def mirrors(self) -> bool:
        """Whether later outputs see earlier inputs."""
        return bool(self.taps[0, 0] > self.taps[-1, -1] >= 0)


@dataclass(frozen=True, slots=True)
class Reshape(Op):
    """The same values in the same order under another shape."""


@dataclass(frozen=True, slots=True)
class Transpose(Op):
    """Output axis i is input axis `order[i]`."""

    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Concatenate(Op):
    """Operands one after the other along `dim`, constant ones left out.

    Attributes:
        starts: Where each dependent operand begins.
    """

    dim: int
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Contract(Op):
    """A sum of products in Einstein notation: matmul, einsum, attention, dense layers.

    Attributes:
        operands: Labels of each dependent operand's axes.
        result: Labels of the result's axes.
        constant: Labels of the one constant operand's axes, if there is one.
        pattern: Where that constant operand is non-zero.
    """

    operands: tuple[tuple[int, ...], ...]
    result: tuple[int, ...]
    constant: tuple[int, ...] = ()
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Gather(Op):
    """Output position i, flattened, sees the flattened inputs `taps[i]`; -1 stands for none."""

    taps: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Overwrite(Op):
    """A base with a box of it replaced by another value (writes through views).

    Attributes:
        starts: First written index per axis.
        counts: Written indices per axis.
        steps: Their spacing per axis.
        operands: Which of "base" and "value" depend on the input, in operand order.
    """

    starts: tuple[int, ...]
    counts: tuple[int, ...]
    steps: tuple[int, ...]
    operands: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Opaque(Op):
    """An op without a rule, pulled back by its framework's own vector-Jacobian product.

    Attributes:
        pull: Takes one full boolean mask of the output's shape and returns one full boolean
            mask per operand.
    """

    pull: Callable[[Mask], Sequence[Mask]]


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


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in execution order; node 0 is the input."""

    nodes: tuple[Node, ...]

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

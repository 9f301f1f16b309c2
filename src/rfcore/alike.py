"""Axes that a network treats alike: what outputs see along one of them, they see along the other.

Most networks do to the width of an image what they do to its height. Where nothing changes if two
axes of the input change places, a walk along one of them has told about both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from rfcore.graph import (
    AxisMap,
    Concatenate,
    Contract,
    Elementwise,
    Graph,
    Input,
    Node,
    Op,
    Reduce,
    Reshape,
    Transpose,
    Window,
)
from rfcore.masks import Shape
from rfcore.questions import Question
from rfcore.sparse_kernels import is_dense_to_all
from rfcore.walk import Elastic

__all__ = ["Swap", "swaps"]

Places = tuple[int, ...]
"""The axes of a value that change places when those of the input do; none if it holds neither."""

NEITHER: Places = ()


@dataclass(slots=True)
class Swap:
    """Two axes of a graph's input that change places, and the values that stay what they are.

    Attributes:
        graph: The graph.
        elastic: For each node, which axes follow the input's size.
        axes: The two axes.
    """

    graph: Graph
    elastic: Elastic
    axes: tuple[int, int]
    # For each node; None where it becomes another value.
    _places: list[Places | None] = field(default_factory=list, init=False)
    # Maps along one of the axes, whose values are other ones until the other is mapped too.
    _halves: set[int] = field(default_factory=set, init=False)
    # For each node up to the last that was asked about, of all that is before it: have constants
    # no zeros, or none that matter to who asks for all channels, as everybody does?
    _dense: list[bool] = field(default_factory=list, init=False)
    _even: list[bool] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        for index, node in enumerate(self.graph.nodes):
            kept = self._mapped(index, node) if isinstance(node.op, AxisMap) else self._kept(node)
            self._places.append(kept if kept is not None and self._is_square(index, kept) else None)

    def tells_of_both(self, question: Question) -> bool:
        """Whether a question is about the first axis, and may tell about the second."""
        places = self._places[question.node]
        return places is not None and places != NEITHER and question.dims == places[:1]

    def twin(self, question: Question) -> Question | None:
        """What to ask about the first axis instead of a question about the second."""
        places = self._places[question.node]
        if not places or question.dims != places[1:] or self._halves & question.walker.cut:
            return None
        return replace(question, dims=places[:1])

    def keeps(self, nodes: Iterable[int]) -> bool:
        """Whether some values are the same with the axes swapped, constants included.

        Walks read constants, so that it is asked after one; what was not read may have zeros.
        """
        return all(self._places[node] is not None and self._has_no_holes(node) for node in nodes)

    def _has_no_holes(self, node: int) -> bool:
        """Whether no constant before a node has zeros that could be others along the other axis."""
        for index in range(len(self._dense), node + 1):
            known = self.graph.nodes[index]
            dense, even = _is_dense(known.op), self._is_even(index, known)
            self._dense.append(dense and all(self._dense[source] for source in known.inputs))
            self._even.append(even and all(self._even[source] for source in known.inputs))
        return self._dense[node] or self._even[node]

    def _is_even(self, index: int, node: Node) -> bool:
        """Whether a node is dense to masks over all channels, and keeps them what they are."""
        if isinstance(node.op, AxisMap):
            return index in self._halves or node.inputs[0] in self._halves
        return _is_even(node.op)

    def _is_square(self, index: int, places: Places) -> bool:
        """Whether a value is as long along both axes, and follows the input's size along both."""
        if places == NEITHER:
            return True
        one, other = places
        shape, flags = self.graph.nodes[index].shape, self.elastic.get(index)
        return shape[one] == shape[other] and (flags is None or flags[one] == flags[other])

    def _mapped(self, index: int, node: Node) -> Places | None:
        """Where the axes are behind a map along one axis."""
        assert isinstance(node.op, AxisMap)
        source, dim = node.inputs[0], node.op.dim
        if source not in self._halves:
            places = self._places[source]
            if places is None or dim not in places:
                return places
            if node.op.taps.size and node.op.taps.max() >= 0:
                # If it saw nothing at all, walks would end at the one map or the other.
                self._halves.add(index)
            return None
        first = self.graph.nodes[source]
        assert isinstance(first.op, AxisMap)
        places = self._places[first.inputs[0]]
        assert places is not None
        as_before = self.elastic.get(source) == self.elastic.get(index)
        completed = {dim, first.op.dim} == {*places} and np.array_equal(node.op.taps, first.op.taps)
        return places if as_before and completed else None

    def _kept(self, node: Node) -> Places | None:
        """Where the axes are behind any other op, if it does the same to both."""
        if not node.inputs:
            return self.axes
        sources = [self._places[source] for source in node.inputs]
        places = [known for known in sources if known is not None]
        if len(places) < len(sources):
            return None
        if not any(places):
            return NEITHER
        shapes = [self.graph.nodes[source].shape for source in node.inputs]
        if isinstance(node.op, Elementwise):
            return _broadcast(places, shapes, node.shape)
        if isinstance(node.op, Concatenate):
            return places[0] if len(set(places)) == 1 else None
        return _behind(node.op, places[0], shapes[0]) if len(places) == 1 else None


def swaps(graph: Graph, elastic: Elastic) -> list[Swap]:
    """Two axes each of a graph's input that may change places: they have the same length."""
    shape = graph.nodes[0].shape
    pairs = combinations(range(len(shape)), 2)
    return [Swap(graph, elastic, (a, b)) for a, b in pairs if shape[a] == shape[b] > 1]


def _is_dense(op: Op) -> bool:
    """Whether an op's constants are known to have no zeros that may lie along the axes."""
    if isinstance(op, Elementwise):
        return all(gate is None or gate.is_open for gate in op.gates)
    if isinstance(op, Window) and any(axis.kernel_size > 1 for axis in op.axes):
        return op.pattern is None or op.pattern.is_open
    return True


def _is_even(op: Op) -> bool:
    """As `Swap._is_even`, for an op of any kind but maps along an axis."""
    if isinstance(op, Elementwise):
        return _is_dense(op)
    if isinstance(op, Window):
        return is_dense_to_all(op)
    if isinstance(op, Contract):
        return op.pattern is None or op.pattern.is_open
    return isinstance(op, Input | Reduce | Reshape | Transpose | Concatenate)


def _broadcast(places: Sequence[Places], shapes: Sequence[Shape], result: Shape) -> Places | None:
    """Where the axes are behind an elementwise op: in the same place, counted from the last."""
    ranks = {*map(len, shapes)}
    if len({*places}) == len(ranks) == 1:
        # Nearly all of them are of this kind.
        return places[0]
    found: set[Places] = set()
    for known, shape in zip(places, shapes, strict=True):
        if known:
            found.add(tuple(dim + len(result) - len(shape) for dim in known))
    if len(found) > 1:
        return None
    (together,) = found
    for known, shape in zip(places, shapes, strict=True):
        held = [dim - len(result) + len(shape) for dim in together]
        if not known and any(shape[dim] > 1 for dim in held if dim >= 0):
            return None
    return together


def _behind(op: object, places: Places, shape: Shape) -> Places | None:
    """Where the axes are behind an op of one operand, if it does the same to both.

    Args:
        op: The op.
        places: Where the operand has them.
        shape: The operand's shape.
    """
    if isinstance(op, Window):
        windows = [[replace(axis, dim=0) for axis in op.axes if axis.dim == dim] for dim in places]
        return places if windows[0] == windows[1] and op.channel_dim not in places else None
    if isinstance(op, Transpose):
        return tuple(op.order.index(dim) for dim in places)
    if isinstance(op, Reduce):
        reduced = [dim in op.dims for dim in places]
        if any(reduced) and not all(reduced):
            return None
        if op.keepdims:
            return places
        left = [dim for dim in range(len(shape)) if dim not in op.dims]
        return NEITHER if all(reduced) else tuple(left.index(dim) for dim in places)
    if isinstance(op, Contract):
        labels = [op.operands[0][dim] for dim in places]
        once = all(op.operands[0].count(label) == op.result.count(label) == 1 for label in labels)
        kept = once and not any(label in op.constant for label in labels)
        return tuple(op.result.index(label) for label in labels) if kept else None
    if isinstance(op, Reshape) and all(shape[dim] == 1 for dim in places):
        return NEITHER
    return None

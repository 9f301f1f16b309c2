"""Which axes carry position into ops that reduce them, found by probing one graph.

An axis of an op's operand carries position if one index of it sees less of the input than all of
them do. Where two traces tell which axes are elastic nobody has to ask; this is for models of one
fixed size, and for outputs of a size of their own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rfcore.ahead import Ahead
from rfcore.global_paths import reduced_dims
from rfcore.graph import Cumulative, Node, Reduce
from rfcore.questions import Question
from rfcore.walk import Elastic, Walker, sees_less

__all__ = ["Carrying", "tells_apart"]

Dims = Mapping[int, Sequence[int]]

# Times that all ops are asked about together, before each is asked by itself.
ROUNDS = 4


@dataclass(slots=True)
class Carrying:
    """The reducing ops of one graph, each probed once for all outputs behind it.

    Attributes:
        walker: The uncut walk over the graph.
        axes: The spatial axes of the input.
    """

    walker: Walker
    axes: Sequence[int]
    _lost: dict[int, Dims] = field(default_factory=dict, init=False)
    # For each node the ops before it, or itself, that lose position.
    _losing: dict[int, frozenset[int]] = field(default_factory=dict, init=False)

    def elastic(self, output: int) -> Elastic:
        """For each node before an output, which of its axes carry position and lose it.

        Args:
            output: The node whose field is asked for.
        """
        nodes = self.walker.graph.nodes
        before = self.walker.graph.ancestors(output)
        self._probe([index for index in before if index not in self._lost])
        elastic: dict[int, tuple[bool, ...]] = {}
        for index in before:
            lost = self._lost[index]
            for source, dims in lost.items():
                known = elastic.get(source, (False,) * len(nodes[source].shape))
                elastic[source] = tuple(flag or dim in dims for dim, flag in enumerate(known))
            if lost and isinstance(nodes[index].op, Cumulative):
                elastic[index] = elastic[nodes[index].inputs[0]]
        return elastic

    def _probe(self, indices: Sequence[int]) -> None:
        """Probes the ops at some nodes; all before them are probed already or among them."""
        ahead, left, rounds = Ahead(), deque(indices), 0
        guessed = frozenset(filter(self._averages, indices))
        while left:
            if rounds < ROUNDS:
                ahead.ask(self._questions(left, guessed))
            rounds += 1
            while left:
                index = left.popleft()
                before = self._before(index, self._losing)
                self._lost[index] = self._positions_lost(index, before, ahead)
                self._losing[index] = before | {index} if self._lost[index] else before
                if bool(self._lost[index]) != (index in guessed) and rounds < ROUNDS:
                    # Once fields are as wide as the input, later means lose nothing any more.
                    guessed = frozenset(op for op, lost in self._lost.items() if lost)
                    break

    def _before(self, index: int, losing: Mapping[int, frozenset[int]]) -> frozenset[int]:
        """The ops before a node that lose position, as told of the nodes it reads."""
        sources = self.walker.graph.nodes[index].inputs
        return frozenset[int]().union(*(losing[source] for source in sources))

    def _local(self, cut: frozenset[int]) -> Walker:
        """Behind an op that makes everything global only the local paths still tell."""
        return replace(self.walker, cut=self.walker.cut | cut) if cut else self.walker

    def _averages(self, index: int) -> bool:
        """Whether an op is a mean or the like over a spatial axis of the input."""
        nodes = self.walker.graph.nodes
        op = nodes[index].op
        return isinstance(op, Reduce) and any(
            dim in op.dims and nodes[nodes[index].inputs[0]].shape[dim] > 1 for dim in self.axes
        )

    def _questions(self, indices: Iterable[int], guessed: frozenset[int]) -> Iterable[Question]:
        """What the middle of each reduced axis sees, and all of it, the guessed ops being cut."""
        nodes = self.walker.graph.nodes
        cut: dict[int, frozenset[int]] = {}
        for index in range(len(nodes)):
            before = self._before(index, cut)
            cut[index] = before | {index} if index in guessed or self._lost.get(index) else before
        asked: dict[tuple[int, int | None], Question] = {}
        for index in indices:
            for source, dims in self._dims_in_question(nodes[index]):
                walker = self._local(cut[source])
                for dim in dims:
                    asked[source, dim] = Question.middle(walker, source, dim)
                    asked[source, None] = Question.whole(walker, source)
        return asked.values()

    def _dims_in_question(self, node: Node) -> Iterator[tuple[int, list[int]]]:
        """The operands of a reducing op, with those axes that it reduces which may hold positions.

        Channels do not, unless something like a reshape brought positions there.
        """
        graph = self.walker.graph
        for source, dims in reduced_dims(node):
            order, shape = graph.axis_orders.get(source), graph.nodes[source].shape
            held = [dim for dim in dims if order is None or order[dim] in self.axes]
            yield source, [dim for dim in held if shape[dim] > 1]

    def _positions_lost(self, index: int, before: frozenset[int], ahead: Ahead) -> Dims:
        """The operands' axes that carry position into a reducing op whose result carries none."""
        node = self.walker.graph.nodes[index]
        carrying: dict[int, list[int]] = {}
        carried = np.zeros(len(self.axes), bool)
        for source, dims in self._dims_in_question(node):
            walker = self._local(self._losing[source])
            for dim in dims:
                told = tells_apart(walker, source, dim, self.axes, ahead)
                if any(told):
                    carrying.setdefault(source, []).append(dim)
                    carried |= told
        if not carrying or isinstance(node.op, Cumulative):
            return carrying
        walker, kept = self._local(before), np.zeros(len(self.axes), bool)
        for dim, n in enumerate(node.shape):
            # On a small map the middle may see everything where the ends do not.
            for position in {0, n // 2, n - 1} if n > 1 else ():
                kept |= walker.tells_apart(index, dim, self.axes, position)
        return carrying if (carried & ~kept).any() else {}


def tells_apart(
    walker: Walker, node: int, dim: int, axes: Sequence[int], ahead: Ahead | None
) -> tuple[bool, ...]:
    """As `Walker.tells_apart` of the middle of an axis, if need be without a walk."""
    if ahead is not None:
        one = ahead.told(Question.middle(walker, node, dim))
        every = ahead.told(Question.whole(walker, node))
        if one is not None and every is not None:
            return sees_less(one.mask, every.mask, axes)
    return walker.tells_apart(node, dim, axes)

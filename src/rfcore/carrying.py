"""Which axes carry position into ops that reduce them, found by probing one graph.

An axis of an op's operand carries position if one index of it sees less of the input than all of
them do. Where two traces tell which axes are elastic nobody has to ask; this is for models of one
fixed size, and for outputs of a size of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rfcore.ahead import Ahead, Question
from rfcore.global_paths import reduced_dims
from rfcore.graph import Cumulative
from rfcore.walk import Elastic, Walker, sees_less

__all__ = ["Carrying", "tells_apart"]

Dims = Mapping[int, Sequence[int]]


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
    _behind: dict[int, bool] = field(default_factory=dict, init=False)

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
        ahead = Ahead()
        ahead.ask(self._questions(indices))
        nodes = self.walker.graph.nodes
        for index in indices:
            behind = any(self._behind.get(source, False) for source in nodes[index].inputs)
            # Behind an op that makes everything global only the local paths still tell.
            found = frozenset(op for op, lost in self._lost.items() if lost) if behind else ()
            local = replace(self.walker, cut=self.walker.cut | frozenset(found))
            self._lost[index] = _positions_lost(local, index, self.axes, ahead)
            self._behind[index] = behind or bool(self._lost[index])

    def _questions(self, indices: Iterable[int]) -> Iterable[Question]:
        """What the middle of each reduced axis sees, and all of it, before any op is cut."""
        nodes, walker = self.walker.graph.nodes, self.walker
        asked: dict[tuple[int, int | None], Question] = {}
        for index in indices:
            for source, dims in reduced_dims(nodes[index]):
                for dim in dims:
                    middle = nodes[source].shape[dim] // 2
                    asked[source, dim] = Question(walker, source, dim, (middle,))
                    asked[source, None] = Question(walker, source, None, (0,))
        return asked.values()


def tells_apart(
    walker: Walker, node: int, dim: int, axes: Sequence[int], ahead: Ahead | None
) -> tuple[bool, ...]:
    """As `Walker.tells_apart` of the middle of an axis, if need be without a walk."""
    if ahead is not None:
        middle = walker.graph.nodes[node].shape[dim] // 2
        one = ahead.told(walker, node, dim, (middle,))
        every = ahead.told(walker, node, None, (0,))
        if one is not None and every is not None:
            return sees_less(one.mask, every.mask, axes)
    return walker.tells_apart(node, dim, axes)


def _positions_lost(walker: Walker, index: int, axes: Sequence[int], ahead: Ahead) -> Dims:
    """The operands' axes that carry position into a reducing op, if its result carries none."""
    node = walker.graph.nodes[index]
    carrying: dict[int, list[int]] = {}
    carried = np.zeros(len(axes), bool)
    for source, dims in reduced_dims(node):
        shape = walker.graph.nodes[source].shape
        for dim in dims:
            told = tells_apart(walker, source, dim, axes, ahead) if shape[dim] > 1 else ()
            if any(told):
                carrying.setdefault(source, []).append(dim)
                carried |= told
    if not carrying or isinstance(node.op, Cumulative):
        return carrying
    kept = np.zeros(len(axes), bool)
    for dim, n in enumerate(node.shape):
        # On a small map the middle may see everything where the ends do not.
        for position in {0, n // 2, n - 1} if n > 1 else ():
            kept |= walker.tells_apart(index, dim, axes, position)
    return carrying if (carried & ~kept).any() else {}

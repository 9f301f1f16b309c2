"""Which ops make a field global: reductions over an axis that follows the input's size."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from rfcore.ahead import Ahead, Question
from rfcore.graph import AxisMap, Contract, Cumulative, Graph, Node, Opaque, Reduce, Window
from rfcore.walk import Elastic, Walker, sees_less

__all__ = ["elastic_by_probing", "global_ops", "ignored_ops"]


def global_ops(graph: Graph, output: int, elastic: Elastic) -> list[int]:
    """The ops before `output` that can see an axis to its end, however long it is.

    Args:
        graph: The graph.
        output: The node whose field is asked for.
        elastic: Which axes of each node follow the input's size.
    """
    return [
        index
        for index in graph.ancestors(output)
        if _reduces(graph.nodes[index], elastic)
        or _accumulates(graph.nodes[index], elastic)
        or _pools_to_fixed_grid(graph.nodes[index], index, elastic)
    ]


def ignored_ops(graph: Graph, output: int, elastic: Elastic) -> frozenset[int]:
    """The ops that `global_paths="ignore"` cuts: reductions over a whole spatial axis.

    Running sums and ops without a rule are not among them: a path through those need not be
    global.
    """
    return frozenset(
        index
        for index in graph.ancestors(output)
        if _reduces(graph.nodes[index], elastic)
        or _pools_to_fixed_grid(graph.nodes[index], index, elastic)
    )


def elastic_by_probing(walker: Walker, output: int, axes: Iterable[int]) -> Elastic:
    """Which reduced axes carry position, found by probing, for a model of one fixed size.

    An axis of an op's operand carries position if one index of it sees less of the input than
    all of them do.

    Args:
        walker: The uncut walk over the model's only graph.
        output: The node whose field is asked for.
        axes: The spatial axes of the input.
    """
    graph = walker.graph
    spatial = tuple(axes)
    ahead = _carried_ahead(walker, output)
    elastic: dict[int, tuple[bool, ...]] = {}
    found: list[int] = []
    for index in graph.ancestors(output):
        node = graph.nodes[index]
        # Behind an op that makes everything global only the local paths still tell.
        local = replace(walker, cut=walker.cut | frozenset(found))
        lost = _positions_lost(local, index, spatial, ahead)
        for source, dims in lost.items():
            before = elastic.get(source, (False,) * len(graph.nodes[source].shape))
            elastic[source] = tuple(flag or dim in dims for dim, flag in enumerate(before))
        if lost:
            found.append(index)
            if isinstance(node.op, Cumulative):
                elastic[index] = elastic[node.inputs[0]]
    return elastic


def _carried_ahead(walker: Walker, output: int) -> Ahead:
    """What the middle of each reduced axis sees, and all of it, before any op is cut."""
    ahead, nodes = Ahead(), walker.graph.nodes
    questions: dict[tuple[int, int | None], Question] = {}
    for index in walker.graph.ancestors(output):
        for source, dims in _reduced_dims(nodes[index]):
            for dim in dims:
                middle = nodes[source].shape[dim] // 2
                questions[source, dim] = Question(walker, source, dim, (middle,))
                questions[source, None] = Question(walker, source, None, (0,))
    ahead.ask(questions.values())
    return ahead


def _told_apart(
    walker: Walker, source: int, dim: int, axes: Sequence[int], ahead: Ahead
) -> tuple[bool, ...]:
    middle = walker.graph.nodes[source].shape[dim] // 2
    one = ahead.told(walker, source, dim, (middle,))
    every = ahead.told(walker, source, None, (0,))
    if one is None or every is None:
        return walker.tells_apart(source, dim, axes)
    return sees_less(one.mask, every.mask, axes)


def _positions_lost(
    walker: Walker, index: int, axes: Sequence[int], ahead: Ahead
) -> dict[int, list[int]]:
    """The operands' axes that carry position into a reducing op, if its result carries none."""
    node = walker.graph.nodes[index]
    carrying: dict[int, list[int]] = {}
    carried = np.zeros(len(axes), bool)
    for source, dims in _reduced_dims(node):
        shape = walker.graph.nodes[source].shape
        for dim in dims:
            told = _told_apart(walker, source, dim, axes, ahead) if shape[dim] > 1 else ()
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


def _reduced_dims(node: Node) -> Iterator[tuple[int, Collection[int]]]:
    """The operands of a reducing op, with their axes that it reduces."""
    if isinstance(node.op, Reduce):
        yield node.inputs[0], node.op.dims
    elif isinstance(node.op, Cumulative):
        yield node.inputs[0], (node.op.dim,)
    elif isinstance(node.op, Window) and node.op.channel_dim is not None:
        yield node.inputs[0], (node.op.channel_dim,)
    elif isinstance(node.op, Contract):
        for source, labels in zip(node.inputs, node.op.operands, strict=True):
            yield source, [d for d, label in enumerate(labels) if label not in node.op.result]


def _reduces(node: Node, elastic: Elastic) -> bool:
    if isinstance(node.op, Cumulative):
        return False
    return any(
        flags[dim]
        for source, dims in _reduced_dims(node)
        if (flags := elastic.get(source))
        for dim in dims
    )


def _accumulates(node: Node, elastic: Elastic) -> bool:
    if isinstance(node.op, Cumulative):
        flags = elastic.get(node.inputs[0], ())
        return bool(flags) and flags[node.op.dim]
    return isinstance(node.op, Opaque) and any(
        any(elastic.get(source, ())) for source in node.inputs
    )


def _pools_to_fixed_grid(node: Node, index: int, elastic: Elastic) -> bool:
    """An adaptive pooling: the whole of an elastic axis goes into a fixed number of outputs."""
    if not isinstance(node.op, AxisMap):
        return False
    before, after = elastic.get(node.inputs[0], ()), elastic.get(index, ())
    if not before or not after or not before[node.op.dim] or after[node.op.dim]:
        return False
    return len(np.unique(node.op.taps)) > 2 * len(node.op.taps)

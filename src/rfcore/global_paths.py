"""Which ops make a field global: reductions over an axis that follows the input's size."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from rfcore.graph import AxisMap, Contract, Cumulative, Graph, Node, Opaque, Reduce, Window
from rfcore.walk import Elastic

__all__ = ["global_ops", "ignored_ops", "reduced_dims"]


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


def reduced_dims(node: Node) -> Iterator[tuple[int, Collection[int]]]:
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
        for source, dims in reduced_dims(node)
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

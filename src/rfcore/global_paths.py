"""Which ops make a field global: reductions over an axis that follows the input's size."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from rfcore.graph import (
    AxisMap,
    Contract,
    Cumulative,
    Elementwise,
    Graph,
    Node,
    Opaque,
    Reduce,
    Window,
)
from rfcore.walk import Elastic

__all__ = ["global_ops", "ignored_ops", "reduced_dims"]


def global_ops(graph: Graph, output: int, elastic: Elastic) -> list[int]:
    """The ops before `output` that can see an axis to its end, however long it is.

    Args:
        graph: The graph.
        output: The node whose field is asked for.
        elastic: Which axes of each node follow the input's size.
    """
    nodes = graph.nodes
    return [
        index
        for index in graph.ancestors(output)
        if _reduces(nodes[index], index, elastic) or _accumulates(nodes[index], elastic)
    ]


def ignored_ops(graph: Graph, output: int, elastic: Elastic) -> frozenset[int]:
    """The ops that `global_paths="ignore"` cuts: reductions over a whole spatial axis.

    Running sums and ops without a rule are not among them: a path through those need not be
    global.
    """
    nodes = graph.nodes
    before = graph.ancestors(output)
    return frozenset(index for index in before if _reduces(nodes[index], index, elastic))


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


def _reduces(node: Node, index: int, elastic: Elastic) -> bool:
    """Whether an op takes all of an elastic axis into a fixed number of outputs."""
    op = node.op
    # Nearly all ops of a network are of these two kinds, and scans ask for every layer.
    if isinstance(op, Elementwise):
        return False
    if isinstance(op, Window):
        mixed, flags = op.channel_dim, elastic.get(node.inputs[0])
        return mixed is not None and flags is not None and flags[mixed]
    if isinstance(op, Reduce | Contract):
        return any(
            flags[dim]
            for source, dims in reduced_dims(node)
            if (flags := elastic.get(source))
            for dim in dims
        )
    return isinstance(op, AxisMap) and _pools_to_fixed_grid(op, node.inputs[0], index, elastic)


def _accumulates(node: Node, elastic: Elastic) -> bool:
    """Whether an op can see an elastic axis to one end, or nobody knows how far."""
    op = node.op
    if isinstance(op, Cumulative):
        flags = elastic.get(node.inputs[0], ())
        return bool(flags) and flags[op.dim]
    return isinstance(op, Opaque) and any(any(elastic.get(i, ())) for i in node.inputs)


def _pools_to_fixed_grid(op: AxisMap, source: int, index: int, elastic: Elastic) -> bool:
    """An adaptive pooling: the whole of an elastic axis goes into a fixed number of outputs."""
    before, after = elastic.get(source, ()), elastic.get(index, ())
    if not before or not after or not before[op.dim] or after[op.dim]:
        return False
    return len(np.unique(op.taps)) > 2 * len(op.taps)

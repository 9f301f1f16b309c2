"""A guess at a network's total stride, from which larger input sizes of the same kind follow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rfcore.graph import AxisMap, Graph, Node, Reshape, Transpose, Window

__all__ = ["total_stride"]

LARGEST_STRIDE = 1 << 15


def total_stride(graph: Graph, output: int) -> int:
    """Strides multiplied along chains of ops, axis by axis, and united where chains meet.

    Axes that are merged or split on the way are not followed; a wrong guess shows when a trace
    at another size is compared.

    Args:
        graph: The graph.
        output: The node whose ancestors count.
    """
    chain: dict[int, dict[int, int]] = {}
    total = 1
    for index in graph.ancestors(output):
        node = graph.nodes[index]
        strides: dict[int, int] = {}
        for source in node.inputs:
            places = _places(node, graph.nodes[source].shape)
            for dim, stride in chain[source].items():
                place = places.get(dim, dim)
                strides[place] = math.lcm(strides.get(place, 1), stride)
        for dim, down, up in _scaling(node):
            after = strides.get(dim, 1) * down
            strides[dim] = after // up if after % up == 0 else after
        chain[index] = strides
        total = math.lcm(total, *strides.values())
    return total if total <= LARGEST_STRIDE else 1


def _places(node: Node, source: Sequence[int]) -> dict[int, int]:
    """Where an op moves the axes of its operand, as far as it moves them whole."""
    if isinstance(node.op, Transpose):
        return {dim: place for place, dim in enumerate(node.op.order)}
    if isinstance(node.op, Reshape):
        before = [dim for dim, n in enumerate(source) if n > 1]
        after = [dim for dim, n in enumerate(node.shape) if n > 1]
        if [source[dim] for dim in before] == [node.shape[dim] for dim in after]:
            return dict(zip(before, after, strict=True))
    return {}


def _scaling(node: Node) -> Iterator[tuple[int, int, int]]:
    """For each axis that an op scales: its number, and by how much down and up."""
    if isinstance(node.op, Window):
        for axis in node.op.axes:
            yield axis.dim, axis.stride, axis.base_dilation
    elif isinstance(node.op, AxisMap) and len(node.op.taps) > 1:
        step = abs(int(node.op.taps[1, 0] - node.op.taps[0, 0]))
        yield node.op.dim, max(1, step), 1

"""A guess at a network's total stride, from which larger input sizes of the same kind follow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from rfcore.graph import AxisMap, Graph, Node, Reshape, Transpose, Window
from rfcore.masks import Shape
from rfcore.reshaping import factor_groups

__all__ = ["total_strides"]

LARGEST_STRIDE = 1 << 15


def total_strides(graph: Graph) -> tuple[int, ...]:
    """For each node, strides multiplied along chains of ops and united where chains meet.

    An axis that is split or merged on the way is followed in its outermost part; a wrong guess
    shows when a trace at another size is compared.
    """
    chain: list[dict[int, int]] = []
    totals: list[int] = []
    for node in graph.nodes:
        strides = {} if node.inputs else dict.fromkeys(range(len(node.shape)), 1)
        for source in node.inputs:
            for dim, stride in _moved(node, graph.nodes[source].shape, chain[source]).items():
                strides[dim] = math.lcm(strides.get(dim, 1), stride)
        for dim, down, up in _scaling(node):
            strides[dim] = _finer(strides.get(dim, 1) * down, up)
        if isinstance(node.op, Window) and node.op.channel_dim is not None:
            strides.pop(node.op.channel_dim, None)
        chain.append(strides)
        totals.append(math.lcm(*strides.values(), *(totals[i] for i in node.inputs)))
    return tuple(total if total <= LARGEST_STRIDE else 1 for total in totals)


def _moved(node: Node, source: Shape, strides: Mapping[int, int]) -> dict[int, int]:
    """The strides of an operand's axes, by the axes that they become."""
    if isinstance(node.op, Transpose):
        places = {dim: place for place, dim in enumerate(node.op.order)}
        return {places[dim]: stride for dim, stride in strides.items()}
    if not isinstance(node.op, Reshape):
        return dict(strides)
    moved = {}
    for after, before in factor_groups(node.shape, source):
        after = [dim for dim in after if node.shape[dim] > 1]
        before = [dim for dim in before if source[dim] > 1]
        # Where two axes are merged (tokens, windows), no part of them moves evenly.
        if not after or strides.keys() & set(before) != set(before[:1]):
            continue
        inner = math.prod(source[dim] for dim in before[1:])
        fine = _finer(strides[before[0]], inner)
        moved[after[0]] = fine * math.prod(node.shape[dim] for dim in after[1:])
    return moved


def _finer(stride: int, times: int) -> int:
    """A stride once there are so many positions for each; a fraction counts as its numerator."""
    return stride // math.gcd(stride, times)


def _scaling(node: Node) -> Iterator[tuple[int, int, int]]:
    """For each axis that an op scales: its number, and by how much down and up."""
    if isinstance(node.op, Window):
        for axis in node.op.axes:
            yield axis.dim, axis.stride, axis.base_dilation
    elif isinstance(node.op, AxisMap) and len(node.op.taps) > 1:
        step = abs(int(node.op.taps[1, 0] - node.op.taps[0, 0]))
        yield node.op.dim, max(1, step), 1

"""Transforms to frequencies and back, between which a product may be a convolution.

Each transform alone sees its whole axis, and so does one after the other as far as a graph of
dependencies tells. What is done to the spectrum decides how much of that cancels out.
"""

from __future__ import annotations

from collections.abc import Collection

from rfcore.graph import Graph, Node, Opaque, Reduce

__all__ = ["transforms_back"]

_KINDS = (Reduce, Opaque)


def transforms_back(graph: Graph, visited: Collection[int]) -> str:
    """The first Fourier transform along an axis that was transformed before; empty if none is.

    Args:
        graph: The graph.
        visited: The nodes that count.
    """
    transforms = [index for index in sorted(visited) if _is_transform(graph.nodes[index])]
    for later in transforms[1:]:
        before = set(graph.ancestors(later)) - {later}
        if any(
            earlier in before and _share_an_axis(graph.nodes[earlier], graph.nodes[later])
            for earlier in transforms
        ):
            return graph.nodes[later].label
    return ""


def _is_transform(node: Node) -> bool:
    return isinstance(node.op, _KINDS) and "fft" in node.name.lower()


def _share_an_axis(one: Node, other: Node) -> bool:
    if isinstance(one.op, Reduce) and isinstance(other.op, Reduce):
        return len(one.shape) != len(other.shape) or bool({*one.op.dims} & {*other.op.dims})
    return True

"""Axes that were merged and split again, told as if they never were.

PyTorch and TensorFlow multiply matrices of two axes: a dense layer merges all positions before and
splits them after. A mask over merged positions has to tell each of them, however uniform it is
along one axis, times all channels where these differ. Here whatever shows its values again in the
shape that they had is said to come from there: nodes keep their places and their shapes, only what
they depend on directly is another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rfcore.graph import Contract, Elementwise, Graph, Node, Reshape

__all__ = ["unmerged"]


def unmerged(graph: Graph) -> Graph:
    """The same dependence by way of fewer merged axes; how it was traced is kept beside it."""
    if graph.traced:
        return graph
    nodes = [
        _past_reshapes(graph.nodes, node) if isinstance(node.op, Reshape) else node
        for node in graph.nodes
    ]
    return Graph(tuple(nodes), graph.nodes)


def _past_reshapes(nodes: Sequence[Node], node: Node) -> Node:
    """A reshape as what it shows: a value in its own shape, another one, or a dense layer."""
    if node.note or not node.exact:
        return node
    *_, first = _shapes_before(nodes, node.inputs[0])
    dense = _dense_on_positions(nodes, nodes[first], node)
    if dense is not None:
        return dense
    if nodes[first].shape == node.shape:
        return replace(node, op=Elementwise(), inputs=(first,))
    return replace(node, inputs=(first,))


def _shapes_before(nodes: Sequence[Node], value: int) -> Iterator[int]:
    """A value, and the same values under the shapes that they had before, the last first."""
    yield value
    while isinstance(nodes[value].op, Reshape) and nodes[value].exact and not nodes[value].note:
        (value,) = nodes[value].inputs
        yield value


def _dense_on_positions(nodes: Sequence[Node], product: Node, node: Node) -> Node | None:
    """A dense layer on what had the positions of `node` before these were merged for it."""
    op = product.op
    if not isinstance(op, Contract) or product.note or not product.exact or len(op.operands) != 1:
        return None
    (labelled,), (value,) = op.operands, product.inputs
    if not labelled or not op.result or labelled[:-1] != op.result[:-1]:
        return None
    features, units = labelled[-1], op.result[-1]
    if not {features, units}.issuperset(op.constant):
        return None
    for source in _shapes_before(nodes, value):
        before = nodes[source].shape
        if before[:-1] == node.shape[:-1] and before[-1:] == nodes[value].shape[-1:]:
            free = max(features, units) + 1
            labels = tuple(range(free, free + len(before) - 1))
            spread = replace(op, operands=((*labels, features),), result=(*labels, units))
            return replace(product, op=spread, inputs=(source,), shape=node.shape)
    return None

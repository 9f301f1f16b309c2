"""The trunk of a network: its windows, one after the other, along the path that has the most.

Two writers of one architecture give its layers other names, activations of their own and
shortcuts at another place; what stays is the sequence of convolutions and poolings along the
longest path. By that sequence layers of two networks can be matched in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rfcore.graph import Graph, Window

__all__ = ["trunk_of"]


def trunk_of(graph: Graph, output: int, names: Mapping[int, str]) -> tuple[str, ...]:
    """The layers with windows on the path from the input to a node that has most of them.

    Args:
        graph: The graph.
        output: The node.
        names: Layers by the node that their value originates from.
    """
    depths: list[int] = []
    for node in graph.nodes:
        before = max((depths[source] for source in node.inputs), default=0)
        depths.append(before + isinstance(node.op, Window))
    path = _back(graph, depths, output)
    windows = [index for index in path if isinstance(graph.nodes[index].op, Window)]
    return tuple(names[index] for index in windows[::-1] if index in names)


def _back(graph: Graph, depths: Sequence[int], output: int) -> list[int]:
    path = [output]
    while graph.nodes[path[-1]].inputs:
        path.append(max(graph.nodes[path[-1]].inputs, key=lambda source: depths[source]))
    return path

"""Loops that a forward writes out step by step along an axis of the input.

A larger input then gives another network, with as many more ops: a larger trace takes long and
tells nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from rfcore.graph import AxisMap, Graph, Node
from rfcore.walk import Walker

__all__ = ["Place", "unrolled_axes", "unrolled_places"]

Place = tuple[int, int]
"""A node, and one of its axes."""

# Fewer steps are no burden, and may be the slices of something else.
FEWEST_STEPS = 4


def unrolled_places(graph: Graph) -> frozenset[Place]:
    """Axes along which single positions are taken, each by an op of its own."""
    taken: defaultdict[Place, set[int]] = defaultdict(set)
    for node in graph.nodes:
        if isinstance(node.op, AxisMap) and _takes_one(node):
            taken[node.inputs[0], node.op.dim].add(int(node.op.taps[0, 0]))
    return frozenset(
        (source, dim)
        for (source, dim), steps in taken.items()
        if len(steps) >= max(FEWEST_STEPS, graph.nodes[source].shape[dim] - 1)
    )


def unrolled_axes(
    graph: Graph, output: int, axes: Sequence[int], places: Collection[Place]
) -> dict[int, str]:
    """The spatial axes along which what an output depends on is such a loop.

    Args:
        graph: The graph at the asked size.
        output: The node whose field is asked for.
        axes: The spatial axes of the input.
        places: The `unrolled_places` of the graph.

    Returns:
        By number of the spatial axis, the first op that takes a position out of it.
    """
    found: dict[int, str] = {}
    if not places:
        return found
    walker = Walker(graph)
    asked: set[Place] = set()
    for index in graph.ancestors(output):
        node = graph.nodes[index]
        if not isinstance(node.op, AxisMap) or not _takes_one(node):
            continue
        place = (node.inputs[0], node.op.dim)
        if place in asked or place not in places:
            continue
        asked.add(place)
        for number, told in enumerate(walker.tells_apart(*place, axes)):
            if told:
                found.setdefault(number, node.label)
    return found


def _takes_one(node: Node) -> bool:
    return isinstance(node.op, AxisMap) and node.op.taps.shape == (1, 1)

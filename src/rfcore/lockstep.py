"""Two traces in lockstep: every output's alignment from one comparison of each op.

`structure.align` compares what a single output depends on. Two traces of one model nearly
always have the same nodes in the same order, up to where they part, if they do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from rfcore.graph import Graph, Node
from rfcore.structure import Alignment, corresponds, same

__all__ = ["Lockstep", "in_lockstep"]


@dataclass(frozen=True, slots=True, eq=False)
class Lockstep:
    """How the nodes that two graphs begin with differ.

    Attributes:
        large: The larger graph.
        pairs: The nodes that correspond, each to the one of its own number.
        elastic: For each of them, which axes have another length.
        differing: For each the first op before it, or itself, that is not the same in both
            graphs; -1 if there is none.
        periods: For each the input pixels after which all that it depends on repeats.
    """

    large: Graph
    pairs: Mapping[int, int]
    elastic: Mapping[int, tuple[bool, ...]]
    differing: tuple[int, ...]
    periods: tuple[int, ...]

    def alignment(self, output: int) -> Alignment:
        """As `align` tells it of one output; its mappings hold other nodes too."""
        first = self.differing[output]
        difference = "" if first < 0 else self.large.nodes[first].label
        return Alignment(
            self.pairs, self.elastic, self.elastic, difference, True, self.periods[output]
        )


def in_lockstep(small: Graph, large: Graph) -> Lockstep:
    """Compares two graphs node by node, up to the first that is another one."""
    small, large = small.as_traced, large.as_traced
    growth = max(m - n for n, m in zip(small.nodes[0].shape, large.nodes[0].shape, strict=True))
    elastic: dict[int, tuple[bool, ...]] = {}
    differing: list[int] = []
    periods: list[int] = []
    for index, (one, other) in enumerate(zip(small.nodes, large.nodes, strict=False)):
        sources = tuple(small.nodes[i].shape for i in one.inputs)
        targets = tuple(large.nodes[i].shape for i in other.inputs)
        if not _is_counterpart(one, other) or [*map(len, sources)] != [*map(len, targets)]:
            break
        earlier = [differing[i] for i in one.inputs if differing[i] >= 0]
        if not same(one.op, other.op, (sources, one.shape), (targets, other.shape)):
            earlier.append(index)
        differing.append(min(earlier, default=-1))
        lengths = list(zip(one.shape, other.shape, strict=True))
        elastic[index] = tuple(n != m for n, m in lengths)
        strides = (Fraction(growth, m - n).numerator for n, m in lengths if m > n)
        periods.append(math.lcm(*strides, *(periods[i] for i in one.inputs)))
    pairs = {index: index for index in elastic}
    return Lockstep(large, pairs, elastic, tuple(differing), tuple(periods))


def _is_counterpart(one: Node, other: Node) -> bool:
    return one.inputs == other.inputs and corresponds(one, other)

"""What a layer reads and how far it sees along the shortest path: the figures of a scan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

from rfcore.errors import RfcoreError
from rfcore.hookspecs import Trace
from rfcore.scans.names import parts_of, separator_of
from rfcore.scans.row import PathSizes
from rfcore.scans.shortest import ShortestPaths, shortest_paths
from rfcore.traces import TraceSet
from rfcore.walk import Walker

__all__ = ["Layers"]


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of a trace, as far as they hold no layers themselves.

    Attributes:
        trace: The trace at the asked size.
        reads: For each leaf, by address, the nodes outside of it that it reads.
        sizes: For each spatial axis, the shortest path to every address.
        read_sizes: For each spatial axis, the shortest path to any value that a leaf reads.
    """

    trace: Trace
    reads: Mapping[str, Sequence[int]]
    sizes: Sequence[Mapping[str, int | None]]
    read_sizes: Sequence[Mapping[str, int | None]]

    @classmethod
    def of(cls, traces: TraceSet, addresses: Sequence[str]) -> Self:
        """Looks at the leaves among some addresses."""
        asked = traces.asked
        leaves = _leaves(addresses)
        reads = _reads(asked, leaves)
        large = _larger(traces, addresses)
        rank = len(traces.spec.axes)
        if large is None:
            return cls(asked, reads, [{}] * rank, [{}] * rank)
        trace, walker = large
        larger_reads = _reads(trace, leaves)
        nodes = {a: _node(trace, a) for a in addresses}
        told = {*chain(*nodes.values(), *larger_reads.values())}
        paths: dict[int, ShortestPaths] = {}
        for axis in traces.spec.axes:
            alike = (a for a in paths if traces.ahead.alike(walker, (a, axis), told))
            twin = next(alike, None)
            paths[axis] = shortest_paths(walker, axis) if twin is None else paths[twin]
        sizes, read_sizes = (
            [{name: along.least(at) for name, at in asked_of.items()} for along in paths.values()]
            for asked_of in (nodes, larger_reads)
        )
        return cls(asked, reads, sizes, read_sizes)

    def shortest(self, address: str) -> PathSizes:
        """The size of the field along the shortest path, per axis."""
        return tuple(sizes.get(address) for sizes in self.sizes)

    def read(self, address: str) -> PathSizes | None:
        """The smallest such size among what a leaf reads, per axis."""
        if address not in self.reads:
            return None
        return tuple(sizes.get(address) for sizes in self.read_sizes)

    def growth(
        self, address: str, size_at: Callable[[int], tuple[int, ...] | None]
    ) -> tuple[int, ...] | None:
        """Pixels per axis that a leaf adds to the widest field that it reads.

        Args:
            address: The layer.
            size_at: The size of the field at a node, where it is known.
        """
        node = self.trace.values[address]
        own = None if node is None else size_at(node)
        nodes = self.reads.get(address)
        if own is None or not nodes:
            return None
        single = (1,) * len(own)
        before = [single if node == 0 else size_at(node) for node in nodes]
        if any(size is None for size in before):
            return None
        widest = [max(sizes) for sizes in zip(*filter(None, before), strict=True)]
        return tuple(n - m for n, m in zip(own, widest, strict=True))


def _leaves(addresses: Sequence[str]) -> list[str]:
    """Layers that hold no other layer and run once."""
    separator = separator_of(addresses)
    holders = {
        separator.join(steps[:end])
        for steps in (parts_of(address, separator) for address in addresses)
        for end in range(1, len(steps))
    }
    return [a for a in addresses if a and "[" not in a and a not in holders]


def _reads(trace: Trace, leaves: Sequence[str]) -> dict[str, list[int]]:
    inside: dict[str, list[int]] = defaultdict(list)
    for index, node in enumerate(trace.graph.nodes):
        inside[node.layer].append(index)
    reads = {}
    for leaf in leaves:
        own = set(inside.get(leaf, ()))
        read = {i for index in own for i in trace.graph.nodes[index].inputs} - own
        if read:
            reads[leaf] = sorted(read)
    return reads


def _larger(traces: TraceSet, addresses: Sequence[str]) -> tuple[Trace, Walker] | None:
    """A trace at a size at which maps are clear of their borders, ready to be walked."""
    last = next((a for a in addresses[::-1] if traces.asked.values[a] is not None), None)
    if last is None:
        return None
    try:
        growth = traces.growths(last)[0][0]
        comparison = traces.compare(last, growth, 0)
    except RfcoreError:
        return None
    if comparison is None:
        return None
    elastic = comparison.alignment.elastic
    return comparison.large, Walker(comparison.large.graph, elastic)


def _node(trace: Trace, address: str) -> list[int]:
    node = trace.values.get(address)
    return [] if node is None else [node]

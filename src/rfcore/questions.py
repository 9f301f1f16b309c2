"""What a walk is asked: some rows, single positions or all of an output, in one mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from rfcore.graph import Graph, Mask
from rfcore.walk import Walker, several_hot

__all__ = ["Question", "place_of", "walked_together"]

Place = tuple[int, ...]

# Booleans that the probes of one walk may come to along the longest axis.
LARGEST_WALK = 1 << 25


@dataclass(frozen=True, slots=True)
class Question:
    """What do these probes of an output see?

    Attributes:
        walker: The graph as this output's own walk would have it, with what is cut.
        node: The output's node.
        dims: The axes of it along which the probes are told apart; uniform along all others.
        probes: For each probe its places, each of them one index per axis in `dims`; None for
            one probe at all places.
    """

    walker: Walker
    node: int
    dims: tuple[int, ...]
    probes: tuple[tuple[Place, ...], ...] | None

    @classmethod
    def rows(cls, walker: Walker, node: int, dim: int, indices: Iterable[int]) -> Self:
        """One probe for each of some indices on an axis."""
        return cls(walker, node, (dim,), tuple(((index,),) for index in indices))

    @classmethod
    def middle(cls, walker: Walker, node: int, dim: int) -> Self:
        """The row in the middle of an axis."""
        return cls.rows(walker, node, dim, [walker.graph.nodes[node].shape[dim] // 2])

    @classmethod
    def whole(cls, walker: Walker, node: int) -> Self:
        """One uniform probe: any position of the output, which may see more than all that exist."""
        return cls(walker, node, (), (((),),))

    @classmethod
    def every(cls, walker: Walker, node: int, dim: int) -> Self:
        """One probe at every position along an axis: strides leave out what it does not see."""
        return cls(walker, node, (dim,), None)

    @property
    def count(self) -> int:
        """The number of probes."""
        return 1 if self.probes is None else len(self.probes)

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from other questions, as long as graphs live."""
        return (*place_of(self.walker), self.walker.cut, self.node, self.dims, self.probes)

    def part(self, some: slice) -> Self:
        """Some of its probes."""
        assert self.probes is not None
        return replace(self, probes=self.probes[some])

    def mask(self) -> Mask:
        """The probes as a mask over the output."""
        shape = self.walker.graph.nodes[self.node].shape
        if self.probes is None:
            return np.ones((1, *(n if d in self.dims else 1 for d, n in enumerate(shape))), bool)
        return several_hot(shape, self.dims, self.probes)


def walked_together(questions: Iterable[Question]) -> Iterable[list[Question]]:
    """Questions in batches, each for one walk that fits into memory.

    Those of a batch are about one graph, of which they agree what is cut.
    """
    groups: dict[tuple[int, int], list[Question]] = {}
    for question in questions:
        if question.count:
            groups.setdefault(place_of(question.walker), []).append(question)
    for group in groups.values():
        for agreeing in _agreeing(group):
            yield from _fitting(agreeing)


def place_of(walker: Walker) -> tuple[int, int]:
    """Which graph is walked; where no axis is known to be elastic, nothing is told by who says."""
    return id(walker.graph), id(walker.elastic) if walker.elastic else 0


@dataclass(slots=True)
class _Party:
    """Questions that agree, and about what: sets of nodes, as the bits of numbers."""

    cut: int = 0
    passed: int = 0
    questions: list[Question] = field(default_factory=list)

    def agrees(self, cut: int, passed: int) -> bool:
        return not (cut & self.passed or passed & self.cut)

    def take(self, question: Question, cut: int, passed: int) -> None:
        self.questions.append(question)
        self.cut |= cut
        self.passed |= passed


def _agreeing(questions: Sequence[Question]) -> Iterable[list[Question]]:
    """Questions among which no node is cut for some that others pass."""
    cuts = sorted(frozenset[int]().union(*(question.walker.cut for question in questions)))
    bits = {node: 1 << number for number, node in enumerate(cuts)}
    before = _bits_before(questions[0].walker.graph, bits)
    parties: list[_Party] = []
    for question in sorted(questions, key=lambda question: question.node):
        cut = sum(bits[node] for node in question.walker.cut)
        passed = before[question.node] & ~cut
        party = next((party for party in parties if party.agrees(cut, passed)), None)
        if party is None:
            party = _Party()
            parties.append(party)
        party.take(question, cut, passed)
    return (party.questions for party in parties)


def _bits_before(graph: Graph, bits: dict[int, int]) -> list[int]:
    """For each node which of some nodes it depends on, itself included."""
    found: list[int] = []
    for index, node in enumerate(graph.nodes):
        own = bits.get(index, 0)
        for source in node.inputs:
            own |= found[source]
        found.append(own)
    return found


def _fitting(questions: Sequence[Question]) -> Iterable[list[Question]]:
    longest = max(max(node.shape, default=1) for node in questions[0].walker.graph.nodes)
    batch: list[Question] = []
    probes = 0
    for question in questions:
        batch.append(question)
        probes += question.count
        if longest * probes > LARGEST_WALK:
            yield batch
            batch, probes = [], 0
    if batch:
        yield batch

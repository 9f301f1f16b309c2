"""Probing one output of a trace: rows (one index on one axis) and points (one on each)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rfcore.ahead import Ahead, Listener
from rfcore.graph import Mask
from rfcore.laws import Sighting, sighting
from rfcore.masks import any_over
from rfcore.questions import Question
from rfcore.walk import Influence, MaskTooLargeError, Walker

__all__ = ["ProbedOutput"]

# Probes are walked in batches of at most this many booleans over any value, to bound memory.
BATCH_BOOLEANS = 1 << 23


@dataclass(frozen=True, slots=True)
class ProbedOutput:
    """One output of a trace, with its spatial axes named.

    Attributes:
        walker: The walk over the trace's graph.
        node: The output's node.
        axes: The spatial axes of the input.
        dims: For each of them the output's axis that moves along it, or None where there is none.
        ahead: Rows that were walked before they are asked for, if any were.
    """

    walker: Walker
    node: int
    axes: tuple[int, ...]
    dims: tuple[int | None, ...]
    ahead: Ahead | None = None

    def cutting(self, nodes: Iterable[int]) -> ProbedOutput:
        """The same output with some more nodes cut."""
        cut = self.walker.cut | frozenset(nodes)
        return replace(self, walker=replace(self.walker, cut=cut))

    def count(self, axis: int) -> int:
        """Number of outputs along an axis; 1 where the output has no axis for it."""
        dim = self.dims[axis]
        return 1 if dim is None else self.walker.graph.nodes[self.node].shape[dim]

    def length(self, axis: int) -> int:
        """Number of input pixels along an axis."""
        return self.walker.graph.nodes[0].shape[self.axes[axis]]

    def rows(
        self,
        axis: int,
        indices: Iterable[int],
        seen: Listener | None = None,
    ) -> dict[int, Sighting]:
        """What whole rows of outputs see along `axis`: an upper bound for each point in them."""
        dim, chosen = self.dims[axis], list(indices)
        if dim is None:
            question = Question(self.walker, self.node, (), (((),),) * len(chosen))
        else:
            question = Question.rows(self.walker, self.node, dim, chosen)
        known = self._told(question, seen)
        if known is None:
            rows = self._sightings(axis, chosen, question, self._longest_axis(), seen)
        else:
            rows = self._seen_along(axis, chosen, known)
        return rows if self.walker.elastic else self._hidden_as_points_are(axis, rows)

    def _hidden_as_points_are(self, axis: int, rows: Mapping[int, Sighting]) -> dict[int, Sighting]:
        """Without knowing which axes are elastic, a row reaches past the borders of its own axis.

        Whether the probed axis is clipped then shows at a point in the middle of the row.
        """
        middle = [[self.count(a) // 2 for a in range(len(self.axes)) if a != axis]]
        points = self.points(axis, rows, middle)
        return {
            j: replace(
                row,
                low=row.first if j in points and points[j].low is not None else None,
                high=row.last + 1 if j in points and points[j].high is not None else None,
            )
            for j, row in rows.items()
        }

    def _seen_along(
        self, axis: int, chosen: Sequence[int], influence: Influence
    ) -> dict[int, Sighting]:
        along = self._profile(influence.mask, axis)
        found = {
            j: sighting(profile, lost=lost.tolist())
            for j, profile, lost in zip(chosen, along, influence.lost, strict=True)
        }
        return {j: s for j, s in found.items() if s is not None}

    def everything(self, axis: int) -> Sighting | None:
        """What all outputs together see along `axis`: not the pixels that strides leave over."""
        dim = self.dims[axis]
        if dim is None:
            question = Question.whole(self.walker, self.node)
        else:
            question = Question.every(self.walker, self.node, dim)
        influence = self._told(question)
        if influence is None:
            influence = self.walker.influence(self.node, question.mask())
        return self._seen_along(axis, [0], influence).get(0)

    def points(
        self, axis: int, indices: Iterable[int], others: Sequence[Sequence[int]]
    ) -> dict[int, Sighting]:
        """What single outputs see along `axis`, those at several indices of other axes together.

        Args:
            axis: The axis that is looked along.
            indices: Output indices on it.
            others: Combinations of output indices on the remaining axes, in axis order.
        """
        dims = tuple(dim for dim in self.dims if dim is not None)
        chosen = list(indices)
        probes = [
            tuple(self._place([*other[:axis], index, *other[axis:]]) for other in others)
            for index in chosen
        ]
        question = Question(self.walker, self.node, dims, tuple(probes))
        counted = range(len(self.axes))
        area = max(math.prod(map(self.length, counted)), math.prod(map(self.count, counted)))
        return self._sightings(axis, chosen, question, area)

    def single(self, place: Sequence[int]) -> list[Sighting | None]:
        """What one output sees along each axis; its place has an index for every axis."""
        dims = tuple(dim for dim in self.dims if dim is not None)
        question = Question(self.walker, self.node, dims, ((self._place(place),),))
        influence = self.walker.influence(self.node, question.mask())
        return [self._seen_along(axis, [0], influence).get(0) for axis in range(len(self.axes))]

    def _place(self, by_axis: Sequence[int]) -> tuple[int, ...]:
        """An output position as indices on those of its axes that move along some spatial axis."""
        pairs = zip(by_axis, self.dims, strict=True)
        return tuple(index for index, dim in pairs if dim is not None)

    def _longest_axis(self) -> int:
        """Length of the longest axis on the way: a decoder's are longer than its input's."""
        nodes = self.walker.graph.nodes
        return max(max(nodes[i].shape, default=1) for i in self.walker.graph.ancestors(self.node))

    def _sightings(
        self,
        axis: int,
        chosen: Sequence[int],
        question: Question,
        booleans: int,
        seen: Listener | None = None,
    ) -> dict[int, Sighting]:
        """What each probe sees along an axis; a mask takes so many booleans for each of them."""
        batch = min(len(chosen), max(1, BATCH_BOOLEANS // booleans))
        found: dict[int, Sighting] = {}
        start = 0
        while start < len(chosen):
            some = slice(start, start + batch)
            try:
                influence = self.walker.influence(self.node, question.part(some).mask(), seen)
            except MaskTooLargeError:
                # Channels may have to be told apart on the way, which nobody knew before.
                if batch == 1:
                    raise
                batch //= 2
            else:
                found |= self._seen_along(axis, chosen[some], influence)
                start += batch
        return found

    def _told(self, question: Question, seen: Listener | None = None) -> Influence | None:
        if self.ahead is None:
            return None
        told = self.ahead.told(question, seen)
        if told is None and self.ahead.tells_of_both(question) and self._is_small(question):
            self.ahead.ask([question])
            told = self.ahead.told(question, seen)
        return told

    def _is_small(self, question: Question) -> bool:
        """Whether all probes go in one walk."""
        return question.count * self._longest_axis() <= BATCH_BOOLEANS

    def _profile(self, mask: Mask, axis: int) -> Mask:
        """Influence along one axis of the input, any over all other axes: (probes, length)."""
        kept = self.axes[axis] + 1
        others = tuple(d for d in range(1, mask.ndim) if d != kept)
        along = any_over(mask, others)
        return np.broadcast_to(along, (len(mask), self.length(axis)))

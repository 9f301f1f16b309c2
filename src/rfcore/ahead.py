"""Rows of many outputs in one walk, told before they are asked for.

To measure every layer of a network is to ask each of them the same questions, and most of every
walk is the same way back to the input. Here the walks of all layers go together: the rows of a
layer join where the walk passes it, and nodes that hand masks on as they are get skipped. What
comes out is what one walk per layer tells, to the last flag: masks of different form (other axes
full) are never united unless the walk of one layer unites them, and ops that look at all their
probes at once get those of one layer only.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np

from rfcore.alike import Swap, swaps
from rfcore.errors import RfcoreError
from rfcore.graph import AxisMap, Contract, Gather, Mask, Node, Opaque, Reshape
from rfcore.masks import MaskTooLargeError, any_over, refuse_oversize, ties_axes
from rfcore.questions import Question, place_of, walked_together
from rfcore.walk import Influence, OpFaultError, Walker

__all__ = ["Ahead", "Listener"]

Form = tuple[bool, ...]


class Listener(Protocol):
    """Who hears what a walk passes, while it goes or afterwards."""

    def __call__(self, index: int, mask: Mask) -> None:
        """Hears of a node that the walk reaches, and its mask."""

    def recall(self, nodes: Iterable[int], *, ties_axes: bool) -> None:
        """Hears of all nodes of an earlier walk, and whether a mask tied elastic axes there."""


class Answer(NamedTuple):
    """What the rows see, the nodes that their walk passed, and whether a mask tied axes there."""

    influence: Influence
    passed: Sequence[int]
    ties_axes: bool

    def swapped(self, axes: tuple[int, int]) -> Answer:
        """The answer with two axes of the input in each other's place."""
        mask, lost = self.influence
        one, other = axes
        return self._replace(influence=Influence(mask.swapaxes(one + 1, other + 1), lost))


@dataclass(slots=True)
class Ahead:
    """Answers by question."""

    _answers: dict[tuple[object, ...], Answer] = field(default_factory=dict)
    _swaps: dict[tuple[int, int], list[Swap]] = field(default_factory=dict)

    def ask(self, questions: Iterable[Question]) -> None:
        """Walks for many outputs at once, and only once along axes that are alike.

        What fails is left to the output's own walk, which says why.
        """
        at_once: list[Question] = []
        waiting: list[Question] = []
        for question in questions:
            has_twin = any(swap.twin(question) for swap in self._swaps_of(question.walker))
            (waiting if has_twin else at_once).append(question)
        for batch in walked_together(at_once):
            self._ask(batch)
        for batch in walked_together(q for q in waiting if self._by_twin(q) is None):
            self._ask(batch)

    def tells_of_both(self, question: Question) -> bool:
        """Whether the answer to a question may be that to another one, too."""
        return any(swap.tells_of_both(question) for swap in self._swaps_of(question.walker))

    def alike(self, walker: Walker, axes: tuple[int, int], nodes: Iterable[int]) -> bool:
        """Whether two axes of the input are known to be alike to some nodes.

        Args:
            walker: The graph; walks before told about it.
            axes: The axes.
            nodes: The nodes, all that is before them included.
        """
        known = list(nodes)
        return any(swap.axes == axes and swap.keeps(known) for swap in self._swaps_of(walker))

    def _swaps_of(self, walker: Walker) -> list[Swap]:
        place = place_of(walker)
        if place not in self._swaps:
            self._swaps[place] = swaps(walker.graph, walker.elastic)
        return self._swaps[place]

    def _by_twin(self, question: Question) -> Answer | None:
        """The answer to a question, from that to the same one along another axis."""
        for swap in self._swaps_of(question.walker):
            twin = swap.twin(question)
            told = None if twin is None else self._answers.get(twin.key)
            if told is not None and swap.keeps([question.node]):
                return told.swapped(swap.axes)
        return None

    def _ask(self, batch: Sequence[Question]) -> None:
        try:
            answers = _Walk(batch).answers() if len(batch) > 1 else [_alone(batch[0])]
        except (MaskTooLargeError, MemoryError):
            # Merged axes and channels that differ need masks over each position of them.
            half = len(batch) // 2
            for part in (batch[:half], batch[half:]) if half else ():
                self._ask(part)
        except (OpFaultError, RfcoreError):
            return
        else:
            keys = (question.key for question in batch)
            self._answers.update(zip(keys, answers, strict=True))

    def told(self, question: Question, seen: Listener | None = None) -> Influence | None:
        """The answer to a question that was asked before, or None.

        Args:
            question: An equal one.
            seen: Who hears what the walk passed.
        """
        answer = self._answers.get(question.key) or self._by_twin(question)
        if answer is None:
            return None
        if seen is not None:
            seen.recall(answer.passed, ties_axes=answer.ties_axes)
        return answer.influence


def _alone(question: Question) -> Answer:
    """The answer to one question; there is nothing that could go together."""
    passed: list[int] = []
    tying: list[int] = []
    walker = question.walker

    def seen(index: int, mask: Mask) -> None:
        passed.append(index)
        if ties_axes(mask, walker.elastic.get(index, ())):
            tying.append(index)

    influence = walker.influence(question.node, question.mask(), seen)
    return Answer(influence, passed, bool(tying))


class _Flock(NamedTuple):
    """Rows that travel together: those of some questions, one block after the other."""

    questions: tuple[int, ...]
    mask: Mask

    @property
    def form(self) -> Form:
        return tuple(n > 1 for n in self.mask.shape[1:])


class _Walk:
    """The walk of some questions about one graph; a flock has all rows of each of its questions."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        cut = frozenset[int]().union(*(question.walker.cut for question in questions))
        self.walker = replace(questions[0].walker, cut=cut)
        self.counts = [question.count for question in questions]
        self.lost = [np.zeros((count, 2), bool) for count in self.counts]
        self.passed: list[list[int]] = [[] for _ in questions]
        self.tying: set[int] = set()
        self.mirrored: set[int] = set()
        self.origins = self.walker.graph.origins()

    def answers(self) -> list[Answer]:
        """Walks, and tells each question's answer."""
        found = {n: mask for flock in self._at_input() for n, mask in self._blocks(*flock)}
        shape = self.walker.graph.nodes[0].shape
        answers = []
        for number, lost in enumerate(self.lost):
            if number in self.mirrored:
                lost |= lost[:, ::-1]
            nothing = np.zeros((len(lost), *(1,) * len(shape)), bool)
            influence = Influence(found.get(number, nothing), lost)
            answers.append(Answer(influence, self.passed[number], number in self.tying))
        return answers

    def _at_input(self) -> Iterable[_Flock]:
        graph = self.walker.graph
        pending: dict[int, dict[Form, _Flock]] = {}
        for number, question in enumerate(self.questions):
            waiting = pending.setdefault(self.origins[question.node], {})
            self._join(waiting, _Flock((number,), question.mask()))
        for index in range(max(pending), 0, -1):
            flocks = pending.pop(index, {}).values()
            if index in self.walker.cut:
                continue
            node = graph.nodes[index]
            for flock in flocks:
                self._note(index, node, flock)
                for source, part in self._pulled(index, node, flock):
                    self._join(pending.setdefault(source, {}), part)
        return pending.get(0, {}).values()

    def _note(self, index: int, node: Node, flock: _Flock) -> None:
        for number in flock.questions:
            self.passed[number].append(index)
        if ties_axes(flock.mask, self.walker.elastic.get(index, ())):
            self.tying.update(flock.questions)
        if isinstance(node.op, AxisMap) and node.op.mirrors:
            self.mirrored.update(flock.questions)

    def _pulled(self, index: int, node: Node, flock: _Flock) -> Iterable[tuple[int, _Flock]]:
        together = [flock]
        if _looks_at_all_probes(node, flock.mask):
            together = [_Flock((n,), mask) for n, mask in self._blocks(*flock)]
        for part in together:
            pulled, lost = self.walker.pulled(index, part.mask)
            if lost.any():
                for number, flags in self._blocks(part.questions, lost):
                    self.lost[number] |= flags
            for source, mask in zip(node.inputs, pulled, strict=True):
                alive = self._alive(_Flock(part.questions, mask))
                if alive.questions:
                    yield self.origins[source], alive

    def _alive(self, flock: _Flock) -> _Flock:
        """Without the questions none of whose rows sees anything here."""
        some = any_over(flock.mask, tuple(range(1, flock.mask.ndim)))
        if some.all():
            return flock
        alive = {n for n, rows in self._blocks(flock.questions, some) if rows.any()}
        return self._parted(flock, alive)[0]

    def _join(self, flocks: dict[Form, _Flock], new: _Flock) -> None:
        """Adds rows to those that wait at a node; a question's rows have one form there."""
        for form, old in [*flocks.items()]:
            shared = set(old.questions).intersection(new.questions)
            if form == new.form or not shared:
                continue
            one, flocks[form] = self._parted(old, shared)
            other, new = self._parted(new, shared)
            if not flocks[form].questions:
                del flocks[form]
            self._join(flocks, self._united(one, other))
        if new.questions:
            known = flocks.get(new.form)
            flocks[new.form] = new if known is None else self._united(known, new)

    def _united(self, one: _Flock, other: _Flock) -> _Flock:
        """Both flocks' rows; masks of the same row are united, in any form."""
        if one.questions == other.questions:
            return _Flock(one.questions, one.mask | other.mask)
        # Most often they differ in those questions only that joined last.
        pairs = zip(one.questions, other.questions, strict=False)
        common = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        new = other.questions[common:]
        if not set(new).intersection(one.questions):
            shared = sum(self.counts[number] for number in other.questions[:common])
            refuse_oversize((len(one.mask) + len(other.mask) - shared, *one.mask.shape[1:]))
            mask = np.concatenate([one.mask, other.mask[shared:]])
            mask[:shared] |= other.mask[:shared]
            return _Flock(one.questions + new, mask)
        blocks = dict(self._blocks(*one))
        for number, rows in self._blocks(*other):
            blocks[number] = blocks[number] | rows if number in blocks else rows
        return _Flock(tuple(blocks), np.concatenate([*blocks.values()]))

    def _parted(self, flock: _Flock, chosen: Collection[int]) -> tuple[_Flock, _Flock]:
        """The rows of some questions, and the others."""
        blocks = dict(self._blocks(*flock))
        kept = tuple(number for number in blocks if number in chosen)
        left = tuple(number for number in blocks if number not in chosen)
        nothing = [flock.mask[:0]]
        first, second = (
            _Flock(numbers, np.concatenate(nothing + [blocks[number] for number in numbers]))
            for numbers in (kept, left)
        )
        return first, second

    def _blocks(self, questions: Sequence[int], rows: Mask) -> Iterator[tuple[int, Mask]]:
        """For each question its part of some rows, or of what is known of each of them."""
        end = 0
        for number in questions:
            start, end = end, end + self.counts[number]
            yield number, rows[start:end]


def _looks_at_all_probes(node: Node, mask: Mask) -> bool:
    """Whether an axis along which all probes agree becomes uniform, elastic or not."""
    op = node.op
    if isinstance(op, Opaque):
        return True
    if not any(n > 1 for n in mask.shape[1:]):
        # Probes of everything, or of nothing: there is nothing to disagree about.
        return False
    pattern = op.pattern.read() if isinstance(op, Contract) and op.pattern is not None else None
    return pattern is not None or isinstance(op, Gather | Reshape)

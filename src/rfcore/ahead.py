"""Rows of many outputs in one walk, told before they are asked for.

To measure every layer of a network is to ask each of them the same questions, and most of every
walk is the same way back to the input. Here the walks of all layers go together: the rows of a
layer join where the walk passes it, and nodes that hand masks on as they are get skipped. What
comes out is what one walk per layer tells, to the last flag: masks of different form (other axes
full) are never united unless the walk of one layer unites them, and ops that look at all their
probes at once get those of one layer only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import RfcoreError
from rfcore.graph import AxisMap, Contract, Gather, Mask, Node, Opaque, Reshape
from rfcore.walk import Influence, MaskTooLargeError, OpFaultError, Walker, one_hot

__all__ = ["Ahead", "Question"]

Rows = NDArray[np.int64]
Form = tuple[bool, ...]

# Booleans that the rows of one walk may come to along the longest axis.
LARGEST_WALK = 1 << 25


@dataclass(frozen=True, slots=True)
class Question:
    """What do these rows of an output see?

    Attributes:
        walker: The graph as this output's own walk would have it, with what is cut.
        node: The output's node.
        dim: The axis of it that the rows are across; None for all of the output at once.
        indices: The rows.
    """

    walker: Walker
    node: int
    dim: int | None
    indices: tuple[int, ...]

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from other questions, as long as graphs live."""
        return (*_place(self.walker), self.walker.cut, self.node, self.dim, self.indices)

    def mask(self) -> Mask:
        """The rows as a mask over the output."""
        shape = self.walker.graph.nodes[self.node].shape
        if self.dim is None:
            return one_hot(shape, [], [[]] * len(self.indices))
        return one_hot(shape, [self.dim], [[index] for index in self.indices])


def _place(walker: Walker) -> tuple[int, int]:
    """Which graph is walked; where no axis is known to be elastic, nothing is told by who says."""
    return id(walker.graph), id(walker.elastic) if walker.elastic else 0


class Answer(NamedTuple):
    """What the rows see, and the nodes that their walk passed with the shapes of masks there."""

    influence: Influence
    passed: tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(slots=True)
class Ahead:
    """Answers by question."""

    _answers: dict[tuple[object, ...], Answer] = field(default_factory=dict)

    def ask(self, questions: Iterable[Question]) -> None:
        """Walks for many outputs of one graph at once.

        What fails is left to the output's own walk, which says why.
        """
        for batch in _batches(questions):
            try:
                answers = _Walk(batch).answers()
            except (MaskTooLargeError, OpFaultError, RfcoreError, MemoryError):
                continue
            keys = (question.key for question in batch)
            self._answers.update(zip(keys, answers, strict=True))

    def told(
        self,
        walker: Walker,
        node: int,
        dim: int | None,
        indices: Sequence[int],
        seen: Callable[[int, Mask], None] | None = None,
    ) -> Influence | None:
        """The answer to a question that was asked before, or None.

        Args:
            walker: As in `Question`, like the following.
            node: The output's node.
            dim: The axis of it.
            indices: The rows.
            seen: As `Walker.influence` takes it; the masks it gets have the form alone.
        """
        answer = self._answers.get(Question(walker, node, dim, tuple(indices)).key)
        if answer is None:
            return None
        if seen is not None:
            forms: dict[tuple[int, ...], Mask] = {}
            for index, shape in answer.passed:
                if shape not in forms:
                    forms[shape] = np.broadcast_to(np.False_, (len(indices), *shape))
                seen(index, forms[shape])
        return answer.influence


def _batches(questions: Iterable[Question]) -> Iterable[list[Question]]:
    """Questions about one graph that can be walked in the memory there is."""
    groups: dict[tuple[int, int], list[Question]] = {}
    for question in questions:
        if question.indices:
            groups.setdefault(_place(question.walker), []).append(question)
    for group in groups.values():
        longest = max(max(node.shape, default=1) for node in group[0].walker.graph.nodes)
        batch: list[Question] = []
        rows = 0
        for question in sorted(group, key=lambda question: question.node):
            batch.append(question)
            rows += len(question.indices)
            if longest * rows > LARGEST_WALK:
                yield batch
                batch, rows = [], 0
        if batch:
            yield batch


class _Flock(NamedTuple):
    """Rows that travel together: their numbers and their masks."""

    rows: Rows
    mask: Mask

    @property
    def form(self) -> Form:
        return tuple(n > 1 for n in self.mask.shape[1:])

    def only(self, kept: NDArray[Any]) -> Self:
        return self._replace(rows=self.rows[kept], mask=self.mask[kept])

    def sorted(self) -> Self:
        return self.only(np.argsort(self.rows))

    def joined(self, other: _Flock) -> _Flock:
        """The masks of the same rows, in any form, united."""
        return _Flock(self.rows, self.mask | other.mask)

    def united(self, other: _Flock) -> _Flock:
        """Both flocks' rows; masks of the same row are united."""
        if np.array_equal(self.rows, other.rows):
            return _Flock(self.rows, self.mask | other.mask)
        most, least = (self, other) if len(self.rows) >= len(other.rows) else (other, self)
        known = np.isin(least.rows, most.rows, assume_unique=True)
        new = least.only(~known)
        rows = np.concatenate([most.rows, new.rows])
        mask = np.concatenate([most.mask, new.mask])
        if known.any():
            order = np.argsort(most.rows)
            places = order[np.searchsorted(most.rows, least.rows[known], sorter=order)]
            mask[places] |= least.mask[known]
        return _Flock(rows, mask)


class _Walk:
    """The walk of some questions about one graph.

    Attributes:
        owners: For each row the number of its question.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        cut = frozenset[int]().union(*(question.walker.cut for question in questions))
        self.walker = replace(questions[0].walker, cut=cut)
        counts = [len(question.indices) for question in questions]
        self.owners = np.repeat(np.arange(len(questions)), counts)
        self.lost = np.zeros((len(self.owners), 2), bool)
        self.mirrored: set[int] = set()
        self.origins = self.walker.graph.origins()
        self.passed: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in questions]

    def answers(self) -> list[Answer]:
        """Walks, and tells each question's answer."""
        found = {n: part.sorted() for flock in self._at_input() for n, part in self._split(flock)}
        shape = self.walker.graph.nodes[0].shape
        answers = []
        for number, question in enumerate(self.questions):
            lost = self.lost[self.owners == number]
            if number in self.mirrored:
                lost |= lost[:, ::-1]
            nothing = np.zeros((len(question.indices), *(1,) * len(shape)), bool)
            mask = found[number].mask if number in found else nothing
            answers.append(Answer(Influence(mask, lost), tuple(self.passed[number])))
        return answers

    def _at_input(self) -> Iterable[_Flock]:
        graph = self.walker.graph
        pending: dict[int, dict[Form, _Flock]] = {}
        for number, question in enumerate(self.questions):
            flock = _Flock(np.flatnonzero(self.owners == number), question.mask())
            self._join(pending.setdefault(self.origins[question.node], {}), flock)
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
        owners = np.unique(self.owners[flock.rows]).tolist()
        shape = flock.mask.shape[1:]
        for number in owners:
            self.passed[number].append((index, shape))
        if isinstance(node.op, AxisMap) and node.op.mirrors:
            self.mirrored.update(owners)

    def _pulled(self, index: int, node: Node, flock: _Flock) -> Iterable[tuple[int, _Flock]]:
        alone = _looks_at_all_probes(node)
        for part in [one for _, one in self._split(flock)] if alone else [flock]:
            pulled, lost = self.walker.pulled(index, part.mask)
            self.lost[part.rows] |= lost
            for source, mask in zip(node.inputs, pulled, strict=True):
                origin = self.origins[source]
                yield from ((origin, kept) for kept in self._alive(_Flock(part.rows, mask)))

    def _alive(self, flock: _Flock) -> Iterable[_Flock]:
        """Without the rows of questions none of whose rows sees anything here."""
        some = flock.mask.reshape(len(flock.rows), -1).any(axis=1)
        if some.all():
            yield flock
        elif some.any():
            owners = self.owners[flock.rows]
            yield flock.only(np.isin(owners, owners[some]))

    def _join(self, flocks: dict[Form, _Flock], new: _Flock) -> None:
        """Adds rows to those that wait at a node; a question's rows have one form there."""
        for form, old in [*flocks.items()]:
            if form == new.form or not len(new.rows):
                continue
            shared = np.isin(old.rows, new.rows, assume_unique=True)
            if not shared.any():
                continue
            again = np.isin(new.rows, old.rows, assume_unique=True)
            both = old.only(shared).sorted().joined(new.only(again).sorted())
            flocks[form], new = old.only(~shared), new.only(~again)
            if not len(flocks[form].rows):
                del flocks[form]
            self._join(flocks, both)
        if len(new.rows):
            known = flocks.get(new.form)
            flocks[new.form] = new if known is None else known.united(new)

    def _split(self, flock: _Flock) -> Iterable[tuple[int, _Flock]]:
        owners = self.owners[flock.rows]
        for number in np.unique(owners):
            yield int(number), flock.only(owners == number)


def _looks_at_all_probes(node: Node) -> bool:
    """Whether an axis along which all probes agree becomes uniform, elastic or not."""
    op = node.op
    pattern = op.pattern.read() if isinstance(op, Contract) and op.pattern is not None else None
    return pattern is not None or isinstance(op, Gather | Opaque | Reshape)

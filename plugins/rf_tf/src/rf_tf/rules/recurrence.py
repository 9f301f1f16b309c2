"""Recurrent loops: one step is measured, and all steps are told from it.

A loop that reads element t of some lists, updates its states and writes element t of other lists
is a recurrence. What a result sees of its own element, of the one before and so on follows from
one step; once that stays the same, a running sum stands for all earlier elements, instead of as
many copies of the body as the sequence is long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rf_tf.call import Call
from rf_tf.scope import Scope
from rf_tf.values import Slice, TensorList, Value, depends
from rfcore.fills import Fill
from rfcore.graph import AxisMap, Contract, Cumulative, Graph
from rfcore.walk import MaskTooLargeError, Walker, one_hot

__all__ = ["Step", "fenced", "recurrence"]

Relation = NDArray[np.bool_]
"""Shape (positions that see, positions that are seen)."""

# Positions of all states, of an element, or of a result that are told apart.
LARGEST_STEP = 2048
# Steps after which what a state sees of an element must have settled.
LONGEST_HISTORY = 8
_INDEXED = frozenset(("TensorListGetItem", "TensorListSetItem"))


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded step of a loop, whose states depend on the input already.

    Attributes:
        number: Which step it is, from 0.
        begun: The first node that it added.
        scope: The body as it ran.
        results: The tensors that the body returns.
        first: The loop variables before the first step.
        before: The loop variables before this step, states fenced off from what they come from.
        after: The loop variables after it.
    """

    number: int
    begun: int
    scope: Scope
    results: Sequence[tf.Tensor]
    first: Sequence[Value]
    before: Sequence[Value]
    after: Sequence[Value]


def fenced(call: Call, values: Sequence[Value]) -> list[Value]:
    """Loop variables behind nodes of their own, at which a walk through a step can be stopped."""
    return [
        call.elementwise((value,), call.builder.shape(value)) if isinstance(value, int) else value
        for value in values
    ]


def recurrence(
    call: Call, step: Step, steps: int, arguments: Sequence[tf.Tensor]
) -> list[Value] | None:
    """The loop variables that depend on the input, after all steps.

    Args:
        call: The loop.
        step: A step of it.
        steps: How many it has.
        arguments: The tensors that the body's arguments are.

    Returns:
        The loop variables, constants as they are after the one step; None where that step does
        not tell about all the others.
    """
    found = _Recurrence(call, step, steps)
    if not found.is_regular or not _alike(step, arguments) or not found.read_lists():
        return None
    try:
        return found.finished()
    except MaskTooLargeError:
        return None


def _alike(step: Step, arguments: Sequence[tf.Tensor]) -> bool:
    """Whether no step differs from another but in which elements it reads and writes."""
    tainted = {
        argument.name
        for argument, before, result in zip(arguments, step.before, step.results, strict=True)
        if not depends(before) and not isinstance(before, TensorList) and result is not argument
    }
    for op in step.scope.graph.get_operations():
        reached = [i for i, tensor in enumerate(op.inputs) if tensor.name in tainted]
        if not reached:
            continue
        values = [step.scope.values.get(tensor.name) for tensor in op.outputs]
        if not any(depends(value) or isinstance(value, TensorList) for value in values):
            tainted.update(tensor.name for tensor in op.outputs)
        elif op.type not in _INDEXED or reached != [1]:
            return False
    return True


class _Recurrence:
    """The parts of one step: states, elements that it reads, elements that it writes."""

    def __init__(self, call: Call, step: Step, steps: int) -> None:
        self.call, self.builder, self.step, self.steps = call, call.builder, step, steps
        pairs = list(enumerate(zip(step.before, step.after, strict=True)))
        self.states = [i for i, (old, new) in pairs if isinstance(new, int) and old != new]
        self.lists = [i for i, (old, new) in pairs if isinstance(new, TensorList) and old != new]
        self.wholes: list[int] = []
        self.slices: list[list[int]] = []

    @property
    def is_regular(self) -> bool:
        """Whether states and lists are of the kinds that a recurrence has."""
        return all(map(self._is_state, self.states)) and all(map(self._is_written, self.lists))

    def _is_state(self, number: int) -> bool:
        old, new = self.step.before[number], self.step.after[number]
        return (
            isinstance(old, int)
            and isinstance(new, int)
            and not depends(self.step.first[number])
            and self.builder.shape(old) == self.builder.shape(new)
        )

    def _is_written(self, number: int) -> bool:
        old, new = self.step.before[number], self.step.after[number]
        at = self.step.number
        if not isinstance(old, TensorList) or not isinstance(new, TensorList):
            return False
        expected = [*old.elements]
        if len(expected) != self.steps or any(e is not None for e in expected[at:]):
            return False
        expected[at] = new.elements[at]
        # The first results may be constants, as the first states are.
        written = all(element is not None for element in new.elements[:at])
        return written and tuple(expected) == new.elements and isinstance(expected[at], int)

    def read_lists(self) -> bool:
        """Notes which lists are read; False where a step sees anything else from outside."""
        fences = {n for n in self.step.before if isinstance(n, int)}
        found: dict[int, list[int]] = {}
        for index in range(self.step.begun, len(self.builder.nodes)):
            node = self.builder.nodes[index]
            outside = [source for source in node.inputs if source < self.step.begun]
            if not outside or index in fences:
                continue
            (source,) = outside[:1]
            is_element = (
                isinstance(node.op, AxisMap)
                and node.op.dim == 0
                and node.op.taps.tolist() == [[self.step.number]]
                and self.builder.shape(source)[0] == self.steps
            )
            if not is_element:
                return False
            found.setdefault(source, []).append(index)
        # A variable that no step changes is seen by all of them.
        constant = [n for i, n in enumerate(self.step.before) if i not in self.states]
        if any(isinstance(n, int) and self._is_used(n) for n in constant):
            return False
        self.wholes, self.slices = list(found), list(found.values())
        return True

    def _is_used(self, fence: int) -> bool:
        nodes = self.builder.nodes[self.step.begun :]
        return any(fence in node.inputs for node in nodes)

    def finished(self) -> list[Value] | None:
        """See `recurrence`."""
        fences = [n for n in (self.step.before[i] for i in self.states) if isinstance(n, int)]
        updated = [n for n in (self.step.after[i] for i in self.states) if isinstance(n, int)]
        written = [self._element(number) for number in self.lists]
        groups = [fences, *self.slices]
        sizes = [self._size(n) for n in (*updated, *written, *(g[0] for g in self.slices))]
        if sum(sizes) > LARGEST_STEP:
            return None
        update, *entering = self._relations(updated, groups)
        histories = [h for h in (_history(update, part) for part in entering) if h is not None]
        if len(histories) < len(entering):
            return None
        result: list[Value | None] = list(self.step.after)
        for number, element in zip(self.lists, written, strict=True):
            sees, *own = self._relations([element], groups)
            parts = []
            for whole, relation, history in zip(self.wholes, own, histories, strict=True):
                lags = _settled([relation, *(_through(sees, part) for part in history)])
                parts += self._results(whole, lags, element)
            result[number] = self._listed(parts, element)
        start = 0
        for number, state in zip(self.states, updated, strict=True):
            rows = slice(start, start + self._size(state))
            start = rows.stop
            parts = []
            for whole, history in zip(self.wholes, histories, strict=True):
                parts += self._last(whole, _settled([part[rows] for part in history]), state)
            result[number] = self.call.joined(parts, self.builder.shape(state)) if parts else None
        known = [value for value in result if value is not None]
        return known if len(known) == len(result) else None

    def _element(self, number: int) -> int:
        after = self.step.after[number]
        assert isinstance(after, TensorList)
        element = after.elements[self.step.number]
        assert isinstance(element, int)
        return element

    def _size(self, node: int) -> int:
        return math.prod(self.builder.shape(node))

    def _relations(self, targets: Sequence[int], groups: Sequence[Sequence[int]]) -> list[Relation]:
        """What the positions of some nodes see, within the step, of those of groups of others.

        The nodes of the first group are different values, those of the others are copies of one.
        """
        walker = Walker(Graph(tuple(self.builder.nodes)), cut=frozenset(range(self.step.begun)))
        widths = [sum(map(self._size, groups[0])), *(self._size(g[0]) for g in groups[1:])]
        found = [[np.zeros((0, width), bool)] for width in widths]
        for target in targets:
            shape = self.builder.shape(target)
            count = math.prod(shape)
            masks: dict[int, Relation] = {}

            def note(node: int, mask: Relation, masks: dict[int, Relation] = masks) -> None:
                full = np.broadcast_to(mask, (len(mask), *self.builder.shape(node)))
                masks[node] = full.reshape(len(mask), -1)

            probes = one_hot(shape, range(len(shape)), list(np.ndindex(*shape)))
            walker.influence(target, probes, note)
            for number, group in enumerate(groups):
                parts = [
                    masks.get(node, np.zeros((count, self._size(node)), bool)) for node in group
                ]
                if number == 0:
                    found[0].append(np.concatenate([np.zeros((count, 0), bool), *parts], axis=1))
                else:
                    found[number].append(np.logical_or.reduce(parts))
        return [np.concatenate(parts) for parts in found]

    def _results(self, whole: int, lags: Sequence[Relation], element: int) -> list[int]:
        """All results, each of which sees the element of its own step and earlier ones.

        Args:
            whole: The list of elements, stacked.
            lags: What a result sees of its own element, the one before, …, and of all others.
            element: A node of a result's shape.
        """
        name, parts = self.call.name, []
        for lag, relation in enumerate(lags):
            if not relation.any():
                continue
            part = self._mapped(whole, relation, element)
            if lag == len(lags) - 1:
                part = self.builder.add(Cumulative(0), (part,), self.builder.shape(part), name)
            if lag:
                before = np.arange(self.steps) - lag
                part = self.call.taps(part, 0, np.where(before >= 0, before, -1))
            parts.append(part)
        return parts

    def _last(self, whole: int, lags: Sequence[Relation], state: int) -> list[int]:
        """A state after the last step; see `_results`."""
        name, parts = self.call.name, []
        for lag, relation in enumerate(lags):
            if not relation.any():
                continue
            part = self._mapped(whole, relation, state)
            if lag < len(lags) - 1:
                part = self.call.taps(part, 0, np.array([self.steps - 1 - lag]))
            elif lag:
                part = self.call.taps(part, 0, np.arange(self.steps - lag))
            parts.append(self.builder.reduce(part, [0], False, name))
        return parts

    def _mapped(self, whole: int, relation: Relation, like: int) -> int:
        """Each element of a list through one relation, in the shape of some node."""
        name, shape = self.call.name, self.builder.shape(like)
        flat = self.builder.reshape(whole, (self.steps, relation.shape[1]), name)
        # Unlike a weight's, an empty relation is no untrained one.
        pattern = Fill((relation.shape), lambda: ~relation).open()
        op = Contract(((0, 1),), (0, 2), (2, 1), pattern)
        seen = self.builder.add(op, (flat,), (self.steps, relation.shape[0]), name)
        return self.builder.reshape(seen, (self.steps, *shape), name)

    def _listed(self, parts: Sequence[int], element: int) -> Value | None:
        if not parts:
            return None
        whole = self.call.joined(parts, (self.steps, *self.builder.shape(element)))
        return TensorList(tuple(Slice(whole, i) for i in range(self.steps)))


def _through(one: Relation, other: Relation) -> Relation:
    """What is seen by way of something between."""
    return np.asarray(one.astype(np.float32) @ other.astype(np.float32) > 0)


def _history(update: Relation, entering: Relation) -> list[Relation] | None:
    """What states see of the last element, the one before, …, until it stays the same for good."""
    found = [entering]
    while len(found) < LONGEST_HISTORY:
        found.append(_through(update, found[-1]))
        if (found[-1] == found[-2]).all():
            return found
    return None


def _settled(lags: Sequence[Relation]) -> list[Relation]:
    """The same, without the repetitions at its end."""
    found = list(lags)
    while len(found) > 1 and (found[-1] == found[-2]).all():
        found.pop()
    return found

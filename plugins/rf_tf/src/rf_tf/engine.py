"""From a captured TensorFlow graph to a graph of what depends on what: op by op, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from rf_tf.bodies import Bodies
from rf_tf.call import Call, Rule
from rf_tf.captured import Captured
from rf_tf.custom import custom_rule
from rf_tf.fills import KEEPING
from rf_tf.order import Plan, plan
from rf_tf.rules import COPIES, LISTS, MERGES, RULES, STRUCTURAL
from rf_tf.rules.lists import passed_on, unlisted
from rf_tf.scope import Scope
from rf_tf.values import DEAD, Dead, Failure, TensorList, Value, depends
from rf_tf.vjp import opaque
from rfcore.errors import UnsupportedOpError
from rfcore.graph import Graph, GraphBuilder
from rfcore.kept_fills import Fills

__all__ = ["Recording", "record"]


class Recording(NamedTuple):
    """A captured graph, recorded.

    Attributes:
        graph: The graph of what depends on what.
        values: Node of each output, None for one that does not depend on the input; outputs
            behind an op that has no rule are left out.
        error: Why some are left out, if any are.
    """

    graph: Graph
    values: dict[str, int | None]
    error: UnsupportedOpError | None


def record(captured: Captured) -> Recording:
    """Records the ops that lead from the input to the outputs; nothing is run.

    Args:
        captured: The graph, with static shapes.
    """
    builder = GraphBuilder(tuple(captured.input.shape.as_list()))
    arguments = {captured.input.name: 0}
    scope = Scope(captured.graph, builder, arguments, captured.variables)
    recording = _Recording(builder, Bodies(captured.graph))
    recording.through(scope, list(captured.outputs.values()))
    values: dict[str, int | None] = {}
    failed: dict[str, UnsupportedOpError] = {}
    for address, tensor in captured.outputs.items():
        value = scope.values.get(tensor.name)
        if isinstance(value, Failure):
            failed[address] = value.error
        else:
            values[address] = value if isinstance(value, int) else None
    return Recording(builder.finish(), values, _most_telling(failed))


def _most_telling(failed: Mapping[str, UnsupportedOpError]) -> UnsupportedOpError | None:
    """The error that hides the model's own output, or else any."""
    own = [error for address, error in failed.items() if address == "" or address[0] == "["]
    return next(iter([*own, *failed.values()]), None)


class _Recording:
    """The nodes so far."""

    def __init__(self, builder: GraphBuilder, bodies: Bodies) -> None:
        self.builder, self.bodies = builder, bodies
        self.fills = Fills(builder, KEEPING)
        self._plans: dict[tuple[int, tuple[str, ...]], Plan] = {}

    def through(self, scope: Scope, targets: Sequence[tf.Tensor]) -> None:
        """Records the ops that lead to some tensors of a scope."""
        layer = self.builder.layer
        for op in self._plan(scope, targets).ops:
            self._step(scope, op)
        self.builder.layer = layer

    def _plan(self, scope: Scope, targets: Sequence[tf.Tensor]) -> Plan:
        key = (id(scope.graph), tuple(tensor.name for tensor in targets))
        if key not in self._plans:
            self._plans[key] = plan(scope.graph, targets)
        return self._plans[key]

    def _step(self, scope: Scope, op: Any) -> None:
        kind = op.type
        values = scope.values
        given = [values.get(tensor.name) for tensor in op.inputs]
        outputs = op.outputs
        stopped = None if kind in MERGES else _stopped(given)
        if stopped is not None:
            values.update((tensor.name, stopped) for tensor in outputs)
            return
        if kind not in STRUCTURAL and not any(map(_matters, given)):
            return
        self.builder.layer = _layer(scope, op)
        try:
            rule = custom_rule(kind) or _rule(kind, given)
            found = rule(Call(op, scope, self))
        except UnsupportedOpError as error:
            values.update((tensor.name, Failure(error)) for tensor in outputs)
            return
        results = found if isinstance(found, Sequence) else [found]
        for tensor, result in zip(outputs, results, strict=True):
            if result is not None:
                values[tensor.name] = result


def _rule(kind: str, given: Sequence[Value | None]) -> Rule:
    """The rule of an op; lists of tensors are handled by few."""
    if kind in LISTS or not any(isinstance(value, TensorList) for value in given):
        return RULES.get(kind, opaque)
    return passed_on if kind in COPIES else unlisted


def _matters(value: Value | None) -> bool:
    return isinstance(value, TensorList) or depends(value)


def _stopped(given: Sequence[Value | None]) -> Value | None:
    """What makes an op's results unknown, or never computed, whatever the op."""
    for value in given:
        if isinstance(value, Failure):
            return value
    return DEAD if any(isinstance(value, Dead) for value in given) else None


def _layer(scope: Scope, op: Any) -> str:
    own = op.name.rpartition("/")[0]
    return "/".join(part for part in (scope.layer, own) if part)

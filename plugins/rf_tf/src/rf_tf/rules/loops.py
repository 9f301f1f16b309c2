"""Loops: as many copies of their body as they have steps, if that number is known.

A recurrence is told from one of its steps alone. A loop whose length the input decides is taken
to let everything see everything, which its note says.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import tensorflow as tf

from rf_tf.bodies import Body
from rf_tf.call import Call, Result, Rule
from rf_tf.constants import Constant, UnknownValueError
from rf_tf.operands import Operands, run_body
from rf_tf.rules.recurrence import Step, fenced, recurrence
from rf_tf.scope import Scope
from rf_tf.values import TensorList, Value

__all__ = ["RULES"]

# Nodes that a loop may be written out to.
LONGEST_LOOP = 30_000
# The step that a recurrence is known by: the first whose states all come from earlier steps.
MEASURED = 2


def loop(call: Call) -> list[Result]:
    """`While`: as many copies of its body as it has steps, if that number is known.

    A recurrence, known by its third step, is told from that step alone.
    """
    operands = Operands(call, 0)
    condition = operands.body(call.attr("cond").name, varying=[True] * len(operands.values))
    body = operands.body(call.attr("body").name, varying=_varying(call, operands))
    values = list(operands.values)
    begun = len(call.builder.nodes)
    for number in itertools.count():
        goes_on = _decided(call, operands.scope(condition, values), condition)
        if goes_on is None:
            return _anything(call, operands, "how often this loop runs is not known")
        if len(call.builder.nodes) - begun > LONGEST_LOOP:
            return _anything(call, operands, "this loop runs too often to be written out")
        if not goes_on:
            break
        if number == MEASURED:
            told = _told_by_one_step(call, operands, condition, body, values)
            if told is not None:
                return [*told]
        values = run_body(call, operands.scope(body, values), body)
        _settled(values, body)
    return [*values]


def _told_by_one_step(
    call: Call, operands: Operands, condition: Body, body: Body, values: Sequence[Value]
) -> list[Value] | None:
    """The loop variables after all steps, if they follow from one of them."""
    begun = len(call.builder.nodes)
    before = fenced(call, values)
    scope = operands.scope(body, before)
    after = run_body(call, scope, body)
    length = max((len(v.elements) for v in values if isinstance(v, TensorList)), default=0)
    if length <= MEASURED:
        return None
    step = Step(MEASURED, begun, scope, body.results, operands.values, before, after)
    found = recurrence(call, step, length, body.arguments)
    if found is None:
        return None
    last = _counted_out(call, operands, condition, body, values, length)
    if last is None:
        return None
    return [
        counter if isinstance(value, Constant) else value
        for value, counter in zip(found, last, strict=True)
    ]


def _counted_out(
    call: Call,
    operands: Operands,
    condition: Body,
    body: Body,
    values: Sequence[Value],
    length: int,
) -> list[Value] | None:
    """The counters after the last step, if there are just so many steps."""
    counters = [
        tensor
        for tensor, value in zip(body.results, values, strict=True)
        if isinstance(value, Constant) and tensor.dtype.is_integer
    ]
    indexed = ("TensorListGetItem", "TensorListSetItem")
    places = [op.inputs[1] for op in body.graph.get_operations() if op.type in indexed]
    now = list(values)
    for number in itertools.count(MEASURED):
        goes_on = _decided(call, operands.scope(condition, now), condition)
        if goes_on is not True:
            return now if goes_on is False and number == length else None
        if number > length:
            return None
        scope = operands.scope(body, now)
        if not _all_at(scope, places, number):
            return None
        call.recorder.through(scope, counters)
        names = {tensor.name for tensor in counters}
        now = [
            scope.value(tensor) if tensor.name in names else value
            for tensor, value in zip(body.results, now, strict=True)
        ]
        _settled(now, body)
    return None


def _all_at(scope: Scope, places: Sequence[tf.Tensor], number: int) -> bool:
    """Whether a step reads and writes the elements of its own number alone."""
    try:
        return all(scope.constant(place).array() == number for place in places)
    except UnknownValueError:
        return False


def _varying(call: Call, operands: Operands) -> list[bool]:
    """Which loop variables a step may change."""
    unknown = [True] * len(operands.values)
    body = operands.body(call.attr("body").name, varying=unknown)
    return [
        _origin(result.op) is not argument.op
        for argument, result in zip(body.arguments, body.results, strict=True)
    ]


def _origin(op: object) -> object:
    while getattr(op, "type", "") == "Identity":
        op = op.inputs[0].op  # type: ignore[attr-defined]
    return op


def _decided(call: Call, scope: Scope, condition: Body) -> bool | None:
    """Whether the loop goes on; None where that depends on the input, or is not known."""
    call.recorder.through(scope, condition.results)
    value = scope.value(condition.results[0])
    if not isinstance(value, Constant):
        return None
    try:
        return bool(value.array())
    except UnknownValueError:
        return None


def _settled(values: Sequence[Value], body: Body) -> None:
    """Reads counters step by step, so that the last one does not lead back through all steps."""
    for value, tensor in zip(values, body.results, strict=True):
        if isinstance(value, Constant) and tensor.dtype.is_integer:
            try:
                value.array()
            except UnknownValueError:
                continue


def _anything(call: Call, operands: Operands, why: str) -> list[Result]:
    """After many steps, or who knows how many, anything may have reached everything."""
    nodes = [
        node
        for value in operands.values
        for node in (value.elements if isinstance(value, TensorList) else (value,))
        if isinstance(node, int)
    ]
    found: list[Result] = []
    note = f"{why}, so each output may see everything"
    for number, tensor in enumerate(call.op.outputs):
        value = operands.values[number]
        if operands.resources[number] is not None:
            found.append(None)
            continue
        if isinstance(value, TensorList) or tensor.dtype.name == "variant":
            raise call.refused(f"{why}, and it keeps a list of tensors")
        if not tensor.shape.is_fully_defined() and isinstance(value, int):
            shape = call.builder.shape(value)
        else:
            shape = call.result_shape(number)
        whole = [call.everything(node, shape) for node in nodes]
        found.append(call.bounded(call.joined(whole, shape), note))
    return found


RULES: dict[str, Rule] = dict.fromkeys(("While", "StatelessWhile"), loop)

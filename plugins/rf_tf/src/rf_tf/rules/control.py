"""Calls, branches and loops.

A branch whose predicate is a constant is that branch alone, and a loop whose length is known is
as many copies of its body. Where the input decides, both branches count, and a loop is taken to
let everything see everything, which its note says.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import tensorflow as tf

from rf_tf.bodies import Argument, Body
from rf_tf.call import Call, Result, Rule
from rf_tf.constants import Constant, UnknownValueError
from rf_tf.folding import Array
from rf_tf.rules.recurrence import Step, fenced, recurrence
from rf_tf.scope import Resource, Scope
from rf_tf.values import DEAD, Dead, Failure, TensorList, Value

__all__ = ["RULES"]

# Nodes that a loop may be written out to.
LONGEST_LOOP = 30_000
# The step that a recurrence is known by: the first whose states all come from earlier steps.
MEASURED = 2
# Elements of a whole-number constant that shapes may depend on.
LARGEST_SHAPE = 64


class Operands:
    """The arguments that an op hands to its functions."""

    def __init__(self, call: Call, first: int) -> None:
        self.call = call
        self.tensors = call.inputs[first:]
        self.values: list[Value] = [call.scope.value(tensor) for tensor in self.tensors]
        self.resources: list[Resource | None] = [
            call.scope.resource(tensor) if tensor.dtype.name == "resource" else None
            for tensor in self.tensors
        ]

    def described(self, *, varying: Sequence[bool] | None = None) -> list[Argument]:
        """What is known of them; values only of those that do not vary between runs."""
        found = []
        for i, (tensor, value) in enumerate(zip(self.tensors, self.values, strict=True)):
            resource = self.resources[i]
            shape = tensor.shape
            if isinstance(value, int):
                found.append(Argument(self.call.builder.shape(value)))
            elif resource is not None:
                found.append(Argument((), handle=resource.handle))
            else:
                static = tuple(shape.as_list()) if shape.is_fully_defined() else None
                fixed = varying is None or not varying[i]
                found.append(Argument(static, self._small(i) if fixed else None))
        return found

    def _small(self, number: int) -> Array | None:
        """The value of a constant that shapes may depend on."""
        tensor, value = self.tensors[number], self.values[number]
        if not isinstance(value, Constant) or not (tensor.dtype.is_integer or tensor.dtype.is_bool):
            return None
        size = tensor.shape.num_elements()
        if size is None or size > LARGEST_SHAPE:
            return None
        try:
            return value.array()
        except UnknownValueError:
            return None

    def body(self, function: str, *, varying: Sequence[bool] | None = None) -> Body:
        """The body of a function that takes them."""
        return self.call.recorder.bodies.body(function, self.described(varying=varying))

    def scope(self, body: Body, values: Sequence[Value]) -> Scope:
        """A body that runs on some values in their place."""
        names = [tensor.name for tensor in body.arguments]
        resources = {
            name: resource
            for name, resource in zip(names, self.resources, strict=True)
            if resource is not None
        }
        arguments = {
            name: value for name, value in zip(names, values, strict=True) if name not in resources
        }
        builder = self.call.builder
        variables = self.call.scope.variables
        return Scope(body.graph, builder, arguments, variables, resources, builder.layer)


def _run(call: Call, scope: Scope, body: Body) -> list[Value]:
    """Records a body and returns what its results are."""
    call.recorder.through(scope, body.results)
    found: list[Value] = []
    for tensor in body.results:
        value = scope.value(tensor)
        if isinstance(value, Failure):
            raise value.error
        found.append(value)
    return found


def called(call: Call) -> list[Result]:
    """A function, inlined."""
    operands = Operands(call, 0)
    body = operands.body(call.attr("f").name)
    return [*_run(call, operands.scope(body, operands.values), body)]


def branches(call: Call, functions: Sequence[str]) -> list[Result]:
    """`If` and `Case`: one branch, or all of them where it is not known which."""
    operands = Operands(call, 1)
    taken = _chosen(call, len(functions))
    names = functions if taken is None else [functions[taken]]
    outcomes = []
    for name in names:
        body = operands.body(name)
        outcomes.append(_run(call, operands.scope(body, operands.values), body))
    if taken is not None:
        return [*outcomes[0]]
    return [
        _united(call, i, [outcome[i] for outcome in outcomes]) for i, _ in enumerate(outcomes[0])
    ]


def _chosen(call: Call, count: int) -> int | None:
    """Which branch is taken, if that does not depend on the input and is known."""
    if call.node(0) is not None:
        return None
    try:
        chosen = call.constant(0).array()
    except UnknownValueError:
        return None
    if call.name in ("Case", "StatelessCase"):
        index = int(chosen)
        return index if 0 <= index < count else count - 1
    holds = bool(chosen) if chosen.ndim == 0 else chosen.size > 0
    # The first function is the one for a predicate that holds.
    return 0 if holds else 1


def _united(call: Call, number: int, values: Sequence[Value]) -> Value:
    """What a result is where any of the branches may give it."""
    predicate = call.node(0)
    if any(isinstance(value, TensorList | Dead) for value in values):
        raise call.refused("which branch runs is not known, and they return lists of tensors")
    nodes = [value for value in values if isinstance(value, int)]
    if predicate is None and not nodes:
        return Constant(_either_branch)
    shape = call.builder.shape(nodes[0]) if nodes else call.result_shape(number)
    if any(call.builder.shape(node) != shape for node in nodes):
        raise call.refused("which branch runs is not known, and they return different shapes")
    if predicate is None:
        return call.bounded(
            call.joined(nodes, shape), "which branch runs is not known, so all of them count"
        )
    parts = [*nodes, call.everything(predicate, shape)]
    return call.noted(
        call.elementwise(parts, shape),
        "the input decides which branch runs, so all of them count",
    )


def _either_branch() -> Array:
    raise UnknownValueError("it comes from a branch of which it is not known whether it runs")


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
        values = _run(call, operands.scope(body, values), body)
        _settled(values, body)
    return [*values]


def _told_by_one_step(
    call: Call, operands: Operands, condition: Body, body: Body, values: Sequence[Value]
) -> list[Value] | None:
    """The loop variables after all steps, if they follow from one of them."""
    begun = len(call.builder.nodes)
    before = fenced(call, values)
    scope = operands.scope(body, before)
    after = _run(call, scope, body)
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


def switched(call: Call) -> list[Result]:
    """`Switch` of TF1: the value goes one way, or both ways where the input decides."""
    value = call.value(0)
    predicate = call.node(1)
    if predicate is None:
        try:
            taken = bool(call.constant(1).array())
        except UnknownValueError:
            if not isinstance(value, int):
                return [value, value]
            passed = call.bounded(value, "which branch runs is not known, so both count")
            return [passed, passed]
        return [DEAD, value] if taken else [value, DEAD]
    shape = call.result_shape(0) if not isinstance(value, int) else call.builder.shape(value)
    parts = [call.everything(predicate, shape), *([value] if isinstance(value, int) else [])]
    both = call.noted(
        call.elementwise(parts, shape), "the input decides which branch runs, so both count"
    )
    return [both, both]


def merged(call: Call) -> list[Result]:
    """`Merge` of TF1: whichever value arrives."""
    values = [call.scope.value(tensor) for tensor in call.inputs]
    alive = [value for value in values if not isinstance(value, Dead)]
    for value in alive:
        if isinstance(value, Failure):
            raise value.error
    if not alive:
        return [DEAD, DEAD]
    if len(alive) == 1:
        return [alive[0], None]
    if not all(isinstance(value, int) for value in alive):
        raise call.refused(
            "it is not known which of its branches runs, and one of them is a constant"
        )
    shape = call.result_shape(0)
    return [call.elementwise([v for v in alive if isinstance(v, int)], shape), None]


def framed(call: Call) -> list[Result]:
    """The loops of TF1, which are no functions."""
    raise call.refused("it belongs to a loop of TF1 graphs (tf.while_loop without functions)")


def _functions(call: Call) -> list[Result]:
    if call.name in ("Case", "StatelessCase"):
        return branches(call, [function.name for function in call.attr("branches")])
    return branches(call, [call.attr("then_branch").name, call.attr("else_branch").name])


_FRAMES = "Enter RefEnter Exit RefExit NextIteration RefNextIteration LoopCond"

RULES: dict[str, Rule] = {
    **dict.fromkeys(("PartitionedCall", "StatefulPartitionedCall"), called),
    **dict.fromkeys(("If", "StatelessIf", "Case", "StatelessCase"), _functions),
    **dict.fromkeys(("While", "StatelessWhile"), loop),
    "Switch": switched,
    "RefSwitch": switched,
    "Merge": merged,
    "RefMerge": merged,
    **dict.fromkeys(_FRAMES.split(), framed),
}

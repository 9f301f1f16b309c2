"""Calls and branches.

A branch whose predicate is a constant is that branch alone; where the input decides, both count.
"""

from __future__ import annotations

from collections.abc import Sequence

from rf_tf.call import Call, Result, Rule
from rf_tf.constants import Constant, UnknownValueError
from rf_tf.folding import Array
from rf_tf.operands import Operands, run_body
from rf_tf.values import DEAD, Dead, Failure, TensorList, Value

__all__ = ["RULES"]


def called(call: Call) -> list[Result]:
    """A function, inlined."""
    operands = Operands(call, 0)
    body = operands.body(call.attr("f").name)
    return [*run_body(call, operands.scope(body, operands.values), body)]


def branches(call: Call, functions: Sequence[str]) -> list[Result]:
    """`If` and `Case`: one branch, or all of them where it is not known which."""
    operands = Operands(call, 1)
    taken = _chosen(call, len(functions))
    names = functions if taken is None else [functions[taken]]
    outcomes = []
    for name in names:
        body = operands.body(name)
        outcomes.append(run_body(call, operands.scope(body, operands.values), body))
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
    "Switch": switched,
    "RefSwitch": switched,
    "Merge": merged,
    "RefMerge": merged,
    **dict.fromkeys(_FRAMES.split(), framed),
}

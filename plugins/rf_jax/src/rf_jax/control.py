"""Loops and branches: written out where that is exact, bounded from above where it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rf_jax import fills
from rf_jax.recurrence import told_at_once
from rf_jax.values import Constant, Refused, Seen, Shape, Value
from rfcore.errors import UnsupportedOpError
from rfcore.graph import Concatenate, Elementwise, GraphBuilder

if TYPE_CHECKING:
    from rf_jax.interpreter import Interpreter
    from rf_jax.scopes import Path

__all__ = ["CONTROL"]

Control = Callable[["Interpreter", Any, Sequence[Value], "Path"], Sequence[Value]]

# Loops of more steps are not written out.
MOST_STEPS = 1024


def scan(
    reader: Interpreter, equation: Any, operands: Sequence[Value], path: Path
) -> Sequence[Value]:
    """`scan`: its body once per step, or on all steps at once where that is the same."""
    told = told_at_once(reader, equation, operands, path)
    if told is not None:
        return told
    params = equation.params
    body, length = params["jaxpr"], params["length"]
    constants, carried = params["num_consts"], params["num_carry"]
    if length > MOST_STEPS:
        raise _refused(reader, equation, f"it is a loop of {length} steps, too many to write out")
    fixed, carry = operands[:constants], list(operands[constants : constants + carried])
    sliced = operands[constants + carried :]
    shapes = [atom.aval.shape for atom in equation.invars[constants + carried :]]
    consts = [Constant.given(c) for c in body.consts]
    order = range(length)[::-1] if params["reverse"] else range(length)
    stacked: dict[int, list[Value]] = {}
    for step in order:
        parts = [
            _part(reader.builder, value, shape, step)
            for value, shape in zip(sliced, shapes, strict=True)
        ]
        results = reader.run(body.jaxpr, consts, [*fixed, *carry, *parts], path)
        carry, stacked[step] = results[:carried], results[carried:]
    shapes = [variable.aval.shape for variable in equation.outvars[carried:]]
    joined = [
        _joined(reader.builder, [stacked[step][i] for step in range(length)], shape)
        for i, shape in enumerate(shapes)
    ]
    return [*carry, *joined]


def _part(builder: GraphBuilder, value: Value, shape: Shape, step: int) -> Value:
    """One step's part of a scanned operand."""
    if isinstance(value, Refused):
        return value
    if isinstance(value, Constant):
        return fills.derived(shape[1:], lambda array: np.asarray(array[step]), value)
    node = builder.axis_map(value.node, 0, np.array([step]), "scan")
    return Seen(builder.reshape(node, shape[1:], "scan"))


def _joined(builder: GraphBuilder, parts: Sequence[Value], shape: Shape) -> Value:
    """The steps' results one after the other."""
    for part in parts:
        if isinstance(part, Refused):
            return part
    seen = {i: part.node for i, part in enumerate(parts) if isinstance(part, Seen)}
    if not seen:
        constants = [part for part in parts if isinstance(part, Constant)]
        if not constants:
            return Constant(shape, np.zeros(shape))
        return fills.derived(shape, lambda *arrays: np.stack(arrays), *constants)
    single = (1, *shape[1:])
    nodes = [builder.reshape(node, single, "scan") for node in seen.values()]
    if shape[0] == 1:
        return Seen(nodes[0])
    return Seen(builder.add(Concatenate(0, tuple(seen)), nodes, shape, "scan"))


def branch(
    reader: Interpreter, equation: Any, operands: Sequence[Value], path: Path
) -> Sequence[Value]:
    """`cond` and `switch`: the chosen branch, or all of them where the choice is not constant."""
    branches = equation.params["branches"]
    which, *args = operands
    if isinstance(which, Refused):
        return [which] * len(equation.outvars)
    if isinstance(which, Constant) and not which.hidden:
        number = min(max(int(which.array()), 0), len(branches) - 1)
        return _called(reader, branches[number], args, path)
    outcomes = [_called(reader, chosen, args, path) for chosen in branches]
    reader.builder.layer = reader.scopes.label(path)
    shapes = [variable.aval.shape for variable in equation.outvars]
    return [
        _united(reader.builder, [which, *values], shape)
        for values, shape in zip(zip(*outcomes, strict=True), shapes, strict=True)
    ]


def _called(reader: Interpreter, closed: Any, args: Sequence[Value], path: Path) -> list[Value]:
    return reader.run(closed.jaxpr, [Constant.given(c) for c in closed.consts], args, path)


def _united(builder: GraphBuilder, values: Sequence[Value], shape: Shape) -> Value:
    """Everything that any branch sees, and what the choice between them sees."""
    for value in values:
        if isinstance(value, Refused):
            return value
    nodes = [value.node for value in values if isinstance(value, Seen)]
    if not nodes:
        return Constant(shape, hidden="a branch that is not known computes it")
    note = "cond: which branch runs is not known beforehand, so all of them count, an upper bound"
    return Seen(builder.add(Elementwise(), nodes, shape, "cond", note, exact=False))


def repetition(
    reader: Interpreter, equation: Any, operands: Sequence[Value], path: Path
) -> Sequence[Value]:
    """`while`: step by step as long as its condition is constant."""
    params = equation.params
    fixed, rest = params["cond_nconsts"], params["body_nconsts"]
    asked, given = operands[:fixed], operands[fixed : fixed + rest]
    carry = list(operands[fixed + rest :])
    for _ in range(MOST_STEPS):
        (goes_on,) = _called(reader, params["cond_jaxpr"], [*asked, *carry], path)
        if isinstance(goes_on, Refused):
            return [goes_on] * len(carry)
        if isinstance(goes_on, Seen) or goes_on.hidden:
            return _endless(reader, equation, [goes_on, *given, *carry])
        if not bool(goes_on.array()):
            return carry
        carry = _called(reader, params["body_jaxpr"], [*given, *carry], path)
    raise _refused(reader, equation, f"it is a loop of more than {MOST_STEPS} steps")


def _endless(reader: Interpreter, equation: Any, values: Sequence[Value]) -> Sequence[Value]:
    """After nobody knows how many steps each result may see everything that goes in."""
    for value in values:
        if isinstance(value, Refused):
            return [value] * len(equation.outvars)
    builder = reader.builder
    nodes = []
    for value in values:
        if isinstance(value, Seen):
            rank = len(builder.shape(value.node))
            nodes.append(builder.reduce(value.node, range(rank), False, "while"))
    note = (
        "while: how often it runs is not known beforehand, so each result is taken to see all "
        "that goes in, an upper bound"
    )
    return [
        Seen(builder.add(Elementwise(), nodes, variable.aval.shape, "while", note, exact=False))
        for variable in equation.outvars
    ]


def _refused(reader: Interpreter, equation: Any, reason: str) -> UnsupportedOpError:
    return UnsupportedOpError(equation.primitive.name, reader.builder.layer, reason)


CONTROL: Mapping[str, Control] = {"scan": scan, "cond": branch, "while": repetition}

"""Elementwise ops in which a constant hides an operand in places: products, choices, sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rf_tf.call import Call, Rule
from rf_tf.constants import LARGEST_PATTERN, Test
from rf_tf.fills import is_partly_zero
from rfcore.fills import Fill, Kind, is_low, is_zero
from rfcore.graph import Elementwise

__all__ = ["RULES"]

_KINDS: tuple[tuple[Kind, Test], ...] = (("zero", is_zero), ("low", is_low))


def product(call: Call) -> int:
    """A product with a zero is seen nowhere, be it a constant's or one that was filled in."""
    nodes = call.dependent()
    if len(nodes) == 2:
        return _product_of_two(call, nodes)
    constant = 1 if call.node(0) is not None else 0
    result = call.elementwise(nodes, call.shape)
    if call.size(constant) > 1:
        hidden = call.where(constant, is_partly_zero)
        result = call.gated(nodes[0], hidden, call.shape)
        call.fills.note(result, "zero", hidden)
    _still_low(call, result, nodes[0], constant)
    return result


def _product_of_two(call: Call, nodes: Sequence[int]) -> int:
    """Each factor is seen where the other one is not known to be zero."""
    hidden = [call.fills.find(other, "zero") for other in reversed(nodes)]
    large = max((fill.size for fill in hidden if fill is not None), default=0)
    if large > LARGEST_PATTERN:
        return call.unread(call.elementwise(nodes, call.shape), large)
    if hidden == [None, None]:
        return call.elementwise(nodes, call.shape)
    gates = tuple(None if fill is None else fill.open() for fill in hidden)
    return call.builder.add(Elementwise(gates), nodes, call.shape, call.name)


def scaled_function(call: Call) -> int:
    """`xdivy`, `xlogy`: a first factor times a function of the other operand."""
    nodes = call.dependent()
    if len(nodes) == 1 and call.node(0) is None and call.size(0) > 1:
        return call.gated(nodes[0], call.where(0, is_partly_zero), call.shape)
    return call.elementwise(nodes, call.shape)


def quotient(call: Call) -> int:
    """A quotient, which stays low where its numerator was and a constant divisor is positive."""
    nodes = call.dependent()
    result = call.elementwise(nodes, call.shape)
    if len(nodes) == 1 and call.node(0) is not None:
        _still_low(call, result, nodes[0], 1)
    return result


def _still_low(call: Call, result: int, source: int, constant: int) -> None:
    low = call.fills.find(source, "low")
    if low is not None:
        call.fills.note(result, "low", low & call.where(constant, lambda factor: factor > 0))


def conjunction(call: Call) -> int:
    """`and`: false where a constant operand is, whatever the other one."""
    nodes = call.dependent()
    if len(nodes) == 2:
        return call.elementwise(nodes, call.shape)
    constant = 1 if call.node(0) is not None else 0
    return call.gated(nodes[0], call.where(constant, is_partly_zero), call.shape)


def addition(call: Call, sign: int) -> int:
    """A sum, which is low where a constant term is: a mask that is added to scores."""
    nodes = call.dependent()
    result = call.elementwise(nodes, call.shape)
    constant = next((i for i in range(len(call.inputs)) if call.node(i) is None), None)
    if constant is not None and call.size(constant) > 1 and call.inputs[constant].dtype.is_floating:
        factor = sign if constant == 1 else 1
        hidden = call.where(constant, lambda value: is_low(value * factor))
        call.fills.note(result, "low", hidden)
    return result


def power(call: Call) -> int:
    """A power, which is 1 where a constant exponent is 0."""
    nodes = call.dependent()
    if len(nodes) == 1 and call.node(1) is None and call.size(1) > 1:
        return call.gated(nodes[0], call.where(1, is_partly_zero), call.shape)
    return call.elementwise(nodes, call.shape)


def choice(call: Call) -> int | None:
    """A choice between two values; by a constant predicate each is hidden in places."""
    if (predicate := call.node(0)) is not None:
        predicate = _along_first_axes(call, predicate)
        others = [node for node in (call.node(1), call.node(2)) if node is not None]
        return call.elementwise([predicate, *others], call.shape)
    parts = []
    for number, other, test in ((1, 2, np.logical_not), (2, 1, _as_is)):
        node = call.node(number)
        if node is None:
            continue
        hidden = _aligned(call, call.where(0, test))
        parts.append(call.gated(node, hidden, call.shape))
        if call.node(other) is None:
            for kind, filled in _KINDS:
                new = hidden & call.where(other, filled)
                kept = call.fills.find(node, kind)
                call.fills.note(parts[-1], kind, new if kept is None else (kept - hidden) | new)
    return parts[0] if len(parts) == 1 else call.elementwise(parts, call.shape)


def _along_first_axes(call: Call, predicate: int) -> int:
    """The predicate of the old `Select` may be a vector over the first axis."""
    shape = call.builder.shape(predicate)
    if call.name == "Select" and len(shape) == 1 < len(call.shape):
        column = (*shape, *(1,) * (len(call.shape) - 1))
        return call.builder.reshape(predicate, column, call.name)
    return predicate


def _aligned(call: Call, fill: Fill) -> Fill:
    if call.name == "Select" and len(fill.shape) == 1 < len(call.shape):
        shape = (*fill.shape, *(1,) * (len(call.shape) - 1))
        return Fill(shape, lambda: fill.load().reshape(shape))
    return fill


def vanishing(call: Call) -> int:
    """`exp` and its like, which are zero where their operand is as good as minus infinity."""
    node = call.operand(0)
    low = call.fills.find(node, "low")
    if low is None:
        return call.elementwise((node,), call.shape)
    result = call.gated(node, low, call.shape)
    call.fills.note(result, "zero", low)
    return result


def extremum(call: Call, test: Test) -> int:
    """A maximum or minimum, which hides its other operand where a constant one is infinite."""
    nodes = call.dependent()
    constant = next((i for i in (0, 1) if call.node(i) is None), None)
    if constant is None or call.size(constant) == 1 or not call.inputs[0].dtype.is_floating:
        return call.elementwise(nodes, call.shape)
    return call.gated(nodes[0], call.where(constant, test), call.shape)


def _as_is(value: Any) -> Any:
    return value


RULES: dict[str, Rule] = {
    "Mul": product,
    "MulNoNan": product,
    "RealDiv": quotient,
    "Div": quotient,
    "DivNoNan": quotient,
    "Xdivy": scaled_function,
    "Xlogy": scaled_function,
    "Xlog1py": scaled_function,
    "LogicalAnd": conjunction,
    "BitwiseAnd": conjunction,
    "Add": lambda call: addition(call, 1),
    "AddV2": lambda call: addition(call, 1),
    "Sub": lambda call: addition(call, -1),
    "Maximum": lambda call: extremum(call, np.isposinf),
    "Minimum": lambda call: extremum(call, np.isneginf),
    "Pow": power,
    **dict.fromkeys(("Exp", "Relu", "Relu6", "Sigmoid", "Softplus"), vanishing),
    "Select": choice,
    "SelectV2": choice,
}

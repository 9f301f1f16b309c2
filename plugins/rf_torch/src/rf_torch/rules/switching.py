"""Elementwise ops in which a constant hides an operand in places: products, choices, fillings."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rf_torch.call import Call, Rule
from rf_torch.constants import LARGEST_PATTERN, Test, is_partly_zero
from rf_torch.fills import whole
from rf_torch.steps import COMPLEX_PRODUCT
from rfcore.fills import Fill, Kind, is_low, is_zero
from rfcore.graph import Elementwise

__all__ = ["RULES", "refilled"]

_KINDS: tuple[tuple[Kind, Test], ...] = (("zero", is_zero), ("low", is_low))


def multiplication(call: Call) -> int:
    """A product with a zero is seen nowhere, be it a constant's or one that was filled in."""
    nodes = call.dependent()
    tensors = call.operands()
    name = COMPLEX_PRODUCT if all(t.is_complex() for t in tensors) else call.name
    if len(nodes) == 2:
        return _product_of_two(call, nodes, name)
    product = call.builder.elementwise(nodes, call.shape, name)
    for constant in (t for t in tensors if call.node(t) is None and t.numel() > 1):
        product = call.gated(product, constant, call.shape, name)
        call.fills.note(product, "zero", _where(call, constant, is_partly_zero))
    return _scaled(call, product, nodes[0])


def _product_of_two(call: Call, nodes: Sequence[int], name: str) -> int:
    gates = []
    for other in reversed(nodes):
        fill = call.fills.find(other, "zero")
        if fill is not None and fill.size > LARGEST_PATTERN:
            return call.unread(call.builder.elementwise(nodes, call.shape, name), fill.size)
        gates.append(None if fill is None else fill.open())
    if gates == [None, None]:
        return call.builder.elementwise(nodes, call.shape, name)
    return call.builder.add(Elementwise(tuple(gates)), nodes, call.shape, name)


def conjunction(call: Call) -> int:
    """`and`: false where a constant operand is, whatever the other one."""
    nodes = call.dependent()
    constants = [t for t in call.operands() if call.node(t) is None and t.numel() > 1]
    result = call.elementwise(nodes, call.shape)
    return call.gated(result, constants[0], call.shape) if constants else result


def division(call: Call) -> int:
    """A quotient, which stays low where its numerator was and the divisor is positive."""
    nodes = call.dependent()
    quotient = call.elementwise(nodes, call.shape)
    by_constant = len(nodes) == 1 and call.node(call["self"]) is not None
    return _scaled(call, quotient, nodes[0]) if by_constant else quotient


def _scaled(call: Call, node: int, source: int) -> int:
    """Notes that a low value stays low when it is scaled by a positive number."""
    low = call.fills.find(source, "low")
    other = next((v for v in (call["other"], call["self"]) if call.node(v) is None), None)
    if low is None or other is None:
        return node
    if isinstance(other, torch.Tensor):
        low = low & _where(call, other, lambda factor: factor > 0)
    elif isinstance(other, complex) or other <= 0:
        return node
    call.fills.note(node, "low", low)
    return node


def addition(call: Call, sign: int) -> int:
    """A sum, which is low where a constant term is: a mask that is added to scores."""
    nodes = call.dependent()
    scale = sign * call.given.get("alpha", 1)
    # By its name a sum keeps what is low; `torch.add(a, b, alpha=-1)` is none.
    name = call.name if isinstance(scale, complex) or scale > 0 else "aten.sub"
    total = call.builder.elementwise(nodes, call.shape, name)
    other = call["other"]
    term = other if call.node(other) is None else call["self"]
    constant = isinstance(term, torch.Tensor) and call.node(term) is None and term.numel() > 1
    if constant and term.is_floating_point():
        factor = scale if term is other else 1
        low = _where(call, term, lambda value: is_low(value * factor))
        call.fills.note(total, "low", low)
    return total


def power(call: Call) -> int:
    """A power, which is 1 where a constant exponent is 0."""
    nodes = call.dependent()
    result = call.elementwise(nodes, call.shape)
    exponent = call.given.get("exponent")
    if isinstance(exponent, torch.Tensor) and call.node(exponent) is None and exponent.numel() > 1:
        return call.gated(result, exponent, call.shape)
    return result


def interpolation(call: Call) -> int:
    """`lerp`: from `self` where the weight is not 1, from `end` where it is not 0."""
    weight = call["weight"]
    if not isinstance(weight, torch.Tensor) or weight.numel() == 1 or call.node(weight) is not None:
        return call.elementwise(call.dependent(), call.shape)
    parts = []
    for argument, hidden in (("self", _is_one), ("end", is_zero)):
        node = call.node(call[argument])
        if node is not None:
            parts.append(_hidden(call, node, weight, hidden))
    return call.elementwise(parts, call.shape)


def product_added(call: Call) -> int:
    """`addcmul`: a sum with a product, either factor of which may be constant."""
    factors = [call["tensor1"], call["tensor2"]]
    parts = [node for node in [call.node(call["self"])] if node is not None]
    constants = [t for t in factors if call.node(t) is None and t.numel() > 1]
    for factor in factors:
        node = call.node(factor)
        if node is not None:
            parts.append(call.gated(node, constants[0], call.shape) if constants else node)
    return call.elementwise(parts, call.shape)


def where(call: Call) -> int:
    """A choice between two values; by a constant predicate each is hidden in places."""
    predicate, chosen, other = call["condition"], call["self"], call["other"]
    if call.node(predicate) is not None:
        return call.elementwise(call.dependent(), call.shape)
    parts = []
    for value, constant, hidden in (
        (chosen, other, torch.logical_not),
        (other, chosen, _as_is),
    ):
        node = call.node(value)
        if node is not None:
            parts.append(_hidden(call, node, predicate, hidden))
            if call.node(constant) is None:
                refilled(call, parts[0], node, _where(call, predicate, hidden), constant)
    return parts[0] if len(parts) == 1 else call.elementwise(parts, call.shape)


def masked_fill(call: Call) -> int:
    """A constant mask hides what it fills."""
    node, mask, value = call.node(call["self"]), call["mask"], call["value"]
    if call.node(mask) is not None:
        return call.elementwise(call.dependent(), call.shape)
    parts = []
    if node is not None:
        parts.append(_hidden(call, node, mask, _as_is))
        if call.node(value) is None:
            refilled(call, parts[0], node, _where(call, mask, _as_is), value)
    if (new := call.node(value)) is not None:
        whole = call.elementwise((new,), call.shape)
        parts.append(_hidden(call, whole, mask, torch.logical_not))
    return parts[0] if len(parts) == 1 else call.elementwise(parts, call.shape)


def _hidden(call: Call, node: int, constant: torch.Tensor, hidden: Test) -> int:
    """A node that is hidden where `hidden` holds of a constant."""
    if constant.numel() > LARGEST_PATTERN:
        return call.unread(call.elementwise((node,), call.shape), constant.numel())
    return call.gated(node, _where(call, constant, hidden).open(), call.shape)


def refilled(call: Call, node: int, before: int, filled: Fill, value: object) -> None:
    """Notes what a node holds where a constant was filled in: zeros, or as good as -inf."""
    for kind, test in _KINDS:
        new = filled & (
            _where(call, value, test) if isinstance(value, torch.Tensor) else whole(value, test)
        )
        kept = call.fills.find(before, kind)
        call.fills.note(node, kind, new if kept is None else (kept - filled) | new)


def _where(call: Call, constant: torch.Tensor, test: Test) -> Fill:
    """Where `test` holds of a constant."""
    return Fill.of(tuple(constant.shape), call.tape.holds(constant, test))


def _is_one(value: torch.Tensor) -> torch.Tensor:
    return value == 1


def _as_is(mask: torch.Tensor) -> torch.Tensor:
    return mask.bool()


RULES: dict[str, Rule] = {
    "aten.mul": multiplication,
    "aten.logical_and": conjunction,
    "aten.bitwise_and": conjunction,
    "aten.div": division,
    "aten.add": lambda call: addition(call, 1),
    "aten.sub": lambda call: addition(call, -1),
    "aten.pow": power,
    "aten.lerp": interpolation,
    "aten.addcmul": product_added,
    "aten.where": where,
    "aten.masked_fill": masked_fill,
}

"""Ops that keep every position where it is, some of them switched off where a constant is zero."""

from __future__ import annotations

import numpy as np
import torch

from rf_torch.call import Call
from rf_torch.constants import LARGEST_PATTERN, tensors_in
from rfcore.graph import Mask, Pattern

__all__ = ["RULES", "pointwise"]


def pointwise(call: Call) -> list[int]:
    """Each output position sees the same position of every operand, broadcast."""
    nodes = call.dependent()
    return [call.elementwise(nodes, tuple(result.shape)) for result in tensors_in(call.result)]


def nothing(call: Call) -> list[None]:
    """Values that only borrow a shape: no influence."""
    return [None for _ in tensors_in(call.result)]


def multiplication(call: Call) -> int:
    """A product with a constant that is zero in places is switched off there."""
    nodes = call.dependent()
    constants = [
        t for t in tensors_in(call.args) if call.node(t) is None and t.numel() > 1
    ]
    if len(nodes) == 1 and len(constants) == 1:
        return call.gated(nodes[0], constants[0], call.shape)
    return call.elementwise(nodes, call.shape)


def where(call: Call) -> int:
    """A choice between two values; by a constant predicate each is switched off in places."""
    predicate = call["condition"]
    if (choosing := call.node(predicate)) is not None:
        parts = [call.node(call["self"]), call.node(call["other"])]
        return call.elementwise([choosing, *(p for p in parts if p is not None)], call.shape)
    parts = []
    for argument, pattern in (
        ("self", call.tape.pattern(predicate)),
        ("other", call.tape.pattern(predicate, zero=lambda kept: kept)),
    ):
        node = call.node(call[argument])
        if node is not None:
            parts.append(_switched(call, node, predicate, pattern))
    return parts[0] if len(parts) == 1 else call.elementwise(parts, call.shape)


def _switched(call: Call, node: int, predicate: torch.Tensor, pattern: Pattern) -> int:
    if predicate.numel() > LARGEST_PATTERN:
        return call.gated(node, predicate, call.shape)
    return call.gated(node, pattern, call.shape)


def masked_fill(call: Call) -> int:
    """A constant mask hides what it fills."""
    node, mask = call.node(call["self"]), call["mask"]
    parts = [n for n in (call.node(mask), call.node(call["value"])) if n is not None]
    if node is not None and call.node(mask) is None:
        pattern = call.tape.pattern(mask, zero=lambda filled: filled)
        parts.append(_switched(call, node, mask, pattern))
    elif node is not None:
        parts.append(node)
    return call.elementwise(parts, call.shape)


def copy(call: Call) -> int | None:
    """`copy_`: the source, broadcast to the target."""
    node = call.node(call["src"])
    return None if node is None else call.elementwise((node,), call.shape)


def filled(call: Call) -> int | None:
    """`fill_` and `zero_`: a new value everywhere."""
    node = call.node(call.given.get("value"))
    return None if node is None else call.elementwise((node,), call.shape)


def triangle(call: Call, *, upper: bool) -> int:
    """`tril` and `triu` over the last two axes."""
    node = call.operand("self")
    rows, columns = call.shape[-2:]
    diagonal = call["diagonal"]

    def load() -> Mask:
        lower: Mask = np.tri(rows, columns, diagonal - 1 if upper else diagonal, dtype=bool)
        return ~lower if upper else lower

    return call.gated(node, Pattern(load), call.shape)


def paired(call: Call) -> int:
    """Real pairs along the last axis as complex numbers."""
    return call.builder.reduce(call.operand("self"), [len(call.shape)], False, call.name)


_SAME = (
    "_to_copy clone contiguous _conj_physical bernoulli native_dropout dropout to "
    "_prelu_kernel prelu rrelu_with_noise lift_fresh_copy alias_copy "
    "real imag angle complex polar nan_to_num clamp clamp_min clamp_max _local_scalar_dense"
)
_NOTHING = (
    "empty_like zeros_like ones_like full_like rand_like randn_like randint_like new_empty "
    "new_zeros new_ones new_full new_empty_strided empty_strided sym_size bernoulli_p "
    "uniform normal random exponential"
)

RULES = {
    **{f"aten.{name}": pointwise for name in _SAME.split()},
    **{f"aten.{name}": nothing for name in _NOTHING.split()},
    "aten.mul": multiplication,
    "aten.where": where,
    "aten.masked_fill": masked_fill,
    "aten.copy": copy,
    "aten.fill": filled,
    "aten.zero": filled,
    "aten.tril": lambda call: triangle(call, upper=False),
    "aten.triu": lambda call: triangle(call, upper=True),
    "aten.view_as_complex": paired,
}

"""Ops that keep every position where it is."""

from __future__ import annotations

import math

import numpy as np
import torch

from rf_torch.call import Call, Rule
from rf_torch.constants import tensors_in
from rfcore.fills import Fill
from rfcore.graph import Mask

__all__ = ["RULES", "pointwise"]


def pointwise(call: Call) -> list[int]:
    """Each output position sees the same position of every operand, broadcast."""
    nodes = call.dependent()
    return [call.elementwise(nodes, tuple(result.shape)) for result in tensors_in(call.result)]


def nothing(call: Call) -> list[None]:
    """Values that only borrow a shape: no influence."""
    return [None for _ in tensors_in(call.result)]


def drawn(call: Call) -> list[int] | list[None]:
    """Random values: from the parameters of each position, not from what is only overwritten."""
    is_parameter = call.function is torch.ops.aten.bernoulli.default
    given = [value for name, value in call.given.items() if name != "self" or is_parameter]
    nodes = [node for value in given if (node := call.node(value)) is not None]
    if not nodes:
        return nothing(call)
    return [call.elementwise(nodes, tuple(result.shape)) for result in tensors_in(call.result)]


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

    def removed() -> Mask:
        lower: Mask = np.tri(rows, columns, diagonal - 1 if upper else diagonal, dtype=bool)
        return lower if upper else ~lower

    fill = Fill((rows, columns), removed)
    kept = call.gated(node, fill.open(), call.shape)
    call.fills.note(kept, "zero", fill)
    return kept


def gated_unit(call: Call) -> int:
    """`glu`: one half of an axis, gated by the other."""
    node = call.operand("self")
    dim = call["dim"] % len(call.shape)
    half = call.shape[dim]
    halves = [call.taps(node, dim, np.arange(half) + start) for start in (0, half)]
    return call.elementwise(halves, call.shape)


def loss(call: Call) -> int:
    """A loss of each position, averaged or summed unless `reduction` is 0."""
    shape = torch.broadcast_shapes(*(t.shape for t in call.operands()))
    node = call.elementwise(call.dependent(), shape)
    if call["reduction"] == 0:
        return node
    return call.builder.reduce(node, range(len(shape)), False, call.name)


def with_buffer(call: Call) -> list[int]:
    """`log_sigmoid`: the result, and a buffer for its derivative that may be empty."""
    (node,) = call.dependent()
    results = tensors_in(call.result)
    return [
        node if math.prod(result.shape) == 0 else call.elementwise((node,), result.shape)
        for result in results
    ]


def searched(call: Call) -> int:
    """`bucketize` and `searchsorted`: each value by itself, among boundaries."""
    values = call.node(call["self"])
    edges = call["boundaries" if "boundaries" in call.given else "sorted_sequence"]
    parts = [] if values is None else [values]
    if (node := call.node(edges)) is not None:
        parts.append(call.builder.reduce(node, [len(edges.shape) - 1], True, call.name))
    return call.elementwise(parts, call.shape)


def contained(call: Call) -> int:
    """`isin`: each value by itself, in a set of others."""
    parts = []
    if (values := call.node(call.given.get("elements"))) is not None:
        parts.append(call.elementwise((values,), call.shape))
    if (others := call.node(call.given.get("test_elements"))) is not None:
        parts.append(call.everything(others, call.shape))
    return call.elementwise(parts, call.shape)


_SAME = (
    "_to_copy clone contiguous _conj_physical native_dropout dropout to _prelu_kernel prelu "
    "rrelu_with_noise rrelu_with_noise_functional lift lift_fresh_copy alias_copy angle complex "
    "polar nan_to_num clamp clamp_min clamp_max hardswish threshold isnan isinf floor_divide "
    "fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask "
    "_fused_dropout _masked_scale _add_relu _pin_memory __lshift__ __rshift__ gcd lcm "
    "_standard_gamma poisson binomial"
)
_NOTHING = (
    "empty_like zeros_like ones_like full_like rand_like randn_like randint_like new_empty "
    "new_zeros new_ones new_full new_empty_strided empty_strided sym_size"
)
_DRAWN = "bernoulli normal normal_functional uniform random exponential geometric cauchy log_normal"
_LOSSES = (
    "mse_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits "
    "soft_margin_loss"
)

RULES: dict[str, Rule] = {
    **{f"aten.{name}": pointwise for name in _SAME.split()},
    **{f"aten.{name}": nothing for name in _NOTHING.split()},
    **{f"aten.{name}": drawn for name in _DRAWN.split()},
    **{f"aten.{name}": loss for name in _LOSSES.split()},
    "aten.copy": copy,
    "aten.fill": filled,
    "aten.zero": filled,
    "aten.tril": lambda call: triangle(call, upper=False),
    "aten.triu": lambda call: triangle(call, upper=True),
    "aten.glu": gated_unit,
    "aten.log_sigmoid_forward": with_buffer,
    "aten.bucketize": searched,
    "aten.searchsorted": searched,
    "aten.isin": contained,
}

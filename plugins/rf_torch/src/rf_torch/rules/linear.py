"""Matrix products and attention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from rf_torch.call import Call
from rf_torch.constants import LARGEST_PATTERN, tensors_in
from rf_torch.fills import Fill
from rfcore.graph import Contract, Cumulative, Elementwise, Mask, Pattern

__all__ = ["RULES"]

Labels = tuple[int, ...]


def product(
    call: Call,
    left: torch.Tensor,
    right: torch.Tensor,
    labels: tuple[Labels, Labels, Labels],
    shape: Sequence[int],
) -> int | None:
    """A labelled product of two tensors, either of which may be constant.

    Args:
        call: The op.
        left: The first factor.
        right: The second factor.
        labels: Labels of the axes of both and of the result, as in `Contract`.
        shape: Shape of the result.
    """
    nodes = [call.node(left), call.node(right)]
    dependent = [(n, lab) for n, lab in zip(nodes, labels, strict=False) if n is not None]
    if len(dependent) == 2:
        return _product_of_two(call, dependent, labels[2], shape)
    if not dependent:
        return None
    constant, other = (right, labels[1]) if nodes[0] is not None else (left, labels[0])
    op = Contract((dependent[0][1],), labels[2], other, call.tape.pattern(constant))
    return call.builder.add(op, [dependent[0][0]], shape, call.name)


def _product_of_two(
    call: Call, factors: Sequence[tuple[int, Labels]], result: Labels, shape: Sequence[int]
) -> int:
    """Each factor is seen where the other one is not known to be zero."""
    fills = [call.fills.zeros(node) for node, _ in factors]
    if fills == [None, None]:
        op = Contract(tuple(labels for _, labels in factors), result)
        return call.builder.add(op, [node for node, _ in factors], shape, call.name)
    parts = []
    for (node, labels), fill, (_, others) in zip(factors, fills[::-1], factors[::-1], strict=True):
        if fill is None or fill.size > LARGEST_PATTERN:
            whole = call.builder.add(Contract((labels,), result), [node], shape, call.name)
            parts.append(whole if fill is None else call.unread(whole, fill.size))
        else:
            varying = [dim for dim, n in enumerate(fill.shape) if n > 1]
            op = Contract((labels,), result, tuple(others[d] for d in varying), _squeezed(fill))
            parts.append(call.builder.add(op, [node], shape, call.name))
    return call.elementwise(parts, shape)


def _squeezed(fill: Fill) -> Pattern:
    """Where a factor is not zero, along the axes on which that varies."""
    return Pattern(lambda: ~fill.load().squeeze())


def _added(call: Call, product: int | None, bias: torch.Tensor) -> int | None:
    node = call.node(bias)
    parts = [n for n in (product, node) if n is not None]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 and node is None else call.elementwise(parts, call.shape)


MATRIX: tuple[Labels, Labels, Labels] = ((0, 1), (1, 2), (0, 2))
BATCHED: tuple[Labels, Labels, Labels] = ((3, 0, 1), (3, 1, 2), (3, 0, 2))


def mm(call: Call) -> int | None:
    """Matrix times matrix."""
    return product(call, call["self"], call["mat2"], MATRIX, call.shape)


def addmm(call: Call) -> int | None:
    """Matrix times matrix, plus a bias."""
    return _added(
        call, product(call, call["mat1"], call["mat2"], MATRIX, call.shape), call["self"]
    )


def bmm(call: Call) -> int | None:
    """Matrix times matrix, batched."""
    return product(call, call["self"], call["mat2"], BATCHED, call.shape)


def baddbmm(call: Call) -> int | None:
    """Matrix times matrix, batched, plus a bias."""
    product = product(call, call["batch1"], call["batch2"], BATCHED, call.shape)
    return _added(call, product, call["self"])


def mv(call: Call) -> int | None:
    """Matrix times vector."""
    return product(call, call["self"], call["vec"], ((0, 1), (1,), (0,)), call.shape)


def dot(call: Call) -> int | None:
    """Vector times vector."""
    return product(call, call["self"], call["tensor"], ((0,), (0,), ()), call.shape)


def linear(call: Call) -> int | None:
    """A dense layer on the last axis."""
    image, weight = call["input"], call["weight"]
    lead = tuple(range(2, 2 + len(image.shape) - 1))
    product = product(call, image, weight, ((*lead, 0), (1, 0), (*lead, 1)), call.shape)
    return _added(call, product, call["bias"])


def attention(call: Call) -> list[int | None]:
    """Scaled dot-product attention: each output sees its query, and the keys and values
    of all tokens that its mask allows.
    """
    shape = call.shape
    rank = len(shape)
    parts = []
    if (query := call.node(call["query"])) is not None:
        parts.append(call.builder.reduce(query, [rank - 1], True, call.name))
    if (mask := call.node(_mask(call))) is not None:
        parts.append(call.builder.reduce(mask, [len(call.builder.shape(mask)) - 1], True, call.name))
    for argument, keep_features in (("key", False), ("value", True)):
        node = call.node(call[argument])
        if node is not None:
            if not keep_features:
                node = call.builder.reduce(node, [rank - 1], True, call.name)
            parts.append(_over_tokens(call, node))
    seen = call.elementwise(parts, shape)
    return [seen, *[None] * (len(list(tensors_in(call.result))) - 1)]


def _mask(call: Call) -> torch.Tensor | None:
    given = call.given.get("attn_mask", call.given.get("attn_bias"))
    return given if isinstance(given, torch.Tensor) else None


def _over_tokens(call: Call, node: int) -> int:
    """Keys or values of shape (…, tokens, features), summed over the tokens a query may see."""
    source = call.builder.shape(node)
    rank = len(source)
    dim = rank - 2
    queries = call.shape[dim]
    mask = _mask(call)
    if call.given.get("is_causal"):
        if source[dim] != queries:
            raise call.refused("causal attention with fewer queries than keys has no rule")
        return call.builder.add(Cumulative(dim), (node,), source, call.name)
    if mask is None or call.node(mask) is not None:
        return call.builder.reduce(node, [dim], True, call.name)
    if mask.numel() > LARGEST_PATTERN:
        reduced = call.builder.reduce(node, [dim], True, call.name)
        return call.builder.add(
            Elementwise(),
            (reduced,),
            call.builder.shape(reduced),
            call.name,
            f"{call.name}: a mask of {mask.numel()} elements is not read, an upper bound",
            exact=False,
        )
    batch = tuple(range(rank - 2))
    tokens, features, asking = rank - 2, rank - 1, rank
    shape = (*source[:dim], queries, source[-1])
    op = Contract(
        ((*batch, tokens, features),),
        (*batch, asking, features),
        (asking, tokens),
        _allowed(call, mask),
    )
    return call.builder.add(op, (node,), shape, call.name)


def _allowed(call: Call, mask: torch.Tensor) -> Pattern:
    """Which (query, key) pairs a mask lets through for any batch entry and head."""
    closed = (lambda m: ~m) if mask.dtype == torch.bool else (lambda m: m == float("-inf"))
    source = call.tape.pattern(mask, zero=closed)

    def load() -> Mask | None:
        kept = source.read()
        if kept is None:
            return None
        merged: Mask = kept.any(axis=tuple(range(kept.ndim - 2)))
        return np.array(merged)

    return Pattern(load)


_ATTENTION = (
    "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
    "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention "
    "_scaled_dot_product_attention_math scaled_dot_product_attention "
    "_scaled_dot_product_fused_attention_overrideable"
)

RULES = {
    "aten.mm": mm,
    "aten.addmm": addmm,
    "aten.bmm": bmm,
    "aten.baddbmm": baddbmm,
    "aten.mv": mv,
    "aten.dot": dot,
    "aten.vdot": dot,
    "aten.linear": linear,
    **{f"aten.{name}": attention for name in _ATTENTION.split()},
}

"""Fused attention: the tokens that a mask lets each query see."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from rf_torch.call import Call, Rule
from rf_torch.constants import LARGEST_PATTERN, Test, tensors_in
from rfcore.fills import is_low
from rfcore.graph import Contract, Cumulative, Mask, Pattern

__all__ = ["RULES"]


def attention(call: Call) -> list[int | None]:
    """Each output sees its query, and the keys and values of all tokens that its mask allows."""
    shape = call.shape
    rank = len(shape)
    parts = []
    if (query := call.node(call["query"])) is not None:
        parts.append(call.builder.reduce(query, [rank - 1], True, call.name))
    if (mask := call.node(_mask(call))) is not None:
        last = len(call.builder.shape(mask)) - 1
        parts.append(call.builder.reduce(mask, [last], True, call.name))
    if (key := call.node(call["key"])) is not None:
        parts.append(_over_tokens(call, call.builder.reduce(key, [rank - 1], True, call.name)))
    if (value := call.node(call["value"])) is not None:
        parts.append(_over_tokens(call, value))
    seen = call.elementwise(parts, shape)
    return [seen, *[None] * (len(tensors_in(call.result)) - 1)]


def _mask(call: Call) -> torch.Tensor | None:
    given = call.given.get("attn_mask", call.given.get("attn_bias"))
    return given if isinstance(given, torch.Tensor) else None


def _over_tokens(call: Call, node: int) -> int:
    """Keys or values of shape (…, tokens, features), summed over the tokens a query may see."""
    source = call.builder.shape(node)
    dim = len(source) - 2
    queries, tokens = call.shape[dim], source[dim]
    mask = _mask(call)
    if call.given.get("is_causal"):
        if tokens == queries:
            return call.builder.add(Cumulative(dim), (node,), source, call.name)
        # The first query sees the first key, also where there are more keys than queries.
        return _through(call, node, lambda: np.tri(queries, tokens, dtype=bool))
    if mask is None or call.node(mask) is not None:
        return call.builder.reduce(node, [dim], True, call.name)
    if mask.numel() > LARGEST_PATTERN:
        return call.unread(call.builder.reduce(node, [dim], True, call.name), mask.numel())
    return _through(call, node, _allowed(call, mask, queries, tokens))


def _through(call: Call, node: int, allowed: Callable[[], Mask | None]) -> int:
    """A sum over tokens by a table of shape (queries, tokens)."""
    source = call.builder.shape(node)
    rank = len(source)
    batch = tuple(range(rank - 2))
    tokens, features, asking = rank - 2, rank - 1, rank
    op = Contract(
        ((*batch, tokens, features),),
        (*batch, asking, features),
        (asking, tokens),
        Pattern(allowed),
    )
    shape = (*source[:-2], call.shape[-2], source[-1])
    return call.builder.add(op, (node,), shape, call.name)


def _allowed(
    call: Call, mask: torch.Tensor, queries: int, tokens: int
) -> Callable[[], Mask | None]:
    """Which (query, token) pairs a mask lets through for any batch entry and head."""
    closed: Test = torch.logical_not if mask.dtype == torch.bool else is_low
    holds = call.tape.holds(mask, closed)

    def load() -> Mask | None:
        hidden = holds()
        if hidden is None:
            return None
        merged = np.asarray(hidden.all(axis=tuple(range(hidden.ndim - 2))))
        return np.asarray(~np.broadcast_to(merged, (queries, tokens)))

    return load


_ATTENTION = (
    "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
    "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention "
    "_scaled_dot_product_attention_math scaled_dot_product_attention "
    "_scaled_dot_product_fused_attention_overrideable"
)

RULES: dict[str, Rule] = {f"aten.{name}": attention for name in _ATTENTION.split()}

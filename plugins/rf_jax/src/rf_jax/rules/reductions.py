"""Reductions over whole axes, running reductions, and ops that mix an axis."""

from __future__ import annotations

from functools import partial

import numpy as np

from rf_jax import fills
from rf_jax.call import Call, Rule
from rf_jax.values import Constant, Fills, Seen, Value
from rfcore.graph import Cumulative, Elementwise, Pattern

__all__ = ["RULES"]


def reduction(call: Call) -> int:
    """Sums, products, extrema and their positions over whole axes."""
    return call.reduce(call.operand(0), tuple(call.params["axes"]), keepdims=False)


def followed(call: Call) -> Value:
    """A sum of zeros is zero, and the maximum of low values low, whatever they are exactly."""
    axes = tuple(call.params["axes"])

    def every(mask: Constant | None) -> Constant | None:
        if mask is None:
            return None
        shape = tuple(n for d, n in enumerate(mask.shape) if d not in axes)
        return fills.derived(shape, lambda array: np.asarray(array.all(axis=axes)), mask)

    (operand,) = call.seen()
    low = operand.fills.low
    if call.name == "reduce_sum" or low is None:
        return Seen(reduction(call), Fills(every(operand.fills.zero)))
    if not call.fits(low):
        return Seen(call.unread(reduction(call), low))
    # Low values are not seen, unless there is nothing else.
    gate = Pattern(low.holds(lambda mask: ~mask | mask.all(axis=axes, keepdims=True)))
    shape = call.shapes[0]
    node = call.builder.add(Elementwise((gate,)), (operand.node,), shape, call.name)
    return Seen(call.reduce(node, axes, keepdims=False), Fills(low=every(low)))


def general(call: Call) -> list[int]:
    """`reduce` with any function, of any number of operands that are reduced together."""
    dims = tuple(call.params["dimensions"])
    count = len(call.results)
    parts = []
    for number, operand in enumerate(call.operands):
        if isinstance(operand, Seen):
            inner = number < count
            node = call.reduce(operand.node, dims, keepdims=False) if inner else operand.node
            parts.append(call.elementwise((node,), call.shape))
    return [call.elementwise(parts, shape) for shape in call.results]


def running(call: Call) -> int:
    """Running sums, products and extrema."""
    op = Cumulative(call.params["axis"], bool(call.params["reverse"]))
    return call.builder.add(op, (call.operand(0),), call.shape, call.name)


def sort(call: Call) -> list[int | Value]:
    """All operands are put in the order of the first ones."""
    dim, count = call.params["dimension"], call.params["num_keys"]
    mixed = [
        call.builder.mix(operand.node, [dim], call.shape, call.name)
        if isinstance(operand, Seen)
        else None
        for operand in call.operands
    ]
    keys = [node for node in mixed[:count] if node is not None]
    results: list[int | Value] = []
    for node in mixed:
        parts = [*keys, *([] if node is None else [node])]
        if keys:
            results.append(call.elementwise(parts, call.shape))
        elif node is None:
            results.append(Constant(call.shape, hidden="it was sorted beside the input"))
        else:
            text = "the order is constant, but each output is taken to see the whole axis"
            results.append(call.bounded(node, text))
    return results


def selection(call: Call, *, parameter: str) -> list[int]:
    """The largest values along an axis, and where they are."""
    node = call.operand(0)
    rank = len(call.shapes[0])
    dim = call.params.get(parameter, rank - 1) % rank
    return [call.builder.mix(node, [dim], shape, call.name) for shape in call.results]


def fourier(call: Call) -> int:
    """Each frequency sees all positions along the transformed axes."""
    node = call.operand(0)
    rank = len(call.shape)
    dims = range(rank - len(call.params["fft_lengths"]), rank)
    return call.builder.mix(node, list(dims), call.shape, call.name)


_REDUCTIONS = "reduce_min reduce_prod reduce_and reduce_or reduce_xor argmax argmin"

RULES: dict[str, Rule] = {
    **dict.fromkeys(_REDUCTIONS.split(), reduction),
    "reduce_sum": followed,
    "reduce_max": followed,
    "reduce": general,
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"), running),
    "sort": sort,
    "top_k": partial(selection, parameter="axis"),
    "approx_top_k": partial(selection, parameter="reduction_dimension"),
    "fft": fourier,
}

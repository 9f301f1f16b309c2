"""Primitives that move values without changing them: shapes, orders, parts, joins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rf_jax import fills
from rf_jax.call import Call, Rule
from rf_jax.values import Constant, Seen, Shape
from rfcore.graph import Concatenate
from rfcore.pieces import concatenated

__all__ = ["RULES"]

Move = Callable[[Constant], Constant | None]


def _moved(call: Call, node: int, move: Move) -> Seen:
    (operand,) = call.seen()
    return Seen(node, fills.moved(operand, move))


def reshape(call: Call) -> Seen:
    """The same values in the same order under another shape."""
    dims = call.params.get("dimensions")
    if call.name == "reshape" and dims is not None and tuple(dims) != tuple(range(len(dims))):
        raise call.refused("it permutes axes while it reshapes")
    source, result = call.shapes[0], call.shape

    def move(mask: Constant) -> Constant:
        # A mask that is alike along some axes is written out, unless only axes of length 1 change.
        squeezed = tuple(n for n in source if n > 1) == tuple(n for n in result if n > 1)
        if squeezed:
            lengths = iter([n for d, n in enumerate(mask.shape) if source[d] > 1])
            shape = tuple(next(lengths) if n > 1 else 1 for n in result)
            return fills.derived(shape, lambda array: array.reshape(shape), mask)
        return fills.derived(
            result, lambda array: np.broadcast_to(array, source).reshape(result), mask
        )

    return _moved(call, call.reshape(call.operand(0), result), move)


def transpose(call: Call) -> Seen:
    """Axes in another order."""
    order = tuple(call.params["permutation"])

    def move(mask: Constant) -> Constant:
        shape = tuple(mask.shape[d] for d in order)
        return fills.derived(shape, lambda array: array.transpose(order), mask)

    return _moved(call, call.transpose(call.operand(0), order), move)


def broadcast(call: Call) -> Seen:
    """The operand's axes at some places of the result's, the same along all others."""
    dims = tuple(call.params["broadcast_dimensions"])
    rank = len(call.shape)

    def placed(shape: Sequence[int]) -> Shape:
        lengths = dict(zip(dims, shape, strict=True))
        return tuple(lengths.get(d, 1) for d in range(rank))

    def move(mask: Constant) -> Constant:
        shape = placed(mask.shape)
        return fills.derived(shape, lambda array: array.reshape(shape), mask)

    node = call.reshape(call.operand(0), placed(call.shapes[0]))
    return _moved(call, call.elementwise((node,), call.shape), move)


def part(call: Call) -> Seen:
    """`slice`: every some position of each axis."""
    starts, limits = call.params["start_indices"], call.params["limit_indices"]
    strides = call.params["strides"] or (1,) * len(starts)
    node = call.operand(0)
    for dim, span in enumerate(zip(starts, limits, strides, strict=True)):
        node = call.taps(node, dim, np.arange(*span))

    def move(mask: Constant) -> Constant:
        where = tuple(
            slice(None) if n == 1 else slice(*span)
            for n, span in zip(mask.shape, zip(starts, limits, strides, strict=True), strict=True)
        )
        shape = tuple(
            1 if n == 1 else length for n, length in zip(mask.shape, call.shape, strict=True)
        )
        return fills.derived(shape, lambda array: array[where], mask)

    return _moved(call, node, move)


def reverse(call: Call) -> Seen:
    """`rev`: some axes backwards."""
    dims = tuple(call.params["dimensions"])
    node = call.operand(0)
    for dim in dims:
        node = call.taps(node, dim, np.arange(call.shape[dim])[::-1])
    return _moved(
        call, node, lambda mask: fills.derived(mask.shape, lambda a: np.flip(a, dims), mask)
    )


def concatenate(call: Call) -> int:
    """Operands one after the other."""
    dim = call.params["dimension"]
    starts, nodes, start = [], [], 0
    for operand, shape in zip(call.operands, call.shapes, strict=True):
        if isinstance(operand, Seen):
            starts.append(start)
            nodes.append(operand.node)
        start += shape[dim]
    if len(call.operands) == 1:
        return nodes[0]
    return concatenated(call.builder, nodes, dim, starts, call.shape, call.name)


def stack(call: Call) -> int:
    """Operands side by side along a new axis."""
    axis = call.params["axis"]
    single = (*call.shape[:axis], 1, *call.shape[axis + 1 :])
    seen = {i: o.node for i, o in enumerate(call.operands) if isinstance(o, Seen)}
    nodes = [call.reshape(node, single) for node in seen.values()]
    if call.shape[axis] == 1:
        return nodes[0]
    return call.builder.add(Concatenate(axis, tuple(seen)), nodes, call.shape, call.name)


def unstack(call: Call) -> list[int]:
    """Every position of one axis by itself."""
    axis, node = call.params["axis"], call.operand(0)
    return [
        call.reshape(call.taps(node, axis, np.array([i])), shape)
        for i, shape in enumerate(call.results)
    ]


def split(call: Call) -> list[int]:
    """Consecutive parts of one axis."""
    dim, node = call.params["axis"], call.operand(0)
    parts, start = [], 0
    for size in call.params["sizes"]:
        parts.append(call.taps(node, dim, np.arange(start, start + size)))
        start += size
    return parts


def tile(call: Call) -> int:
    """The whole, repeated along each axis."""
    node = call.operand(0)
    for dim, count in enumerate(call.params["reps"]):
        node = call.taps(node, dim, np.tile(np.arange(call.shapes[0][dim]), count))
    return node


def pad(call: Call) -> int:
    """Borders and gaps; negative borders cut off."""
    operand, filling = call.operands
    parts = []
    if isinstance(operand, Seen):
        node = operand.node
        for dim, (low, high, interior) in enumerate(call.params["padding_config"]):
            length = call.shapes[0][dim]
            spread = np.full(max(0, length + (length - 1) * interior), -1)
            spread[:: interior + 1] = np.arange(length)
            padded = np.pad(spread, (max(low, 0), max(high, 0)), constant_values=-1)
            node = call.taps(node, dim, padded[max(-low, 0) : len(padded) - max(-high, 0)])
        parts.append(node)
    if isinstance(filling, Seen):
        spread_out = call.elementwise((filling.node,), call.shape)
        parts.append(call.bounded(spread_out, "the padding value is taken to be everywhere"))
    return call.elementwise(parts, call.shape)


RULES: dict[str, Rule] = {
    "reshape": reshape,
    "squeeze": reshape,
    "expand_dims": reshape,
    "transpose": transpose,
    "broadcast_in_dim": broadcast,
    "slice": part,
    "rev": reverse,
    "concatenate": concatenate,
    "stack": stack,
    "unstack": unstack,
    "split": split,
    "tile": tile,
    "pad": pad,
}

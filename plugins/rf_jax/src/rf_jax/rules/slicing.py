"""Parts at computed places: `dynamic_slice` and `dynamic_update_slice`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rf_jax.call import Call, Rule
from rf_jax.values import Constant, Seen
from rfcore.graph import Overwrite

__all__ = ["ANYWHERE", "RULES"]

ANYWHERE = "it reads or writes at places that are not constant, so it may be anywhere on the axis"


def _starts(
    call: Call, operands: Sequence[Seen | Constant], source: Sequence[int], sizes: Sequence[int]
) -> list[int | None]:
    """The first index per axis, as far as it is constant, kept inside as jax keeps it."""
    found: list[int | None] = []
    for operand, length, size in zip(operands, source, sizes, strict=True):
        if size == length:
            found.append(0)
        elif isinstance(operand, Seen) or operand.hidden:
            found.append(None)
        else:
            found.append(min(max(int(operand.array()), 0), length - size))
    return found


def _indices(call: Call, first: int, starts: Sequence[int | None]) -> list[int]:
    """Nodes of the starts that matter."""
    pairs = zip(call.operands[first:], starts, strict=True)
    return [o.node for o, start in pairs if start is None and isinstance(o, Seen)]


def dynamic_slice(call: Call) -> int:
    """A box of fixed size; an axis on which it may be anywhere is seen whole."""
    operand = call.operands[0]
    source, sizes = call.shapes[0], call.shape
    starts = _starts(call, call.operands[1:], source, sizes)
    parts = [call.everything(node, call.shape) for node in _indices(call, 1, starts)]
    if isinstance(operand, Seen):
        node = operand.node
        for dim, (start, size) in enumerate(zip(starts, sizes, strict=True)):
            if start is not None:
                node = call.taps(node, dim, np.arange(start, start + size))
        unknown = [dim for dim, start in enumerate(starts) if start is None]
        node = call.reduce(node, unknown, keepdims=True)
        parts.append(node if not unknown else call.elementwise((node,), call.shape))
    result = call.elementwise(parts, call.shape)
    return call.bounded(result, ANYWHERE) if None in starts else result


def dynamic_update_slice(call: Call) -> int:
    """A value over a box of another."""
    base, update = call.operands[:2]
    starts = _starts(call, call.operands[2:], call.shape, call.shapes[1])
    if None not in starts:
        return _written(call, [s for s in starts if s is not None])
    parts = [call.everything(node, call.shape) for node in _indices(call, 2, starts)]
    if isinstance(base, Seen):
        parts.append(base.node)
    if isinstance(update, Seen):
        parts.append(_spread(call, update.node, starts))
    return call.bounded(call.elementwise(parts, call.shape), ANYWHERE)


def _written(call: Call, starts: list[int]) -> int:
    given = {
        name: operand.node
        for name, operand in zip(("base", "value"), call.operands, strict=False)
        if isinstance(operand, Seen)
    }
    counts = call.shapes[1]
    if counts == call.shape:
        return call.operand(1)
    op = Overwrite(tuple(starts), counts, (1,) * len(starts), tuple(given))
    return call.builder.add(op, list(given.values()), call.shape, call.name)


def _spread(call: Call, update: int, starts: Sequence[int | None]) -> int:
    """The update wherever it may be written."""
    counts = call.shapes[1]
    node = call.reduce(update, [d for d, s in enumerate(starts) if s is None], keepdims=True)
    for dim, start in enumerate(starts):
        if start is not None:
            taps = np.full(call.shape[dim], -1)
            taps[start : start + counts[dim]] = np.arange(counts[dim])
            node = call.taps(node, dim, taps)
    return call.elementwise((node,), call.shape)


RULES: dict[str, Rule] = {
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
}

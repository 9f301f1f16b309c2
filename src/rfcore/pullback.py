"""One numpy rule per op kind: from a mask over an op's output to masks over its operands.

The form of a mask, and what elastic axes are, is told in `masks.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import singledispatch

import numpy as np

from rfcore.contractions import pull_contract
from rfcore.graph import (
    AxisMap,
    Concatenate,
    Contract,
    Cumulative,
    Elementwise,
    Gather,
    Input,
    Mask,
    Op,
    Opaque,
    Overwrite,
    Pattern,
    Reduce,
    Reshape,
    Transpose,
    Window,
)
from rfcore.masks import (
    Shape,
    Site,
    any_over,
    collapse,
    expand,
    refuse_oversize,
    uniform_where_constant,
)
from rfcore.reshaping import factor_groups, pull_reshape
from rfcore.windows import pull_window

__all__ = ["factor_groups", "pull"]


@singledispatch
def pull(op: Op, mask: Mask, site: Site) -> tuple[Mask, ...]:
    """Pulls a mask over an op's output back to its operands.

    Args:
        op: The op.
        mask: Boolean array (probes, *output axes), each axis full or of length 1.
        site: The shapes around the op.

    Returns:
        One mask per operand, of the same form.
    """
    raise TypeError(f"no pullback for {type(op).__name__}")


@pull.register
def _(op: Input, mask: Mask, site: Site) -> tuple[Mask, ...]:
    return ()


@pull.register
def _(op: Elementwise, mask: Mask, site: Site) -> tuple[Mask, ...]:
    gates = op.gates or (None,) * len(site.operands)
    return tuple(
        _unbroadcast(_gated(mask, gate, site), operand)
        for gate, operand in zip(gates, site.operands, strict=True)
    )


def _gated(mask: Mask, gate: Pattern | None, site: Site) -> Mask:
    pattern = gate.read() if gate is not None else None
    if pattern is None:
        return mask
    rank = len(site.shape)
    pattern = pattern.reshape((1,) * (rank - pattern.ndim) + pattern.shape)
    if any(n not in (1, m) for n, m in zip(pattern.shape, site.shape, strict=True)):
        raise ValueError(f"a gate of shape {pattern.shape} does not fit {site.shape}")
    free = tuple(dim for dim in range(rank) if site.loose(mask, dim))
    return mask & any_over(pattern, free, keepdims=True)


def _unbroadcast(mask: Mask, shape: Shape) -> Mask:
    extra = mask.ndim - 1 - len(shape)
    if extra:
        mask = any_over(mask, tuple(range(1, 1 + extra)))
    single = tuple(dim + 1 for dim, n in enumerate(shape) if n == 1 and mask.shape[dim + 1] != 1)
    return any_over(mask, single, keepdims=True) if single else mask


pull.register(Window)(pull_window)


@pull.register
def _(op: Reduce, mask: Mask, site: Site) -> tuple[Mask, ...]:
    if op.keepdims:
        return (mask,)
    for dim in sorted(op.dims):
        mask = np.expand_dims(mask, dim + 1)
    return (mask,)


@pull.register
def _(op: Cumulative, mask: Mask, site: Site) -> tuple[Mask, ...]:
    dim = op.dim + 1
    if mask.shape[dim] == 1:
        return (mask,)
    if op.reverse:
        return (np.logical_or.accumulate(mask, axis=dim),)
    return (np.flip(np.logical_or.accumulate(np.flip(mask, dim), axis=dim), dim),)


@pull.register
def _(op: AxisMap, mask: Mask, site: Site) -> tuple[Mask, ...]:
    dim = op.dim + 1
    length = site.operands[0][op.dim]
    if site.loose(mask, op.dim):
        return (mask,)
    if mask.shape[dim] == 1:
        return (_mapped_whole(op, mask, site),)
    bordered = site.bordered(mask, op.dim)
    last = np.moveaxis(mask, dim, -1)
    refuse_oversize((*last.shape[:-1], length))
    rows = last.reshape(-1, last.shape[-1])
    seen = _moved(op, rows, length)
    if bordered:
        border = op.border
        absent = (op.taps < 0).any(axis=1)
        low = np.arange(len(border)) < len(border) // 2
        for side, near in enumerate((low, ~low)):
            site.lose((rows & border & near).reshape(len(mask), -1), side)
            beyond = _stand_in_beyond(op, rows, border & ~near & ~absent, side)
            site.lose(beyond.reshape(len(mask), -1), side)
    result = seen.reshape(*last.shape[:-1], length)
    pulled = np.moveaxis(result, -1, dim)
    return (pulled if site.elastic[op.dim] else collapse(pulled, dim),)


def _moved(op: AxisMap, rows: Mask, length: int) -> Mask:
    """Which inputs some outputs, (rows, outputs), see by their taps: (rows, length)."""
    if op.move is not None:
        inputs, outputs = op.move
        moved = np.zeros((len(rows), length), dtype=bool)
        moved[:, inputs] = rows[:, outputs]
        return moved
    # Taps of -1 land in one extra column, which is then left out.
    seen = np.zeros((rows.shape[0], length + 1), dtype=bool)
    row, output = np.nonzero(rows)
    seen[row[:, None], op.taps[output]] = True
    return seen[:, :-1]


def _stand_in_beyond(op: AxisMap, rows: Mask, standing: Mask, side: int) -> Mask:
    """Whether pixels that stand in for those past one border lie beyond all others seen.

    Args:
        op: The map.
        rows: Which outputs are asked for, (rows, outputs).
        standing: Which outputs see such pixels.
        side: The border that they may lie beyond (0 low, 1 high).
    """
    beyond = np.zeros(len(rows), bool)
    # Counted from that border.
    positions = op.taps if side == 0 else op.taps.max() - op.taps
    taps = np.where(op.taps < 0, np.iinfo(np.int64).max, positions).min(axis=1)
    for row in np.flatnonzero((rows & standing).any(axis=1)):
        asked = rows[row]
        plain = taps[asked & ~standing]
        beyond[row] = not len(plain) or taps[asked & standing].min() < plain.min()
    return beyond


def _mapped_whole(op: AxisMap, mask: Mask, site: Site) -> Mask:
    """A mask that asks for every output along the mapped axis sees every tap that there is."""
    length = site.operands[0][op.dim]
    tapped = np.zeros(length + 1, dtype=bool)
    tapped[op.taps] = True
    shape = [1] * mask.ndim
    shape[op.dim + 1] = length
    pulled = mask & tapped[:-1].reshape(shape)
    return pulled if site.elastic[op.dim] or not tapped[:-1].all() else mask


@pull.register
def _(op: Reshape, mask: Mask, site: Site) -> tuple[Mask, ...]:
    return pull_reshape(mask, site)


@pull.register
def _(op: Transpose, mask: Mask, site: Site) -> tuple[Mask, ...]:
    inverse = np.argsort(op.order)
    return (mask.transpose(0, *(int(i) + 1 for i in inverse)),)


@pull.register
def _(op: Concatenate, mask: Mask, site: Site) -> tuple[Mask, ...]:
    dim = op.dim + 1
    if mask.shape[dim] == 1:
        return (mask,) * len(site.operands)
    parts = []
    constant = np.ones(mask.shape[dim], bool)
    for start, operand in zip(op.starts, site.operands, strict=True):
        constant[start : start + operand[op.dim]] = False
        part = mask.take(range(start, start + operand[op.dim]), axis=dim)
        parts.append(part if site.elastic[op.dim] else collapse(part, dim))
    if site.bordered(mask, op.dim) and constant.any():
        below = constant & (np.cumsum(~constant) == 0)
        site.lose(mask.compress(below, axis=dim), 0)
        site.lose(mask.compress(constant & ~below, axis=dim), 1)
    return tuple(parts)


@pull.register
def _(op: Contract, mask: Mask, site: Site) -> tuple[Mask, ...]:
    return pull_contract(op, mask, site)


@pull.register
def _(op: Gather, mask: Mask, site: Site) -> tuple[Mask, ...]:
    source = site.operands[0]
    rows = np.broadcast_to(mask, (mask.shape[0], *site.shape)).reshape(mask.shape[0], -1)
    seen = np.zeros((rows.shape[0], math.prod(source) + 1), dtype=bool)
    row, output = np.nonzero(rows)
    seen[row[:, None], op.taps[output]] = True
    pulled = seen[:, :-1].reshape(mask.shape[0], *source)
    return (uniform_where_constant(pulled, source),)


@pull.register
def _(op: Overwrite, mask: Mask, site: Site) -> tuple[Mask, ...]:
    pullers: dict[str, Callable[[Overwrite, Mask, Site], Mask]] = {
        "base": _overwritten_base,
        "value": _overwriting_value,
    }
    return tuple(pullers[operand](op, mask, site) for operand in op.operands)


def _written(op: Overwrite, dim: int) -> slice:
    start, count, step = op.starts[dim], op.counts[dim], op.steps[dim]
    return slice(start, start + (count - 1) * step + 1, step)


def _overwriting_value(op: Overwrite, mask: Mask, site: Site) -> Mask:
    region = [
        slice(None) if mask.shape[dim + 1] == 1 else _written(op, dim)
        for dim in range(len(site.shape))
    ]
    return mask[(slice(None), *region)]


def _overwritten_base(op: Overwrite, mask: Mask, site: Site) -> Mask:
    partial = [dim for dim, n in enumerate(site.shape) if op.counts[dim] != n]
    # A uniform elastic axis that is only partly written keeps the base: an upper bound.
    if any(site.loose(mask, dim) for dim in partial):
        return mask
    for dim in partial:
        mask = expand(mask, dim + 1, site.shape[dim])
    left = mask.copy()
    left[(slice(None), *(_written(op, dim) for dim in range(len(site.shape))))] = False
    for dim in partial:
        left = left if site.elastic[dim] else collapse(left, dim + 1)
    return left


@pull.register
def _(op: Opaque, mask: Mask, site: Site) -> tuple[Mask, ...]:
    full = np.broadcast_to(mask, (mask.shape[0], *site.shape))
    pulled = [op.pull(probe) for probe in full]
    return tuple(
        uniform_where_constant(np.stack([parts[i] for parts in pulled]), source)
        for i, source in enumerate(site.operands)
    )

"""Computed matrices of few entries per column: which inputs each output is made of.

Resizing is a product with a matrix that is computed from positions. As a table of taps it stays
local, where a product would sum over the whole axis. Such a matrix may be large and is asked for
again at every size and axis, so that it is computed in one go, and what it says is remembered.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from rf_jax.evaluation import FORMULAS
from rf_jax.values import Constant

__all__ = ["band"]

# A computed weight is taken for zero where it is this small beside the largest: rounding.
ROUNDING = 1e-6
# Matrices of so many elements are computed by compiled code, which makes no copies on the way.
LARGE = 1 << 20
REMEMBERED = 64

Table = NDArray[np.int64]
_bands: dict[tuple[Any, ...], Table | None] = {}


def band(constant: Constant, along: int) -> Table | None:
    """The inputs of each output, -1 for none; None where outputs are made of most of the axis.

    Args:
        constant: A matrix that is computed from positions.
        along: Which of its two axes is the input's.
    """
    key = (constant.shape, along, constant.recipe())
    if key not in _bands:
        if len(_bands) >= REMEMBERED:
            _bands.pop(next(iter(_bands)))
        _bands[key] = _read(constant, along)
    return _bands[key]


def _read(constant: Constant, along: int) -> Table | None:
    first, last, count = (np.asarray(part, np.int64) for part in _edges(constant, along))
    most = int(count.max(initial=0))
    if most == 0 or 2 * most > max(constant.shape[along], 8):
        return None
    if bool((last - first + 1 == count)[count > 0].all()):
        steps = np.arange(most)
        return np.where(steps < count[:, None], first[:, None] + steps, -1)
    kept = np.moveaxis(_kept(constant.array(), np), along, 1)
    table = np.full((kept.shape[0], most), -1, np.int64)
    rows, columns = np.nonzero(kept)
    table[rows, np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)] = columns
    return table


def _edges(constant: Constant, along: int) -> Any:
    """The first and last input of each output, and how many there are."""
    if constant.size < LARGE or not _is_plain(constant):
        return _edges_of(constant.array(), along, np)
    # The numbers are arguments: a compiler that knows them computes the matrix while it compiles.
    leaves: dict[int, Constant] = {}
    _collect(constant, leaves)
    order = list(leaves)

    def compiled(*numbers: Any) -> Any:
        return _edges_of(_replayed(constant, dict(zip(order, numbers, strict=True))), along, jnp)

    with jax.ensure_compile_time_eval():
        return jax.jit(compiled)(*(leaf.array() for leaf in leaves.values()))


def _edges_of(weights: Any, along: int, xp: Any) -> Any:
    kept = _kept(weights, xp)
    last = kept.shape[along] - 1 - xp.argmax(xp.flip(kept, along), along)
    return xp.argmax(kept, along), last, kept.sum(along)


def _kept(weights: Any, xp: Any) -> Any:
    size = xp.abs(weights)
    return size > ROUNDING * size.max()


def _is_plain(constant: Constant) -> bool:
    """Whether jax can compute a constant from nothing."""
    made = constant.made_by
    return made is None or (made.primitive.name in FORMULAS and all(map(_is_plain, made.operands)))


def _collect(constant: Constant, leaves: dict[int, Constant]) -> None:
    """The numbers that a constant is computed from."""
    if constant.made_by is None:
        leaves[id(constant)] = constant
        return
    for operand in constant.made_by.operands:
        _collect(operand, leaves)


def _replayed(constant: Constant, known: dict[int, Any]) -> Any:
    """A constant as jax computes it from its numbers, inside of a compiled function."""
    made = constant.made_by
    if made is None:
        return known[id(constant)]
    if id(made) not in known:
        operands = [_replayed(operand, known) for operand in made.operands]
        bound = made.primitive.bind(*operands, **made.params)
        known[id(made)] = bound[0] if made.primitive.multiple_results else bound
    return known[id(made)]

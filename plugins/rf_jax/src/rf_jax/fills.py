"""Where a value is a known constant although it depends on the input elsewhere.

An attention mask fills scores with a very low number; the softmax makes exact zeros of those,
and what is multiplied by a zero is not seen. Causal and local attention are structure for that
reason alone, so what is known is followed through the few primitives that keep it. It is a
lazy mask like any other constant: axes along which all is alike stay at length 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rf_jax.evaluation import Substitute
from rf_jax.values import Application, Constant, Fills, Seen, Shape
from rfcore.fills import is_low
from rfcore.graph import Mask

__all__ = [
    "aligned",
    "all_of",
    "any_of",
    "chosen",
    "derived",
    "equal",
    "lows",
    "moved",
    "scaled_lows",
    "without",
    "zeros",
]

Array = NDArray[Any]


def derived(shape: Shape, function: Callable[..., Array], *operands: Constant) -> Constant:
    """A constant that a numpy function computes from others, when it is asked for."""
    hidden = next((operand.hidden for operand in operands if operand.hidden), "")
    if hidden:
        return Constant(shape, hidden=hidden)
    return Constant(shape, made_by=Application(Substitute(function), {}, operands))


def aligned(mask: Constant | None, rank: int) -> Constant | None:
    """A mask with axes of length 1 put in front, up to some rank."""
    if mask is None or len(mask.shape) == rank:
        return mask
    shape = (1,) * (rank - len(mask.shape)) + mask.shape
    return derived(shape, lambda array: array.reshape(shape), mask)


def equal(constant: Constant, number: int) -> Constant:
    """Where a constant has some value."""
    return derived(constant.shape, lambda array: array == number, constant)


def zeros(value: Seen | Constant, *, structural: bool = False) -> Constant | None:
    """Where a value is known to be zero.

    Args:
        value: The value.
        structural: Whether a constant of nothing but zeros is an untrained weight, and not zero.
    """
    if isinstance(value, Seen):
        return value.fills.zero
    if value.hidden or (structural and value.size <= 1):
        return None

    test = _is_partly_zero if structural else _is_zero
    found: Constant = value.once(test.__name__, lambda: derived(value.shape, test, value))
    return found


def _is_zero(array: Array) -> Mask:
    return np.asarray(array == 0)


def _is_partly_zero(array: Array) -> Mask:
    found = _is_zero(array)
    return np.asarray(found & ~found.all())


def lows(value: Seen | Constant) -> Constant | None:
    """Where a value is as good as minus infinity to an exponential."""
    if isinstance(value, Seen):
        return value.fills.low
    if value.hidden:
        return None
    found: Constant = value.once("_is_low", lambda: derived(value.shape, _is_low, value))
    return found


def _is_low(array: Array) -> Mask:
    if not np.issubdtype(array.dtype, np.floating) and array.dtype.kind not in "Vf":
        return np.zeros(array.shape, bool)
    return np.asarray(is_low(array.astype(np.float64)))


def scaled_lows(factors: Sequence[Seen | Constant]) -> Constant | None:
    """Where a product of a low value and a positive constant is low."""
    for value, factor in (factors, factors[::-1]):
        if isinstance(value, Seen) and isinstance(factor, Constant):
            low = value.fills.low
            if low is not None and not factor.hidden:
                positive = derived(factor.shape, lambda array: array > 0, factor)
                return all_of([low, positive])
    return None


def any_of(masks: Sequence[Constant | None]) -> Constant | None:
    """Where any of some masks holds; None is a mask that holds nowhere."""
    known = [mask for mask in masks if mask is not None]
    if len(known) < 2:
        return known[0] if known else None
    return derived(_common(known), lambda *arrays: _folded(np.logical_or, arrays), *known)


def all_of(masks: Sequence[Constant | None]) -> Constant | None:
    """Where all of some masks hold."""
    known = [mask for mask in masks if mask is not None]
    if len(known) < len(masks):
        return None
    return derived(_common(known), lambda *arrays: _folded(np.logical_and, arrays), *known)


def without(mask: Constant | None, other: Constant | None) -> Constant | None:
    """Where the first mask holds and the second does not."""
    if mask is None or other is None:
        return mask
    return derived(_common([mask, other]), lambda a, b: np.asarray(a & ~b), mask, other)


def chosen(taken: Sequence[Constant], masks: Sequence[Constant | None]) -> Constant | None:
    """Where the mask of the case holds that is taken there."""
    return any_of([all_of([t, m]) for t, m in zip(taken, masks, strict=True) if m is not None])


def moved(value: Seen, move: Callable[[Constant], Constant | None]) -> Fills:
    """The fills of a value that was rearranged, by how its masks are."""
    return Fills(*(None if m is None else move(m) for m in (value.fills.zero, value.fills.low)))


def _common(masks: Sequence[Constant]) -> Shape:
    shapes = {mask.shape for mask in masks}
    return shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)


def _folded(function: Any, arrays: Sequence[Array]) -> Array:
    result = arrays[0]
    for array in arrays[1:]:
        result = function(result, array)
    return result

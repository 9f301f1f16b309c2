"""Constants computed on numpy where that is the same, and by jax itself otherwise.

Most constants that matter are index tables and masks: a dozen small ops each, which numpy has
done before jax has compiled the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

__all__ = ["Substitute", "evaluate", "folds"]

Formula = Callable[..., Any]


class Substitute:
    """A numpy function in the place of a primitive."""

    __slots__ = ("function",)

    name = "formula"

    def __init__(self, function: Formula) -> None:
        self.function = function


def evaluate(primitive: Any, params: Mapping[str, Any], operands: Sequence[Any]) -> Sequence[Any]:
    """The results of a primitive on real values; numpy may warn where those are out of range."""
    if isinstance(primitive, Substitute):
        return [primitive.function(*map(np.asarray, operands))]
    formula = FORMULAS.get(primitive.name)
    if formula is not None and all(_is_plain(operand) for operand in operands):
        return [formula(params, *map(np.asarray, operands))]
    with jax.ensure_compile_time_eval():
        bound = primitive.bind(*operands, **params)
    return list(bound) if primitive.multiple_results else [bound]


def folds(primitive: Any) -> bool:
    """Whether a primitive is cheap enough to be computed at once."""
    return primitive.name in FORMULAS


def _is_plain(operand: Any) -> bool:
    """Whether numpy has the type: typed random keys are jax's own."""
    dtype = getattr(operand, "dtype", None)
    return dtype is None or isinstance(dtype, np.dtype)


def _same_type(function: Formula) -> Formula:
    """A formula whose result has the type of its operands."""
    return lambda params, *xs: np.asarray(function(*xs), dtype=xs[0].dtype)


def _plain(function: Formula) -> Formula:
    return lambda params, *xs: np.asarray(function(*xs))


def _divide(x: Any, y: Any) -> Any:
    if np.issubdtype(x.dtype, np.integer):
        # Towards zero, as the hardware does.
        safe = np.where(y == 0, 1, y)
        return np.where(y == 0, -1, np.sign(x) * np.sign(safe) * (np.abs(x) // np.abs(safe)))
    return np.divide(x, y)


def _iota(params: Mapping[str, Any]) -> Any:
    shape, dim = params["shape"], params["dimension"]
    along = np.arange(shape[dim], dtype=params["dtype"])
    return np.broadcast_to(along.reshape([-1 if d == dim else 1 for d in range(len(shape))]), shape)


def _broadcast(params: Mapping[str, Any], x: Any) -> Any:
    shape, dims = params["shape"], params["broadcast_dimensions"]
    lengths = dict(zip(dims, x.shape, strict=True))
    return np.broadcast_to(x.reshape([lengths.get(d, 1) for d in range(len(shape))]), shape)


def _slice(params: Mapping[str, Any], x: Any) -> Any:
    strides = params["strides"] or (1,) * x.ndim
    starts, limits = params["start_indices"], params["limit_indices"]
    return x[tuple(map(slice, starts, limits, strides))]


def _select(params: Mapping[str, Any], which: Any, *cases: Any) -> Any:
    chosen = cases[0]
    for number, case in enumerate(cases[1:], start=1):
        chosen = np.where(which == number, case, chosen)
    return chosen


def _reduction(function: Formula) -> Formula:
    return lambda params, x: np.asarray(function(x, axis=tuple(params["axes"])), dtype=x.dtype)


def _running(function: Formula) -> Formula:
    def formula(params: Mapping[str, Any], x: Any) -> Any:
        axis = params["axis"]
        if params["reverse"]:
            return np.flip(function(np.flip(x, axis), axis=axis), axis).astype(x.dtype)
        return function(x, axis=axis).astype(x.dtype)

    return formula


FORMULAS: dict[str, Formula] = {
    **{
        name: _same_type(function)
        for name, function in (
            ("add", np.add),
            ("add_any", np.add),
            ("sub", np.subtract),
            ("mul", np.multiply),
            ("div", _divide),
            ("rem", np.fmod),
            ("max", np.maximum),
            ("min", np.minimum),
            ("neg", np.negative),
            ("abs", np.abs),
            ("sign", np.sign),
            ("floor", np.floor),
            ("ceil", np.ceil),
            ("sqrt", np.sqrt),
            ("rsqrt", lambda x: 1 / np.sqrt(x)),
            ("exp", np.exp),
            ("log", np.log),
            ("pow", np.power),
            ("and", np.bitwise_and),
            ("or", np.bitwise_or),
            ("xor", np.bitwise_xor),
            ("not", np.invert),
            ("stop_gradient", lambda x: x),
            ("copy", lambda x: x),
            ("copy_p", lambda x: x),
            ("square", np.square),
            ("clamp", lambda low, x, high: np.minimum(np.maximum(x, low), high)),
        )
    },
    **{
        name: _plain(function)
        for name, function in (
            ("eq", np.equal),
            ("ne", np.not_equal),
            ("lt", np.less),
            ("le", np.less_equal),
            ("gt", np.greater),
            ("ge", np.greater_equal),
        )
    },
    "integer_pow": lambda params, x: np.asarray(x ** params["y"], dtype=x.dtype),
    "convert_element_type": lambda params, x: x.astype(params["new_dtype"]),
    "iota": _iota,
    "broadcast_in_dim": _broadcast,
    "reshape": lambda params, x: x.reshape(params["new_sizes"]),
    "squeeze": lambda params, x: np.squeeze(x, tuple(params["dimensions"])),
    "expand_dims": lambda params, x: np.expand_dims(x, tuple(params["dimensions"])),
    "transpose": lambda params, x: np.transpose(x, params["permutation"]),
    "slice": _slice,
    "rev": lambda params, x: np.flip(x, tuple(params["dimensions"])),
    "concatenate": lambda params, *xs: np.concatenate(xs, params["dimension"]),
    "select_n": _select,
    "reduce_sum": _reduction(np.sum),
    "reduce_max": _reduction(np.max),
    "reduce_min": _reduction(np.min),
    "reduce_prod": _reduction(np.prod),
    "reduce_and": _reduction(np.bitwise_and.reduce),
    "reduce_or": _reduction(np.bitwise_or.reduce),
    "cumsum": _running(np.cumsum),
    "cummax": _running(np.maximum.accumulate),
    "cummin": _running(np.minimum.accumulate),
}

"""Constant folding in numpy: the few ops that shape arithmetic and masks are made of.

A fold returns None where it does not apply; the op is then run by TensorFlow itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rf_tf.slices import strided_slices

__all__ = ["FOLDS", "Array", "Fold"]

Array = NDArray[Any]
Fold = Callable[[Any, Sequence[Array]], "Array | None"]


def _constant(op: Any, values: Sequence[Array]) -> Array:
    return np.asarray(tf.make_ndarray(op.get_attr("value")))


def _first(op: Any, values: Sequence[Array]) -> Array:
    return values[0]


def _cast(op: Any, values: Sequence[Array]) -> Array | None:
    source, target = op.inputs[0].dtype, op.outputs[0].dtype
    if source.is_floating and target.is_integer:
        # What a cast of a value out of range gives is TensorFlow's own affair.
        return None
    return values[0].astype(target.as_numpy_dtype)


def _packed(op: Any, values: Sequence[Array]) -> Array:
    return np.stack(values, axis=op.get_attr("axis"))


def _joined(op: Any, values: Sequence[Array]) -> Array:
    return np.concatenate(values[:-1], axis=int(values[-1]))


def _reshaped(op: Any, values: Sequence[Array]) -> Array:
    return values[0].reshape([int(n) for n in values[1]])


def _expanded(op: Any, values: Sequence[Array]) -> Array:
    return np.expand_dims(values[0], int(values[1]))


def _squeezed(op: Any, values: Sequence[Array]) -> Array:
    dims = tuple(op.get_attr("squeeze_dims"))
    return np.squeeze(values[0], dims or None)


def _counted(op: Any, values: Sequence[Array]) -> Array:
    start, limit, delta = (value.item() for value in values)
    return np.arange(start, limit, delta, dtype=op.outputs[0].dtype.as_numpy_dtype)


def _sliced(op: Any, values: Sequence[Array]) -> Array:
    masks = {
        name: op.get_attr(name)
        for name in (
            "begin_mask",
            "end_mask",
            "ellipsis_mask",
            "new_axis_mask",
            "shrink_axis_mask",
        )
    }
    subscripts: Any = strided_slices(values[1], values[2], values[3], **masks)
    return np.asarray(values[0][subscripts])


def _transposed(op: Any, values: Sequence[Array]) -> Array:
    return values[0].transpose([int(n) for n in values[1]])


def _repeated(op: Any, values: Sequence[Array]) -> Array:
    return np.tile(values[0], [int(n) for n in values[1]])


def _broadcast(op: Any, values: Sequence[Array]) -> Array:
    return np.broadcast_to(values[0], [int(n) for n in values[1]])


def _filled(op: Any, values: Sequence[Array]) -> Array:
    return np.full([int(n) for n in values[0]], values[1])


def _reduced(function: Callable[..., Any]) -> Fold:
    def fold(op: Any, values: Sequence[Array]) -> Array:
        axes = tuple(int(n) for n in np.atleast_1d(values[1]))
        result = function(values[0], axis=axes, keepdims=op.get_attr("keep_dims"))
        return np.asarray(result, values[0].dtype)

    return fold


def _plain(function: Callable[..., Any]) -> Fold:
    def fold(op: Any, values: Sequence[Array]) -> Array:
        with np.errstate(all="ignore"):
            result = function(*values)
        return np.asarray(result, op.outputs[0].dtype.as_numpy_dtype)

    return fold


def _whole_division(function: Callable[..., Any]) -> Fold:
    plain = _plain(function)

    def fold(op: Any, values: Sequence[Array]) -> Array | None:
        return plain(op, values) if np.all(values[1] != 0) else None

    return fold


def _rsqrt(value: Array) -> Array:
    return np.asarray(1 / np.sqrt(value))


_SAME = "Identity StopGradient PreventGradient Snapshot EnsureShape CheckNumerics"
_NUMPY: Mapping[str, Callable[..., Any]] = {
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "RealDiv": np.divide,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "Neg": np.negative,
    "Abs": np.abs,
    "Sqrt": np.sqrt,
    "Rsqrt": _rsqrt,
    "Square": np.square,
    "Exp": np.exp,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
    "LogicalNot": np.logical_not,
    "SelectV2": np.where,
}

FOLDS: dict[str, Fold] = {
    "Const": _constant,
    **dict.fromkeys(_SAME.split(), _first),
    "Cast": _cast,
    "Pack": _packed,
    "ConcatV2": _joined,
    "Reshape": _reshaped,
    "ExpandDims": _expanded,
    "Squeeze": _squeezed,
    "Range": _counted,
    "StridedSlice": _sliced,
    "Transpose": _transposed,
    "Tile": _repeated,
    "BroadcastTo": _broadcast,
    "Fill": _filled,
    "Sum": _reduced(np.sum),
    "Prod": _reduced(np.prod),
    "Max": _reduced(np.max),
    "Min": _reduced(np.min),
    "All": _reduced(np.all),
    "Any": _reduced(np.any),
    "FloorDiv": _whole_division(np.floor_divide),
    "FloorMod": _whole_division(np.mod),
    **{name: _plain(function) for name, function in _NUMPY.items()},
}

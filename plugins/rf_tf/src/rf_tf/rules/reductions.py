"""Reductions, normalisation, and ops that mix a whole axis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from rf_tf.call import Call, Rule
from rf_tf.constants import LARGEST_PATTERN
from rfcore.fills import Kind
from rfcore.graph import Cumulative, Elementwise

__all__ = ["RULES"]


def reduction(call: Call, kind: Kind | None = None) -> int:
    """Any function over whole axes; what is filled with its neutral element is not seen."""
    node = call.operand(0)
    rank = len(call.builder.shape(node))
    dims = call.dims(1, rank)
    hidden = None if kind is None else call.fills.find(node, kind)
    if hidden is not None:
        neutral = hidden if kind == "zero" else hidden.outdone(dims)
        node = call.gated(node, neutral, call.builder.shape(node))
    return call.builder.reduce(node, dims, bool(call.attr("keep_dims")), call.name)


def position(call: Call) -> int:
    """`ArgMax` and `ArgMin`, which drop their axis."""
    node = call.operand(0)
    dims = call.dims(1, len(call.builder.shape(node)))
    return call.builder.reduce(node, dims, False, call.name)


def mixing(call: Call, count: int) -> list[int]:
    """Each output along the last axes sees all inputs along them: sort, top-k, FFT."""
    node = call.operand(0)
    rank = len(call.builder.shape(node))
    dims = range(rank - count, rank)
    return [
        call.builder.mix(node, dims, call.result_shape(number), call.name)
        for number in range(len(call.op.outputs))
    ]


def nth(call: Call) -> int:
    """`NthElement`: one value of the last axis."""
    node = call.operand(0)
    return call.builder.reduce(node, [len(call.builder.shape(node)) - 1], False, call.name)


def fourier(call: Call) -> int:
    """An FFT over axes that an operand names."""
    node = call.operand(0)
    dims = call.dims(2, len(call.builder.shape(node)))
    return call.builder.mix(node, dims, call.shape, call.name)


def softmax(call: Call) -> int:
    """Softmax: itself and its whole last axis, so that the axis can be cut and the path remain."""
    node = call.operand(0)
    dims = [len(call.shape) - 1]
    low = call.fills.find(node, "low")
    if low is None:
        return _with_statistics(call, node, dims)
    if low.size > LARGEST_PATTERN:
        return call.unread(_with_statistics(call, node, dims), low.size)
    zero = low.outdone(dims)
    seen = call.gated(node, zero, call.shape)
    statistics = call.builder.reduce(seen, dims, True, call.name)
    gates = (zero.open(), zero.open())
    result = call.builder.add(Elementwise(gates), (seen, statistics), call.shape, call.name)
    if call.name == "Softmax":
        call.fills.note(result, "zero", zero)
    return result


def _with_statistics(call: Call, node: int, dims: Sequence[int]) -> int:
    statistics = call.builder.reduce(node, dims, True, call.name)
    return call.elementwise((node, statistics), call.builder.shape(node))


def squared_norm(call: Call) -> int:
    """`L2Loss`: one number."""
    node = call.operand(0)
    return call.builder.reduce(node, range(len(call.builder.shape(node))), False, call.name)


def cross_entropy(call: Call) -> list[int]:
    """Softmax cross-entropy: one number per row, and its derivative."""
    parts = [node for node in (call.node(0), call.node(1)) if node is not None]
    rows = []
    for node in parts:
        shape = call.builder.shape(node)
        column = call.builder.reduce(node, [1], True, call.name) if len(shape) > 1 else node
        rows.append(call.builder.reshape(column, (shape[0], 1), call.name))
    batch, classes = call.result_shape(1)
    loss = call.builder.reshape(call.elementwise(rows, (batch, 1)), (batch,), call.name)
    return [loss, call.elementwise(rows, (batch, classes))]


def moments(call: Call) -> list[int | None]:
    """Batch norm at inference passes; statistics of the batch itself reduce over all of it.

    A layer that keeps running statistics uses those at inference: in training mode its
    statistics are taken as constants, with a note.
    """
    rank = len(call.shape)
    first = str(call.attr_or("data_format", "NHWC")).startswith("NC")
    channel = 1 if first else rank - 1
    parts: list[int] = []
    note = ""
    if (image := call.node(0)) is not None:
        parts.append(image)
        if call.attr("is_training"):
            if any(tensor.consumers() for tensor in call.op.outputs[1:3]):
                note = (
                    "batch-norm runs in training mode: its statistics are taken as constants, "
                    "as at inference; call the model with training=False to measure the "
                    "inference network itself"
                )
            else:
                over = [dim for dim in range(rank) if dim != channel]
                parts.append(call.builder.reduce(image, over, True, call.name))
    column = tuple(n if dim == channel else 1 for dim, n in enumerate(call.shape))
    for number in range(1, len(call.inputs)):
        node = call.node(number)
        if node is not None and call.builder.shape(node) != (0,):
            shaped = column if call.size(number) > 1 else (1,) * rank
            if call.size(number) == np.prod(call.shape):
                shaped = call.shape
            parts.append(call.builder.reshape(node, shaped, call.name))
    result = call.builder.add(Elementwise(), parts, call.shape, call.name, note)
    return [result, *[None] * (len(call.op.outputs) - 1)]


def cumulative(call: Call) -> int:
    """Running sums and products, with or without the position itself."""
    node = call.operand(0)
    (dim,) = call.dims(1, len(call.shape))
    reverse = bool(call.attr("reverse"))
    result = call.builder.add(Cumulative(dim, reverse), (node,), call.shape, call.name)
    if call.attr("exclusive"):
        length = call.shape[dim]
        before = np.arange(length) + (1 if reverse else -1)
        result = call.taps(result, dim, np.where(before < length, before, -1))
    return result


RULES: dict[str, Rule] = {
    **dict.fromkeys(["Mean", "Prod", "Min", "All", "Any", "EuclideanNorm"], reduction),
    "Sum": partial(reduction, kind="zero"),
    "Max": partial(reduction, kind="low"),
    "ArgMax": position,
    "ArgMin": position,
    **{
        name: partial(mixing, count=count)
        for count, names in (
            (1, "TopK TopKV2 FFT IFFT RFFT IRFFT Multinomial"),
            (2, "FFT2D IFFT2D RFFT2D IRFFT2D"),
            (3, "FFT3D IFFT3D RFFT3D IRFFT3D"),
        )
        for name in names.split()
    },
    **dict.fromkeys(["FFTND", "IFFTND", "RFFTND", "IRFFTND"], fourier),
    "NthElement": nth,
    "Softmax": softmax,
    "LogSoftmax": softmax,
    "L2Loss": squared_norm,
    "SoftmaxCrossEntropyWithLogits": cross_entropy,
    "SparseSoftmaxCrossEntropyWithLogits": cross_entropy,
    **dict.fromkeys(
        ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx"), moments
    ),
    "Cumsum": cumulative,
    "Cumprod": cumulative,
    "CumulativeLogsumexp": cumulative,
}

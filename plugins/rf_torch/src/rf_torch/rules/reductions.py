"""Reductions, normalisation, and ops that mix a whole axis."""

from __future__ import annotations

from rf_torch.call import Call, Rule
from rf_torch.constants import LARGEST_PATTERN, tensors_in
from rfcore.graph import Cumulative, Elementwise

__all__ = ["RULES"]


def _source(call: Call) -> int:
    return call.operand("self" if "self" in call.given else "input")


def reduction(call: Call) -> list[int]:
    """Any function over whole axes: sum, mean, max, argmax, norms, statistics."""
    node = _source(call)
    rank = len(call.builder.shape(node))
    dims = call.dims("dim", rank) if "dim" in call.given else list(range(rank))
    keepdims = bool(call.given.get("keepdim", False))
    reduced = call.builder.reduce(node, dims, keepdims, call.name)
    return [reduced] * len(tensors_in(call.result))


def whole(call: Call) -> list[int]:
    """Counts and distances over everything."""
    results = tensors_in(call.result)
    parts = [call.everything(node, call.shape) for node in call.dependent()]
    return [call.elementwise(parts, call.shape)] * len(results)


def renormalised(call: Call) -> int:
    """`renorm`: every slice of one axis divided by its norm."""
    node = _source(call)
    rank = len(call.shape)
    return _with_statistics(call, node, [d for d in range(rank) if d != call["dim"] % rank])


def mixing(call: Call) -> list[int]:
    """Sort, top-k, FFT along given axes: each output along them sees all inputs along them."""
    node = _source(call)
    rank = len(call.builder.shape(node))
    dims = call.dims("dim", rank) if call.given.get("dim") is not None else [rank - 1]
    return [
        call.builder.mix(node, dims, tuple(result.shape), call.name)
        for result in tensors_in(call.result)
    ]


def softmax(call: Call) -> int:
    """Softmax: itself and its whole axis, so that the axis can be cut and the path remain."""
    node = _source(call)
    dims = call.dims("dim", len(call.shape))
    low = call.fills.find(node, "low")
    if low is None:
        return _with_statistics(call, node, dims)
    if low.size > LARGEST_PATTERN:
        return call.unread(_with_statistics(call, node, dims), low.size)
    zero = low.outdone(dims)
    seen = call.gated(node, zero.open(), call.shape)
    statistics = call.builder.reduce(seen, dims, True, call.name)
    result = call.builder.add(
        Elementwise((zero.open(), zero.open())), (seen, statistics), call.shape, call.name
    )
    if "log" not in call.name:
        call.fills.note(result, "zero", zero)
    return result


def _with_statistics(call: Call, node: int, dims: list[int]) -> int:
    statistics = call.builder.reduce(node, dims, True, call.name)
    return call.elementwise((node, statistics), call.builder.shape(node))


def _constant_statistics(call: Call) -> list[int | None]:
    """Mean and deviation that a norm also returns; nobody downstream reads them."""
    return [None] * (len(tensors_in(call.result)) - 1)


def layer_norm(call: Call) -> list[int | None]:
    """Layer norm over the last axes."""
    count = len(call["normalized_shape"])
    rank = len(call.shape)
    normed = _with_statistics(call, call.operand("input"), list(range(rank - count, rank)))
    return [_modulated(call, normed), *_constant_statistics(call)]


def group_norm(call: Call) -> list[int | None]:
    """Group norm: statistics over the channels of a group and all of space."""
    node = call.operand("input")
    batch, channels, *space = call.shape
    groups = call["group"]
    split = (batch, groups, channels // groups, *space)
    grouped = call.builder.reshape(node, split, call.name)
    over = list(range(2, len(split)))
    statistics = call.builder.mix(grouped, over, split, call.name)
    back = call.builder.reshape(statistics, call.shape, call.name)
    normed = call.elementwise((node, back), call.shape)
    return [_modulated(call, normed), *_constant_statistics(call)]


def _modulated(call: Call, node: int) -> int:
    """Scale and shift of a norm, where they are computed from the input."""
    parts = [node]
    for argument in ("weight", "bias"):
        dependent = call.node(call.given.get(argument))
        if dependent is not None:
            parts.append(call.everything(dependent, call.shape))
    return parts[0] if len(parts) == 1 else call.elementwise(parts, call.shape)


def batch_norm(call: Call) -> list[int | None]:
    """Batch norm at inference passes; statistics of the batch itself reduce over all of it.

    A layer that keeps running statistics uses those at inference: in training mode its
    statistics are taken as constants, with a note. One that keeps none (instance norm among
    them) uses the batch's at inference too.
    """
    node = call.operand("input")
    training = bool(call.given.get("training", call.name.endswith("functional")))
    if training and call.given.get("running_mean") is None:
        rank = len(call.shape)
        over = [0, *range(2, rank)]
        return [_with_statistics(call, node, over), *_constant_statistics(call)]
    note = ""
    if training:
        note = (
            "batch-norm runs in training mode: its statistics are taken as constants, as at "
            "inference; call model.eval() to measure the inference network itself"
        )
    passed = call.builder.add(Elementwise(), (node,), call.shape, call.name, note)
    return [_modulated(call, passed), *_constant_statistics(call)]


def cumulative(call: Call) -> list[int]:
    """Running sums, products and extrema."""
    node = _source(call)
    dim = call["dim"] % len(call.shape)
    op = Cumulative(dim)
    return [call.builder.add(op, (node,), call.shape, call.name) for _ in tensors_in(call.result)]


def recurrent(call: Call) -> list[int | None]:
    """One direction of a recurrent layer: each step sees the earlier ones, and the first state."""
    output, *states = tensors_in(call.result)
    shape = tuple(output.shape)
    begun = [n for n in (call.node(call["hx_"]), call.node(call["cx_"])) if n is not None]
    earlier = []
    last = []
    if (node := call.node(call["input"])) is not None:
        mixed = call.builder.mix(node, [2], shape, call.name)
        op = Cumulative(0, call["reverse"])
        earlier.append(call.builder.add(op, (mixed,), shape, call.name))
        last.append(call.builder.reduce(mixed, [0], True, call.name))
    for state in begun:
        rank = len(call.builder.shape(state))
        features = call.builder.reduce(state, [rank - 1], True, call.name)
        column = call.builder.reshape(features, (1, shape[1], 1), call.name)
        earlier.append(column)
        last.append(column)
    final = call.elementwise(last, (1, *shape[1:]))
    ends = [call.builder.reshape(final, tuple(state.shape), call.name) for state in states[:2]]
    return [call.elementwise(earlier, shape), *ends, *[None] * (len(states) - len(ends))]


_REDUCTIONS = (
    "all amax amin any argmax argmin aminmax count_nonzero linalg_vector_norm logsumexp max mean "
    "median min mode nanmean nanmedian nansum norm prod std std_mean sum var var_mean kthvalue"
)

_MIXING = ("sort", "topk", "argsort", "multinomial", "_fft_r2c", "_fft_c2r", "_fft_c2c")

RULES: dict[str, Rule] = {
    **{f"aten.{name}": reduction for name in _REDUCTIONS.split()},
    **{f"aten.{name}": mixing for name in _MIXING},
    **{f"aten.{name}": whole for name in ("histc", "bincount", "dist")},
    "aten.renorm": renormalised,
    **{
        f"aten.{name}": softmax
        for name in ("_softmax", "_log_softmax", "_safe_softmax", "softmax", "log_softmax")
    },
    **{
        f"aten.{name}": cumulative
        for name in ("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")
    },
    "aten.native_layer_norm": layer_norm,
    "aten._fused_rms_norm": layer_norm,
    "aten.native_group_norm": group_norm,
    **{
        f"aten.{name}": batch_norm
        for name in (
            "native_batch_norm",
            "_native_batch_norm_legit",
            "_native_batch_norm_legit_no_training",
            "cudnn_batch_norm",
            "miopen_batch_norm",
            "_batch_norm_with_update",
            "_batch_norm_no_update",
        )
    },
    "aten.mkldnn_rnn_layer": recurrent,
}

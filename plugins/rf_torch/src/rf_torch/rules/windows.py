"""Convolution and pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from rf_torch.call import Call, Rule
from rf_torch.constants import tensors_in
from rf_torch.rules.scattering import writers
from rfcore.graph import Gather, Mask, Pattern, Reduce, Reshape, Window, WindowAxis

__all__ = ["RULES", "adaptive_taps"]


def _per_axis(value: Sequence[int] | int, count: int) -> list[int]:
    values = [value] if isinstance(value, int) else list(value)
    return [int(n) for n in (values * count if len(values) == 1 else values)]


def convolution(call: Call) -> int:
    """Convolution of any rank, transposed or not; weights may depend on the input too."""
    image, weight = call["input"], call["weight"]
    parts = []
    if call.node(image) is not None:
        parts.append(_convolved(call))
    if (kernel := call.node(weight)) is not None:
        parts.append(call.everything(kernel, call.shape))
    if (bias := call.node(call["bias"])) is not None:
        column = (call.shape[1], *(1,) * (len(call.shape) - 2))
        parts.append(call.elementwise((call.builder.reshape(bias, column, call.name),), call.shape))
    return parts[0] if len(parts) == 1 else call.elementwise(parts, call.shape)


def _convolved(call: Call) -> int:
    weight = call["weight"]
    kernel = tuple(weight.shape[2:])
    count = len(kernel)
    stride, padding, dilation = (
        _per_axis(call[name], count) for name in ("stride", "padding", "dilation")
    )
    transposed, groups = call["transposed"], call["groups"]
    axes = tuple(
        WindowAxis(2 + i, k, 1, d, d * (k - 1) - p, s)
        if transposed
        else WindowAxis(2 + i, k, s, d, p)
        for i, (k, s, p, d) in enumerate(zip(kernel, stride, padding, dilation, strict=True))
    )
    pattern = _kernel_pattern(call, transposed, groups) if call.node(weight) is None else None
    op = Window(axes, 1, groups, pattern)
    return call.builder.window(call.operand("input"), op, call.shape, call.name)


def _kernel_pattern(call: Call, transposed: bool, groups: int) -> Pattern:
    """Zeros in the kernel, as (out_channels, in_channels / groups, *kernel)."""
    source = call.tape.pattern(call["weight"])

    def load() -> Mask | None:
        kept = source.read()
        if kept is None or not transposed:
            return kept
        # A transposed kernel is (in, out / groups, *kernel), and its taps run backwards.
        split = kept.reshape(groups, -1, *kept.shape[1:]).swapaxes(1, 2)
        merged = split.reshape(-1, *split.shape[2:])
        return np.flip(merged, tuple(range(2, merged.ndim)))

    return Pattern(load)


def _pool_axes(call: Call, count: int, dilated: bool) -> tuple[WindowAxis, ...]:
    kernel = _per_axis(call["kernel_size"], count)
    stride = _per_axis(call["stride"], count) if call["stride"] else kernel
    padding = _per_axis(call["padding"], count)
    dilation = _per_axis(call["dilation"], count) if dilated else [1] * count
    first = len(call.shape) - count
    return tuple(
        WindowAxis(first + i, k, s, d, p)
        for i, (k, s, p, d) in enumerate(zip(kernel, stride, padding, dilation, strict=True))
    )


def _pooling(call: Call, count: int, dilated: bool) -> list[int]:
    argument = "self" if "self" in call.given else "input"
    node = call.operand(argument)
    source = call.builder.shape(node)
    axes = _pool_axes(call, count, dilated)
    covering = [a for a in axes if _covers(a, source[a.dim], call.shape[a.dim])]
    if covering:
        node = call.builder.reduce(node, [a.dim for a in covering], True, call.name)
    rest = tuple(a for a in axes if a not in covering)
    if rest:
        node = call.builder.window(node, Window(rest), call.shape, call.name)
    return [node] * len(tensors_in(call.result))


def _covers(axis: WindowAxis, length: int, outputs: int) -> bool:
    """Whether one window spans the whole axis: a reduction, however it is written."""
    alone = outputs == 1 and length > 1
    return alone and axis.low == 0 and axis.dilation == 1 and axis.kernel_size >= length


def _adaptive(call: Call, count: int) -> list[int]:
    node = call.operand("self")
    for i in range(count):
        dim = len(call.shape) - count + i
        before, after = call.builder.shape(node)[dim], call.shape[dim]
        if after == 1:
            node = call.builder.reduce(node, [dim], True, call.name)
        else:
            node = call.taps(node, dim, adaptive_taps(before, after))
    return [node] * len(tensors_in(call.result))


def adaptive_taps(before: int, after: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Inputs of each output of an adaptive pooling from `before` to `after` positions.

    Source: torch's adaptive pooling: output j spans floor(j n / m) to ceil((j + 1) n / m).
    """
    j = np.arange(after)
    start, end = j * before // after, -(-(j + 1) * before // after)
    width = int((end - start).max())
    # Shorter windows repeat their last input, which changes nothing.
    return np.asarray(np.minimum(start[:, None] + np.arange(width), end[:, None] - 1))


def _unpooling(call: Call, count: int) -> int:
    """`max_unpool`: each value goes to the position of its maximum, anywhere in its window."""
    value, indices = call.node(call["self"]), call.node(call["indices"])
    if indices is None:
        return _unpooled_to_constants(call, count)
    parts = [node for node in (value, indices) if node is not None]
    merged = call.elementwise(parts, tuple(call["self"].shape))
    axes = _pooled_axes(call, indices, count)
    if axes is not None:
        back = tuple(
            WindowAxis(
                axis.dim,
                axis.kernel_size,
                dilation=axis.dilation,
                low=axis.dilation * (axis.kernel_size - 1) - axis.low,
                base_dilation=axis.stride,
            )
            for axis in axes
        )
        return call.builder.window(merged, Window(back), call.shape, call.name)
    rank = len(call.shape)
    anywhere = call.builder.mix(merged, range(rank - count, rank), call.shape, call.name)
    return call.bounded(anywhere, "its indices come from no pooling of this size")


def _pooled_axes(call: Call, indices: int, count: int) -> list[WindowAxis] | None:
    """The windows of the max-pooling that found the indices, if it counted positions alike."""
    nodes = call.builder.nodes
    while isinstance(nodes[indices].op, Reshape):
        (indices,) = nodes[indices].inputs
    pooled = nodes[indices]
    if not isinstance(pooled.op, Window | Reduce) or "max_pool" not in pooled.name:
        return None
    windows = {a.dim: a for a in pooled.op.axes} if isinstance(pooled.op, Window) else {}
    image = nodes[pooled.inputs[0]]
    if windows and isinstance(image.op, Reduce) and image.name == pooled.name:
        # Axes that one window spans were reduced before.
        image = nodes[image.inputs[0]]
    source, rank = image.shape, len(call.shape)
    spatial = [dim for dim in range(len(source) - count, len(source)) if source[dim] > 1]
    dims = [dim for dim in range(rank - count, rank) if call.shape[dim] > 1]
    # Indices count along the flattened image: all but its first length matter.
    if len(spatial) != len(dims) or any(
        source[old] != call.shape[new] for old, new in zip(spatial[1:], dims[1:], strict=True)
    ):
        return None
    return [
        replace(windows.get(old, WindowAxis(old, source[old])), dim=new)
        for old, new in zip(spatial, dims, strict=True)
    ]


def _unpooled_to_constants(call: Call, count: int) -> int:
    node = call.operand("self")
    shape, result = call.builder.shape(node), call.shape
    lead, cells = math.prod(shape[:-count]), math.prod(result[-count:])
    places = call.array(call["indices"]).reshape(lead, -1)
    targets = (places + np.arange(lead)[:, None] * cells).ravel()
    taps = writers(targets, lead * cells)
    return call.builder.add(Gather(taps), (node,), result, call.name)


RULES: dict[str, Rule] = {
    "aten.convolution": convolution,
    "aten.convolution_overrideable": convolution,
    **{
        f"aten.{name}{count}d{suffix}": (partial(_pooling, count=count, dilated=dilated))
        for name, suffix, dilated in (
            ("max_pool", "_with_indices", True),
            ("max_pool", "", True),
            ("mkldnn_max_pool", "", True),
            ("avg_pool", "", False),
        )
        for count in (1, 2, 3)
    },
    **{
        f"aten.{name}{count}d": partial(_adaptive, count=count)
        for name in ("_adaptive_avg_pool", "adaptive_avg_pool", "adaptive_max_pool")
        for count in (1, 2, 3)
    },
    "aten.max_unpool2d": partial(_unpooling, count=2),
    "aten.max_unpool3d": partial(_unpooling, count=3),
}

"""Convolution, transposed convolution and pooling, with TensorFlow's padding rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from rf_tf.call import Call, Rule
from rf_tf.folding import Array
from rfcore.graph import Pattern, Window, WindowAxis

__all__ = ["RULES", "same_padding"]

Count = Callable[[int, Sequence[int]], int]
"""The number of groups, from the image's channels and the kernel's shape."""


def same_padding(length: int, kernel_size: int, stride: int, dilation: int = 1) -> int:
    """The low padding of a SAME window, in pixels; an odd pixel goes to the high border.

    Source: TensorFlow's documentation of `tf.nn.convolution`, "Notes on padding".
    """
    outputs = -(-length // stride)
    extent = dilation * (kernel_size - 1) + 1
    return max((outputs - 1) * stride + extent - length, 0) // 2


class _Layout:
    """Where channels and space are in an op's operands."""

    def __init__(self, call: Call, rank: int) -> None:
        first = str(call.attr_or("data_format", "NHWC")).startswith("NC")
        if str(call.attr_or("data_format", "NHWC")) not in ("NHWC", "NCHW", "NDHWC", "NCDHW"):
            raise call.refused(f"its layout {call.attr('data_format')!r} has no rule")
        self.channel = 1 if first else rank - 1
        self.spatial = [d for d in range(1, rank) if d != self.channel]


def _axes(
    call: Call, layout: _Layout, lengths: Sequence[int], kernel: Sequence[int]
) -> tuple[WindowAxis, ...]:
    """The windows of a forward convolution over an image of some lengths, all axes counted."""
    strides = call.attr("strides")
    dilations = call.attr_or("dilations", None) or [1] * len(lengths)
    explicit = call.attr_or("explicit_paddings", None)
    padding = call.attr("padding")
    axes = []
    for dim, size in zip(layout.spatial, kernel, strict=True):
        stride, dilation = int(strides[dim]), int(dilations[dim])
        low = 0
        if padding == "SAME":
            low = same_padding(lengths[dim], size, stride, dilation)
        elif padding == "EXPLICIT":
            low = int(explicit[2 * dim])
        axes.append(WindowAxis(dim, size, stride, dilation, low))
    return tuple(axes)


def _transposed(axis: WindowAxis) -> WindowAxis:
    """The window of the transposed convolution: each output gathers what it was scattered to."""
    low = axis.dilation * (axis.kernel_size - 1) - axis.low
    return WindowAxis(axis.dim, axis.kernel_size, 1, axis.dilation, low, axis.stride)


def _forward_kernel(weight: Array) -> Array:
    """From (*kernel, in / groups, out) to (out, in / groups, *kernel)."""
    return np.moveaxis(weight, (-1, -2), (0, 1))


def _depthwise_kernel(weight: Array) -> Array:
    """From (*kernel, channels, multiplier) to (channels * multiplier, 1, *kernel)."""
    moved = np.moveaxis(weight, (-2, -1), (0, 1))
    return moved.reshape(-1, 1, *moved.shape[2:])


def _backward_kernel(groups: int) -> Callable[[Array], Array]:
    """From (*kernel, out / groups, in) to (out, in / groups, *kernel), taps reversed."""

    def arranged(weight: Array) -> Array:
        moved = np.moveaxis(weight, (-2, -1), (0, 1))
        split = moved.reshape(moved.shape[0], groups, -1, *moved.shape[2:]).swapaxes(0, 1)
        merged = split.reshape(-1, *split.shape[2:])
        return np.flip(merged, tuple(range(2, merged.ndim)))

    return arranged


def _with_weights(call: Call, image: int | None, kernel: int) -> int:
    """Joins the image's node with a kernel that depends on the input itself."""
    weights = call.node(kernel)
    parts = [] if image is None else [image]
    if weights is not None:
        parts.append(call.everything(weights, call.shape))
    return call.joined(parts, call.shape)


def _weights(call: Call, number: int, arrange: Callable[[Array], Array]) -> Pattern | None:
    return call.pattern(number, arrange) if call.node(number) is None else None


def convolution(call: Call) -> int:
    """Convolution of two or three axes, in groups where the kernel has fewer channels."""
    return _forward(call, lambda channels, kernel: channels // kernel[-2], _forward_kernel)


def depthwise(call: Call) -> int:
    """Each channel by itself, to one or several outputs."""
    return _forward(call, lambda channels, _: channels, _depthwise_kernel)


def _forward(call: Call, count: Count, order: Callable[[Array], Array]) -> int:
    """A convolution: how many groups it has, and how its kernel is ordered for the graph."""
    lengths, kernel = call.source_shape(0), call.source_shape(1)
    layout = _Layout(call, len(lengths))
    node = call.node(0)
    if node is not None:
        axes = _axes(call, layout, lengths, kernel[:-2])
        groups = count(lengths[layout.channel], kernel)
        op = Window(axes, layout.channel, groups, _weights(call, 1, order))
        node = call.builder.window(node, op, call.shape, call.name)
    return _with_weights(call, node, 1)


def transposed(call: Call) -> int:
    """The gradient of a convolution, used as a transposed convolution."""
    return _backward(call, lambda channels, kernel: channels // kernel[-2], _backward_kernel)


def transposed_depthwise(call: Call) -> int:
    """The gradient of a depthwise convolution, used as a transposed one."""
    return _backward(call, lambda channels, _: channels, lambda _: _backward_depthwise_kernel)


def _backward(call: Call, count: Count, order: Callable[[int], Callable[[Array], Array]]) -> int:
    """A transposed convolution: its groups, and how its kernel is ordered, given their number."""
    kernel, image = call.source_shape(1), call.source_shape(2)
    layout = _Layout(call, len(image))
    node = call.node(2)
    if node is not None:
        forward = _axes(call, layout, call.shape, kernel[:-2])
        _refuse_other_sizes(call, forward, image)
        groups = count(call.shape[layout.channel], kernel)
        pattern = _weights(call, 1, order(groups))
        op = Window(tuple(map(_transposed, forward)), layout.channel, groups, pattern)
        node = call.builder.window(node, op, call.shape, call.name)
    return _with_weights(call, node, 1)


def _refuse_other_sizes(call: Call, forward: Sequence[WindowAxis], image: Sequence[int]) -> None:
    """Refuses an image that the convolution back would not make of the output.

    The output's size is often a constant. TensorFlow checks it only when the op runs.
    """
    for axis in forward:
        length, extent = call.shape[axis.dim], axis.dilation * (axis.kernel_size - 1) + 1
        if call.attr("padding") == "SAME":
            count = -(-length // axis.stride)
        else:
            explicit = call.attr_or("explicit_paddings", None) or [0] * 2 * len(image)
            padded = length + sum(map(int, explicit[2 * axis.dim : 2 * axis.dim + 2]))
            count = (padded - extent) // axis.stride + 1
        if count != image[axis.dim]:
            told = f"its output of {tuple(call.shape)} is not what an input of {tuple(image)} gives"
            raise call.refused(told)


def _backward_depthwise_kernel(weight: Array) -> Array:
    """From (*kernel, channels, multiplier) to (channels, multiplier, *kernel), taps reversed."""
    moved = np.moveaxis(weight, (-2, -1), (0, 1))
    return np.flip(moved, tuple(range(2, moved.ndim)))


def dilation(call: Call) -> int:
    """Grayscale dilation: a maximum over a window, each channel by itself."""
    lengths, kernel = call.source_shape(0), call.source_shape(1)
    strides, rates, padding = call.attr("strides"), call.attr("rates"), call.attr("padding")
    axes = []
    for dim, size in zip((1, 2), kernel, strict=False):
        stride, rate = int(strides[dim]), int(rates[dim])
        low = same_padding(lengths[dim], size, stride, rate) if padding == "SAME" else 0
        axes.append(WindowAxis(dim, size, stride, rate, low))
    node = call.node(0)
    if node is not None:
        node = call.builder.window(node, Window(tuple(axes)), call.shape, call.name)
    parts = [] if node is None else [node]
    if (weights := call.node(1)) is not None:
        # Each channel has its own window of weights.
        parts.append(call.builder.reduce(weights, [0, 1], False, call.name))
    return call.joined(parts, call.shape)


def pooling(call: Call, *, tensors: bool) -> list[int]:
    """Windows over any axes; one that spans its whole axis is a reduction."""
    node = call.operand(0)
    lengths = call.builder.shape(node)
    kernel, strides = (
        (call.integers(1), call.integers(2))
        if tensors
        else (call.attr("ksize"), call.attr("strides"))
    )
    layout = str(call.attr_or("data_format", "NHWC"))
    if layout not in ("NHWC", "NCHW", "NDHWC", "NCDHW"):
        raise call.refused(f"its layout {layout!r} has no rule")
    padding = call.attr("padding")
    explicit = call.attr_or("explicit_paddings", None)
    axes = []
    for dim, length in enumerate(lengths):
        size, stride = int(kernel[dim]), int(strides[dim])
        if size == stride == 1:
            continue
        low = same_padding(length, size, stride) if padding == "SAME" else 0
        if padding == "EXPLICIT":
            low = int(explicit[2 * dim])
        axes.append(WindowAxis(dim, size, stride, 1, low))
    covering = [axis for axis in axes if _covers(axis, lengths[axis.dim], call.shape[axis.dim])]
    if covering:
        node = call.builder.reduce(node, [axis.dim for axis in covering], True, call.name)
    rest = tuple(axis for axis in axes if axis not in covering)
    if rest:
        node = call.builder.window(node, Window(rest), call.shape, call.name)
    return [node] * len(call.op.outputs)


def _covers(axis: WindowAxis, length: int, outputs: int) -> bool:
    """Whether one window spans the whole axis: a reduction, however it is written."""
    return outputs == 1 and length > 1 and axis.low == 0 and axis.kernel_size >= length


def local_response(call: Call) -> int:
    """Each channel normalised by its neighbours."""
    node = call.operand(0)
    radius = int(call.attr("depth_radius"))
    dim = len(call.shape) - 1
    near = Window((WindowAxis(dim, 2 * radius + 1, low=radius),))
    return call.builder.window(node, near, call.shape, call.name)


RULES: dict[str, Rule] = {
    "Conv2D": convolution,
    "Conv3D": convolution,
    "DepthwiseConv2dNative": depthwise,
    "Conv2DBackpropInput": transposed,
    "Conv3DBackpropInput": transposed,
    "Conv3DBackpropInputV2": transposed,
    "DepthwiseConv2dNativeBackpropInput": transposed_depthwise,
    "Dilation2D": dilation,
    **{
        name: partial(pooling, tensors=False)
        for name in ("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D", "MaxPoolWithArgmax")
    },
    "MaxPoolV2": partial(pooling, tensors=True),
    "LRN": local_response,
}

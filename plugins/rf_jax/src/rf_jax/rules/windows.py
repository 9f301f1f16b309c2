"""Convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rf_jax.call import Call, Rule
from rf_jax.values import Constant
from rfcore.graph import Mask, Pattern, Window, WindowAxis

__all__ = ["RULES"]


def convolution(call: Call) -> int:
    """Convolution of any rank and layout; the kernel may depend on the input too."""
    image, kernel = call.operands
    parts = []
    if not isinstance(image, Constant):
        parts.append(_convolved(call, image.node))
    if not isinstance(kernel, Constant):
        parts.append(_through_kernel(call, kernel.node))
    return call.elementwise(parts, call.shape)


def _convolved(call: Call, image: int) -> int:
    dims = call.params["dimension_numbers"]
    # The window rule keeps every axis in its place: the image takes the result's layout first.
    order = [0] * len(call.shape)
    for source, target in zip(dims.lhs_spec, dims.out_spec, strict=True):
        order[target] = source
    image = call.transpose(image, order)
    groups = call.params["feature_group_count"]
    batches = call.params["batch_group_count"]
    if batches > 1:
        image, groups = _batches_as_groups(call, image, dims.out_spec), batches
    op = Window(_kernel_axes(call, dims), dims.out_spec[1], groups, _kernel_pattern(call, dims))
    node = call.builder.window(image, op, call.shape, call.name)
    kernel = call.operands[1]
    too_large = isinstance(kernel, Constant) and not call.fits(kernel)
    return call.unread(node, kernel) if too_large and isinstance(kernel, Constant) else node


def _kernel_axes(call: Call, dims: Any) -> tuple[WindowAxis, ...]:
    kernel = call.shapes[1]
    return tuple(
        WindowAxis(out, kernel[k], stride, dilation, low, base)
        for out, k, stride, dilation, (low, _), base in zip(
            dims.out_spec[2:],
            dims.rhs_spec[2:],
            call.params["window_strides"],
            call.params["rhs_dilation"],
            call.params["padding"],
            call.params["lhs_dilation"],
            strict=True,
        )
    )


def _batches_as_groups(call: Call, image: int, spec: Sequence[int]) -> int:
    """Groups of the batch that meet their own output channels, as groups of channels."""
    count = call.params["batch_group_count"]
    batch, channel = spec[:2]
    shape = list(call.builder.shape(image))
    shape[batch] //= count
    node = call.reshape(image, (*shape[:batch], count, *shape[batch:]))
    order = [d for d in range(len(shape) + 1) if d != batch]
    order.insert(channel, batch)
    node = call.transpose(node, order)
    shape[channel] *= count
    return call.reshape(node, shape)


def _kernel_pattern(call: Call, dims: Any) -> Pattern | None:
    """Zeros in the kernel, as (out_channels, in_channels / groups, *kernel)."""
    kernel = call.operands[1]
    if not isinstance(kernel, Constant) or kernel.hidden or not call.fits(kernel):
        return None
    source = kernel.pattern()

    def load() -> Mask | None:
        kept = source.read()
        return None if kept is None else kept.transpose(dims.rhs_spec)

    return Pattern(load)


def _through_kernel(call: Call, kernel: int) -> int:
    """A computed kernel is seen by all positions of the channel that it makes."""
    dims = call.params["dimension_numbers"]
    others = [d for d in range(len(call.shape)) if d != dims.rhs_spec[0]]
    channels = call.reduce(kernel, others, keepdims=False)
    column = [1] * len(call.shape)
    column[dims.out_spec[1]] = call.shapes[1][dims.rhs_spec[0]]
    return call.elementwise((call.reshape(channels, column),), call.shape)


def pooling(call: Call) -> list[int]:
    """`reduce_window` and its kin, over any axes."""
    axes = _pool_axes(call)
    count = len(call.results)
    parts = [_pooled(call, node, axes) for node in call.nodes()]
    return [call.elementwise(parts, call.shape)] * count


def _pool_axes(call: Call) -> list[WindowAxis]:
    axes = [
        WindowAxis(dim, size, stride, dilation, low, base)
        for dim, (size, stride, dilation, (low, _), base) in enumerate(
            zip(
                call.params["window_dimensions"],
                call.params["window_strides"],
                call.params["window_dilation"],
                call.params["padding"],
                call.params["base_dilation"],
                strict=True,
            )
        )
    ]
    source = call.shapes[0]
    return [a for a in axes if not _is_identity(a, source[a.dim], call.shape[a.dim])]


def _is_identity(axis: WindowAxis, length: int, outputs: int) -> bool:
    plain = (axis.kernel_size, axis.stride, axis.low, axis.base_dilation) == (1, 1, 0, 1)
    return plain and length == outputs


def _pooled(call: Call, node: int, axes: Sequence[WindowAxis]) -> int:
    source = call.builder.shape(node)
    covering = [a.dim for a in axes if _covers(a, source[a.dim], call.shape[a.dim])]
    node = call.reduce(node, covering, keepdims=True)
    rest = tuple(a for a in axes if a.dim not in covering)
    return call.builder.window(node, Window(rest), call.shape, call.name) if rest else node


def _covers(axis: WindowAxis, length: int, outputs: int) -> bool:
    """Whether one window spans the whole axis: a reduction, however it is written."""
    plain = (axis.low, axis.dilation, axis.base_dilation) == (0, 1, 1)
    return outputs == 1 and length > 1 and plain and axis.kernel_size >= length


def unpooling(call: Call) -> int:
    """`select_and_scatter_add`: values go back to the chosen positions of their windows."""
    source, operand = call.operands
    forward = [
        WindowAxis(dim, size, stride, low=low)
        for dim, (size, stride, (low, _)) in enumerate(
            zip(
                call.params["window_dimensions"],
                call.params["window_strides"],
                call.params["padding"],
                strict=True,
            )
        )
    ]
    windows = call.shapes[0]
    parts = [] if isinstance(source, Constant) else [source.node]
    if not isinstance(operand, Constant):
        window = Window(tuple(forward))
        parts.append(call.builder.window(operand.node, window, windows, call.name))
    merged = call.elementwise(parts, windows)
    back = tuple(
        WindowAxis(a.dim, a.kernel_size, low=a.kernel_size - 1 - a.low, base_dilation=a.stride)
        for a in forward
    )
    return call.builder.window(merged, Window(back), call.shape, call.name)


_POOLING = (
    "reduce_window reduce_window_max reduce_window_min reduce_window_sum select_and_gather_add"
)

RULES: dict[str, Rule] = {
    "conv_general_dilated": convolution,
    **dict.fromkeys(_POOLING.split(), pooling),
    "select_and_scatter_add": unpooling,
}

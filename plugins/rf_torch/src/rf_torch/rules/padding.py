"""Padding, rolling, flipping, repeating, joining and rearranging of positions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rf_torch.call import Call
from rf_torch.constants import tensors_in
from rfcore.graph import Concatenate, Overwrite

__all__ = ["RULES"]

Fold = Callable[[NDArray[np.int64], int], NDArray[np.int64]]


def _zeros(position: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    return np.where((position >= 0) & (position < length), position, -1)


def _reflected(position: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    return (length - 1) - np.abs((length - 1) - np.abs(position))


def _repeated(position: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    return np.clip(position, 0, length - 1)


def _wrapped(position: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    return position % length


def _padding(call: Call, argument: str, fold: Fold) -> int:
    node = call.operand("self")
    widths = [int(n) for n in call[argument]]
    shape = call.builder.shape(node)
    for i, (low, high) in enumerate(zip(widths[::2], widths[1::2], strict=True)):
        dim = len(shape) - 1 - i
        if low or high:
            positions = np.arange(-low, shape[dim] + high)
            node = call.taps(node, dim, fold(positions, shape[dim]))
    return node


def constant_pad(call: Call) -> int:
    """Padding with a constant; negative widths crop."""
    return _padding(call, "pad", _zeros)


def roll(call: Call) -> int:
    """Positions moved around the axis' ends; without axes, of the flattened tensor."""
    node = call.operand("self")
    shifts = [int(n) for n in call["shifts"]]
    if not call["dims"]:
        flat = call.builder.reshape(node, (math.prod(call.shape),), call.name)
        flat = call.taps(flat, 0, _wrapped(np.arange(math.prod(call.shape)) - shifts[0],
                                           math.prod(call.shape)))
        return call.builder.reshape(flat, call.shape, call.name)
    for shift, dim in zip(shifts, call.dims("dims", len(call.shape)), strict=True):
        length = call.shape[dim]
        node = call.taps(node, dim, _wrapped(np.arange(length) - shift, length))
    return node


def flip(call: Call) -> int:
    """Positions in reverse."""
    node = call.operand("self")
    for dim in call.dims("dims", len(call.shape)):
        node = call.taps(node, dim, np.arange(call.shape[dim])[::-1])
    return node


def repeat(call: Call) -> int:
    """The whole tensor several times along each axis."""
    node = call.operand("self")
    shape = call.builder.shape(node)
    node = call.builder.reshape(
        node, (*(1,) * (len(call.shape) - len(shape)), *shape), call.name
    )
    for dim, (before, after) in enumerate(
        zip(call.builder.shape(node), call.shape, strict=True)
    ):
        if before != after:
            node = call.taps(node, dim, np.arange(after) % before)
    return node


def concatenate(call: Call) -> int:
    """Tensors one after the other; constant ones leave a gap."""
    tensors = [t for t in call["tensors"] if tuple(t.shape) != (0,)]
    dim = call["dim"] % len(call.shape)
    nodes, starts, start = [], [], 0
    for tensor in tensors:
        node = call.node(tensor)
        if node is not None:
            nodes.append(node)
            starts.append(start)
        start += tensor.shape[dim]
    return call.builder.add(Concatenate(dim, tuple(starts)), nodes, call.shape, call.name)


def stack(call: Call) -> int:
    """Tensors one after the other along a new axis."""
    dim = call["dim"] % len(call.shape)
    single = (*call.shape[:dim], 1, *call.shape[dim + 1 :])
    nodes, starts = [], []
    for start, tensor in enumerate(call["tensors"]):
        node = call.node(tensor)
        if node is not None:
            nodes.append(call.builder.reshape(node, single, call.name))
            starts.append(start)
    return call.builder.add(Concatenate(dim, tuple(starts)), nodes, call.shape, call.name)


def pixel_shuffle(call: Call) -> int:
    """Channels to space: (c r r, h, w) to (c, h r, w r)."""
    node, r = call.operand("self"), int(call["upscale_factor"])
    *lead, channels, height, width = call.builder.shape(node)
    n = len(lead)
    node = call.builder.reshape(
        node, (*lead, channels // (r * r), r, r, height, width), call.name
    )
    order = [*range(n), n, n + 3, n + 1, n + 4, n + 2]
    return call.builder.reshape(
        call.builder.transpose(node, order, call.name), call.shape, call.name
    )


def pixel_unshuffle(call: Call) -> int:
    """Space to channels: (c, h r, w r) to (c r r, h, w)."""
    node, r = call.operand("self"), int(call["downscale_factor"])
    *lead, channels, height, width = call.builder.shape(node)
    n = len(lead)
    node = call.builder.reshape(
        node, (*lead, channels, height // r, r, width // r, r), call.name
    )
    order = [*range(n), n, n + 2, n + 4, n + 1, n + 3]
    return call.builder.reshape(
        call.builder.transpose(node, order, call.name), call.shape, call.name
    )


def channel_shuffle(call: Call) -> int:
    """Channels dealt out to groups."""
    node, groups = call.operand("self"), int(call["groups"])
    batch, channels, *space = call.shape
    dealt = np.arange(channels).reshape(groups, -1).T.ravel()
    return call.taps(node, 1, dealt)


def slice_scatter(call: Call) -> int | None:
    """A tensor with a slice of one axis replaced."""
    rank = len(call.shape)
    dim = call["dim"] % rank
    length, step = call.shape[dim], int(call["step"])
    start = 0 if call["start"] is None else int(call["start"])
    start = min(max(start + length if start < 0 else start, 0), length)
    return _overwritten(call, dim, start, tuple(call["src"].shape), step)


def select_scatter(call: Call) -> int | None:
    """A tensor with one index of one axis replaced."""
    rank = len(call.shape)
    dim = call["dim"] % rank
    part = (*call.shape[:dim], 1, *call.shape[dim + 1 :])
    return _overwritten(call, dim, int(call["index"]) % call.shape[dim], part, 1)


def _overwritten(
    call: Call, dim: int, start: int, part: tuple[int, ...], step: int
) -> int | None:
    base, value = call.node(call["self"]), call.node(call["src"])
    if value is not None:
        value = call.builder.reshape(value, part, call.name)
    known = {k: n for k, n in (("base", base), ("value", value)) if n is not None}
    rank = len(call.shape)
    starts = tuple(start if d == dim else 0 for d in range(rank))
    steps = tuple(step if d == dim else 1 for d in range(rank))
    op = Overwrite(starts, part, steps, tuple(known))
    return call.builder.add(op, list(known.values()), call.shape, call.name)


def im2col(call: Call) -> int:
    """`F.unfold`: windows of an image as columns, (n, c kh kw, positions)."""
    node = call.operand("self")
    *lead, channels, height, width = call.builder.shape(node)
    n = len(lead)
    counts = []
    for i, length in enumerate((height, width)):
        k, d, p, s = (
            int(call[name][i]) for name in ("kernel_size", "dilation", "padding", "stride")
        )
        count = (length + 2 * p - d * (k - 1) - 1) // s + 1
        counts.append(count)
        positions = (np.arange(k)[:, None] * d + np.arange(count) * s - p).ravel()
        node = call.taps(node, n + 1 + i, _zeros(positions, length))
    kernel = [int(k) for k in call["kernel_size"]]
    split = (*lead, channels, kernel[0], counts[0], kernel[1], counts[1])
    node = call.builder.reshape(node, split, call.name)
    order = [*range(n), n, n + 1, n + 3, n + 2, n + 4]
    return call.builder.reshape(
        call.builder.transpose(node, order, call.name), call.shape, call.name
    )


def results(call: Call) -> list[int]:
    """Splits that copy instead of viewing."""
    node = call.operand("self")
    dim = call["dim"] % len(call.builder.shape(node))
    parts, start = [], 0
    for tensor in tensors_in(call.result):
        count = tensor.shape[dim]
        parts.append(call.taps(node, dim, np.arange(start, start + count)))
        start += count
    return parts


RULES = {
    "aten.constant_pad_nd": constant_pad,
    **{
        f"aten.{name}_pad{count}d": (lambda call, fold=fold: _padding(call, "padding", fold))
        for name, fold in (("reflection", _reflected), ("replication", _repeated))
        for count in (1, 2, 3)
    },
    "aten._pad_circular": lambda call: _padding(call, "pad", _wrapped),
    "aten.roll": roll,
    "aten.flip": flip,
    "aten.repeat": repeat,
    "aten.cat": concatenate,
    "aten.stack": stack,
    "aten.pixel_shuffle": pixel_shuffle,
    "aten.pixel_unshuffle": pixel_unshuffle,
    "aten.channel_shuffle": channel_shuffle,
    "aten.native_channel_shuffle": channel_shuffle,
    "aten.slice_scatter": slice_scatter,
    "aten.select_scatter": select_scatter,
    "aten.im2col": im2col,
    "aten.split_with_sizes_copy": results,
    "aten.split_copy": results,
    "aten.unsafe_split": results,
    "aten.unsafe_split_with_sizes": results,
    "aten.unsafe_chunk": results,
}

"""Positions dealt out to other axes: pixel shuffle, unfolding, rotation, blocks, splits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rf_torch.call import Call, Rule
from rf_torch.constants import tensors_in
from rf_torch.rules.padding import zeros_outside
from rf_torch.rules.scattering import writers
from rf_torch.views import view_steps
from rfcore.graph import Overwrite

__all__ = ["RULES"]


def pixel_shuffle(call: Call) -> int:
    """Channels to space: (c r r, h, w) to (c, h r, w r)."""
    node, r = call.operand("self"), int(call["upscale_factor"])
    *lead, channels, height, width = call.builder.shape(node)
    n = len(lead)
    node = call.builder.reshape(node, (*lead, channels // (r * r), r, r, height, width), call.name)
    order = [*range(n), n, n + 3, n + 1, n + 4, n + 2]
    return call.builder.reshape(
        call.builder.transpose(node, order, call.name), call.shape, call.name
    )


def pixel_unshuffle(call: Call) -> int:
    """Space to channels: (c, h r, w r) to (c r r, h, w)."""
    node, r = call.operand("self"), int(call["downscale_factor"])
    *lead, channels, height, width = call.builder.shape(node)
    n = len(lead)
    node = call.builder.reshape(node, (*lead, channels, height // r, r, width // r, r), call.name)
    order = [*range(n), n, n + 2, n + 4, n + 1, n + 3]
    return call.builder.reshape(
        call.builder.transpose(node, order, call.name), call.shape, call.name
    )


def channel_shuffle(call: Call) -> int:
    """Channels dealt out to groups."""
    node, groups = call.operand("self"), int(call["groups"])
    channels = call.shape[1]
    dealt = np.arange(channels).reshape(groups, -1).T.ravel()
    return call.taps(node, 1, dealt)


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
        node = call.taps(node, n + 1 + i, zeros_outside(positions, length))
    kernel = [int(k) for k in call["kernel_size"]]
    split = (*lead, channels, kernel[0], counts[0], kernel[1], counts[1])
    node = call.builder.reshape(node, split, call.name)
    order = [*range(n), n, n + 1, n + 3, n + 2, n + 4]
    return call.builder.reshape(
        call.builder.transpose(node, order, call.name), call.shape, call.name
    )


def col2im(call: Call) -> int:
    """`F.fold`: columns summed into the windows of an image that they came from."""
    node = call.operand("self")
    *lead, _, _ = call.builder.shape(node)
    n = len(lead)
    kernel = [int(k) for k in call["kernel_size"]]
    channels = call.shape[n]
    targets, counts = [], []
    for i, length in enumerate(call.shape[n + 1 :]):
        d, p, s = (int(call[name][i]) for name in ("dilation", "padding", "stride"))
        count = (length + 2 * p - d * (kernel[i] - 1) - 1) // s + 1
        counts.append(count)
        position = np.arange(kernel[i])[:, None] * d + np.arange(count) * s - p
        targets.append(_taps_to(position.ravel(), length))
    split = (*lead, channels, *kernel, *counts)
    node = call.builder.reshape(node, split, call.name)
    order = [*range(n), n, n + 1, n + 3, n + 2, n + 4]
    node = call.builder.transpose(node, order, call.name)
    flat = (*lead, channels, kernel[0] * counts[0], kernel[1] * counts[1])
    node = call.builder.reshape(node, flat, call.name)
    for i, table in enumerate(targets):
        node = call.taps(node, n + 1 + i, table)
    return node


def _taps_to(position: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Which of some values were added to each place, where those outside fall away."""
    inside = np.flatnonzero((position >= 0) & (position < length))
    table = writers(position[inside], length)
    return np.where(table < 0, -1, inside[table])


def unfold_backward(call: Call) -> int:
    """The derivative of `Tensor.unfold`: windows summed into the axis that they came from."""
    node = call.operand("grad_in")
    shape = call.builder.shape(node)
    rank = len(shape) - 1
    dim, size, step = call["dim"] % rank, call["size"], call["step"]
    order = [*range(dim + 1), rank, *range(dim + 1, rank)]
    node = call.builder.transpose(node, order, call.name)
    merged = (*shape[:dim], shape[dim] * size, *shape[dim + 1 : rank])
    node = call.builder.reshape(node, merged, call.name)
    position = np.arange(shape[dim])[:, None] * step + np.arange(size)
    return call.taps(node, dim, _taps_to(position.ravel(), call.shape[dim]))


def rot90(call: Call) -> int:
    """Quarter turns in the plane of two axes."""
    node = call.operand("self")
    rank = len(call.builder.shape(node))
    a, b = (d % rank for d in call["dims"])
    turns = call["k"] % 4
    for dim in {1: [b], 2: [a, b], 3: [a]}.get(turns, []):
        node = call.taps(node, dim, np.arange(call.builder.shape(node)[dim])[::-1])
    if turns % 2 == 0:
        return node
    order = list(range(rank))
    order[a], order[b] = b, a
    return call.builder.transpose(node, order, call.name)


def block_diagonal(call: Call) -> int:
    """Matrices as the blocks of a larger one."""
    parts = []
    row = column = 0
    for tensor in call["tensors"]:
        rows, columns = (1, 1, *tensor.shape)[-2:]
        if (node := call.node(tensor)) is not None:
            block = call.builder.reshape(node, (rows, columns), call.name)
            op = Overwrite((row, column), (rows, columns), (1, 1), ("value",))
            parts.append(call.builder.add(op, (block,), call.shape, call.name))
        row, column = row + rows, column + columns
    return parts[0] if len(parts) == 1 else call.elementwise(parts, call.shape)


def trace(call: Call) -> int:
    """The sum of a matrix' diagonal."""
    node = call.operand("self")
    shape = call.builder.shape(node)
    given = {"offset": 0, "dim1": 0, "dim2": 1}
    steps = view_steps("aten.diagonal", shape, (min(shape),), given)
    assert steps is not None
    for step in steps:
        node = step.forward(call.builder, node)
    return call.builder.reduce(node, [0], False, call.name)


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


RULES: dict[str, Rule] = {
    "aten.pixel_shuffle": pixel_shuffle,
    "aten.pixel_unshuffle": pixel_unshuffle,
    "aten.channel_shuffle": channel_shuffle,
    "aten.native_channel_shuffle": channel_shuffle,
    "aten.im2col": im2col,
    "aten.col2im": col2im,
    "aten.unfold_backward": unfold_backward,
    "aten.rot90": rot90,
    "aten.block_diag": block_diagonal,
    "aten.trace": trace,
    "aten.split_with_sizes_copy": results,
    "aten.split_copy": results,
}

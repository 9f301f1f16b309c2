"""Ops that move positions without changing values: reshapes, permutations, splits and joins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from rf_tf.call import Call, Rule
from rf_tf.slices import strided_slices
from rfcore import pieces
from rfcore.graph import Reshape

__all__ = ["RULES", "concatenated"]


def reshape(call: Call) -> int:
    """The same values under another shape; of two reshapes in a row the second alone counts."""
    shape, node = call.shape, call.operand(0)
    earlier = call.builder.nodes[node]
    if isinstance(earlier.op, Reshape):
        node = earlier.inputs[0]
    return call.builder.reshape(node, shape, call.name)


def transpose(call: Call) -> int:
    """A permutation of axes."""
    node = call.operand(0)
    return call.builder.transpose(node, call.dims(1, len(call.shape)), call.name)


def concatenated(
    call: Call, nodes: Sequence[int | None], lengths: Sequence[int], dim: int, shape: Sequence[int]
) -> int:
    """Operands one after the other along an axis; constant ones leave a gap."""
    starts = np.cumsum([0, *lengths[:-1]])
    present = [(n, int(start)) for n, start in zip(nodes, starts, strict=True) if n is not None]
    values, begins = [node for node, _ in present], [start for _, start in present]
    return pieces.concatenated(call.builder, values, dim, begins, shape, call.name)


def concatenate(call: Call, *, axis: int) -> int:
    """`Concat` and `ConcatV2`, whose axis is the first or the last operand."""
    (dim,) = call.dims(axis % len(call.inputs), len(call.shape))
    numbers = [i for i, _ in enumerate(call.inputs) if i != axis % len(call.inputs)]
    lengths = [call.source_shape(i)[dim] for i in numbers]
    return concatenated(call, [call.node(i) for i in numbers], lengths, dim, call.shape)


def pack(call: Call) -> int:
    """Tensors one after the other along a new axis."""
    dim = call.attr("axis") % len(call.shape)
    single = (*call.shape[:dim], 1, *call.shape[dim + 1 :])
    nodes = [
        None if (node := call.node(i)) is None else call.builder.reshape(node, single, call.name)
        for i, _ in enumerate(call.inputs)
    ]
    return concatenated(call, nodes, [1] * len(nodes), dim, call.shape)


def unpack(call: Call) -> list[int]:
    """The slices of one axis."""
    node = call.operand(0)
    dim = call.attr("axis") % len(call.builder.shape(node))
    parts = [call.taps(node, dim, np.array([i])) for i in range(len(call.op.outputs))]
    return [
        call.builder.reshape(part, call.result_shape(i), call.name) for i, part in enumerate(parts)
    ]


def split(call: Call, *, image: int, axis: int) -> list[int]:
    """Parts of one axis."""
    node = call.operand(image)
    (dim,) = call.dims(axis, len(call.builder.shape(node)))
    parts, start = [], 0
    for number in range(len(call.op.outputs)):
        length = call.result_shape(number)[dim]
        parts.append(call.taps(node, dim, start + np.arange(length)))
        start += length
    return parts


def tile(call: Call) -> int:
    """The whole tensor several times along each axis."""
    node = call.operand(0)
    for dim, (before, after) in enumerate(zip(call.builder.shape(node), call.shape, strict=True)):
        if before != after:
            node = call.taps(node, dim, np.arange(after) % before)
    return node


def cut(call: Call) -> int:
    """`Slice`: a box, by its first corner and its size."""
    node = call.operand(0)
    begin = call.integers(1)
    source = call.builder.shape(node)
    for dim, (first, count) in enumerate(zip(begin, call.shape, strict=True)):
        if count != source[dim]:
            node = call.taps(node, dim, first + np.arange(count))
    return node


def strided_slice(call: Call) -> int:
    """`x[a:b:c, …, i, None]`."""
    node = call.operand(0)
    masks = {
        name: call.attr(name)
        for name in (
            "begin_mask",
            "end_mask",
            "ellipsis_mask",
            "new_axis_mask",
            "shrink_axis_mask",
        )
    }
    subscripts = strided_slices(call.array(1), call.array(2), call.array(3), **masks)
    taken = sum(1 for subscript in subscripts if subscript is not None and subscript is not ...)
    rank = len(call.builder.shape(node))
    dim = 0
    for subscript in subscripts:
        if subscript is None:
            continue
        if subscript is ...:
            dim += rank - taken
            continue
        length = call.builder.shape(node)[dim]
        # Axes may be as long as memory: a batch into which a baked-in shape folds everything.
        if not isinstance(subscript, slice) or subscript.indices(length) != (0, length, 1):
            node = call.taps(node, dim, np.atleast_1d(np.arange(length)[subscript]))
        dim += 1
    return call.builder.reshape(node, call.shape, call.name)


def reverse(call: Call, *, flags: bool) -> int:
    """Positions in reverse along some axes."""
    node = call.operand(0)
    rank = len(call.shape)
    dims = np.flatnonzero(call.array(1)) if flags else call.dims(1, rank)
    for dim in dims:
        node = call.taps(node, int(dim), np.arange(call.shape[dim])[::-1])
    return node


def roll(call: Call) -> int:
    """Positions moved around the ends of some axes."""
    node = call.operand(0)
    for shift, dim in zip(call.integers(1), call.dims(2, len(call.shape)), strict=True):
        length = call.shape[dim]
        node = call.taps(node, dim, (np.arange(length) - shift) % length)
    return node


def space_to_depth(call: Call) -> int:
    """Blocks of pixels become channels."""
    node, size, layout = call.operand(0), call.attr("block_size"), call.attr("data_format")
    if layout == "NHWC":
        n, h, w, c = call.builder.shape(node)
        split_up, order = (n, h // size, size, w // size, size, c), (0, 1, 3, 2, 4, 5)
    elif layout == "NCHW":
        n, c, h, w = call.builder.shape(node)
        split_up, order = (n, c, h // size, size, w // size, size), (0, 3, 5, 1, 2, 4)
    else:
        raise call.refused(f"its layout {layout!r} has no rule")
    return _regrouped(call, node, split_up, order, call.shape)


def depth_to_space(call: Call) -> int:
    """Channels become blocks of pixels."""
    node, size, layout = call.operand(0), call.attr("block_size"), call.attr("data_format")
    if layout == "NHWC":
        n, h, w, c = call.builder.shape(node)
        split_up, order = (n, h, w, size, size, c // size**2), (0, 1, 3, 2, 4, 5)
    elif layout == "NCHW":
        n, c, h, w = call.builder.shape(node)
        split_up, order = (n, size, size, c // size**2, h, w), (0, 3, 4, 1, 5, 2)
    else:
        raise call.refused(f"its layout {layout!r} has no rule")
    return _regrouped(call, node, split_up, order, call.shape)


def _regrouped(
    call: Call, node: int, split_up: Sequence[int], order: Sequence[int], shape: Sequence[int]
) -> int:
    node = call.builder.reshape(node, split_up, call.name)
    node = call.builder.transpose(node, order, call.name)
    return call.builder.reshape(node, shape, call.name)


def _blocks(call: Call) -> tuple[list[int], list[list[int]]]:
    """Block sizes and the (low, high) padding or cropping of each blocked axis."""
    if call.name.endswith("ND"):
        return call.integers(1), call.array(2).tolist()
    return [call.attr("block_size")] * 2, call.array(1).tolist()


def space_to_batch(call: Call) -> int:
    """Every phase of a dilated convolution becomes an image of the batch."""
    node = call.operand(0)
    blocks, paddings = _blocks(call)
    for dim, (low, high) in enumerate(paddings, start=1):
        length = call.builder.shape(node)[dim]
        if low or high:
            taps = np.arange(-low, length + high)
            node = call.taps(node, dim, np.where((taps >= 0) & (taps < length), taps, -1))
    batch, *space = call.builder.shape(node)
    count = len(blocks)
    rest = space[count:]
    cells = [
        part
        for length, block in zip(space, blocks, strict=False)
        for part in (length // block, block)
    ]
    order = [
        *range(2, 2 * count + 1, 2),
        0,
        *range(1, 2 * count, 2),
        *range(2 * count + 1, 2 * count + 1 + len(rest)),
    ]
    return _regrouped(call, node, (batch, *cells, *rest), order, call.shape)


def batch_to_space(call: Call) -> int:
    """The phases of a dilated convolution become one image again."""
    node = call.operand(0)
    blocks, crops = _blocks(call)
    batch, *space = call.builder.shape(node)
    count, images = len(blocks), batch // math.prod(blocks)
    rest = space[count:]
    order = [
        count,
        *(axis for i in range(count) for axis in (count + 1 + i, i)),
        *range(2 * count + 1, 2 * count + 1 + len(rest)),
    ]
    lengths = [length * block for length, block in zip(space, blocks, strict=False)]
    node = _regrouped(call, node, (*blocks, images, *space), order, (images, *lengths, *rest))
    for dim, (low, high) in enumerate(crops, start=1):
        if low or high:
            node = call.taps(node, dim, np.arange(low, lengths[dim - 1] - high))
    return node


RULES: dict[str, Rule] = {
    "Reshape": reshape,
    "Squeeze": reshape,
    "ExpandDims": reshape,
    "Transpose": transpose,
    "ConjugateTranspose": transpose,
    "Concat": partial(concatenate, axis=0),
    "ConcatV2": partial(concatenate, axis=-1),
    "Pack": pack,
    "Unpack": unpack,
    "Split": partial(split, image=1, axis=0),
    "SplitV": partial(split, image=0, axis=2),
    "Tile": tile,
    "Slice": cut,
    "StridedSlice": strided_slice,
    "Reverse": partial(reverse, flags=True),
    "ReverseV2": partial(reverse, flags=False),
    "Roll": roll,
    "SpaceToDepth": space_to_depth,
    "DepthToSpace": depth_to_space,
    "SpaceToBatch": space_to_batch,
    "SpaceToBatchND": space_to_batch,
    "BatchToSpace": batch_to_space,
    "BatchToSpaceND": batch_to_space,
}

"""Padding, rolling, flipping, repeating and joining along an axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rf_torch.call import Call, Rule
from rfcore.graph import Concatenate
from rfcore.pieces import concatenated

__all__ = ["RULES", "zeros_outside"]

Fold = Callable[[NDArray[np.int64], int], NDArray[np.int64]]


def zeros_outside(position: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Positions as taps, where those outside the axis are padding that depends on nothing."""
    return np.where((position >= 0) & (position < length), position, -1)


def _reflected(position: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    return np.asarray((length - 1) - np.abs((length - 1) - np.abs(position)))


def _repeated(position: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    return np.asarray(np.clip(position, 0, length - 1))


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
    return _padding(call, "pad", zeros_outside)


def roll(call: Call) -> int:
    """Positions moved around the axis' ends; without axes, of the flattened tensor."""
    node = call.operand("self")
    shifts = [int(n) for n in call["shifts"]]
    if not call["dims"]:
        flat = call.builder.reshape(node, (math.prod(call.shape),), call.name)
        flat = call.taps(
            flat, 0, _wrapped(np.arange(math.prod(call.shape)) - shifts[0], math.prod(call.shape))
        )
        return call.builder.reshape(flat, call.shape, call.name)
    for shift, dim in zip(shifts, call.dims("dims", len(call.shape)), strict=True):
        length = call.shape[dim]
        node = call.taps(node, dim, _wrapped(np.arange(length) - shift, length))
    return node


def flip(call: Call) -> int:
    """Positions in reverse."""
    node = call.operand("self")
    # Unlike elsewhere, no axes are none here.
    for dim in call["dims"]:
        node = call.taps(node, dim % len(call.shape), np.arange(call.shape[dim])[::-1])
    return node


def repeat(call: Call) -> int:
    """The whole tensor several times along each axis."""
    node = call.operand("self")
    shape = call.builder.shape(node)
    node = call.builder.reshape(node, (*(1,) * (len(call.shape) - len(shape)), *shape), call.name)
    for dim, (before, after) in enumerate(zip(call.builder.shape(node), call.shape, strict=True)):
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
    return concatenated(call.builder, nodes, dim, starts, call.shape, call.name)


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


RULES: dict[str, Rule] = {
    "aten.constant_pad_nd": constant_pad,
    **{
        f"aten.{name}_pad{count}d": partial(_padding, argument="padding", fold=fold)
        for name, fold in (("reflection", _reflected), ("replication", _repeated))
        for count in (1, 2, 3)
    },
    "aten._pad_circular": partial(_padding, argument="pad", fold=_wrapped),
    "aten.roll": roll,
    "aten.flip": flip,
    "aten.repeat": repeat,
    "aten.cat": concatenate,
    "aten.stack": stack,
}

"""What depends on what, written out link by link: slow, obvious and no kin of the pullbacks.

A link says that one position of a result depends on one position of an operand. The dense
matrix of an op has a True for each link; a mask is pulled back by multiplying with it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from rfcore.graph import (
    AxisMap,
    Concatenate,
    Contract,
    Cumulative,
    Elementwise,
    Gather,
    Graph,
    Mask,
    Op,
    Overwrite,
    Reduce,
    Reshape,
    Transpose,
    Window,
    WindowAxis,
)

Shape = tuple[int, ...]
Position = tuple[int, ...]
Link = tuple[Position, int, Position]


def positions(shape: Sequence[int]) -> Iterator[Position]:
    return itertools.product(*map(range, shape))


def matrices(op: Op, result: Shape, operands: Sequence[Shape]) -> list[NDArray[np.int64]]:
    """For each operand a matrix (positions of the result, positions of the operand) of 0 and 1."""
    dense = [np.zeros((math.prod(result), math.prod(operand)), np.int64) for operand in operands]
    for target, number, source in links(op, result, operands):
        row = flat_index(target, result)
        dense[number][row, flat_index(source, operands[number])] = 1
    return dense


def flat_index(position: Position, shape: Shape) -> int:
    index = 0
    for i, n in zip(position, shape, strict=True):
        assert 0 <= i < n
        index = index * n + i
    return index


def pulled(mask: Mask, matrix: NDArray[np.int64], operand: Shape) -> Mask:
    """A full mask (probes, *result) through a dense matrix: a full mask (probes, *operand)."""
    seen = mask.reshape(len(mask), -1).astype(np.int64) @ matrix
    return np.asarray(seen > 0).reshape(len(mask), *operand)


def to_input(graph: Graph, output: int, cut: frozenset[int] = frozenset()) -> NDArray[np.int64]:
    """The matrix of a whole graph: matrices multiplied along every path from `output` to node 0."""
    size = math.prod(graph.nodes[0].shape)
    whole: list[NDArray[np.int64]] = [np.eye(size, dtype=np.int64)]
    for index, node in enumerate(graph.nodes[1 : output + 1], start=1):
        sums = np.zeros((math.prod(node.shape), size), np.int64)
        if index not in cut:
            shapes = [graph.nodes[source].shape for source in node.inputs]
            for source, matrix in zip(
                node.inputs, matrices(node.op, node.shape, shapes), strict=True
            ):
                sums += matrix @ whole[source]
        whole.append((sums > 0).astype(np.int64))
    return whole[output]


@singledispatch
def links(op: Op, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    raise TypeError(f"no links for {type(op).__name__}")


@links.register
def _(op: Elementwise, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    for number, operand in enumerate(operands):
        opened = op.gates[number] if op.gates else None
        gate = opened.read() if opened else None
        for target in positions(result):
            if gate is None or gate[_broadcast(target, gate.shape)]:
                yield target, number, _broadcast(target, operand)


def _broadcast(position: Position, shape: Shape) -> Position:
    last = position[len(position) - len(shape) :]
    return tuple(0 if n == 1 else i for i, n in zip(last, shape, strict=True))


@links.register
def _(op: Window, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    (operand,) = operands
    for target in positions(result):
        for channel, tap in kernel_of(op, target, result, operand):
            source = list(target)
            if op.channel_dim is not None:
                source[op.channel_dim] = channel
            for axis, t in zip(op.axes, tap, strict=True):
                pixel = tapped(axis, target, t)
                source[axis.dim] = -1 if pixel is None else pixel
            if all(0 <= source[axis.dim] < operand[axis.dim] for axis in op.axes):
                yield target, 0, tuple(source)


def kernel_of(
    op: Window, target: Position, result: Shape, operand: Shape
) -> Iterator[tuple[int, Position]]:
    """The input channels and taps that an output position uses; all of an untrained kernel."""
    pattern = op.pattern.read() if op.pattern else None
    if pattern is not None and not pattern.any():
        pattern = None
    out_channel, first, count = 0, 0, 1
    if op.channel_dim is not None:
        out_channel = target[op.channel_dim]
        count = operand[op.channel_dim] // op.groups
        first = out_channel // (result[op.channel_dim] // op.groups) * count
    for i in range(count):
        for tap in positions([axis.kernel_size for axis in op.axes]):
            if pattern is None or pattern[(out_channel, i, *tap)]:
                yield first + i, tap


def tapped(axis: WindowAxis, target: Position, tap: int) -> int | None:
    """The pixel, possibly outside the input, that a tap lies on; None for a gap of the base."""
    position = target[axis.dim] * axis.stride - axis.low + tap * axis.dilation
    if position % axis.base_dilation:
        return None
    return position // axis.base_dilation


@links.register
def _(op: Reduce, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    (operand,) = operands
    for source in positions(operand):
        if op.keepdims:
            yield tuple(0 if d in op.dims else i for d, i in enumerate(source)), 0, source
        else:
            yield tuple(i for d, i in enumerate(source) if d not in op.dims), 0, source


@links.register
def _(op: Cumulative, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    for target in positions(result):
        for i in range(result[op.dim]):
            if (i >= target[op.dim]) if op.reverse else (i <= target[op.dim]):
                yield target, 0, (*target[: op.dim], i, *target[op.dim + 1 :])


@links.register
def _(op: AxisMap, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    for target in positions(result):
        for tap in op.taps[target[op.dim]].tolist():
            if tap >= 0:
                yield target, 0, (*target[: op.dim], tap, *target[op.dim + 1 :])


@links.register
def _(op: Reshape, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    for target, source in zip(positions(result), positions(operands[0]), strict=True):
        yield target, 0, source


@links.register
def _(op: Transpose, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    for target in positions(result):
        source = [0] * len(target)
        for i, axis in zip(target, op.order, strict=True):
            source[axis] = i
        yield target, 0, tuple(source)


@links.register
def _(op: Concatenate, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    for number, (start, operand) in enumerate(zip(op.starts, operands, strict=True)):
        for source in positions(operand):
            moved = source[op.dim] + start
            yield (*source[: op.dim], moved, *source[op.dim + 1 :]), number, source


@links.register
def _(op: Contract, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    pattern = op.pattern.read() if op.pattern else None
    sizes = dict(zip(op.result, result, strict=True))
    for labels, operand in zip(op.operands, operands, strict=True):
        sizes |= dict(zip(labels, operand, strict=True))
    if pattern is not None:
        sizes |= dict(zip(op.constant, pattern.shape, strict=True))
    for values in positions(list(sizes.values())):
        at = dict(zip(sizes, values, strict=True))
        if pattern is None or pattern[tuple(at[label] for label in op.constant)]:
            for number, labels in enumerate(op.operands):
                target = tuple(at[label] for label in op.result)
                yield target, number, tuple(at[label] for label in labels)


@links.register
def _(op: Gather, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    sources = list(positions(operands[0]))
    for target, taps in zip(positions(result), op.taps.tolist(), strict=True):
        for tap in taps:
            if tap >= 0:
                yield target, 0, sources[tap]


@links.register
def _(op: Overwrite, result: Shape, operands: Sequence[Shape]) -> Iterator[Link]:
    written = {
        tuple(
            start + i * step for start, i, step in zip(op.starts, value, op.steps, strict=True)
        ): value
        for value in positions(op.counts)
    }
    for number, operand in enumerate(op.operands):
        for target in positions(result):
            if operand == "value" and target in written:
                yield target, number, written[target]
            if operand == "base" and target not in written:
                yield target, number, target

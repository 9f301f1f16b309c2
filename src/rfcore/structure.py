"""Do two traces of one model at two input sizes have the same structure?

Only then does the larger one tell about the smaller: an adaptive pooling to a fixed grid, a
resize to a fixed size or a branch on the input's shape make another network of it. Comparing
also shows which axes follow the input's size, and by how much: their strides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import singledispatch

import numpy as np

from rfcore.graph import (
    AxisMap,
    Concatenate,
    Contract,
    Elementwise,
    Gather,
    Graph,
    Node,
    Op,
    Opaque,
    Overwrite,
    Reshape,
    Window,
)
from rfcore.masks import Shape

__all__ = ["Alignment", "align", "corresponds", "same"]


_Shapes = tuple[tuple[Shape, ...], Shape]


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the nodes of two traces correspond.

    Attributes:
        pairs: Node of the smaller trace for each node of the larger one.
        elastic: For each node of the larger trace, which axes have another length.
        elastic_small: The same, by node of the smaller trace.
        difference: The first op, in execution order, that is not the same in both; empty if none.
        complete: Whether every node of one has its counterpart in the other.
        period: Input pixels after which the whole network repeats: the least common multiple of
            the strides of all its feature maps.
    """

    pairs: Mapping[int, int]
    elastic: Mapping[int, tuple[bool, ...]]
    elastic_small: Mapping[int, tuple[bool, ...]]
    difference: str
    complete: bool
    period: int


def align(small: Graph, small_output: int, large: Graph, large_output: int) -> Alignment:
    """Walks both graphs from their outputs in lockstep and compares op by op."""
    small, large = small.as_traced, large.as_traced
    pairs: dict[int, int] = {}
    differences: list[tuple[int, str]] = []
    complete = True
    open_pairs = [(large_output, small_output)]
    while open_pairs:
        big, little = open_pairs.pop()
        if big in pairs:
            if pairs[big] != little:
                complete = False
                differences.append((big, large.nodes[big].label))
            continue
        pairs[big] = little
        one, other = small.nodes[little], large.nodes[big]
        sources = (tuple(small.nodes[i].shape for i in one.inputs), one.shape)
        targets = (tuple(large.nodes[i].shape for i in other.inputs), other.shape)
        if not corresponds(one, other) or _ranks(sources) != _ranks(targets):
            complete = False
            differences.append((big, other.label))
            continue
        if not same(one.op, other.op, sources, targets):
            differences.append((big, other.label))
        open_pairs += zip(other.inputs, one.inputs, strict=True)
    elastic = {
        big: tuple(
            n != m for n, m in zip(large.nodes[big].shape, small.nodes[little].shape, strict=True)
        )
        for big, little in pairs.items()
        if len(large.nodes[big].shape) == len(small.nodes[little].shape)
    }
    difference = min(differences)[1] if differences else ""
    if not complete:
        difference = _first_other(small, small_output, large, large_output)
    elastic_small = {pairs[big]: flags for big, flags in elastic.items()}
    period = _period(small, large, pairs)
    return Alignment(pairs, elastic, elastic_small, difference, complete, period)


def _first_other(small: Graph, little: int, large: Graph, big: int) -> str:
    """The first op, in execution order, that is another one in the larger trace."""
    ours, theirs = small.ancestors(little), large.ancestors(big)
    for one, other in zip(ours, theirs, strict=False):
        if (small.nodes[one].label, type(small.nodes[one].op)) != (
            large.nodes[other].label,
            type(large.nodes[other].op),
        ):
            return large.nodes[other].label
    return large.nodes[max(theirs[: len(ours) + 1])].label


def corresponds(one: Node, other: Node) -> bool:
    """Whether two nodes are of one kind, whatever its parameters."""
    return (
        type(one.op) is type(other.op)
        and (one.name == other.name or not isinstance(one.op, Opaque))
        and len(one.inputs) == len(other.inputs)
        and len(one.shape) == len(other.shape)
    )


def _ranks(shapes: _Shapes) -> list[int]:
    return [len(shape) for shape in shapes[0]]


def _period(small: Graph, large: Graph, pairs: Mapping[int, int]) -> int:
    growth = max(n - m for n, m in zip(large.nodes[0].shape, small.nodes[0].shape, strict=True))
    period = 1
    for big, little in pairs.items():
        for n, m in zip(large.nodes[big].shape, small.nodes[little].shape, strict=False):
            if n > m:
                period = math.lcm(period, Fraction(growth, n - m).numerator)
    return period


@singledispatch
def same(one: Op, other: Op, small: _Shapes, large: _Shapes) -> bool:
    """Whether two ops differ only in the lengths of their axes.

    Args:
        one: The op in the smaller trace.
        other: The op in the larger trace.
        small: Operand shapes and result shape in the smaller trace.
        large: The same in the larger trace.
    """
    return one == other


@same.register
def _(one: Elementwise, other: Elementwise, small: _Shapes, large: _Shapes) -> bool:
    return [gate is None for gate in one.gates] == [gate is None for gate in other.gates]


@same.register
def _(one: Window, other: Window, small: _Shapes, large: _Shapes) -> bool:
    return (one.axes, one.channel_dim, one.groups) == (other.axes, other.channel_dim, other.groups)


@same.register
def _(one: Concatenate, other: Concatenate, small: _Shapes, large: _Shapes) -> bool:
    return one.dim == other.dim


@same.register
def _(one: Contract, other: Contract, small: _Shapes, large: _Shapes) -> bool:
    return (one.operands, one.result, one.constant) == (
        other.operands,
        other.result,
        other.constant,
    )


@same.register
def _(one: AxisMap, other: AxisMap, small: _Shapes, large: _Shapes) -> bool:
    """The same taps counted from the low border, up to some output, and then from the high one."""
    if one.dim != other.dim or one.taps.shape[1] != other.taps.shape[1]:
        return False
    length, longer = small[0][0][one.dim], large[0][0][one.dim]
    if one.taps.shape == other.taps.shape and length == longer:
        return bool((one.taps == other.taps).all())
    if (length == longer) != (len(one.taps) == len(other.taps)):
        return False
    count = len(one.taps)
    if count > len(other.taps):
        return False
    # Taps may count from either border themselves: rolls and circular padding reach around.
    moved = np.where(one.taps < 0, one.taps, one.taps + longer - length)
    first, last = other.taps[:count], other.taps[-count:]
    from_low = ((one.taps == first) | (moved == first)).all(axis=1)
    from_high = ((one.taps == last) | (moved == last)).all(axis=1)
    turn = count if from_low.all() else int(np.argmin(from_low))
    return bool(from_high[turn:].all())


@same.register
def _(one: Gather, other: Gather, small: _Shapes, large: _Shapes) -> bool:
    return one.taps.shape == other.taps.shape and bool((one.taps == other.taps).all())


@same.register
def _(one: Opaque, other: Opaque, small: _Shapes, large: _Shapes) -> bool:
    """No axis that follows the input's size is brought to a fixed length."""
    moving = [n != m for n, m in zip(small[1], large[1], strict=True)]
    return all(
        moving[dim] or n == m or small[1][dim] == 1
        for source, larger in zip(small[0], large[0], strict=True)
        for dim, (n, m) in enumerate(zip(source, larger, strict=True))
        if len(source) == len(moving)
    )


@same.register
def _(one: Overwrite, other: Overwrite, small: _Shapes, large: _Shapes) -> bool:
    """The same box counted from either border, or one that spans the axis in both."""
    if (one.operands, one.steps) != (other.operands, other.steps):
        return False
    for dim, (n, m) in enumerate(zip(small[1], large[1], strict=True)):
        start, starts = one.starts[dim], other.starts[dim]
        count, counts = one.counts[dim], other.counts[dim]
        end, ends = start + count * one.steps[dim], starts + counts * one.steps[dim]
        from_low = start == starts and (count == counts or n - end == m - ends)
        from_high = n - start == m - starts and count == counts
        if not (from_low or from_high):
            return False
    return True


@same.register
def _(one: Reshape, other: Reshape, small: _Shapes, large: _Shapes) -> bool:
    """No axis is cut into a fixed number of pieces whose length follows the input's size."""
    source, larger = small[0][0], large[0][0]
    for dim, (n, m) in enumerate(zip(source, larger, strict=True)):
        if n == m:
            continue
        # The larger shape decides: in the smaller one a piece may happen to have length 1.
        pieces = _split_of(math.prod(larger[:dim]), m, large[1])
        if len(pieces) > 1:
            lengths = [small[1][i] == large[1][i] for i in pieces if large[1][i] > 1]
            if True in lengths and False in lengths[lengths.index(True) :]:
                return False
    return True


def _split_of(before: int, length: int, shape: Shape) -> list[int]:
    """The axes of `shape` that one source axis was split into, or none."""
    product = 1
    for start, _ in enumerate(shape):
        if product == before:
            pieces, size = [], 1
            for dim in range(start, len(shape)):
                if size == length:
                    break
                pieces.append(dim)
                size *= shape[dim]
            return pieces if size == length else []
        product *= shape[start]
    return []

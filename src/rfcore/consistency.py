"""Whether a graph can be what it says: nodes in order, and every op fitting the shapes around it.

A backend that slips here would make the walk go wrong without a sound: numpy wraps a tap that is
too low around, and broadcasts a shape that does not fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    Input,
    Node,
    Op,
    Opaque,
    Overwrite,
    Reduce,
    Reshape,
    Transpose,
    Window,
)

__all__ = ["contradiction", "misfit"]

Shape = tuple[int, ...]
Problem = str | None

_OF_SEVERAL = (Input, Elementwise, Concatenate, Contract, Overwrite, Opaque)


def contradiction(graph: Graph) -> Problem:
    """What is impossible in a graph, with the op and layer that it is in; None if nothing is."""
    for index, node in enumerate(graph.nodes):
        problem = _of_node(graph, index, node)
        if problem is not None:
            return f"node {index} ({node.label or type(node.op).__name__}) {problem}"
    return None


def _of_node(graph: Graph, index: int, node: Node) -> Problem:
    if not is_shape(node.shape):
        return f"has the shape {node.shape!r}, which is no tuple of lengths"
    if (index == 0) != isinstance(node.op, Input):
        return "is the input, which is node 0 alone" if index else "is not the input"
    if not all(type(source) is int and 0 <= source < index for source in node.inputs):
        return f"has the operands {node.inputs}, which do not come before it"
    sources = tuple(graph.nodes[source].shape for source in node.inputs)
    if index and not sources:
        return "has no operands"
    return misfit(node.op, sources, node.shape)


def misfit(op: Op, sources: tuple[Shape, ...], result: Shape) -> Problem:
    """As `fits`, the number of operands included."""
    if len(sources) != 1 and not isinstance(op, _OF_SEVERAL):
        return f"has {len(sources)} operands where its kind has one"
    return fits(op, sources, result)


def is_shape(shape: object) -> bool:
    """Whether something is a tuple of lengths."""
    return isinstance(shape, tuple) and all(map(_is_length, shape))


def _is_length(n: object) -> bool:
    return isinstance(n, (int, np.integer)) and type(n) is not bool and bool(n >= 0)


@singledispatch
def fits(op: Op, sources: tuple[Shape, ...], result: Shape) -> Problem:
    """Why an op cannot have operands of these shapes and a result of that one; None if it can."""
    return f"is a {type(op).__name__}, no kind of op that is known"


@fits.register
def _(op: Input, sources: tuple[Shape, ...], result: Shape) -> Problem:
    return None


@fits.register
def _(op: Opaque, sources: tuple[Shape, ...], result: Shape) -> Problem:
    return None if callable(op.pull) else "has no function to pull a mask back by"


@fits.register
def _(op: Elementwise, sources: tuple[Shape, ...], result: Shape) -> Problem:
    if op.gates and len(op.gates) != len(sources):
        return f"has {len(op.gates)} gates for {len(sources)} operands"
    for source in sources:
        behind = result[len(result) - len(source) :]
        if len(source) > len(result) or any(
            n not in (1, m) for n, m in zip(source, behind, strict=True)
        ):
            return f"cannot broadcast {source} to {result}"
    return None


@fits.register
def _(op: Window, sources: tuple[Shape, ...], result: Shape) -> Problem:
    (source,) = sources
    dims = [axis.dim for axis in op.axes]
    for axis in op.axes:
        if min(axis.kernel_size, axis.stride, axis.dilation, axis.base_dilation) < 1:
            return f"has an impossible window, {axis}"
    named = dims if op.channel_dim is None else [*dims, op.channel_dim]
    if len(source) != len(result) or not _distinct(named, len(result)):
        return f"has windows on the axes {named} of {source}, with the result {result}"
    problem = _same_elsewhere(source, result, named)
    if problem is None and op.channel_dim is not None:
        channels = source[op.channel_dim], result[op.channel_dim]
        if op.groups < 1 or any(n % op.groups for n in channels):
            return f"cannot group {channels[0]} to {channels[1]} channels by {op.groups}"
    return problem


@fits.register
def _(op: Reduce, sources: tuple[Shape, ...], result: Shape) -> Problem:
    (source,) = sources
    if not _distinct(op.dims, len(source)):
        return f"reduces the axes {op.dims} of {source}"
    kept = tuple(1 if dim in op.dims else n for dim, n in enumerate(source))
    left = tuple(n for dim, n in enumerate(source) if dim not in op.dims)
    return _expected(kept if op.keepdims else left, result)


@fits.register
def _(op: Cumulative, sources: tuple[Shape, ...], result: Shape) -> Problem:
    if not _distinct([op.dim], len(result)):
        return f"accumulates along axis {op.dim} of {result}"
    return _expected(sources[0], result)


@fits.register
def _(op: AxisMap, sources: tuple[Shape, ...], result: Shape) -> Problem:
    (source,) = sources
    if not _distinct([op.dim], len(source)) or len(source) != len(result):
        return f"maps axis {op.dim} of {source} to {result}"
    problem = _same_elsewhere(source, result, [op.dim])
    return problem or _table(op.taps, result[op.dim], source[op.dim])


@fits.register
def _(op: Gather, sources: tuple[Shape, ...], result: Shape) -> Problem:
    return _table(op.taps, math.prod(result), math.prod(sources[0]))


@fits.register
def _(op: Reshape, sources: tuple[Shape, ...], result: Shape) -> Problem:
    same = math.prod(sources[0]) == math.prod(result)
    return None if same else f"cannot reshape {sources[0]} to {result}"


@fits.register
def _(op: Transpose, sources: tuple[Shape, ...], result: Shape) -> Problem:
    (source,) = sources
    if sorted(op.order) != list(range(len(source))):
        return f"puts {source} in the order {op.order}"
    return _expected(tuple(source[dim] for dim in op.order), result)


@fits.register
def _(op: Concatenate, sources: tuple[Shape, ...], result: Shape) -> Problem:
    if len(op.starts) != len(sources) or not _distinct([op.dim], len(result)):
        return f"joins {len(sources)} operands at {op.starts} along axis {op.dim} of {result}"
    end = 0
    for start, source in sorted(zip(op.starts, sources, strict=True)):
        if len(source) != len(result):
            return f"cannot put {source} into {result}"
        problem = _same_elsewhere(source, result, [op.dim])
        if problem is not None:
            return problem
        if start < end or start + source[op.dim] > result[op.dim]:
            return f"joins operands at {op.starts} that overlap or reach out of {result}"
        end = start + source[op.dim]
    return None


@fits.register
def _(op: Contract, sources: tuple[Shape, ...], result: Shape) -> Problem:
    if len(op.operands) != len(sources):
        return f"has labels for {len(op.operands)} operands and {len(sources)} operands"
    lengths: dict[int, int] = {}
    for labels, shape in zip((*op.operands, op.result), (*sources, result), strict=True):
        if len(labels) != len(shape) or len(set(labels)) != len(labels):
            return f"labels the axes of {shape} by {labels}"
        for label, n in zip(labels, shape, strict=True):
            if lengths.setdefault(label, n) != n:
                return f"calls axes of the lengths {lengths[label]} and {n} alike, {label}"
    return None


@fits.register
def _(op: Overwrite, sources: tuple[Shape, ...], result: Shape) -> Problem:
    if len(op.operands) != len(sources) or set(op.operands) - {"base", "value"}:
        return f"has operands called {op.operands}"
    box = list(zip(op.starts, op.counts, op.steps, result, strict=False))
    if not len(op.starts) == len(op.counts) == len(op.steps) == len(result) or any(
        start < 0 or step < 1 or count < 0 or (count and start + (count - 1) * step >= n)
        for start, count, step, n in box
    ):
        return f"writes a box from {op.starts}, of {op.counts} by {op.steps}, into {result}"
    for name, source in zip(op.operands, sources, strict=True):
        expected = result if name == "base" else op.counts
        if source != expected:
            return f"has a {name} of shape {source} where {expected} follows"
    return None


def _distinct(dims: Sequence[int], rank: int) -> bool:
    return len(set(dims)) == len(dims) and all(0 <= dim < rank for dim in dims)


def _expected(shape: Shape, result: Shape) -> Problem:
    return None if shape == result else f"has the shape {result} where {shape} follows"


def _same_elsewhere(source: Shape, result: Shape, dims: Sequence[int]) -> Problem:
    for dim, (n, m) in enumerate(zip(source, result, strict=True)):
        if n != m and dim not in dims:
            return f"changes axis {dim} from {n} to {m}, which its kind leaves alone"
    return None


def _table(taps: NDArray[np.int64], outputs: int, inputs: int) -> Problem:
    if not isinstance(taps, np.ndarray) or taps.ndim != 2 or taps.dtype.kind != "i":
        return "has a table of taps that is no array of integers with two axes"
    if len(taps) != outputs:
        return f"has taps for {len(taps)} of {outputs} outputs"
    if taps.size and not -1 <= int(taps.min()) <= int(taps.max()) < inputs:
        return f"has taps from {taps.min()} to {taps.max()} of {inputs} inputs"
    return None

"""Walks over small random graphs against dense matrices multiplied along every path."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dense import pulled, to_input
from op_cases import booleans, masks, patterns
from rfcore.graph import (
    AxisMap,
    Concatenate,
    Contract,
    Cumulative,
    Elementwise,
    Gather,
    Graph,
    GraphBuilder,
    Mask,
    Overwrite,
    Window,
    WindowAxis,
)
from rfcore.walk import Walker, one_hot

LARGEST = 40


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to six ops on a (batch, channels, length) input, each on any earlier values."""
    builder = GraphBuilder((1, draw(st.integers(1, 3)), draw(st.integers(2, 6))))
    for _ in range(draw(st.integers(1, 6))):
        value = draw(st.integers(0, len(builder.nodes) - 1))
        draw(st.sampled_from(STEPS))(draw, builder, value)
    return builder.finish()


def convolve(draw: st.DrawFn, builder: GraphBuilder, value: int) -> None:
    if len(builder.shape(value)) != 3:
        return
    batch, channels, length = builder.shape(value)
    kernel, low = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    stride, base = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    wide = (length - 1) * base + 1 + low + draw(st.integers(0, 2))
    if wide < kernel:
        return
    out = draw(st.integers(1, 2))
    op = Window(
        (WindowAxis(2, kernel, stride, low=low, base_dilation=base),),
        channel_dim=1,
        pattern=draw(st.none() | patterns((out, channels, kernel))),
    )
    builder.window(value, op, (batch, out, (wide - kernel) // stride + 1), "conv")


def mix_or_reduce(draw: st.DrawFn, builder: GraphBuilder, value: int) -> None:
    shape = builder.shape(value)
    if not shape:
        return
    dims = draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    if draw(st.booleans()):
        builder.mix(value, sorted(dims), shape, "softmax")
    else:
        builder.reduce(value, sorted(dims), draw(st.booleans()), "mean")


def accumulate(draw: st.DrawFn, builder: GraphBuilder, value: int) -> None:
    shape = builder.shape(value)
    if shape:
        op = Cumulative(draw(st.integers(0, len(shape) - 1)), draw(st.booleans()))
        builder.add(op, (value,), shape, "cumsum")


def map_axis(draw: st.DrawFn, builder: GraphBuilder, value: int) -> None:
    shape = builder.shape(value)
    if not shape:
        return
    dim = draw(st.integers(0, len(shape) - 1))
    table = (draw(st.integers(1, 5)), draw(st.integers(1, 2)))
    taps = draw(arrays(np.int64, table, elements=st.integers(-1, shape[dim] - 1)))
    if math.prod(shape) // shape[dim] * len(taps) <= LARGEST:
        builder.axis_map(value, dim, taps, "index")


def flatten_or_split(draw: st.DrawFn, builder: GraphBuilder, value: int) -> None:
    size = math.prod(builder.shape(value))
    split = draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
    builder.reshape(value, (1, split, size // split), "view")


def permute(draw: st.DrawFn, builder: GraphBuilder, value: int) -> None:
    builder.transpose(value, draw(st.permutations(range(len(builder.shape(value))))), "permute")


def combine(draw: st.DrawFn, builder: GraphBuilder, value: int) -> None:
    """Adds, with broadcasting, to any other value that fits."""
    other = draw(st.integers(0, len(builder.nodes) - 1))
    try:
        shape = np.broadcast_shapes(builder.shape(value), builder.shape(other))
    except ValueError:
        return
    if math.prod(shape) <= LARGEST:
        gate = draw(st.none() | patterns(shape))
        builder.add(Elementwise((gate, None)), (value, other), shape, "where")


def join(draw: st.DrawFn, builder: GraphBuilder, value: int) -> None:
    """Concatenates a value with itself, a constant in between, or writes it over itself."""
    shape = builder.shape(value)
    if not shape or 2 * math.prod(shape) + shape[0] > LARGEST:
        return
    n = shape[-1]
    if draw(st.booleans()):
        op = Concatenate(len(shape) - 1, (0, n + 1))
        builder.add(op, (value, value), (*shape[:-1], 2 * n + 1), "cat")
    else:
        half = builder.axis_map(value, len(shape) - 1, np.arange((n + 1) // 2), "slice")
        zeros, ones = (0,) * len(shape), (1,) * len(shape)
        steps = (*ones[:-1], 2)
        over = Overwrite(zeros, builder.shape(half), steps, ("base", "value"))
        builder.add(over, (value, half), shape, "copy_")


def multiply(draw: st.DrawFn, builder: GraphBuilder, value: int) -> None:
    """By a constant matrix along the last axis, or by itself transposed."""
    shape = builder.shape(value)
    if len(shape) != 3:
        return
    if draw(st.booleans()):
        out = draw(st.integers(1, 3))
        weight = draw(patterns((shape[2], out)))
        op = Contract(((0, 1, 2),), (0, 1, 3), (2, 3), weight)
        builder.add(op, (value,), (*shape[:2], out), "linear")
    elif shape[0] * shape[1] ** 2 <= LARGEST:
        attention = Contract(((0, 1, 2), (0, 3, 2)), (0, 1, 3))
        builder.add(attention, (value, value), (shape[0], shape[1], shape[1]), "bmm")


def pick(draw: st.DrawFn, builder: GraphBuilder, value: int) -> None:
    size = math.prod(builder.shape(value))
    taps = draw(arrays(np.int64, (6, 1), elements=st.integers(-1, size - 1)))
    builder.add(Gather(taps), (value,), (1, 2, 3), "take")


STEPS = (
    convolve,
    mix_or_reduce,
    accumulate,
    map_axis,
    flatten_or_split,
    permute,
    combine,
    join,
    multiply,
    pick,
)


def whole(mask: Mask, graph: Graph, node: int) -> Mask:
    return np.broadcast_to(mask, (len(mask), *graph.nodes[node].shape))


@settings(max_examples=300)
@given(data=st.data())
def test_a_walk_is_the_product_of_the_dense_matrices(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    output = data.draw(st.integers(0, len(graph.nodes) - 1))
    mask = data.draw(masks(graph.nodes[output].shape))
    seen = whole(Walker(graph).influence(output, mask).mask, graph, 0)
    matrix = to_input(graph, output)
    expected = pulled(whole(mask, graph, output), matrix, graph.nodes[0].shape)
    np.testing.assert_array_equal(seen, expected)


@settings(max_examples=200)
@given(data=st.data())
def test_cut_nodes_pass_nothing_on(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    assume(len(graph.nodes) > 1)
    output = data.draw(st.integers(1, len(graph.nodes) - 1))
    cut = frozenset(data.draw(st.sets(st.integers(1, len(graph.nodes) - 1))))
    mask = data.draw(masks(graph.nodes[output].shape))
    seen = whole(Walker(graph, cut=cut).influence(output, mask).mask, graph, 0)
    matrix = to_input(graph, output, cut)
    expected = pulled(whole(mask, graph, output), matrix, graph.nodes[0].shape)
    np.testing.assert_array_equal(seen, expected)


@settings(max_examples=200)
@given(data=st.data())
def test_a_row_is_the_union_of_its_points(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    output = len(graph.nodes) - 1
    shape = graph.nodes[output].shape
    assume(shape)
    dim = data.draw(st.integers(0, len(shape) - 1))
    index = data.draw(st.integers(0, shape[dim] - 1))
    row = whole(Walker(graph).influence(output, one_hot(shape, [dim], [[index]])).mask, graph, 0)
    dims = range(len(shape))
    inside = [list(p) for p in np.ndindex(*shape) if p[dim] == index]
    points = whole(Walker(graph).influence(output, one_hot(shape, dims, inside)).mask, graph, 0)
    np.testing.assert_array_equal(row[0], points.any(axis=0))


@settings(max_examples=200)
@given(data=st.data())
def test_elastic_rows_contain_their_points(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    output = len(graph.nodes) - 1
    shape = graph.nodes[output].shape
    assume(shape)
    elastic = {
        index: tuple(data.draw(booleans((len(node.shape),))).tolist())
        for index, node in enumerate(graph.nodes)
    }
    mask = data.draw(masks(shape))
    upper = whole(Walker(graph, elastic).influence(output, mask).mask, graph, 0)
    exact = whole(Walker(graph).influence(output, mask).mask, graph, 0)
    assert upper[exact].all()


def test_probes_do_not_mix() -> None:
    builder = GraphBuilder((6,))
    builder.window(0, Window((WindowAxis(0, 3, low=1),)), (6,), "pool")
    together = Walker(builder.finish()).influence(1, one_hot((6,), [0], [[1], [4]]))
    assert [np.flatnonzero(probe).tolist() for probe in together.mask] == [[0, 1, 2], [3, 4, 5]]
    assert together.lost.tolist() == [[False, False], [False, False]]


@pytest.mark.parametrize(
    ("flipped", "expected"), [(False, [True, False]), (True, [True, True])], ids=["plain", "flip"]
)
def test_a_mirror_makes_both_borders_suspect(flipped: bool, expected: list[bool]) -> None:
    """Behind a flip the low border is the high one; which is which is not kept track of."""
    builder = GraphBuilder((6,))
    value = builder.window(0, Window((WindowAxis(0, 3, low=1),)), (6,), "pool")
    if flipped:
        value = builder.axis_map(value, 0, np.arange(6)[::-1], "flip")
    first = [[5 if flipped else 0]]
    influence = Walker(builder.finish()).influence(value, one_hot((6,), [0], first))
    assert np.flatnonzero(influence.mask[0]).tolist() == [0, 1]
    assert influence.lost[0].tolist() == expected


def test_nothing_is_seen_through_a_constant() -> None:
    builder = GraphBuilder((1, 4))
    value = builder.add(AxisMap(1, np.full((3, 1), -1)), (0,), (1, 3), "zeros_like")
    influence = Walker(builder.finish()).influence(value, np.ones((2, 1, 3), bool))
    assert influence.mask.shape == (2, 1, 1)
    assert not influence.mask.any()


def test_the_walk_tells_which_nodes_it_reaches() -> None:
    builder = GraphBuilder((4,))
    left = builder.elementwise((0,), (4,), "relu")
    unused = builder.elementwise((0,), (4,), "tanh")
    cut = builder.elementwise((left,), (4,), "neg")
    builder.elementwise((left, cut), (4,), "add")
    reached: list[int] = []
    walker = Walker(builder.finish(), cut=frozenset({cut}))
    walker.influence(cut + 1, np.ones((1, 1), bool), lambda index, mask: reached.append(index))
    assert reached == [cut + 1, left]
    assert unused not in reached


def test_one_hot_is_full_along_the_probed_axes_only() -> None:
    mask = one_hot((2, 3, 4, 5), [3, 1], [[4, 0], [2, 1]])
    assert mask.shape == (2, 1, 3, 1, 5)
    assert np.argwhere(mask).tolist() == [[0, 0, 0, 0, 4], [1, 0, 1, 0, 2]]

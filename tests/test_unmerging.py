"""Merged axes that are split again: the same influence as by way of every reshape."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rfcore.graph import Contract, Elementwise, Graph, GraphBuilder, Pattern, Reshape
from rfcore.lockstep import in_lockstep
from rfcore.structure import align
from rfcore.unmerging import unmerged
from rfcore.walk import Walker

BY_ROW = Contract(((0, 1),), (0, 2), (0, 2))


def dense_layer(
    builder: GraphBuilder, value: int, units: int, weight: Pattern | None = None
) -> int:
    """The last axis times a matrix (units, features)."""
    *lead, _ = builder.shape(value)
    labels = tuple(range(2, 2 + len(lead)))
    op = Contract(((*labels, 0),), (*labels, 1), (1, 0) if weight else (), weight)
    return builder.add(op, (value,), (*lead, units), "mm")


def test_a_value_in_a_shape_that_it_had_comes_from_there() -> None:
    builder = GraphBuilder((2, 3, 4))
    flat = builder.reshape(builder.reshape(0, (6, 4), "view"), (24,), "view")
    again = builder.reshape(flat, (2, 3, 4), "view")
    other = builder.reshape(flat, (4, 6), "view")
    moved = builder.reshape(builder.transpose(again, (1, 0, 2), "t"), (2, 3, 4), "view")
    nodes = unmerged(builder.finish()).nodes
    assert (nodes[again].op, nodes[again].inputs) == (Elementwise(), (0,))
    assert (nodes[other].op, nodes[other].inputs) == (Reshape(), (0,))
    assert (nodes[moved].op, nodes[moved].inputs) == (Reshape(), (moved - 1,))


@pytest.mark.parametrize(
    ("merged", "back"),
    [
        pytest.param([(6, 4)], (2, 3, 5), id="positions merged"),
        pytest.param([(1, 6, 4), (6, 4)], (2, 3, 5), id="in two steps"),
        pytest.param([(1, 6, 4), (6, 4)], (1, 6, 5), id="the first step back"),
    ],
)
def test_a_dense_layer_is_on_positions_as_they_were_before_it(
    merged: list[tuple[int, ...]], back: tuple[int, ...]
) -> None:
    builder, value = GraphBuilder((2, 3, 4)), 0
    for shape in merged:
        value = builder.reshape(value, shape, "view")
    end = builder.reshape(dense_layer(builder, value, 5), back, "view")
    graph = unmerged(builder.finish())
    node = graph.nodes[end]
    assert isinstance(node.op, Contract)
    (source,) = node.inputs
    assert graph.nodes[source].shape == (*back[:-1], 4)
    assert node.shape == back
    assert graph.as_traced == builder.finish()
    assert unmerged(graph) is graph


@pytest.mark.parametrize(
    ("shape", "merged", "product", "back"),
    [
        pytest.param((2, 3, 4), (2, 12), Contract(((0, 1),), (0, 2)), (2, 5, 1), id="pixels"),
        pytest.param((2, 2, 4), (4, 4), Contract(((0, 1),), (1, 2)), (2, 2, 5), id="over rows"),
        pytest.param((2, 6), (4, 3), Contract(((0, 1),), (0, 2)), (2, 10), id="other features"),
        pytest.param((2, 3, 4), (6, 4), BY_ROW, (2, 3, 5), id="other weights for each row"),
        pytest.param((1,), (), Contract(((),), (1,)), (5, 1), id="no axes"),
    ],
)
def test_other_products_stay_what_they_are(
    shape: tuple[int, ...], merged: tuple[int, ...], product: Contract, back: tuple[int, ...]
) -> None:
    builder = GraphBuilder(shape)
    value = builder.reshape(0, merged, "view")
    value = builder.add(product, (value,), (*merged[:-1], 5), "mm")
    end = builder.reshape(value, back, "view")
    assert unmerged(builder.finish()).nodes[end].inputs == (value,)


@pytest.mark.parametrize("noted", [1, 2, 3], ids=["merge", "product", "split"])
def test_what_has_a_note_is_passed(noted: int) -> None:
    builder = GraphBuilder((2, 3, 4))
    value = dense_layer(builder, builder.reshape(0, (6, 4), "view"), 5)
    end = builder.reshape(value, (2, 3, 5), "view")
    nodes = [replace(n, note="look") if i == noted else n for i, n in enumerate(builder.nodes)]
    assert unmerged(Graph(tuple(nodes))).nodes[end] == nodes[end]


def test_two_sizes_are_compared_as_they_were_traced() -> None:
    """At 16 pixels the input has by accident the length of the frames that it is cut into."""
    graphs = []
    for length in (16, 64):
        builder = GraphBuilder((1, 1, length))
        value = dense_layer(builder, builder.reshape(0, (length // 16, 16), "view"), 8)
        end = builder.reshape(value, (1, length // 16, 8), "view")
        graphs.append(unmerged(builder.finish()))
    alignment = align(graphs[0], end, graphs[1], end)
    assert alignment.complete
    assert not alignment.difference


def test_pieces_that_follow_the_size_show_in_the_comparison() -> None:
    graphs = []
    for length in (16, 64):
        builder = GraphBuilder((1, 1, length))
        halves = builder.reshape(0, (1, 2, length // 2), "view")
        end = builder.reshape(halves, (1, 1, length), "view")
        graphs.append(unmerged(builder.finish()))
    assert [graph.nodes[end].inputs for graph in graphs] == [(0,), (0,)]
    assert align(graphs[0], end, graphs[1], end).difference == "view"
    assert in_lockstep(*graphs).alignment(end).difference == "view"


def shapes(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of up to four axes with that many elements."""
    lengths = [n for n in range(1, size + 1) if size % n == 0]
    every = (shape for rank in range(1, 5) for shape in itertools.product(lengths, repeat=rank))
    return st.sampled_from([shape for shape in every if math.prod(shape) == size])


@given(data=st.data(), size=st.sampled_from([4, 6, 8, 12]))
def test_the_influence_is_that_of_every_reshape_and_product(data: st.DataObject, size: int) -> None:
    first, *others = data.draw(st.lists(shapes(size), min_size=1, max_size=4))
    builder, value = GraphBuilder(first), 0
    for shape in others:
        value = builder.reshape(value, shape, "view")
    weight = data.draw(arrays(bool, (2, builder.shape(value)[-1])))
    value = dense_layer(builder, value, 2, Pattern(lambda: weight))
    for shape in data.draw(st.lists(shapes(math.prod(builder.shape(value))), max_size=3)):
        value = builder.reshape(value, shape, "view")
    last = builder.shape(value)
    every = np.eye(math.prod(last), dtype=bool).reshape(-1, *last)
    plain = builder.finish()
    seen = [Walker(g).influence(value, every).mask for g in (unmerged(plain), plain)]
    assert (np.broadcast_to(seen[0], (len(every), *first)) == seen[1]).all()

"""The graph's own promises: patterns, names, and the ops that the builder puts together."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rfcore.graph import (
    AxisMap,
    Contract,
    Elementwise,
    GraphBuilder,
    Mask,
    Node,
    Pattern,
    Reduce,
    Reshape,
)
from rfcore.walk import Walker


@pytest.mark.parametrize(
    ("value", "informative"),
    [
        pytest.param([True, False], True, id="partly zero is structure"),
        pytest.param([True, True], False, id="dense"),
        pytest.param([False, False], True, id="all zero hides everything"),
        pytest.param(None, False, id="not known"),
    ],
)
def test_a_pattern_tells_only_what_is_structure(
    value: list[bool] | None, informative: bool
) -> None:
    read = Pattern(lambda: None if value is None else np.array(value)).read()
    assert (read is not None) == informative


def test_a_pattern_is_loaded_once_and_only_when_read() -> None:
    calls: list[int] = []

    def load() -> Mask:
        calls.append(1)
        return np.array([True, False])

    pattern = Pattern(load)
    assert calls == []
    assert pattern.read() is pattern.read()
    assert calls == [1]


@pytest.mark.parametrize(
    ("layer", "label"), [("layer4.0", "add in 'layer4.0'"), ("", "add")], ids=["layer", "no layer"]
)
def test_a_node_is_labelled_by_op_and_layer(layer: str, label: str) -> None:
    assert Node(Elementwise(), (0,), (1,), "add", layer).label == label


def test_ancestors_are_only_what_an_output_depends_on() -> None:
    builder = GraphBuilder((2,))
    one = builder.elementwise((0,), (2,), "one")
    two = builder.elementwise((0,), (2,), "two")
    three = builder.elementwise((one, 0), (2,), "three")
    assert builder.finish().ancestors(three) == [0, one, three]
    assert builder.finish().ancestors(two) == [0, two]


def test_the_builder_stamps_the_layer_that_is_running() -> None:
    builder = GraphBuilder((2,))
    builder.layer = "conv1"
    builder.elementwise((0,), (2,), "relu")
    assert [node.layer for node in builder.finish().nodes] == ["", "conv1"]


def test_a_reshape_that_changes_nothing_adds_nothing() -> None:
    builder = GraphBuilder((2, 3))
    assert builder.reshape(0, (2, 3), "view") == 0
    with pytest.raises(ValueError, match=r"cannot reshape \(2, 3\) to \(7,\)"):
        builder.reshape(0, (7,), "view")


def test_values_that_had_a_shape_before_are_not_reshaped_to_it() -> None:
    builder = GraphBuilder((2, 3, 4))
    merged = builder.reshape(0, (6, 4), "view")
    flat = builder.reshape(merged, (24,), "view")
    assert builder.reshape(flat, (6, 4), "view") == merged
    assert builder.reshape(flat, (2, 3, 4), "view") == 0
    moved = builder.reshape(builder.transpose(merged, (1, 0), "t"), (2, 3, 4), "view")
    assert builder.nodes[moved].op == Reshape()


@pytest.mark.parametrize(
    "merged",
    [
        pytest.param([(6, 4)], id="positions merged"),
        pytest.param([(1, 6, 4), (6, 4)], id="in two steps"),
        pytest.param([(6, 1, 4)], id="with an axis between"),
    ],
)
def test_a_dense_layer_keeps_apart_positions_that_were_merged_for_it(
    merged: list[tuple[int, ...]],
) -> None:
    builder, value = GraphBuilder((2, 3, 4)), 0
    for shape in merged:
        value = builder.reshape(value, shape, "view")
    value = builder.dense(value, 5, "mm")
    assert builder.shape(value) == (*merged[-1][:-1], 5)
    product = builder.nodes[builder.reshape(value, (2, 3, 5), "view")]
    assert product.inputs == (0,)
    assert isinstance(product.op, Contract)


@pytest.mark.parametrize(
    ("shape", "other"),
    [
        pytest.param((2, 3, 4), (2, 12), id="features of several pixels"),
        pytest.param((2, 12), (2, 3, 4), id="pixels of one feature"),
        pytest.param((6, 4), (2, 3, 4), id="positions split"),
    ],
)
def test_a_dense_layer_is_of_what_it_gets(shape: tuple[int, ...], other: tuple[int, ...]) -> None:
    builder = GraphBuilder(shape)
    value = builder.dense(builder.reshape(0, other, "view"), 5, "mm")
    assert builder.shape(value) == (*other[:-1], 5)
    assert builder.shape(builder.nodes[value].inputs[0]) == other


def shapes(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of up to four axes with that many elements."""
    lengths = [n for n in range(1, size + 1) if size % n == 0]
    every = (shape for rank in range(1, 5) for shape in itertools.product(lengths, repeat=rank))
    return st.sampled_from([shape for shape in every if math.prod(shape) == size])


@given(data=st.data(), size=st.sampled_from([4, 6, 8, 12]), transposed=st.booleans())
def test_a_dense_layer_is_the_product_with_what_it_gets(
    data: st.DataObject, size: int, transposed: bool
) -> None:
    first, *others = data.draw(st.lists(shapes(size), min_size=1, max_size=4))
    ours, plain = GraphBuilder(first), GraphBuilder(first)
    value, end = 0, 0
    for shape in others:
        value = ours.reshape(value, shape, "view")
        end = plain.add(Reshape(), (end,), shape, "view")
    lead = others[-1][:-1] if others else first[:-1]
    features = ours.shape(value)[-1]
    weight = data.draw(arrays(bool, (2, features) if transposed else (features, 2)))
    value = ours.dense(value, 2, "mm", Pattern(lambda: weight), transposed)
    labels, matrix = tuple(range(2, 2 + len(lead))), (1, 0) if transposed else (0, 1)
    op = Contract(((*labels, 0),), (*labels, 1), matrix, Pattern(lambda: weight))
    end = plain.add(op, (end,), (*lead, 2), "mm")
    assert ours.shape(value) == (*lead, 2)
    again = data.draw(shapes(math.prod(lead) * 2))
    value = ours.reshape(value, again, "view")
    end = plain.add(Reshape(), (end,), again, "view")
    every = np.eye(math.prod(again), dtype=bool).reshape(-1, *again)
    seen = [Walker(b.finish()).influence(n, every).mask for b, n in ((ours, value), (plain, end))]
    assert (np.broadcast_to(seen[0], (len(every), *first)) == seen[1]).all()


@pytest.mark.parametrize("transposed", [False, True], ids=["as it is", "transposed"])
def test_a_dense_layer_sees_where_its_weight_is_not_zero(transposed: bool) -> None:
    weight = np.array([[1, 0], [0, 1], [1, 1]], bool)
    pattern = Pattern(lambda: weight.T if transposed else weight)
    builder = GraphBuilder((2, 2, 3))
    rows = builder.reshape(0, (4, 3), "view")
    value = builder.dense(rows, 2, "mm", pattern, transposed)
    every = np.eye(8, dtype=bool).reshape(8, 4, 2)
    found = Walker(builder.finish()).influence(value, every).mask
    assert (found.reshape(4, 2, 4, 3) == np.einsum("pq,iu->puqi", np.eye(4), weight)).all()


@pytest.mark.parametrize(
    ("keepdims", "shape"), [(True, (2, 1, 4, 1)), (False, (2, 4))], ids=["kept", "dropped"]
)
def test_a_reduction_has_the_shape_that_is_left(keepdims: bool, shape: tuple[int, ...]) -> None:
    builder = GraphBuilder((2, 3, 4, 5))
    value = builder.reduce(0, (3, 1), keepdims, "mean")
    assert builder.shape(value) == shape
    assert builder.nodes[value].op == Reduce((3, 1), keepdims)


@pytest.mark.parametrize(
    ("taps", "mirrors"),
    [
        pytest.param([[2], [1], [0]], True, id="flip"),
        pytest.param([[0], [1], [2]], False, id="identity"),
        pytest.param([[-1], [0], [-1]], False, id="padding at both ends"),
        pytest.param([[0, 1], [1, 2]], False, id="interpolation"),
    ],
)
def test_a_mirroring_map_knows_it(taps: list[list[int]], mirrors: bool) -> None:
    assert AxisMap(0, np.array(taps)).mirrors == mirrors

"""The graph's own promises: patterns, names, and the ops that the builder puts together."""

from __future__ import annotations

import numpy as np
import pytest

from rfcore.graph import AxisMap, Elementwise, GraphBuilder, Mask, Node, Pattern, Reduce


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

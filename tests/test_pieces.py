"""Pieces of one value side by side are one table of taps; anything else stays a concatenation."""

import numpy as np
import pytest

from rfcore.graph import AxisMap, Concatenate, GraphBuilder
from rfcore.pieces import concatenated, overwritten


def piece(builder, positions, dim=1, value=0):
    return builder.axis_map(value, dim, np.array(positions), "slice")


def joined(builder, values, starts, length, dim=1):
    shape = [*builder.shape(values[0])]
    shape[dim] = length
    node = builder.nodes[concatenated(builder, values, dim, starts, shape, "concat")]
    assert node.shape == tuple(shape)
    return node


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param(([4], None), [4, 0, 1, 2, 3, 4], id="wrapped low end"),
        pytest.param((None, [3, 2]), [0, 1, 2, 3, 4, 3, 2], id="reflected high end"),
        pytest.param(([3, 4], [0, 1, 2]), [3, 4, 0, 1, 2], id="roll"),
    ],
)
def test_pieces_of_one_value_are_one_table(pieces, expected):
    builder = GraphBuilder((1, 5))
    values = [0 if positions is None else piece(builder, positions) for positions in pieces]
    lengths = [builder.shape(value)[1] for value in values]
    node = joined(builder, values, [0, lengths[0]], sum(lengths))
    assert isinstance(node.op, AxisMap)
    assert node.inputs == (0,)
    assert node.op.taps[:, 0].tolist() == expected


def test_a_piece_of_a_piece_counts_from_the_value_itself():
    builder = GraphBuilder((1, 5))
    backwards = piece(builder, [2, 1], value=piece(builder, [2, 3, 4]))
    node = joined(builder, [backwards, 0], [0, 2], 7)
    assert node.op.taps[:, 0].tolist() == [4, 3, 0, 1, 2, 3, 4]


def test_what_no_piece_covers_is_constant():
    builder = GraphBuilder((1, 3))
    node = joined(builder, [0, piece(builder, [0])], [1, 5], 7)
    assert node.op.taps[:, 0].tolist() == [-1, 0, 1, 2, -1, 0, -1]


def test_an_empty_piece_adds_nothing():
    builder = GraphBuilder((1, 3))
    empty = piece(builder, np.zeros(0, int))
    node = joined(builder, [empty, 0, piece(builder, [0])], [0, 0, 3], 4)
    assert node.op.taps[:, 0].tolist() == [0, 1, 2, 0]


def test_pieces_with_other_numbers_of_taps():
    builder = GraphBuilder((1, 3))
    pairs = builder.axis_map(0, 1, np.array([[0, 1], [1, 2]]), "resize")
    node = joined(builder, [0, pairs], [0, 3], 5)
    assert [set(taps) for taps in node.op.taps.tolist()] == [{0}, {1}, {2}, {0, 1}, {1, 2}]


@pytest.mark.parametrize("along", [0, 1], ids=["other axis", "another value"])
def test_other_values_stay_a_concatenation(along):
    builder = GraphBuilder((5, 5))
    other = builder.elementwise((0,), (5, 5), "relu") if along else piece(builder, [*range(5)], 0)
    node = joined(builder, [0, other], [0, 5], 10)
    assert node.op == Concatenate(1, (0, 5))
    assert node.inputs == (0, other)


def test_a_broadcast_piece_repeats_one_position():
    builder = GraphBuilder((2, 5))
    ends = builder.elementwise((piece(builder, [4]),), (2, 3), "broadcast")
    node = joined(builder, [0, ends], [0, 5], 8)
    assert node.op.taps[:, 0].tolist() == [0, 1, 2, 3, 4, 4, 4, 4]


@pytest.mark.parametrize("place", [1, 2], ids=["before", "behind"])
def test_a_position_that_is_repeated_by_way_of_a_new_axis(place):
    builder = GraphBuilder((2, 5, 3))
    end = piece(builder, [4])
    shape = [2, 1, 3]
    shape.insert(place, 1)
    spread = builder.reshape(end, shape, "expand")
    shape[place] = 3
    spread = builder.reshape(builder.elementwise((spread,), shape, "repeat"), (2, 3, 3), "merge")
    node = joined(builder, [0, spread], [0, 5], 8)
    assert node.op.taps[:, 0].tolist() == [0, 1, 2, 3, 4, 4, 4, 4]


def test_a_position_with_a_new_axis_that_goes_again():
    builder = GraphBuilder((2, 5))
    new = builder.reshape(piece(builder, [4]), (2, 1, 1), "expand")
    node = joined(builder, [0, builder.reshape(new, (2, 1), "merge")], [0, 5], 6)
    assert node.op.taps[:, 0].tolist() == [0, 1, 2, 3, 4, 4]


def test_a_new_axis_elsewhere_repeats_other_values():
    builder = GraphBuilder((2, 5))
    end = builder.reshape(piece(builder, [4]), (1, 2, 1), "expand")
    spread = builder.reshape(builder.elementwise((end,), (3, 2, 1), "repeat"), (2, 3), "merge")
    assert isinstance(joined(builder, [0, spread], [0, 5], 8).op, Concatenate)


def test_a_value_written_into_what_it_comes_from():
    builder = GraphBuilder((1, 6))
    node = overwritten(builder, 0, piece(builder, [3, 4]), 1, range(0, 2), "copy")
    assert builder.nodes[node].op.taps[:, 0].tolist() == [3, 4, 2, 3, 4, 5]


def test_another_value_written_into_it_is_not_a_piece():
    builder = GraphBuilder((1, 6))
    other = builder.reduce(piece(builder, [3, 4]), [0], True, "mean")
    assert overwritten(builder, 0, other, 1, range(0, 2), "copy") is None


def test_a_piece_with_a_note_stays():
    builder = GraphBuilder((1, 5))
    noted = builder.add(AxisMap(1, np.array([[0, 1]])), (0,), (1, 1), "gather", "any of them")
    node = joined(builder, [0, noted], [0, 5], 6)
    assert isinstance(node.op, Concatenate)

"""The geometry of a field against brute force over its outputs."""

from __future__ import annotations

import itertools
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from field_cases import CUMULATIVE, GLOBAL, PAIRS, STEM, axis_fields, fields
from rfcore.field import AxisField, ReceptiveField


def intervals(axis: AxisField) -> list[tuple[int, int]]:
    """Every output's interval, one period after the other, from the table alone."""
    found: list[tuple[int, int]] = []
    for start in itertools.count(0, axis.period):
        for phase in range(axis.period):
            if len(found) == axis.output_size:
                return found
            moved = axis.shift * (start // axis.period)
            low = axis.lows[phase] + moved if axis.lows else 0
            high = axis.highs[phase] + moved if axis.highs else axis.input_size
            found.append((low, high))
    raise AssertionError


@given(axis_fields())
def test_an_axis_repeats_its_table(axis: AxisField) -> None:
    expected = intervals(axis)
    assert [axis.interval(j) for j in range(axis.output_size)] == expected
    assert axis.padding == -expected[0][0]
    assert axis.offset == sum(expected[0]) / 2
    assert [axis.center(j) for j in range(axis.output_size)] == [sum(i) / 2 for i in expected]
    assert axis.size == max(high - low for low, high in expected)


@given(axis_fields(), st.integers(0, 29))
def test_outputs_seeing_a_pixel_are_those_whose_interval_holds_it(
    axis: AxisField, pixel: int
) -> None:
    expected = [j for j, (low, high) in enumerate(intervals(axis)) if low <= pixel < high]
    assert list(axis.outputs_seeing(pixel)) == expected


@given(st.data())
def test_a_box_is_the_product_of_its_axes(data: st.DataObject) -> None:
    field = data.draw(fields())
    index = [data.draw(st.integers(-axis.output_size, axis.output_size - 1)) for axis in field.axes]
    expected = [intervals(axis)[j] for axis, j in zip(field.axes, index, strict=True)]
    assert list(field.box(index)) == expected
    assert list(field.center(index)) == [sum(interval) / 2 for interval in expected]


@given(st.data())
def test_a_clipped_box_holds_the_pixels_of_both_box_and_input(data: st.DataObject) -> None:
    field = data.draw(fields())
    index = [data.draw(st.integers(0, axis.output_size - 1)) for axis in field.axes]
    for axis, (low, high), (lo, hi) in zip(
        field.axes, field.box(index), field.box(index, clip=True), strict=True
    ):
        assert set(range(lo, hi)) == set(range(low, high)) & set(range(axis.input_size))
        assert 0 <= lo <= axis.input_size
        assert 0 <= hi <= axis.input_size


@given(st.data())
def test_outputs_seeing_and_box_tell_the_same(data: st.DataObject) -> None:
    field = data.draw(fields())
    pixel = tuple(data.draw(st.integers(0, n - 1)) for n in field.input_shape)
    seeing = field.outputs_seeing(pixel)
    for index in itertools.product(*map(range, field.output_shape)):
        holds = all(lo <= i < hi for i, (lo, hi) in zip(pixel, field.box(index), strict=True))
        assert holds == all(j in outputs for j, outputs in zip(index, seeing, strict=True))


@pytest.mark.parametrize(
    ("axis", "size", "stride", "offset", "padding", "is_global"),
    [
        pytest.param(STEM, 11, 4, 0.5, 5, False, id="stem"),
        pytest.param(PAIRS, 3, 1, 0.5, 1, False, id="pairs"),
        pytest.param(replace(PAIRS, shift=1), 3, Fraction(1, 2), 0.5, 1, False, id="fraction"),
        pytest.param(GLOBAL, 8, 0, 4.0, 0, True, id="global"),
        pytest.param(CUMULATIVE, 8, 1, 0.5, 0, False, id="cumulative"),
        pytest.param(
            AxisField(8, 8, (0,), None, 1, 1), 8, 1, 4.0, 0, False, id="cumulative from the end"
        ),
        pytest.param(AxisField(8, 8, (7,), (8,), 1, -1), 1, -1, 7.5, -7, False, id="flip"),
    ],
)
def test_the_numbers_of_an_axis(
    axis: AxisField,
    size: int,
    stride: int | Fraction,
    offset: float,
    padding: int,
    is_global: bool,
) -> None:
    assert (axis.size, axis.stride, axis.offset, axis.padding) == (size, stride, offset, padding)
    assert axis.is_global is is_global
    assert type(axis.stride) is type(stride)


def test_a_field_collects_its_axes() -> None:
    field = ReceptiveField((STEM, GLOBAL))
    assert field.size == (11, 8)
    assert field.stride == (4, 0)
    assert field.offset == (0.5, 4.0)
    assert field.padding == (5, 0)
    assert field.density == (Fraction(1), Fraction(1))
    assert field.is_global == (False, True)
    assert field.input_shape == (224, 8)
    assert field.output_shape == (56, 1)


@pytest.mark.parametrize(
    ("index", "box", "clipped"),
    [
        pytest.param((0,), (-5, 6), (0, 6), id="first"),
        pytest.param((10,), (35, 46), (35, 46), id="inside"),
        pytest.param((55,), (215, 226), (215, 224), id="last"),
        pytest.param((-1,), (215, 226), (215, 224), id="last, from the end"),
        pytest.param((-56,), (-5, 6), (0, 6), id="first, from the end"),
        pytest.param((np.int64(10),), (35, 46), (35, 46), id="numpy integer"),
    ],
)
def test_boxes_of_the_stem(
    index: tuple[int], box: tuple[int, int], clipped: tuple[int, int]
) -> None:
    field = ReceptiveField((STEM,))
    assert field.box(index) == (box,)
    assert field.box(index, clip=True) == (clipped,)
    assert all(type(edge) is int for edge in field.box(index)[0])


def test_a_box_wholly_in_padding_clips_to_nothing() -> None:
    field = ReceptiveField((AxisField(4, 9, (-6,), (-4,), 1, 2),))
    assert field.box((0,), clip=True) == ((0, 0),)
    assert field.box((8,), clip=True) == ((4, 4),)


@pytest.mark.parametrize("index", [(56, 0), (-57, 0), (0, 1), (0,), (0, 0, 0), ()], ids=str)
def test_a_position_outside_the_output_is_refused(index: tuple[int, ...]) -> None:
    field = ReceptiveField((STEM, GLOBAL))
    with pytest.raises(IndexError, match=r"is not inside the output of shape \(56, 1\)"):
        field.box(index)
    with pytest.raises(IndexError, match="output"):
        field.center(index)


@pytest.mark.parametrize("pixel", [(224, 0), (0, 8), (-225, 0), (0,)], ids=str)
def test_a_pixel_outside_the_input_is_refused(pixel: tuple[int, ...]) -> None:
    with pytest.raises(IndexError, match=r"pixel .* is not inside the input of shape \(224, 8\)"):
        ReceptiveField((STEM, GLOBAL)).outputs_seeing(pixel)


@pytest.mark.parametrize("index", [(1.0,), ("1",), (None,)], ids=str)
def test_a_position_is_made_of_integers(index: tuple[Any]) -> None:
    with pytest.raises(TypeError, match="integer"):
        ReceptiveField((STEM,)).box(index)


# Validation


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"input_size": 0}, "at least 1", id="input size"),
        pytest.param({"output_size": 0}, "at least 1", id="output size"),
        pytest.param({"period": 0}, "at least 1", id="period"),
        pytest.param({"lows": (0, 1)}, "2 edges do not fit a period of 1", id="lows"),
        pytest.param({"highs": ()}, "0 edges do not fit a period of 1", id="highs"),
        pytest.param({"density": Fraction(0)}, r"density 0 is not in \(0, 1\]", id="no density"),
        pytest.param({"density": Fraction(3, 2)}, r"density 3/2", id="density above one"),
        pytest.param({"lows": (6,)}, "an interval is empty", id="empty interval"),
    ],
)
def test_an_impossible_axis_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(STEM, **changes)


def test_a_field_has_an_axis() -> None:
    with pytest.raises(ValueError, match="at least one axis"):
        ReceptiveField(())


def test_a_field_is_a_frozen_value() -> None:
    field = ReceptiveField((STEM,))
    with pytest.raises(FrozenInstanceError):
        field.exact = False  # type: ignore[misc]
    assert hash(field) == hash(ReceptiveField((STEM,)))


def test_equality_is_geometry_and_not_notes() -> None:
    field = ReceptiveField((STEM,), notes=("one",))
    assert field == ReceptiveField((STEM,), notes=("another",))
    assert field != ReceptiveField((STEM,), exact=False, notes=("one",))
    assert field != ReceptiveField((replace(STEM, shift=5),))

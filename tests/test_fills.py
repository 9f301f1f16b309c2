"""Fills move as the values do that they tell about."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rfcore.fills import Fill, is_low, is_zero
from rfcore.graph import AxisMap, Concatenate, GraphBuilder, Reduce
from rfcore.kept_fills import Fills, Keeping

Mask = NDArray[np.bool_]

KEEPING = Keeping(
    zero=frozenset(["mul", "copy"]),
    low=frozenset(["add", "copy"]),
    zero_of_first=frozenset(["div"]),
    low_of_first=frozenset(["sub"]),
    zero_of_low=frozenset(["exp"]),
    low_of_all=frozenset(["max"]),
)


def filled(mask: Mask) -> Fill:
    return Fill(mask.shape, lambda: mask)


@st.composite
def masks(draw: st.DrawFn) -> tuple[tuple[int, ...], Mask]:
    """The shape of a value, and a mask over it that is uniform along some axes."""
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=4)))
    kept = tuple(n if draw(st.booleans()) else 1 for n in shape)
    bits = draw(st.lists(st.booleans(), min_size=math.prod(kept), max_size=math.prod(kept)))
    return shape, np.array(bits).reshape(kept)


def shapes_of(count: int) -> list[tuple[int, ...]]:
    """All shapes of up to three axes that hold `count` values."""
    pairs = [(n, count // n) for n in range(1, count + 1) if count % n == 0]
    triples = [(a, b, c // b) for a, c in pairs for b in range(1, c + 1) if c % b == 0]
    return [(count,), (1, count, 1), *pairs, *triples]


@settings(max_examples=150, deadline=None)
@given(masks(), st.data())
def test_a_reshape_of_a_fill_is_the_reshape_of_its_full_mask(
    value: tuple[tuple[int, ...], Mask], data: st.DataObject
) -> None:
    shape, mask = value
    result = data.draw(st.sampled_from(shapes_of(math.prod(shape))))
    moved = filled(mask).reshaped(shape, result)
    assert moved.load().shape == moved.shape
    expected = np.broadcast_to(mask, shape).reshape(result)
    assert (np.broadcast_to(moved.load(), result) == expected).all()


@settings(max_examples=100, deadline=None)
@given(masks(), st.data())
def test_a_fill_of_taken_positions_leaves_new_ones_open(
    value: tuple[tuple[int, ...], Mask], data: st.DataObject
) -> None:
    shape, mask = value
    dim = data.draw(st.integers(0, len(shape) - 1))
    taps = data.draw(st.lists(st.integers(-1, shape[dim] - 1), min_size=1, max_size=5))
    moved = filled(mask).taken(AxisMap(dim, np.array(taps)[:, None]))
    assert moved is not None
    full = np.moveaxis(np.broadcast_to(mask, shape), dim, 0)
    expected = np.stack([full[t] if t >= 0 else np.zeros_like(full[0]) for t in taps])
    result = (*shape[:dim], len(taps), *shape[dim + 1 :])
    assert (np.moveaxis(np.broadcast_to(moved.load(), result), dim, 0) == expected).all()


def test_a_fill_is_lost_where_positions_are_mixed() -> None:
    assert filled(np.array([True, True])).taken(AxisMap(0, np.array([[0, 1]]))) is None


@pytest.mark.parametrize("keepdims", [True, False], ids=["kept", "dropped"])
def test_a_reduced_fill_is_filled_where_all_is(keepdims: bool) -> None:
    mask = np.array([[True, True], [True, False]])
    reduced = filled(mask).reduced([1], keepdims=keepdims)
    assert reduced.load().ravel().tolist() == [True, False]
    assert reduced.shape == reduced.load().shape == ((2, 1) if keepdims else (2,))


def test_low_values_are_outdone_only_by_others() -> None:
    mask = np.array([[True, False], [True, True]])
    assert filled(mask).outdone([1]).load().tolist() == [[True, False], [False, False]]


def test_what_is_not_known_is_filled_nowhere() -> None:
    assert not Fill.of((2, 3), lambda: None).load().any()


def test_a_gate_may_be_closed_everywhere() -> None:
    gate = filled(np.ones((2,), bool)).open().read()
    assert gate is not None
    assert not gate.any()


def test_a_gate_is_none_where_all_is_let_through() -> None:
    assert filled(np.zeros((2,), bool)).open().read() is None


def test_a_fill_on_the_axes_that_vary() -> None:
    dims, left = filled(np.array([[[True], [False]]])).varying()
    assert dims == (1,)
    assert left.load().tolist() == [True, False]


@pytest.mark.parametrize(("value", "low"), [(-1e4, True), (-9999.0, False), (-np.inf, True)])
def test_low_is_what_an_exponential_brings_to_zero(value: float, low: bool) -> None:
    assert is_low(value) == low
    assert not is_zero(value)


class Recording:
    """A value of shape (4,) and another one, known to be zero and low at places of their own."""

    def __init__(self) -> None:
        self.builder = GraphBuilder((4,))
        self.fills = Fills(self.builder, KEEPING)
        self.one, self.other = self.op("source", 0), self.op("source", 0)
        for node, places in ((self.one, [0, 1]), (self.other, [1, 2])):
            for kind in ("zero", "low"):
                self.fills.note(node, kind, filled(np.isin(np.arange(4), places)))

    def op(self, name: str, *sources: int) -> int:
        return self.builder.elementwise(sources, (4,), name)

    def places(self, node: int, kind: str) -> list[int] | None:
        fill = self.fills.find(node, kind)  # type: ignore[arg-type]
        return None if fill is None else np.flatnonzero(fill.load()).tolist()


@pytest.mark.parametrize(
    ("name", "kind", "places"),
    [
        ("mul", "zero", [0, 1, 2]),
        ("mul", "low", None),
        ("add", "low", [0, 1, 2]),
        ("add", "zero", None),
        ("div", "zero", [0, 1]),
        ("sub", "low", [0]),
        ("sub", "zero", None),
    ],
)
def test_an_op_of_two_keeps_what_its_table_says(
    name: str, kind: str, places: Sequence[int] | None
) -> None:
    recording = Recording()
    assert recording.places(recording.op(name, recording.one, recording.other), kind) == places


def test_an_exponential_of_low_values_is_zero() -> None:
    recording = Recording()
    assert recording.places(recording.op("exp", recording.one), "zero") == [0, 1]


@pytest.mark.parametrize(("name", "low"), [("max", False), ("sum", None)])
def test_a_maximum_is_low_where_everything_is(name: str, low: bool | None) -> None:
    recording = Recording()
    fill = recording.fills.find(recording.builder.reduce(recording.one, [0], False, name), "low")
    assert (None if fill is None else bool(fill.load())) == low


def test_parts_that_are_not_filled_stay_open_in_a_concatenation() -> None:
    recording = Recording()
    plain = recording.op("source", 0)
    joined = recording.builder.add(
        Concatenate(0, (1, 5)), (recording.one, plain), (9,), "concatenate"
    )
    assert recording.places(joined, "zero") == [1, 2]


def test_a_note_that_comes_late_is_heard_by_what_was_asked_before() -> None:
    recording = Recording()
    copied = recording.op("copy", recording.op("copy", 0))
    assert recording.places(copied, "zero") is None
    recording.fills.note(copied - 1, "zero", filled(np.array([False, False, False, True])))
    assert recording.places(copied, "zero") == [3]


def test_a_chain_of_thousands_of_ops_is_followed() -> None:
    recording = Recording()
    node = recording.one
    for _ in range(5000):
        node = recording.op("copy", node)
    assert recording.places(node, "zero") == [0, 1]


def test_a_reduction_of_zeros_is_not_followed() -> None:
    recording = Recording()
    node = recording.builder.add(Reduce((0,)), (recording.one,), (1,), "max")
    assert recording.fills.find(node, "zero") is None

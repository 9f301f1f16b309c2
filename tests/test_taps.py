"""Border outputs of tables of taps: built from a law on an endless line, then bent at the ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import rfcore
from rfcore.layers import Convolution, Padding
from rfcore.taps import border_outputs, copies_from_afar

Bend = Callable[[int, int], int]

BENDS: dict[str, Bend] = {
    "zeros": lambda pixel, length: -1,
    "replicate": lambda pixel, length: min(max(pixel, 0), length - 1),
    "reflect": lambda pixel, length: -pixel if pixel < 0 else 2 * (length - 1) - pixel,
    "wrap": lambda pixel, length: pixel % length,
}


@pytest.mark.parametrize("bend", BENDS.values(), ids=BENDS)
@settings(max_examples=100)
@given(data=st.data())
def test_border_outputs_are_those_whose_taps_leave_the_input(
    bend: Bend, data: st.DataObject
) -> None:
    period, width = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    shift = data.draw(st.integers(1, 2 * period))
    phases = data.draw(
        st.lists(
            st.lists(st.integers(0, 4), min_size=width, max_size=width),
            min_size=period,
            max_size=period,
        )
    )
    count = 24 * period
    length = (count - 1) // period * shift - data.draw(st.integers(-3, 3))
    low = data.draw(st.integers(0, 3))
    virtual = [
        [tap - low + j // period * shift for tap in phases[j % period]] for j in range(count)
    ]
    assume(all(0 <= tap < length for taps in virtual[count // 4 : -(count // 4)] for tap in taps))
    outside = [any(not 0 <= tap < length for tap in taps) for taps in virtual]
    taps = [[t if 0 <= t < length else bend(t, length) for t in taps] for taps in virtual]
    assert border_outputs(np.array(taps)).tolist() == outside


@pytest.mark.parametrize(
    ("taps", "expected"),
    [
        pytest.param([[0], [1], [2], [3], [4], [5]], [], id="identity"),
        pytest.param([[5], [4], [3], [2], [1], [0]], [], id="flip"),
        pytest.param([[-1], [0], [1], [2], [3], [-1]], [0, 5], id="zero padding"),
        pytest.param([[1], [0], [1], [2], [3], [2]], [0, 5], id="reflection"),
        pytest.param([[0, 0], [0, 1], [1, 2], [2, 3], [3, 4], [4, 4]], [0, 5], id="clamped"),
        # Zeros put between the pixels are no border: a larger input has them too.
        pytest.param([[i // 2 if i % 2 == 0 else -1] for i in range(20)], [], id="zero insertion"),
        pytest.param([[7], [-1], [3], [0], [5], [5]], [1], id="no law: where a tap is missing"),
        pytest.param([[i // 16] for i in range(32)], [], id="one step of a staircase is no law"),
    ],
)
def test_border_outputs_of(taps: list[list[int]], expected: list[int]) -> None:
    assert np.flatnonzero(border_outputs(np.array(taps))).tolist() == expected


@pytest.mark.parametrize(
    ("taps", "expected"),
    [
        pytest.param([[i] for i in range(12)], False, id="identity"),
        pytest.param([[11 - i] for i in range(12)], False, id="flip"),
        pytest.param([[-1], *([i] for i in range(12)), [-1]], False, id="zero padding"),
        pytest.param([[1], *([i] for i in range(12)), [10]], True, id="reflection"),
        pytest.param([[0], *([i] for i in range(12)), [11]], True, id="repetition"),
        pytest.param([[11], *([i] for i in range(12)), [0]], True, id="circular"),
        pytest.param([[(i + 3) % 12] for i in range(12)], True, id="roll"),
        pytest.param(
            [[max(i // 2 - 1 + i % 2, 0), min((i + 1) // 2, 11)] for i in range(24)],
            False,
            id="linear upsampling, clamped",
        ),
    ],
)
def test_copies_from_afar(taps: list[list[int]], expected: bool) -> None:
    assert copies_from_afar(np.array(taps)) is expected


@pytest.mark.parametrize("mode", ["reflect", "edge", "circular"])
def test_fields_say_that_borders_are_copies(mode: Literal["reflect", "edge", "circular"]) -> None:
    layers = (Convolution(3), Padding(2, 2, mode=mode, name="border"), Convolution(5))
    (note,) = rfcore.estimate(layers, input_shape=(32,)).notes
    assert note.startswith("Padding in 'border' fills borders with copies")
    zeros = (Convolution(3), Padding(2, 2), Convolution(5))
    assert rfcore.estimate(zeros, input_shape=(32,)).notes == ()

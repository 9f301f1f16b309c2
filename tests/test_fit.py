"""`fit` on plain probes whose law is known."""

from __future__ import annotations

import doctest
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import rfcore
from line_probes import Taps, fitted, interval_taps


@st.composite
def laws(draw: st.DrawFn, mirrored: bool = False) -> tuple[list[int], list[int], int]:
    period = draw(st.integers(1, 9))
    shift = draw(st.integers(1, 2 * period))
    lows = [draw(st.integers(-6, 6)) for _ in range(period)]
    highs = [low + draw(st.integers(1, 12)) for low in lows]
    return lows, highs, -shift if mirrored else shift


def smallest(lows: list[int], highs: list[int], shift: int) -> tuple[int, int]:
    """The smallest period of a periodic table, and its shift, by trying them all."""
    whole = len(lows)
    for period in range(1, whole + 1):
        moved, rest = divmod(shift * period, whole)
        taps = interval_taps(lows, highs, shift)
        if not rest and all(
            taps(j + period) == range(taps(j)[0] + moved, taps(j)[-1] + 1 + moved)
            for j in range(whole)
        ):
            return period, moved
    raise AssertionError


@settings(max_examples=200)
@given(law=laws())
def test_a_law_is_recovered_exactly(law: tuple[list[int], list[int], int]) -> None:
    period, shift = len(law[0]), law[2]
    count = 12 * period + 5
    axis = fitted(interval_taps(*law), 12 * shift + 40, count)
    assert (axis.period, axis.shift) == smallest(*law)
    assert axis.stride == Fraction(shift, period)
    for j in range(count):
        taps = interval_taps(*law)(j)
        assert axis.interval(j) == (taps[0], taps[-1] + 1)


@settings(max_examples=100)
@given(law=laws(mirrored=True))
def test_a_mirrored_law_is_recovered_exactly(law: tuple[list[int], list[int], int]) -> None:
    lows, highs, shift = law
    count = 12 * len(lows) + 5
    length = -12 * shift + 40

    def taps(j: int) -> Sequence[int]:
        return [pixel + length - 20 for pixel in interval_taps(lows, highs, shift)(j)]

    axis = fitted(taps, length, count)
    assert axis.stride == Fraction(shift, len(lows)) < 0
    for j in range(count):
        assert axis.interval(j) == (taps(j)[0], taps(j)[-1] + 1)


@pytest.mark.parametrize("odd", [0, 5, 17, 31])
@pytest.mark.parametrize("count", [128, 1024])
def test_one_odd_phase_of_32_is_not_overlooked(odd: int, count: int) -> None:
    """A decoder of five levels, all of whose phases but one lie on one line."""
    lows = [j - 3 - (7 if j == odd else 0) for j in range(32)]
    axis = fitted(interval_taps(lows, list(range(4, 36)), 32), count, count)
    assert (axis.period, axis.shift, axis.size) == (32, 32, 14)


def test_a_period_beyond_the_first_window_is_found() -> None:
    """Nearest upsampling by 64: 64 outputs see the same pixel, the next 64 the next one."""
    axis = fitted(lambda j: [j // 64], 16, 1024)
    assert (axis.period, axis.shift, axis.stride) == (64, 1, Fraction(1, 64))
    assert (axis.size, axis.padding) == (1, 0)


@pytest.mark.parametrize(
    ("taps", "length", "count", "expected"),
    [
        pytest.param(lambda j: range(j, j + 5), 40, 36, (5, 1, 2.5, 0), id="valid 5"),
        pytest.param(lambda j: range(2 * j - 1, 2 * j + 2), 40, 20, (3, 2, 0.5, 1), id="3 s2 p1"),
        pytest.param(lambda j: range(j - 9, j + 1), 40, 40, (10, 1, -4.0, 9), id="causal"),
        pytest.param(lambda j: [3 * j], 40, 14, (1, 3, 0.5, 0), id="1 s3"),
        pytest.param(lambda j: [j // 2], 20, 40, (1, Fraction(1, 2), 0.5, 0), id="nearest x2"),
        # Bilinear by two: even outputs lean to the left neighbour, odd ones to the right.
        pytest.param(
            lambda j: [(j - 1) // 2, (j + 1) // 2],
            20,
            40,
            (2, Fraction(1, 2), 0.0, 1),
            id="bilinear x2",
        ),
        pytest.param(lambda j: [39 - j], 40, 40, (1, -1, 39.5, -39), id="flip"),
    ],
)
def test_size_stride_offset_and_padding(
    taps: Taps, length: int, count: int, expected: tuple[int, int | Fraction, float, int]
) -> None:
    axis = fitted(taps, length, count)
    assert (axis.size, axis.stride, axis.offset, axis.padding) == expected
    assert axis.density == 1


@pytest.mark.parametrize(
    ("taps", "count", "size", "padding", "density"),
    [
        pytest.param([-4, 0, 4], 60, 9, 4, Fraction(1, 3), id="3 d4 p4"),
        # Near the border one tap alone is left: its neighbours' holes tell that more is hidden.
        pytest.param([-8, -4, 0], 60, 9, 8, Fraction(1, 3), id="causal 3 d4"),
        pytest.param([-8, 0], 60, 9, 8, Fraction(2, 9), id="causal 2 d8"),
        pytest.param([-10, 0, 1], 60, 12, 10, Fraction(1, 4), id="uneven"),
        pytest.param([0, 7], 53, 8, 0, Fraction(1, 4), id="valid 2 d7"),
    ],
)
def test_holes_are_kept_as_density(
    taps: list[int], count: int, size: int, padding: int, density: Fraction
) -> None:
    axis = fitted(lambda j: [j + tap for tap in taps], 60, count)
    assert (axis.size, axis.padding, axis.density, axis.stride) == (size, padding, density, 1)


@pytest.mark.parametrize(
    ("chain", "length", "size", "density"),
    [
        # 13 of 13, 17 of 17 and 21 of 25 positions: the table of closed forms for holes.
        pytest.param([(1, 1), (1, 2), (1, 3)], 60, 13, Fraction(1), id="d1 d2 d3"),
        pytest.param([(1, 1), (1, 2), (1, 5)], 48, 17, Fraction(1), id="d1 d2 d5"),
        pytest.param([(1, 1), (1, 2), (1, 9)], 80, 25, Fraction(21, 25), id="d1 d2 d9"),
        # Behind a stride: 1 + 2 + 2 · 2 · 4 positions, of which the last layer sees three groups.
        pytest.param([(2, 1), (1, 4)], 90, 19, Fraction(9, 19), id="s2 then d4"),
    ],
)
def test_edges_that_inner_padding_cuts_do_not_spoil_the_law(
    chain: list[tuple[int, int]], length: int, size: int, density: Fraction
) -> None:
    """Three taps per layer, padded so that the centre stays; taps are dropped at every layer."""
    lengths = list(itertools.accumulate(chain, lambda n, layer: -(-n // layer[0]), initial=length))

    def taps(j: int) -> Sequence[int]:
        positions = {j}
        for (stride, dilation), n in zip(reversed(chain), reversed(lengths[:-1]), strict=True):
            reached = {p * stride + tap * dilation for p in positions for tap in (-1, 0, 1)}
            positions = {p for p in reached if 0 <= p < n}
        return sorted(positions)

    axis = fitted(taps, length, lengths[-1])
    stride = math.prod(stride for stride, _ in chain)
    assert (axis.size, axis.stride, axis.padding) == (size, stride, size // 2)
    assert axis.density == density


def test_axes_are_fitted_one_by_one() -> None:
    """Height: 3 taps, stride 2, padding 1. Width: 5 taps, stride 1, no padding."""

    def probe(mask: NDArray[Any]) -> NDArray[Any]:
        gradient = np.zeros((22, 16))
        for y, x in np.argwhere(mask):
            gradient[max(0, 2 * y - 1) : 2 * y + 2, x : x + 5] = -1e-30
        return gradient

    field = rfcore.fit(probe, input_shape=(22, 16), output_shape=(11, 12))
    assert field.size == (3, 5)
    assert field.stride == (2, 1)
    assert field.offset == (0.5, 2.5)
    assert field.padding == (1, 0)
    assert field.exact
    assert field.box((3, 4)) == ((5, 8), (4, 9))


def test_each_output_is_probed_once_and_two_questions_are_asked_to_confirm() -> None:
    asked: list[tuple[tuple[int, ...], ...]] = []

    def probe(mask: NDArray[Any]) -> NDArray[Any]:
        asked.append(tuple(map(tuple, np.argwhere(mask).tolist())))
        return mask

    rfcore.fit(probe, input_shape=(40, 40), output_shape=(40, 40))
    *singles, again, both = asked
    assert all(len(points) == 1 for points in singles)
    assert len(singles) == len(set(singles))
    assert again in singles
    assert len(both) == 2
    assert set(both) <= {point for (point,) in singles}
    assert all(20 in point for points in asked for point in points)


def test_the_example_in_the_docstring_holds() -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(rfcore.fit, "fit", globs={})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0

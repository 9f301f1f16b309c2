"""Every pullback against the dense dependency matrix of its op."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dense import matrices, pulled
from op_cases import CASES, Case, masks, shapes, site_of, written_out
from rfcore.graph import Contract, Mask, Op, Opaque, Pattern, Reshape, Window, WindowAxis
from rfcore.masks import Site
from rfcore.pullback import pull


def densely(case: Case, mask: Mask) -> list[Mask]:
    full = written_out(mask, case.result)
    dense = matrices(case.op, case.result, case.operands)
    return [pulled(full, m, shape) for m, shape in zip(dense, case.operands, strict=True)]


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=200)
@given(data=st.data())
def test_pullback_is_the_product_with_the_dense_matrix(kind: str, data: st.DataObject) -> None:
    case = data.draw(CASES[kind])
    mask = data.draw(masks(case.result))
    site = Site.rigid(len(mask), case.result, *case.operands)
    parts = pull(case.op, mask, site)
    for part, expected, shape in zip(parts, densely(case, mask), case.operands, strict=True):
        np.testing.assert_array_equal(written_out(part, shape), expected)
    assert not site.lost.any()


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=200)
@given(data=st.data())
def test_elastic_pullback_is_an_upper_bound_and_exact_where_full(
    kind: str, data: st.DataObject
) -> None:
    case = data.draw(CASES[kind])
    mask = data.draw(masks(case.result))
    elastic = tuple(data.draw(st.booleans(), label="elastic") for _ in case.result)
    full = all(
        not flag or got == n
        for flag, got, n in zip(elastic, mask.shape[1:], case.result, strict=True)
    )
    parts = pull(case.op, mask, site_of(case, len(mask), elastic))
    for part, expected, shape in zip(parts, densely(case, mask), case.operands, strict=True):
        seen = written_out(part, shape)
        assert seen[expected].all()
        if full:
            np.testing.assert_array_equal(seen, expected)


@settings(max_examples=100)
@given(data=st.data())
def test_opaque_pullback_asks_the_callable_probe_by_probe(data: st.DataObject) -> None:
    result = data.draw(shapes(max_rank=2, longest=4))
    operands = tuple(data.draw(st.lists(shapes(max_rank=2, longest=4), min_size=1, max_size=2)))
    dense = [
        data.draw(
            arrays(np.int64, (math.prod(result), math.prod(operand)), elements=st.integers(0, 1))
        )
        for operand in operands
    ]

    def pull_one(mask: Mask) -> list[Mask]:
        assert mask.shape == result
        return [pulled(mask[None], m, s)[0] for m, s in zip(dense, operands, strict=True)]

    mask = data.draw(masks(result))
    parts = pull(Opaque(pull_one), mask, Site.rigid(len(mask), result, *operands))
    for part, matrix, shape in zip(parts, dense, operands, strict=True):
        expected = pulled(written_out(mask, result), matrix, shape)
        np.testing.assert_array_equal(written_out(part, shape), expected)


def test_an_axis_that_a_reshape_keeps_whole_stays_full() -> None:
    # Uniform, a crop below would be taken for everything.
    site = Site((1, 1, 5), ((1, 5),), (False, False, True), np.zeros((1, 2), bool))
    (part,) = pull(Reshape(), np.ones((1, 1, 1, 5), bool), site)
    assert part.shape == (1, 1, 5)


def test_a_reshape_of_nothing_hands_on_nothing() -> None:
    (part,) = pull(Reshape(), np.zeros((2, 1, 0), bool), Site.rigid(2, (3, 0), (0, 3, 5)))
    assert part.shape == (2, 1, 1, 1)
    assert not part.any()


def test_an_op_without_a_pullback_is_refused_by_name() -> None:
    class Strange(Op):
        pass

    with pytest.raises(TypeError, match="no pullback for Strange"):
        pull(Strange(), np.ones((1, 2), bool), Site.rigid(1, (2,), (2,)))


# Windows by hand

LENGTH = 6


@pytest.mark.parametrize(
    ("axis", "output", "seen", "lost"),
    [
        pytest.param(WindowAxis(0, 3), 2, {2, 3, 4}, (False, False), id="valid"),
        pytest.param(WindowAxis(0, 3, low=1), 0, {0, 1}, (True, False), id="low padding"),
        pytest.param(WindowAxis(0, 3, low=1), 5, {4, 5}, (False, True), id="high padding"),
        pytest.param(WindowAxis(0, 3, stride=2, low=1), 2, {3, 4, 5}, (False, False), id="stride"),
        pytest.param(WindowAxis(0, 3, dilation=2), 1, {1, 3, 5}, (False, False), id="dilation"),
        pytest.param(WindowAxis(0, 2, low=-2), 1, {3, 4}, (False, False), id="cropped"),
        pytest.param(WindowAxis(0, 9, low=1), 0, set(range(6)), (True, True), id="kernel > input"),
        pytest.param(WindowAxis(0, 1, low=3), 0, set(), (True, False), id="all in padding"),
        # Transposed convolution, kernel 3, stride 2: output 2 sees pixels 0 and 1 through the
        # outer taps, output 3 sees pixel 1 through the middle one.
        pytest.param(
            WindowAxis(0, 3, low=2, base_dilation=2),
            2,
            {0, 1},
            (False, False),
            id="transposed even",
        ),
        pytest.param(
            WindowAxis(0, 3, low=2, base_dilation=2), 3, {1}, (False, False), id="transposed odd"
        ),
        # Its output 1 has one tap on pixel 0 and two in gaps, of which one lies before the input:
        # no larger input would have a pixel there.
        pytest.param(
            WindowAxis(0, 3, low=2, base_dilation=2), 1, {0}, (False, False), id="lost gap"
        ),
    ],
)
def test_one_output_of_a_window_sees(
    axis: WindowAxis, output: int, seen: set[int], lost: tuple[bool, bool]
) -> None:
    mask = np.zeros((1, 8), bool)
    mask[0, output] = True
    site = Site((8,), ((LENGTH,),), (True,), np.zeros((1, 2), bool))
    (part,) = pull(Window((axis,)), mask, site)
    assert set(np.flatnonzero(part[0]).tolist()) == seen
    assert tuple(site.lost[0].tolist()) == lost


def test_a_masked_convolution_sees_only_its_taps() -> None:
    """PixelCNN's first layer: the rows above, and in the own row what is left of the centre."""
    taps = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], bool)
    kernel = Pattern(lambda: np.broadcast_to(taps, (4, 2, 3, 3)))
    op = Window((WindowAxis(1, 3, low=1), WindowAxis(2, 3, low=1)), 0, 1, kernel)
    mask = np.zeros((1, 1, 5, 5), bool)
    mask[0, 0, 2, 2] = True
    (part,) = pull(op, mask, Site.rigid(1, (4, 5, 5), (2, 5, 5)))
    assert part.shape == (1, 1, 5, 5)
    assert {(int(y), int(x)) for y, x in np.argwhere(part[0, 0])} == {
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 1),
    }


@pytest.mark.parametrize("kernel_size", [1, 2])
def test_an_input_channel_that_no_output_uses_is_not_seen(kernel_size: int) -> None:
    used = np.broadcast_to(np.array([True, False])[:, None], (3, 2, kernel_size))
    op = Window((WindowAxis(1, kernel_size),), 0, 1, Pattern(lambda: used))
    mask = np.ones((1, 1, 4), bool)
    (part,) = pull(op, mask, Site.rigid(1, (3, 4), (2, 3 + kernel_size)))
    assert written_out(part, (2, 3 + kernel_size))[0].any(axis=1).tolist() == [True, False]


def test_a_kernel_of_zeros_is_untrained_and_counts_as_dense() -> None:
    op = Window((WindowAxis(1, 3),), 0, 1, Pattern(lambda: np.zeros((1, 2, 3), bool)))
    mask = np.array([[[True, False]]])
    (part,) = pull(op, mask, Site.rigid(1, (1, 2), (2, 4)))
    assert written_out(part, (2, 4))[0].tolist() == [[True, True, True, False]] * 2


def test_kernels_that_differ_need_a_channel_axis() -> None:
    op = Window((WindowAxis(1, 2),), None, 1, Pattern(lambda: np.eye(2, dtype=bool)[:, None]))
    with pytest.raises(ValueError, match=r"kernel of shape \(2, 1, 2\) where \(1, 1, 2\)"):
        pull(op, np.ones((1, 2, 3), bool), Site.rigid(1, (2, 3), (2, 4)))


def test_a_uniform_mask_over_an_elastic_axis_loses_nothing_and_stays_uniform() -> None:
    op = Window((WindowAxis(0, 3, low=1), WindowAxis(1, 3, low=1)))
    mask = np.zeros((1, 7, 1), bool)
    mask[0, 3] = True
    site = Site((7, 7), ((7, 7),), (True, True), np.zeros((1, 2), bool))
    (part,) = pull(op, mask, site)
    assert part.shape == (1, 7, 1)
    assert np.flatnonzero(part[0, :, 0]).tolist() == [2, 3, 4]
    assert not site.lost.any()


def test_an_elastic_axis_of_one_output_is_exact() -> None:
    """A 5-tap window over 7 pixels with stride 5 has one output, which sees the first five."""
    op = Window((WindowAxis(0, 5, stride=5),))
    site = Site((1,), ((7,),), (True,), np.zeros((1, 2), bool))
    (part,) = pull(op, np.ones((1, 1), bool), site)
    assert part[0].tolist() == [True] * 5 + [False] * 2


def test_a_few_zeros_in_a_dense_weight_do_not_spread_the_channels() -> None:
    # Random weights hold exact zeros by accident; (positions, channels) has to stay a column.
    weight = np.ones((4, 5), bool)
    weight[1, 2] = False
    op = Contract(((0, 1),), (0, 2), (1, 2), Pattern(lambda: weight))
    (part,) = pull(op, np.eye(3, dtype=bool)[:, :, None], Site.rigid(3, (3, 5), (3, 4)))
    np.testing.assert_array_equal(part, np.eye(3, dtype=bool)[:, :, None])


def test_what_a_kernel_tells_all_channels_is_not_told_to_one() -> None:
    pattern = np.ones((2, 1, 3), bool)
    pattern[1, 0, 0] = False
    op = Window((WindowAxis(2, 3),), 1, pattern=Pattern(lambda: pattern))
    row, all_channels = np.array([True, False, False]), np.zeros((1, 1, 1, 3), bool)
    all_channels[..., 0] = True
    one_channel = np.zeros((1, 1, 2, 3), bool)
    one_channel[0, 0, 1] = row
    seen = [
        pull(op, mask, Site.rigid(1, (1, 2, 3), (1, 1, 5)))[0][0, 0, 0].tolist()
        for mask in (all_channels, one_channel, all_channels)
    ]
    assert seen == [
        [True, True, True, False, False],
        [False, True, True, False, False],
        [True, True, True, False, False],
    ]

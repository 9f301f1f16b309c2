"""Which probes a rule flags because they reach past a border of the input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dense import kernel_of, positions, tapped
from op_cases import Case, axis_map, concatenate, masks, site_of, window, written_out
from rfcore.graph import AxisMap, Concatenate, Mask, Window
from rfcore.masks import Site
from rfcore.pullback import pull
from rfcore.taps import border_outputs


def lost_windows(op: Window, case: Case, mask: Mask, bordered: list[bool]) -> Mask:
    """Tap by tap and axis by axis: which probes have one before the input or past its end."""
    lost = np.zeros((len(mask), 2), bool)
    full = written_out(mask, case.result)
    for target in positions(case.result):
        asked = full[:, *target]
        for _, tap in kernel_of(op, target, case.result, case.operands[0]):
            for axis, t in zip(op.axes, tap, strict=True):
                pixel = tapped(axis, target, t)
                if bordered[axis.dim] and pixel is not None:
                    lost[:, 0] |= asked & (pixel < 0)
                    lost[:, 1] |= asked & (pixel >= case.operands[0][axis.dim])
    return lost


def lost_along_one_axis(case: Case, dim: int, mask: Mask, missing: dict[int, list[int]]) -> Mask:
    """For outputs along `dim` that lack something: at the low (0) or at the high border (1)."""
    lost = np.zeros((len(mask), 2), bool)
    full = written_out(mask, case.result)
    for target in positions(case.result):
        for border in missing.get(target[dim], []):
            lost[:, border] |= full[:, *target]
    return lost


def bordered_axes(case: Case, mask: Mask, elastic: tuple[bool, ...], known: bool) -> list[bool]:
    return [
        got > 1 and (flag or not known) for got, flag in zip(mask.shape[1:], elastic, strict=True)
    ]


@st.composite
def borders(draw: st.DrawFn, case: Case) -> tuple[tuple[bool, ...], bool]:
    """Known elastic axes, or elasticity unknown."""
    if draw(st.booleans()):
        return (False,) * len(case.result), False
    return tuple(draw(st.booleans()) for _ in case.result), True


@settings(max_examples=300)
@given(data=st.data())
def test_a_window_flags_the_probes_with_a_tap_past_a_border(data: st.DataObject) -> None:
    case = data.draw(window())
    assert isinstance(case.op, Window)
    mask = data.draw(masks(case.result))
    elastic, known = data.draw(borders(case))
    site = site_of(case, len(mask), elastic, known=known)
    pull(case.op, mask, site)
    bordered = bordered_axes(case, mask, elastic, known)
    np.testing.assert_array_equal(site.lost, lost_windows(case.op, case, mask, bordered))


@settings(max_examples=200)
@given(data=st.data())
def test_an_axis_map_flags_the_probes_that_see_its_border_outputs(data: st.DataObject) -> None:
    case = data.draw(axis_map())
    op = case.op
    assert isinstance(op, AxisMap)
    mask = data.draw(masks(case.result))
    elastic, known = data.draw(borders(case))
    site = site_of(case, len(mask), elastic, known=known)
    pull(op, mask, site)
    # A missing tap lies past the nearer border; one that stands in for it may mislead about both.
    nearer = [[0] if j < len(op.taps) // 2 else [1] for j in range(len(op.taps))]
    missing = {
        j: nearer[j] if -1 in op.taps[j] else [0, 1]
        for j in np.flatnonzero(border_outputs(op.taps)).tolist()
        if bordered_axes(case, mask, elastic, known)[op.dim]
    }
    np.testing.assert_array_equal(site.lost, lost_along_one_axis(case, op.dim, mask, missing))


@settings(max_examples=200)
@given(data=st.data())
def test_a_concatenation_flags_the_probes_that_see_constant_parts(data: st.DataObject) -> None:
    case = data.draw(concatenate())
    op = case.op
    assert isinstance(op, Concatenate)
    mask = data.draw(masks(case.result))
    elastic, known = data.draw(borders(case))
    site = site_of(case, len(mask), elastic, known=known)
    pull(op, mask, site)
    dependent = {
        start + i
        for start, operand in zip(op.starts, case.operands, strict=True)
        for i in range(operand[op.dim])
    }
    missing = {
        j: [0] if j < min(dependent) else [1]
        for j in range(case.result[op.dim])
        if j not in dependent and bordered_axes(case, mask, elastic, known)[op.dim]
    }
    np.testing.assert_array_equal(site.lost, lost_along_one_axis(case, op.dim, mask, missing))


@pytest.mark.parametrize(
    ("taps", "output", "lost"),
    [
        pytest.param([-1, 0, 1, 2, 3, -1], 0, [True, False], id="zeros, low"),
        pytest.param([-1, 0, 1, 2, 3, -1], 5, [False, True], id="zeros, high"),
        pytest.param([-1, 0, 1, 2, 3, -1], 2, [False, False], id="zeros, inside"),
        # What stands in for a hidden pixel may lie beyond either edge of the true interval.
        pytest.param([1, 0, 1, 2, 3, 2], 0, [True, True], id="reflection, low"),
        pytest.param([1, 0, 1, 2, 3, 2], 5, [True, True], id="reflection, high"),
        pytest.param([1, 0, 1, 2, 3, 2], 3, [False, False], id="reflection, inside"),
    ],
)
def test_padding_by_an_axis_map_loses(taps: list[int], output: int, lost: list[bool]) -> None:
    mask = np.zeros((1, 6), bool)
    mask[0, output] = True
    site = Site((6,), ((4,),), (True,), np.zeros((1, 2), bool))
    pull(AxisMap(0, np.array(taps)[:, None]), mask, site)
    assert site.lost[0].tolist() == lost

"""`fit` on probes that have no law, or that break their contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import rfcore
from line_probes import Probe, Taps, fitted
from rfcore.errors import (
    IndependentOutputError,
    InputShapeError,
    IrregularFieldError,
    ProbeError,
    RfcoreError,
    TruncatedFieldError,
)


@pytest.mark.parametrize("length", [30, 300])
@pytest.mark.parametrize(
    "taps",
    [
        pytest.param(lambda j: range(-1000, 1000), id="global"),
        pytest.param(lambda j: range(j - 1000, j + 1), id="low edge hidden"),
        pytest.param(lambda j: range(j, j + 1000), id="high edge hidden"),
    ],
)
def test_a_clipped_field_is_refused(taps: Taps, length: int) -> None:
    with pytest.raises(TruncatedFieldError, match=f"{length}-pixel input on axis 0") as caught:
        fitted(taps, length, 30)
    assert (caught.value.axis, caught.value.input_size) == (0, length)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("strides", "shown"),
    [((1, 2), ("1", "2")), ((3, 1), ("3", "1")), ((-1, 1), ("-1", "1"))],
    ids=["1 and 2", "3 and 1", "flip and identity"],
)
def test_paths_of_different_stride_are_both_named(
    strides: tuple[int, int], shown: tuple[str, str]
) -> None:
    """The low edge moves by one stride, the high edge by the other."""
    low, high = strides
    taps = lambda j: range(low * j + 35, high * j + 80)  # noqa: E731
    with pytest.raises(IrregularFieldError) as caught:
        fitted(taps, 200, 30)
    assert f"low edge moves by {shown[0]} and its high edge by {shown[1]} " in caught.value.detail
    assert caught.value.axis == 0


@settings(max_examples=100)
@given(st.lists(st.integers(0, 3), min_size=60, max_size=60), st.integers(20, 50))
def test_an_answer_is_never_contradicted_by_what_was_probed(steps: list[int], length: int) -> None:
    """Random staircases: whatever law is given explains all outputs that are not clipped."""
    starts = np.cumsum(steps).tolist()
    try:
        axis = fitted(lambda j: range(starts[j], starts[j] + 3), length, 60)
    except RfcoreError:
        return
    for j in range(60):
        if starts[j] > 0 and starts[j] + 3 < length:
            assert axis.interval(j) == (starts[j], starts[j] + 3)


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_outputs_give_no_stride(count: int) -> None:
    with pytest.raises(IrregularFieldError, match="never taken from two neighbours") as caught:
        fitted(lambda j: range(4 * j + 3, 4 * j + 6), 20, count)
    assert f"only {count} outputs" in caught.value.detail
    assert "larger input" in caught.value.hint


def test_an_output_independent_of_the_input_is_refused() -> None:
    with pytest.raises(IndependentOutputError, match="does not depend on the input on axis 0"):
        fitted(lambda j: [], 20, 20)


# Probes that break the contract


def failing(mask: NDArray[Any]) -> NDArray[Any]:
    raise KeyError("no gradient")


@pytest.mark.parametrize(
    ("probe", "problem"),
    [
        pytest.param(lambda mask: mask * np.nan, "returned NaN or infinite values", id="nan"),
        pytest.param(lambda mask: mask / 0.0, "returned NaN or infinite values", id="inf"),
        pytest.param(
            lambda mask: np.ones((9, 2)), r"returned shape \(9, 2\), expected \(9,\)", id="rank"
        ),
        pytest.param(lambda mask: mask[1:], r"returned shape \(8,\), expected \(9,\)", id="length"),
        pytest.param(lambda mask: mask + 0j, "returned an array of type complex128", id="complex"),
        pytest.param(lambda mask: None, r"returned shape \(\)", id="nothing"),
        pytest.param(
            lambda mask: mask.astype(object), "returned an array of type object", id="object"
        ),
        pytest.param(failing, "raised KeyError: 'no gradient'", id="raises"),
    ],
)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value)")
def test_a_probe_that_breaks_its_contract_is_named(probe: Probe, problem: str) -> None:
    with pytest.raises(ProbeError, match=problem):
        rfcore.fit(probe, input_shape=(9,), output_shape=(9,))


def test_the_error_of_a_probe_is_the_cause() -> None:
    with pytest.raises(ProbeError) as caught:
        rfcore.fit(failing, input_shape=(9,), output_shape=(9,))
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_error_of_rfcore_passes_through_a_probe() -> None:
    def probe(mask: NDArray[Any]) -> NDArray[Any]:
        raise RfcoreError("the subject", "the hint")

    with pytest.raises(RfcoreError, match="the subject") as caught:
        rfcore.fit(probe, input_shape=(9,), output_shape=(9,))
    assert type(caught.value) is RfcoreError


@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.uint8, np.float16, np.float32])
def test_every_real_type_is_read(kind: type) -> None:
    field = rfcore.fit(lambda mask: mask.astype(kind), input_shape=(9,), output_shape=(9,))
    assert (field.size, field.stride) == ((1,), (1,))


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [((), ()), ((9,), (9, 9)), ((9, 9), (9,)), ((9, 0), (9, 9)), ((9,), (-1,))],
    ids=["no axes", "more outputs", "fewer outputs", "empty axis", "negative"],
)
def test_shapes_that_do_not_fit_are_refused(
    inputs: tuple[int, ...], outputs: tuple[int, ...]
) -> None:
    with pytest.raises(InputShapeError, match="does not fit output_shape") as caught:
        rfcore.fit(lambda mask: mask, input_shape=inputs, output_shape=outputs)
    assert caught.value.input_shape == inputs

"""Hard cases in JAX: large fields, loops and scans, and convolutions by way of the spectrum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import rfcore
from rfcore.errors import RfcoreError, TruncatedFieldError

Padding = tuple[int, int]


def convolution(x: Any, taps: int, *, dilation: int = 1, padding: Padding | None = None) -> Any:
    """A convolution of (batch, steps, channels) that keeps the number of steps."""
    kernel = jnp.ones((taps, x.shape[-1], x.shape[-1]))
    around = (dilation * (taps - 1) // 2,) * 2 if padding is None else padding
    return lax.conv_general_dilated(
        x, kernel, (1,), [around], rhs_dilation=(dilation,), dimension_numbers=("NHC", "HIO", "NHC")
    )


def splice_ai(x: Any) -> Any:
    for taps, dilation in ((11, 1), (11, 4), (21, 10), (41, 25)):
        for _ in range(4):
            inner = convolution(jax.nn.relu(x), taps, dilation=dilation)
            x = x + convolution(jax.nn.relu(inner), taps, dilation=dilation)
    return x


def wavenets(x: Any) -> Any:
    for _ in range(7):
        for level in range(14):
            x = x + convolution(jnp.tanh(x), 2, dilation=2**level, padding=(2**level, 0))
    return x


@pytest.mark.parametrize(
    ("function", "steps", "size", "padding"),
    [
        # 1 + 8 sum (k - 1) d, half of it on each side.
        pytest.param(splice_ai, 15_000, 10_001, 5000, id="splice-ai-10k"),
        # 7 (2^14 - 1) steps of the past.
        pytest.param(wavenets, 16_000, 114_682, 114_681, id="wavenets"),
    ],
)
def test_fields_of_thousands_of_steps(
    function: Callable[[Any], Any], steps: int, size: int, padding: int
) -> None:
    [axis] = rfcore.estimate(function, backend="jax", input_shape=(steps, 2)).axes
    assert (axis.size, axis.stride, axis.padding) == (size, 1, padding)


def cell(state: Any, step: Any) -> tuple[Any, Any]:
    state = jnp.tanh(step @ jnp.ones((2, 2)) + state @ jnp.ones((2, 2)))
    return state, state


def scanned(x: Any) -> Any:
    return jnp.moveaxis(lax.scan(cell, jnp.zeros((1, 2)), jnp.moveaxis(x, 1, 0))[1], 0, 1)


def looped(x: Any) -> Any:
    state, states = jnp.zeros((1, 2)), []
    for step in range(x.shape[1]):
        state, _ = cell(state, x[:, step])
        states.append(state)
    return jnp.stack(states, 1)


def scanned_frames(x: Any) -> Any:
    def frame(state: Any, step: Any) -> tuple[Any, Any]:
        state = jnp.tanh(convolution(step + state, 3))
        return state, state

    first = jnp.zeros((1, *x.shape[2:]))
    return jnp.moveaxis(lax.scan(frame, first, jnp.moveaxis(x, 1, 0))[1], 0, 1)


def summed_by_halves(x: Any) -> Any:
    return lax.associative_scan(lambda early, late: early * 0.5 + late, x, axis=1)


def test_a_scan_sees_the_past() -> None:
    field = rfcore.estimate(scanned, backend="jax", input_shape=(64, 2))
    assert [field.axes[0].interval(j) for j in (0, 40)] == [(0, 1), (0, 41)]
    assert any("low end" in note and "scan" in note for note in field.notes)


@pytest.mark.parametrize(
    ("function", "options", "said"),
    [
        pytest.param(looped, {"input_shape": (64, 2)}, r"step by step \(first by slice", id="loop"),
        pytest.param(
            scanned_frames,
            {"input_shape": (6, 64, 2), "layout": "NTLC"},
            r"step by step \(first by scan",
            id="scan-of-convolutions",
        ),
        pytest.param(
            summed_by_halves, {"input_shape": (64, 2)}, "beginning with slice", id="halves"
        ),
    ],
)
def test_loops_whose_length_is_that_of_the_input_are_refused_by_name(
    function: Callable[[Any], Any], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(TruncatedFieldError, match=said) as caught:
        rfcore.estimate(function, backend="jax", **options)
    assert caught.value.axis == 0


def test_one_frame_of_a_scan_has_the_field_that_its_refusal_promises() -> None:
    with pytest.raises(RfcoreError) as caught:
        rfcore.estimate(scanned_frames, backend="jax", input_shape=(6, 64, 2), layout="NTLC")
    assert "measure one step of the loop" in caught.value.hint
    step = rfcore.estimate(lambda x: convolution(x, 3), backend="jax", input_shape=(64, 2))
    assert step.size == (3,)


def by_way_of_the_spectrum(x: Any) -> Any:
    length = x.shape[1] + 8
    spectrum = jnp.fft.rfft(x, length, axis=1) * jnp.fft.rfft(jnp.ones((1, 9, 1)), length, axis=1)
    return jnp.fft.irfft(spectrum, length, axis=1)[:, : x.shape[1]]


def test_a_convolution_by_way_of_its_spectrum_is_flagged_as_an_upper_bound() -> None:
    field = rfcore.estimate(by_way_of_the_spectrum, backend="jax", input_shape=(64, 1))
    assert field.is_global == (True,)
    assert not field.exact
    assert any("from frequencies" in note for note in field.notes)

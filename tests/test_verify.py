"""Certificates of fields whose truth is known by hand, on forwards that are plain numpy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rfcore
from rfcore import AxisField, Certificate, ReceptiveField
from rfcore.errors import (
    BackendCapabilityError,
    CertificateTruthError,
    FieldMismatchError,
    ForwardError,
    InputTypeError,
    LocalPathsError,
    ModelError,
    OptionError,
    PluginFaultError,
)
from rfcore.notes import LOWER_BOUND, PATHS_LEFT_OUT
from rfcore.verify import Witness, verification
from toy_forwards import Array, Function, ToyBackend, swallowing_maximum, taps

Certify = Callable[..., Certificate]
ONES = (1.0, 1.0, 1.0)


@pytest.fixture
def certify(monkeypatch: pytest.MonkeyPatch) -> Certify:
    """Certifies a field, or axes, on a function, by a backend that can only run it."""

    def certify(
        axes: ReceptiveField | AxisField,
        function: Function,
        backend: ToyBackend | None = None,
        *,
        channels: int = 2,
        **options: Any,
    ) -> Certificate:
        field = ReceptiveField((axes,)) if isinstance(axes, AxisField) else axes
        chosen = ToyBackend() if backend is None else backend
        monkeypatch.setattr(verification, "find_backend", lambda model, name: chosen)
        return field.verify(function, **{"input_shape": (channels, *field.input_shape)} | options)

    return certify


def axis(size: int, outputs: int, low: int, high: int, **rest: Any) -> AxisField:
    return AxisField(size, outputs, (low,), (high,), **rest)


def verdicts(certificate: Certificate) -> set[str]:
    return {check.verdict for check in certificate.checks}


def beside_a_dead_channel(y: Array) -> Array:
    return np.concatenate([y, np.zeros_like(y)], 1)


# True fields


def test_a_valid_convolution_is_certified_by_nan_and_noise(certify: Certify) -> None:
    found = certify(axis(20, 16, 0, 5), lambda x: taps(x, [1, 2, 3, 2, 1]))
    assert found.passed
    assert found.complete
    assert found.methods == ("both",)
    assert found.input_shapes == ((20,),)
    # Output 7 is nearest to the middle and sees [7, 12); 0 and 15 are the ends.
    held = {(check.edge, check.output, check.pixel) for check in found.checks}
    assert {("low", 7, 7), ("high", 7, 11), ("high", 0, 4), ("low", 15, 15)} <= held
    assert found.forwards > len(found.checks)


TRUE = {
    "strided": (axis(33, 16, 0, 3, shift=2), lambda x: taps(x, ONES, stride=2)),
    "padded": (axis(20, 20, -2, 1), lambda x: taps(x, ONES, padding=(2, 0))),
    "dilated with holes": (axis(30, 22, 0, 9), lambda x: taps(x, ONES, dilation=4)),
    "doubled": (
        AxisField(12, 24, (0, 0), (1, 1), period=2, shift=1),
        lambda x: np.repeat(x, 2, -1),
    ),
    # Of a doubled axis three neighbours come from two pixels; which two alternates.
    "convolution over doubled": (
        AxisField(12, 24, (-1, 0), (1, 2), period=2, shift=1),
        lambda x: taps(np.repeat(x, 2, -1), ONES, padding=(1, 1)),
    ),
    "mirrored": (axis(16, 14, 13, 16, shift=-1), lambda x: taps(x[..., ::-1], ONES)),
    "mirrored and wider than the input": (
        axis(16, 16, -4, 27, shift=-1),
        lambda x: taps(x[..., ::-1], [1.0] * 31, padding=(11, 19)),
    ),
    "one tap with many before it": (axis(24, 20, 0, 5), lambda x: taps(x, [1e-6] * 5)),
    "wider than the input": (
        axis(20, 20, -50, 51),
        lambda x: taps(x, ONES, dilation=50, padding=(50, 50)),
    ),
    "wider than the input and strided": (
        axis(21, 11, -50, 51, shift=2),
        lambda x: taps(x, ONES, dilation=50, padding=(50, 50), stride=2),
    ),
    "wider than the input, beside a dead channel": (
        axis(20, 20, -20, 21),
        lambda x: beside_a_dead_channel(taps(x, [1.0] * 41, padding=(20, 20))),
    ),
    "running sum": (
        AxisField(30, 30, None, (2,)),
        lambda x: taps(x.cumsum(-1), ONES, padding=(1, 1)),
    ),
    "mean": (AxisField(30, 30, None, None), lambda x: x - x.mean(-1, keepdims=True)),
    "reduced away": (AxisField(30, 1, None, None), lambda x: x.mean(-1)),
}


@pytest.mark.parametrize("name", TRUE)
def test_true_fields_are_certified(certify: Certify, name: str) -> None:
    law, function = TRUE[name]
    found = certify(law, function)
    assert found.complete, str(found)
    assert not {"leak", "unseen", "border"} & verdicts(found)


@pytest.mark.parametrize("shape", [(20, 24), (15, 15)])
def test_axes_that_trade_places_are_followed(certify: Certify, shape: tuple[int, int]) -> None:
    height, width = shape
    field = ReceptiveField((axis(height, height - 2, 0, 3), axis(width, width - 4, 0, 5)))

    def function(x: Array) -> Array:
        return np.swapaxes(taps(taps(x, ONES, axis=2), [1.0] * 5, axis=3), 2, 3)

    assert certify(field, function).complete


def test_channels_that_move_are_followed(certify: Certify) -> None:
    field = ReceptiveField((axis(20, 18, 0, 3), axis(24, 24, 0, 1)))
    found = certify(field, lambda x: np.moveaxis(taps(x, ONES, axis=2), 1, -1))
    assert found.complete


def test_strips_are_long_on_one_axis_and_thin_on_the_other(certify: Certify) -> None:
    wide, narrow = axis(100, 100, -60, 61), axis(96, 96, -1, 2)

    def function(x: Array) -> Array:
        return taps(taps(x, ONES, dilation=60, padding=(60, 60), axis=2), ONES, padding=(1, 1))

    found = certify(ReceptiveField((wide, narrow)), function)
    assert found.complete
    # 121 pixels and one on either side: 64 more than 100 are enough. 96 - 64 is the thin size.
    assert found.input_shapes == ((100, 96), (164, 32))


def test_a_network_that_refuses_thin_strips_is_given_wider_ones(certify: Certify) -> None:
    field = ReceptiveField((axis(100, 100, -60, 61), axis(96, 96, 0, 1)))
    sizes = range(96, 1000)
    found = certify(
        field,
        lambda x: taps(x, ONES, dilation=60, padding=(60, 60), axis=2),
        ToyBackend(sizes=sizes),
    )
    assert found.complete
    assert (164, 96) in found.input_shapes


def test_paths_that_move_along_two_axes_are_asked_where_both_are_in_sight(
    certify: Certify,
) -> None:
    def function(x: Array) -> Array:
        moved = np.pad(x, [(0, 0), (0, 0), (6, 0), (6, 0)])[..., :-6, :-6]
        return x + moved

    # On five rows the other path comes from above them all, whatever the column.
    field = ReceptiveField((axis(5, 5, -6, 1), axis(40, 40, -6, 1)))
    found = certify(field, function)
    assert found.complete, str(found)
    # In sight from 5 + 64 and 40 pixels on, and 64 more to be well inside.
    assert (133, 104) in found.input_shapes
    wider = ReceptiveField((axis(5, 5, -6, 1), axis(40, 40, -7, 1)))
    assert not certify(wider, function).passed


def test_what_is_cropped_and_padded_again_is_asked_well_inside(certify: Certify) -> None:
    # Four pixels are left of twelve; the first and the last see zeros instead of what was cropped.
    def function(x: Array) -> Array:
        return taps(x[..., 4:-4], [1.0] * 7, padding=(3, 3))

    found = certify(axis(12, 4, 1, 8), function)
    assert found.complete, str(found)
    assert not certify(axis(12, 4, 0, 8), function).passed


def test_long_periods_are_sampled_and_it_says_so(certify: Certify) -> None:
    law = AxisField(12, 192, (0,) * 16, (1,) * 16, period=16, shift=1)
    found = certify(law, lambda x: np.repeat(x, 16, -1))
    assert found.complete
    assert "axis 0: 8 of 16 phases were asked" in found.notes
    every = certify(law, lambda x: np.repeat(x, 16, -1), phases=None)
    assert not every.notes
    assert {c.output % 16 for c in every.checks if c.verdict == "held"} == set(range(16))


@settings(max_examples=30)
@given(
    layers=st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 2), st.integers(0, 3), st.integers(1, 3)),
        min_size=1,
        max_size=3,
    ),
    moved=st.sampled_from([-1, 1]),
    edge=st.sampled_from(["lows", "highs"]),
)
def test_fields_of_random_chains_are_certified_and_wrong_ones_are_not(
    layers: list[tuple[int, int, int, int]], moved: int, edge: str
) -> None:
    size, length, low, high, jump = 64, 64, 0, 1, 1
    for kernel_size, stride, padding, dilation in layers:
        low, high = low - padding * jump, high + (dilation * (kernel_size - 1) - padding) * jump
        length = (length + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1
        jump *= stride

    def function(x: Array) -> Array:
        for kernel_size, stride, padding, dilation in layers:
            weights = [1.0 + tap for tap in range(kernel_size)]
            x = taps(x, weights, stride=stride, padding=(padding,) * 2, dilation=dilation)
        return x

    law = axis(size, length, low, high, shift=jump)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "find_backend", lambda model, name: ToyBackend())
        assert ReceptiveField((law,)).verify(function, input_shape=(1, size)).complete
        if high - low > 1:
            known = {"lows": low, "highs": high}[edge]
            wrong = ReceptiveField((replace(law, **{edge: (known + moved,)}),))
            assert not wrong.verify(function, input_shape=(1, size)).passed


# Wrong fields


@pytest.mark.parametrize(
    ("low", "high", "edge", "verdict", "reach", "outside"),
    [
        pytest.param(1, 5, "low", "leak", 7, 7, id="too small at the low end"),
        pytest.param(0, 4, "high", "leak", 11, 11, id="too small at the high end"),
        pytest.param(-1, 5, "low", "unseen", 7, None, id="too large at the low end"),
        pytest.param(0, 6, "high", "unseen", 11, None, id="too large at the high end"),
    ],
)
def test_an_edge_that_is_off_by_one_is_shown_by_positions(
    certify: Certify,
    low: int,
    high: int,
    edge: str,
    verdict: str,
    reach: int,
    outside: int | None,
) -> None:
    # Output 7 of 16 sees the pixels 7 … 11.
    found = certify(axis(20, 16, low, high), lambda x: taps(x, [1, 2, 3, 2, 1]))
    assert not found.passed
    assert not found.complete
    against = [check for check in found.checks if check.verdict == verdict]
    assert {check.edge for check in against} == {edge}
    (middle,) = [check for check in against if check.output == 7]
    assert middle.reach == reach
    if outside is None:
        assert middle.witness is None
    else:
        assert middle.witness is not None
        assert middle.witness.input == (outside,)
        assert middle.witness.output[-1] == 7
    assert f"output 7 {'sees pixel' if verdict == 'leak' else 'does not show'}" in str(found)


def test_a_leak_far_away_is_found_by_halving(certify: Certify) -> None:
    def function(x: Array) -> Array:
        return taps(x, ONES, padding=(1, 1)) + taps(x, [1.0], padding=(11, 0))[..., :40]

    # Every output also sees the pixel 11 before it.
    found = certify(axis(40, 40, -1, 2), function)
    (check,) = [c for c in found.leaks if c.output == 19]
    assert (check.edge, check.reach) == ("low", 8)
    assert check.witness == Witness((0, check.witness.output[1], 19), (8,))


def test_one_wrong_phase_is_found(certify: Certify) -> None:
    law = AxisField(12, 24, (-1, 0), (1, 1), period=2, shift=1)
    found = certify(law, lambda x: taps(np.repeat(x, 2, -1), ONES, padding=(1, 1)))
    assert {(check.edge, check.output % 2) for check in found.leaks} == {("high", 1)}


def test_one_output_that_differs_from_the_law_is_found(certify: Certify) -> None:
    def function(x: Array) -> Array:
        result = taps(x, ONES, padding=(1, 1))
        result[..., 5] += x[..., 25]
        return result

    found = certify(axis(40, 40, -1, 2), function)
    assert {(c.edge, c.output, c.reach) for c in found.leaks} == {("high", 5, 25)}


def test_a_path_that_is_too_faint_for_noise_is_at_least_noted(certify: Certify) -> None:
    def function(x: Array) -> Array:
        result = taps(x, ONES, padding=(1, 1))
        # Far below the precision of float32, and no zero.
        result[..., 5] += np.float32(1e-6) * np.tanh(np.float32(1e-6) * np.tanh(x[..., 25]))
        return result

    found = certify(axis(40, 40, -1, 2), function)
    assert {check.output for check in found.checks if check.method == "finite"} == {5}
    assert any("paths too faint" in note for note in found.notes)


def test_a_wrong_stride_is_found(certify: Certify) -> None:
    found = certify(axis(40, 19, 0, 3, shift=1), lambda x: taps(x, ONES, stride=2))
    assert not found.passed
    assert found.leaks


def test_a_field_said_to_be_global_is_followed_farther(certify: Certify) -> None:
    found = certify(AxisField(20, 20, None, None), lambda x: taps(x, [1.0] * 61, padding=(30, 30)))
    assert found.passed
    assert not found.complete
    assert {item.edge for item in found.unchecked} == {"low", "high"}
    assert all("or its field is merely wide" in item.why for item in found.unchecked)


def test_a_wide_field_clipped_by_a_fixed_size_is_not_shown(certify: Certify) -> None:
    law = axis(20, 20, -50, 51)
    found = certify(
        law, lambda x: taps(x, ONES, dilation=50, padding=(50, 50)), ToyBackend(sizes=[20])
    )
    assert found.passed
    assert not found.complete
    assert [item.edge for item in found.unchecked] == ["low", "high"]
    assert all("only lengths in [20] are known" in item.why for item in found.unchecked)
    assert "passed as far as it could be shown" in str(found)


def test_edges_in_sight_of_outputs_at_the_border_are_shown_at_a_fixed_size(
    certify: Certify,
) -> None:
    # Output j sees j - 15 and j + 15 only: no output sees both inside of 20 pixels.
    law = axis(20, 20, -15, 16)
    found = certify(
        law, lambda x: taps(x, ONES, dilation=15, padding=(15, 15)), ToyBackend(sizes=[20])
    )
    assert found.complete
    smaller = certify(
        axis(20, 20, -15, 15),
        lambda x: taps(x, ONES, dilation=15, padding=(15, 15)),
        ToyBackend(sizes=[20]),
    )
    assert {check.edge for check in smaller.leaks} == {"high"}


# What NaN does not tell


def test_a_maximum_that_swallows_nan_is_checked_by_noise(certify: Certify) -> None:
    found = certify(axis(30, 28, 0, 3), lambda x: swallowing_maximum(x, 3), channels=1)
    assert found.complete
    wrong = certify(axis(30, 28, 0, 4), lambda x: swallowing_maximum(x, 3), channels=1)
    assert not wrong.passed
    assert {(check.edge, check.verdict) for check in wrong.unseen} == {("high", "unseen")}


def test_a_leak_behind_what_swallows_nan_is_found_by_noise(certify: Certify) -> None:
    def function(x: Array) -> Array:
        beside = np.nan_to_num(taps(x, [1.0, 0, 0, 0, 1.0], padding=(2, 2)), nan=0.0)
        # NaN leaves no trace in it, neither as NaN nor as a change.
        hidden = np.where(np.isnan(taps(x, [1.0] * 5, padding=(2, 2))), 0.0, beside) * 0.0
        noisy = np.where(np.abs(beside) < 1e5, 0.0, 1.0)
        return taps(x, ONES, padding=(1, 1)) + hidden + noisy.astype(x.dtype)

    found = certify(axis(30, 30, -1, 2), function)
    assert not found.passed
    assert {check.method for check in found.leaks} == {"finite"}


def test_weights_of_zero_let_nan_through_and_noise_tells(certify: Certify) -> None:
    masked = [0.0, 1.0, 1.0, 0.0, 0.0]
    found = certify(axis(30, 26, 1, 3), lambda x: taps(x, masked))
    assert found.complete
    assert found.methods == ("finite",)
    assert any("NaN comes through from beyond" in note for note in found.notes)
    for low, high, edge in ((2, 3, "low"), (1, 2, "high"), (0, 3, "low"), (1, 4, "high")):
        wrong = certify(axis(30, 26, low, high), lambda x: taps(x, masked))
        assert not wrong.passed
        assert {check.edge for check in wrong.leaks + wrong.unseen} == {edge}


def test_an_edge_that_only_nan_shows_is_noted(certify: Certify) -> None:
    # The first weight is zero; NaN takes it for any other.
    found = certify(axis(30, 28, 0, 3), lambda x: taps(x, [0.0, 1.0, 1.0]))
    assert {check.edge for check in found.checks if check.method == "nan"} == {"low"}
    assert any("show by NaN alone" in note for note in found.notes)


def test_where_noise_shows_nothing_nan_is_believed(certify: Certify) -> None:
    found = certify(axis(30, 26, 1, 4), lambda x: taps(x, [0.0] * 5))
    assert {check.method for check in found.leaks} == {"nan"}
    assert certify(axis(30, 26, 0, 5), lambda x: taps(x, [0.0] * 5)).complete


def test_what_nothing_shows_is_unseen_and_no_leak(certify: Certify) -> None:
    def function(x: Array) -> Array:
        return 0.0 * np.nan_to_num(taps(x, ONES, padding=(1, 1)))

    law = axis(30, 30, -1, 2)
    exact = certify(law, function)
    assert not exact.passed
    assert not exact.leaks
    assert {check.reach for check in exact.unseen} == {None}
    above = certify(ReceptiveField((law,), exact=False, notes=("an upper bound",)), function)
    assert above.passed
    assert not above.complete
    assert any("edges that do not show may be too far out" in note for note in above.notes)


def test_saturated_gates_and_dead_units_are_woken_by_noise(certify: Certify) -> None:
    def function(x: Array) -> Array:
        return np.maximum(np.nan_to_num(taps(x, ONES, padding=(1, 1))) - 1e4, 0.0)

    assert certify(axis(30, 30, -1, 2), function).complete


def test_kernels_that_mix_far_values_are_told_from_leaks(certify: Certify) -> None:
    def function(x: Array) -> Array:
        # One rounding up or down, decided by values far away, as in a tile of Winograd's.
        rounding = np.float32(1 + 1e-7 * np.sign(np.sum(x)))
        return taps(x, ONES, padding=(1, 1)) * rounding

    found = certify(axis(40, 40, -1, 2), function)
    assert found.complete, str(found)
    assert found.methods == ("finite",)
    assert not certify(axis(40, 40, -1, 1), function).passed
    assert not certify(axis(40, 40, -1, 3), function).passed


def test_inputs_above_zero_are_tried_where_others_give_nan(certify: Certify) -> None:
    with np.errstate(invalid="ignore"):
        found = certify(axis(30, 30, -1, 2), lambda x: taps(np.log(x), ONES, padding=(1, 1)))
    assert found.complete


# Borders


@pytest.mark.parametrize("mode", ["wrap", "reflect"])
def test_padding_that_copies_the_input_is_no_leak(certify: Certify, mode: str) -> None:
    found = certify(axis(30, 30, -6, 1), lambda x: taps(x, [1.0] * 7, padding=(6, 0), mode=mode))
    assert found.complete
    border = [check for check in found.checks if check.verdict == "border"]
    # Output 0 sees the last pixel, or the six after itself.
    assert {check.reach for check in border if check.output == 0} == {29 if mode == "wrap" else 6}


def test_where_no_output_shows_the_law_borders_are_no_excuse(certify: Certify) -> None:
    law = axis(20, 20, -12, 13)
    found = certify(
        law,
        lambda x: taps(x, [1.0] * 25, padding=(12, 12), mode="wrap"),
        ToyBackend(sizes=[20]),
    )
    assert not found.passed


def test_pixels_that_strides_leave_over_are_not_asked_for(certify: Certify) -> None:
    # 31 pixels in steps of two: the last one is seen by nobody, at any size alike.
    def function(x: Array) -> Array:
        halves = taps(x, [1.0, 1.0], stride=2)
        return halves - halves.mean(-1, keepdims=True)

    found = certify(AxisField(31, 15, None, None), function)
    assert found.complete
    assert "axis 0: no output sees the last pixels, 1 in number, which strides leave over" in (
        found.notes
    )


# Refusals


def test_the_layers_backend_has_no_forward() -> None:
    field = rfcore.estimate("conv 3", input_shape=(20,))
    with pytest.raises(BackendCapabilityError, match="does not offer forwards"):
        field.verify("conv 3", input_shape=(20,))


def test_a_field_of_another_input_or_output_is_refused(certify: Certify) -> None:
    law = axis(20, 18, 0, 3)
    with pytest.raises(FieldMismatchError) as raised:
        certify(law, lambda x: taps(x, ONES), input_shape=(2, 21))
    assert (raised.value.of_field, raised.value.of_model) == ((20,), (21,))
    with pytest.raises(FieldMismatchError, match="18 outputs along axis 0"):
        certify(law, lambda x: taps(x, ONES, stride=2))


def test_a_field_without_its_global_paths_is_refused(certify: Certify) -> None:
    local = ReceptiveField((axis(20, 18, 0, 3),), notes=(f"{PATHS_LEFT_OUT}, the first",))
    with pytest.raises(LocalPathsError, match='global_paths="follow"'):
        certify(local, lambda x: taps(x, ONES))


def test_fields_that_leave_out_global_paths_say_so() -> None:
    text = "conv 3 p1, [skip | globalpool]*"
    followed, local = (
        rfcore.estimate(text, input_shape=(20,), global_paths=paths)
        for paths in ("follow", "ignore")
    )
    assert not any(note.startswith(PATHS_LEFT_OUT) for note in followed.notes)
    assert any(note.startswith(PATHS_LEFT_OUT) for note in local.notes)
    plain = rfcore.estimate("conv 3", input_shape=(20,), global_paths="ignore")
    assert not plain.notes


def test_leaks_of_a_lower_bound_are_explained(certify: Certify) -> None:
    bound = ReceptiveField((axis(20, 20, 0, 1),), exact=False, notes=(LOWER_BOUND,))
    found = certify(bound, lambda x: taps(x, ONES, padding=(1, 1)))
    assert not found.passed
    assert any("leaks show what it misses" in note for note in found.notes)


@pytest.mark.parametrize(("low", "high"), [(0, 3), (1, 3), (-1, 3), (0, 2), (0, 4)])
@pytest.mark.parametrize("name", ["maximum", "sum"])
def test_inputs_of_whole_numbers_are_exchanged(
    certify: Certify, name: str, low: int, high: int
) -> None:
    function = {
        "maximum": lambda x: np.maximum(np.maximum(x[..., :-2], x[..., 1:-1]), x[..., 2:]),
        "sum": lambda x: taps(x, ONES),
    }[name]
    whole = ToyBackend(dtype=np.dtype(np.int64))
    found = certify(axis(20, 18, low, high), function, whole)
    # Three neighbours are read, the output's own and the next two.
    assert (found.passed, found.complete) == ((low, high) == (0, 3),) * 2
    assert "nan" not in {check.method for check in found.checks if check.verdict == "held"}


def test_inputs_of_complex_numbers_are_refused(certify: Certify) -> None:
    with pytest.raises(InputTypeError, match="complex"):
        certify(axis(9, 9, 0, 1), lambda x: x, ToyBackend(dtype=np.dtype(np.complex64)))


def test_a_model_that_does_not_run_says_why(certify: Certify) -> None:
    with pytest.raises(ModelError, match="only lengths in"):
        certify(axis(9, 9, 0, 1), lambda x: x, ToyBackend(sizes=[3]))


def test_a_forward_that_draws_anew_each_time_is_refused(certify: Certify) -> None:
    numbers = count()
    with pytest.raises(ForwardError, match="different values for the same input"):
        certify(axis(9, 9, 0, 1), lambda x: x + next(numbers))


def test_a_forward_whose_shape_follows_its_values_is_refused(certify: Certify) -> None:
    def function(x: Array) -> Array:
        return x[..., : 8 if np.isnan(x).any() else 9]

    with pytest.raises(ForwardError, match=r"\(1, 2, 9\) and then \(1, 2, 8\)"):
        certify(axis(9, 9, 0, 1), function)


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        pytest.param(lambda x: 1 / 0, "ZeroDivisionError", id="raises"),
        pytest.param(lambda x: "x", "not an array of numbers", id="returns a text"),
        pytest.param(lambda x: x.astype(object), "not an array of numbers", id="returns objects"),
    ],
)
def test_a_fault_in_a_backend_is_named(certify: Certify, function: Function, problem: str) -> None:
    with pytest.raises(PluginFaultError, match=problem):
        certify(axis(9, 9, 0, 1), function)


@pytest.mark.parametrize("phases", [0, -1, True, 2.0, "all"], ids=repr)
def test_unreadable_phases_are_refused(certify: Certify, phases: object) -> None:
    with pytest.raises(OptionError):
        certify(axis(9, 9, 0, 1), lambda x: x, phases=phases)


# The certificate itself


def test_a_certificate_is_neither_true_nor_false(certify: Certify) -> None:
    found = certify(axis(9, 9, 0, 1), lambda x: x)
    with pytest.raises(CertificateTruthError, match=r"certificate\.passed"):
        bool(found)


def test_a_certificate_reads_well(certify: Certify) -> None:
    found = certify(
        axis(20, 16, 0, 5), lambda x: taps(x, [1, 2, 3, 2, 1]), ToyBackend(notes=("a",))
    )
    assert (
        repr(found)
        == f"Certificate(passed=True, complete=True, checks={len(found.checks)}, methods=('both',))"
    )
    seen = "seen by 2 outputs, nothing beyond it by 2 outputs (input (20,), by NaN and noise)"
    assert str(found).splitlines() == [
        "passed",
        f"axis 0, low edge: {seen}",
        f"axis 0, high edge: {seen}",
        "note: a",
    ]
    wrong = certify(axis(20, 16, 0, 4), lambda x: taps(x, [1, 2, 3, 2, 1]))
    assert "leaks=" in repr(wrong)
    assert str(wrong).startswith("failed: ")


def test_a_certificate_becomes_json(certify: Certify) -> None:
    found = certify(axis(20, 16, 0, 4), lambda x: taps(x, [1, 2, 3, 2, 1]))
    told = json.loads(found.to_json())
    assert told == found.to_dict()
    assert (told["passed"], told["complete"]) == (False, False)
    leak = next(check for check in told["checks"] if check["verdict"] == "leak")
    assert leak["reach"] == leak["witness"]["input"][0]
    assert ReceptiveField.from_dict(told["field"]) == found.field

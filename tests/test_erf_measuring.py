"""`rfcore.effective` on models of numpy, whose gradients are known or can be differenced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rfcore
from kernels import powers
from mutants import LayersWithGradients, Net, installed
from rfcore.errors import (
    CancelledGradientError,
    DeadGradientError,
    EffectiveFormatError,
    NonFiniteError,
    NumberError,
    OptionError,
    OutputChannelsError,
    OutputIndexError,
    PluginFaultError,
    ResumeMismatchError,
    SavePathError,
    UnknownBackendError,
)
from rfcore.hookspecs import MeasuredOutput
from rfcore.inputs import InputSpec
from rfcore.layers import Convolution
from toy_erf import dense, measured, relu, sliding, tanh
from toy_gradients import LinearMap, ToyGradientBackend

SHAPE = (2, 3, 4)
MODEL = dense(5, *SHAPE)
IMAGES = np.random.default_rng(3).normal(size=(6, *SHAPE))
AGGREGATES = {
    "abs": np.abs,
    "square": np.square,
    "positive": lambda gradient: np.maximum(gradient, 0),
}


def differenced(model: LinearMap, image: np.ndarray, units: list[int]) -> np.ndarray:
    """The gradient of the sum of some outputs, by moving one pixel at a time."""
    gradient = np.zeros(image.size)
    for pixel in range(image.size):
        ends = []
        for step in (-1e-5, 1e-5):
            moved = image.ravel().copy()
            moved[pixel] += step
            ends.append(model.bends(model.matrix @ moved)[0][units].sum())
        gradient[pixel] = (ends[1] - ends[0]) / 2e-5
    return gradient.reshape(image.shape)


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize(
    ("asked", "units"),
    [
        ({"index": 3}, [3]),
        ({"index": (-1,)}, [4]),
        ({}, [0, 1, 2, 3, 4]),
        ({"channels": [1, 4]}, [1, 4]),
    ],
    ids=["one", "from the end", "everything", "channels"],
)
def test_the_map_is_the_mean_of_what_differences_say(
    aggregate: str, asked: dict[str, Any], units: list[int]
) -> None:
    found = measured(MODEL, inputs=IMAGES, input_shape=SHAPE, aggregate=aggregate, **asked)
    rule = AGGREGATES[aggregate]
    expected = np.mean(
        [rule(differenced(MODEL, image, units)).sum(axis=0) for image in IMAGES], axis=0
    )
    np.testing.assert_allclose(found.map, expected, rtol=1e-6, atol=1e-9)
    assert (found.aggregate, found.count, found.skipped, found.complete) == (aggregate, 6, 0, True)


def test_the_script_differentiates_what_is_above_zero_only() -> None:
    taps = np.array([1.0, -2, 3])
    model = replace(sliding(taps, 9), bends=tanh)
    images = np.random.default_rng(0).normal(size=(8, 1, 9))
    with installed(ToyGradientBackend()):
        found = rfcore.effective_replknet(model, inputs=images, input_shape=(1, 9))
    # The middle of 7 outputs is number 3, on pixels 3 to 5.
    expected = np.zeros(9)
    for image in images[:, 0]:
        value = taps @ image[3:6]
        if value > 0:
            expected[3:6] += np.maximum(taps / np.cosh(value) ** 2, 0)
    np.testing.assert_allclose(found.map, expected / 8)
    assert (found.aggregate, found.index) == ("replknet", (3,))


def test_units_of_a_grid_are_named_by_their_place() -> None:
    taps = powers(3, 3)
    model = sliding(taps, 15)
    assert measured(model, input_shape=(1, 15)).index == (4,)  # of 9
    for index in range(-9, 9):
        found = measured(model, index=(index,), count=1, input_shape=(1, 15))
        np.testing.assert_allclose(found.map, np.pad(taps, (index % 9, 8 - index % 9)))
        assert found.index == (index % 9,)


# A backend with a tracer has exact fields, which say where a unit's centre is.
NET = Net([Convolution(5, stride=2), Convolution(3)])


def traced(**options: Any) -> rfcore.EffectiveReceptiveField:
    with installed(LayersWithGradients()):
        return rfcore.effective(NET, backend="mutant", count=2, **options)


def test_the_centre_is_that_of_the_exact_field() -> None:
    # Size 5 + 2·2 = 9, stride 2: unit 1 sees [2, 11) of 21 pixels, the middle one of 7 [6, 15).
    found = traced(input_shape=(21,), index=(1,))
    assert found.center == (6.5,)
    assert found.box == ((2, 11),)
    assert found.field == rfcore.estimate("conv 5 s2, conv 3", input_shape=(21,))
    # The backend's gradient is one wherever a unit sees, so that nine pixels count.
    assert (found.luo_size, found.ratio) == (9, 1)
    assert found.centroid == (6.5,)
    assert found.sigma == pytest.approx([np.sqrt((81 - 1) / 12)])
    middle = traced(input_shape=(21,))
    assert (middle.index, middle.box) == ((3,), ((6, 15),))
    assert np.flatnonzero(middle.map).tolist() == list(range(6, 15))
    np.testing.assert_array_equal(middle.offsets(0)[[6, 10, 14]], [-4, 0, 4])


def test_the_ratio_is_that_of_areas() -> None:
    found = traced(input_shape=(21, 23))
    # Seven outputs of 21 pixels, eight of 23.
    assert found.box == ((6, 15), (8, 17))
    assert (found.luo_count, found.luo_size, found.ratio) == (81, 9, 1)
    assert "100.0% of the exact size" in str(found)


def test_without_an_exact_field_the_centre_is_the_middle_and_a_note_says_so() -> None:
    found = measured(MODEL, inputs=IMAGES, input_shape=SHAPE)
    assert (found.center, found.field, found.box, found.ratio) == ((1.5, 2.0), None, None, None)
    (note,) = found.notes
    assert note.startswith("centred on the middle of the input: The backend 'toy' does not offer")
    assert note in str(found)
    assert "unknown" in str(found)


def test_what_a_backend_notes_is_kept() -> None:
    class Noting(ToyGradientBackend):
        def gradient(self, model: Any, spec: InputSpec, output: Any) -> MeasuredOutput:
            return replace(super().gradient(model, spec, output), notes=("in training mode",))

    found = measured(MODEL, Noting(), inputs=IMAGES, input_shape=SHAPE)
    assert "in training mode" in found.notes


def test_a_model_of_a_fixed_batch_counts_one_of_its_copies() -> None:
    class Batched(ToyGradientBackend):
        def input_spec(self, model: Any, input_shape: Any, layout: Any, name: Any) -> InputSpec:
            spec = super().input_spec(model, input_shape, layout, name)
            return replace(spec, shape=(3, *spec.shape[1:]))

    matrix = np.zeros((3 * 5, 3 * 24))
    for copy in range(3):
        matrix[copy * 5 : copy * 5 + 5, copy * 24 : copy * 24 + 24] = MODEL.matrix
    several = LinearMap(matrix, (3, 5), None, tanh)
    found = measured(several, Batched(), inputs=IMAGES, input_shape=SHAPE, index=2)
    alone = measured(MODEL, inputs=IMAGES, input_shape=SHAPE, index=2)
    np.testing.assert_allclose(found.map, alone.map)


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.sampled_from(sorted(AGGREGATES)),
    st.integers(0, 2**20),
)
def test_a_stream_has_the_mean_of_its_stack_in_any_batches(
    batches: list[int], aggregate: str, seed: int
) -> None:
    stack = np.random.default_rng(seed).normal(size=(sum(batches), *SHAPE))
    parts = np.split(stack, np.cumsum(batches)[:-1])
    options: dict[str, Any] = {"input_shape": SHAPE, "aggregate": aggregate}
    whole = measured(MODEL, inputs=stack, **options)
    assert measured(MODEL, inputs=iter(parts), **options) == whole
    singles = [measured(MODEL, inputs=image, **options).map for image in stack]
    np.testing.assert_allclose(whole.map, np.mean(singles, axis=0), rtol=1e-12)


@settings(max_examples=25)
@given(st.permutations(range(6)), st.integers(1, 5))
def test_the_order_of_inputs_moves_the_last_digit_at_most(order: list[int], cut: int) -> None:
    whole = measured(MODEL, inputs=IMAGES, input_shape=SHAPE)
    shuffled = measured(MODEL, inputs=IMAGES[order], input_shape=SHAPE)
    np.testing.assert_allclose(shuffled.map, whole.map, rtol=1e-12)
    assert shuffled.count == whole.count
    # In the same order, and in two halves, not even that.
    half = measured(MODEL, inputs=IMAGES, count=cut, input_shape=SHAPE)
    assert measured(MODEL, inputs=IMAGES, resume=half, input_shape=SHAPE) == whole


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=25)
def test_more_random_inputs_go_on_where_fewer_stopped(few: int, more: int, seed: int) -> None:
    options: dict[str, Any] = {"seed": seed, "input_shape": SHAPE}
    first = measured(MODEL, count=few, **options)
    both = measured(MODEL, count=few + more, **options)
    assert measured(MODEL, count=few + more, resume=first, **options) == both
    assert measured(MODEL, count=few, resume=first, **options) == first


def test_random_inputs_are_twenty_if_nothing_is_said() -> None:
    reports: list[Any] = []
    found = measured(MODEL, input_shape=SHAPE, progress=lambda *done: reports.append(done))
    assert found.count == 20
    assert found.inputs == "normal, seed 0"
    assert reports == [(number, 20) for number in range(1, 21)]


@pytest.mark.parametrize(
    ("inputs", "count", "total"),
    [(IMAGES, None, 6), (IMAGES, 4, 4), (list(IMAGES), None, None), (list(IMAGES), 4, 4)],
    ids=["stack", "part of a stack", "stream", "part of a stream"],
)
def test_progress_tells_how_many_where_that_is_known(
    inputs: Any, count: int | None, total: int | None
) -> None:
    reports: list[Any] = []
    measured(
        MODEL,
        inputs=inputs,
        count=count,
        input_shape=SHAPE,
        progress=lambda *done: reports.append(done),
    )
    assert reports == [(number, total) for number in range(1, (count or 6) + 1)]


DEAD = LinearMap(MODEL.matrix, MODEL.shape, None, lambda value: (value, np.zeros_like(value)))


def test_a_dead_unit_is_an_error_and_never_nan() -> None:
    with pytest.raises(DeadGradientError, match="zero at every pixel of 6 inputs") as caught:
        measured(DEAD, inputs=IMAGES, input_shape=SHAPE)
    assert (caught.value.count, caught.value.aggregate) == (6, "abs")


def test_a_relu_that_is_dead_at_some_inputs_is_averaged_over_all() -> None:
    model = replace(MODEL, bends=relu)
    alive = [float(model.matrix[3] @ image.ravel()) > 0 for image in IMAGES]
    assert 0 < sum(alive) < 6
    found = measured(model, inputs=IMAGES, input_shape=SHAPE, index=3)
    row = np.abs(model.matrix[3]).reshape(SHAPE).sum(axis=0)
    np.testing.assert_allclose(found.map, row * sum(alive) / 6)


def test_a_sum_of_channels_that_is_constant_is_refused_and_one_channel_is_not() -> None:
    # As behind a layer-norm: what is added to one value is taken from the others.
    matrix = MODEL.matrix - MODEL.matrix.mean(axis=0)
    model = LinearMap(matrix, MODEL.shape, None)
    options: dict[str, Any] = {"inputs": IMAGES, "input_shape": SHAPE}
    with pytest.raises(
        CancelledGradientError, match="The gradients of the unit's 5 values"
    ) as caught:
        measured(model, **options)
    assert caught.value.values == 5
    assert caught.value.ratio < 1e-12
    assert "channels=[0]" in caught.value.hint
    # That of two of them is a gradient, and so is one that cancels but for a thousandth.
    assert measured(model, channels=[0, 1], **options).mass > 0
    nearly = LinearMap(matrix + 1e-3 * MODEL.matrix, MODEL.shape, None)
    expected = np.abs(1e-3 * MODEL.matrix.sum(axis=0)).reshape(SHAPE).sum(axis=0)
    np.testing.assert_allclose(measured(nearly, **options).map, expected)


def test_whether_channels_cancel_is_told_once_there_is_a_gradient() -> None:
    """At an input where all is dead, nothing can be told."""
    matrix = MODEL.matrix - MODEL.matrix.mean(axis=0)
    asleep = np.zeros((1, *SHAPE))

    def waking(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return value, np.full_like(value, float(value.any()))

    model = LinearMap(matrix, MODEL.shape, None, waking)
    options: dict[str, Any] = {"inputs": np.concatenate([asleep, IMAGES]), "input_shape": SHAPE}
    with pytest.raises(CancelledGradientError):
        measured(model, **options)
    assert measured(model, index=2, **options).count == 7


def blowing_up(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NaN as slope where the first output is negative."""
    return value, np.full_like(value, np.nan if value[0] < 0 else 1.0)


def test_a_gradient_that_is_not_finite_is_named_and_skipped_when_asked() -> None:
    model = replace(MODEL, bends=blowing_up)
    bad = [float(model.matrix[0] @ image.ravel()) < 0 for image in IMAGES]
    assert 0 < sum(bad) < 6
    with pytest.raises(NonFiniteError, match=f"The gradient at input {bad.index(True)} ") as caught:
        measured(model, inputs=IMAGES, input_shape=SHAPE)
    assert caught.value.what == "gradient"
    found = measured(model, inputs=IMAGES, input_shape=SHAPE, on_nan="skip")
    assert (found.count, found.skipped) == (6 - sum(bad), sum(bad))


def test_the_script_notices_an_output_that_is_not_finite() -> None:
    def broken(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return value * np.nan, np.ones_like(value)

    with installed(ToyGradientBackend()), pytest.raises(NonFiniteError, match="gradient at input"):
        rfcore.effective_replknet(replace(MODEL, bends=broken), input_shape=SHAPE)


STATE: dict[str, Any] = {"inputs": IMAGES, "index": 2, "input_shape": SHAPE}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"aggregate": "square"}, "aggregate was 'abs' and is 'square'"),
        ({"index": 3}, "index was (2,) and is (3,)"),
        ({"index": (), "channels": [2]}, "channels was None and is (2,)"),
        ({"inputs": "normal"}, "inputs was 'given' and is 'normal, seed 0'"),
        ({"output": "layer4"}, "output was None and is 'layer4'"),
        ({"layout": "NCWH"}, "layout was 'NCHW' and is 'NCWH'"),
        ({"inputs": IMAGES[::-1]}, "the mass of the gradient at the first input was"),
        ({"inputs": IMAGES[[0, 2, 1, 3, 4, 5]]}, "the hash of the first 3 inputs was"),
        ({"inputs": IMAGES[:2]}, "the number of inputs was 3 and is 2"),
        ({"count": 2}, "count was 3 and is 2"),
        ({"model": dense(5, *SHAPE, seed=8)}, "the mass of the gradient at the first input"),
        ({"model": dense(6, *SHAPE)}, "output_shape was (1, 5) and is (1, 6)"),
    ],
    ids=range(12),
)
def test_another_measurement_is_not_gone_on_with(change: dict[str, Any], what: str) -> None:
    state = measured(MODEL, count=3, **STATE)
    with pytest.raises(ResumeMismatchError) as caught:
        measured(**{"model": MODEL, **STATE, "resume": state} | change)
    assert what in caught.value.message
    assert caught.value.differences
    assert caught.value.hint


def test_a_model_whose_field_has_changed_is_not_gone_on_with() -> None:
    with installed(LayersWithGradients()):
        options: dict[str, Any] = {"backend": "mutant", "count": 2, "input_shape": (21,)}
        state = rfcore.effective(NET, **options)
        # The same outputs, which see every second pixel only.
        other = Net([Convolution(3, stride=2, dilation=2), Convolution(3)])
        with pytest.raises(ResumeMismatchError, match="the exact field was"):
            rfcore.effective(other, resume=state, **options)


def test_a_state_is_taken_from_a_file_or_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "erf.npz"
    whole = measured(MODEL, **STATE)
    state = measured(MODEL, count=3, save=path, **STATE)
    for earlier in (path, str(path), state):
        assert measured(MODEL, resume=earlier, save=path, **STATE) == whole
        state.save(path)
    with pytest.raises(EffectiveFormatError):
        measured(MODEL, resume=tmp_path / "nothing.npz", **STATE)


REFUSED: dict[str, tuple[type[Exception], dict[str, Any], str]] = {
    "no count": (NumberError, {"count": 0}, "count=0 is not a whole number above 0"),
    "a count that is none": (NumberError, {"count": 2.5}, "count=2.5"),
    "true": (NumberError, {"count": True}, "count=True"),
    "a seed below zero": (NumberError, {"seed": -1}, "seed=-1"),
    "no seed": (NumberError, {"seed": None}, "seed=None"),
    "an aggregate": (OptionError, {"aggregate": "max"}, "aggregate='max' is not known"),
    "the script's own": (OptionError, {"aggregate": "replknet"}, "aggregate='replknet'"),
    "on_nan": (OptionError, {"on_nan": "zero"}, "on_nan='zero'"),
    "a folder to save in": (SavePathError, {"save": "nowhere/erf.npz"}, "there is no folder"),
    "a backend": (UnknownBackendError, {"backend": "caffe"}, "caffe"),
    "an index": (OutputIndexError, {"index": (5,)}, "place 5 of an axis of length 5"),
    "channels": (OutputChannelsError, {"channels": [7]}, "goes beyond its 5 channels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_asked_wrongly_is_refused_before_anything_is_measured(name: str) -> None:
    kind, options, problem = REFUSED[name]
    with pytest.raises(kind) as caught, installed(ToyGradientBackend()):
        rfcore.effective(MODEL, inputs=iter(IMAGES), input_shape=SHAPE, **options)
    assert problem in str(caught.value)
    assert isinstance(caught.value, rfcore.RfcoreError)
    assert caught.value.hint


def test_a_backend_that_lies_is_named() -> None:
    class Lying(ToyGradientBackend):
        def gradient(self, model: Any, spec: InputSpec, output: Any) -> MeasuredOutput:
            return replace(super().gradient(model, spec, output), at=lambda image: image)

    with pytest.raises(PluginFaultError, match="toy"):
        measured(MODEL, Lying(), inputs=IMAGES, input_shape=SHAPE)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_any_number_of_axes_is_measured(rank: int) -> None:
    shape = (1, *range(3, 3 + rank))
    found = measured(dense(2, *shape), count=3, input_shape=shape)
    assert found.map.shape == shape[1:]
    assert len(found.sigma) == len(found.centroid) == rank
    assert repr(found).startswith("EffectiveReceptiveField(count=3, aggregate='abs', shape=(3,")
    assert "\n" not in repr(found)
    assert str(found).count("\n") > rank + 5
    assert found._repr_html_().count("<table>") == 2


def test_html_shows_texts_as_they_are() -> None:
    found = measured(MODEL, inputs=IMAGES, input_shape=SHAPE, output="<b>layer</b>")
    assert "<b>" not in found._repr_html_()
    assert "&lt;b&gt;layer" in found._repr_html_()

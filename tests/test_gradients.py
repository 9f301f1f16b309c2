"""What the core makes of a measured output: cotangents, probes, and answers that are checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rfcore
from mutants import installed
from rfcore.errors import (
    InputShapeError,
    NonFiniteGradientError,
    NoSpatialAxesError,
    OutputChannelsError,
    OutputIndexError,
    PluginFaultError,
)
from rfcore.gradients import batch_axis, grid_shape, middle_index, output_cotangent, probe
from rfcore.guard import ask_gradient
from rfcore.hookspecs import Linearization, MeasuredOutput
from rfcore.inputs import InputSpec, input_spec
from toy_gradients import LinearMap, ToyGradientBackend

SPEC = input_spec((2, 5, 7), layout=None)
LINE = input_spec((1, 40), layout=None)


def output(shape: Sequence[int], axes: Any, spec: InputSpec = SPEC) -> MeasuredOutput:
    """An output of which only the shape matters."""
    return MeasuredOutput(lambda image: None, tuple(shape), axes, np.dtype(float))  # type: ignore[arg-type,return-value]


def ones_at(shape: Sequence[int], *places: Any) -> NDArray[Any]:
    expected = np.zeros(shape)
    for place in places:
        expected[place] = 1
    return expected


EVERY = slice(None)

CHOSEN: dict[str, tuple[tuple[int, ...], Any, tuple[int, ...], Any, list[Any]]] = {
    "grid": ((1, 3, 4, 5), (2, 3), (1, 2), None, [(0, EVERY, 1, 2)]),
    "counted from the end": ((1, 3, 4, 5), (2, 3), (-1, -5), None, [(0, EVERY, 3, 0)]),
    "two channels": ((1, 3, 4, 5), (2, 3), (1, 2), [0, -1], [(0, 0, 1, 2), (0, 2, 1, 2)]),
    "axes swapped": ((1, 3, 4, 5), (3, 2), (4, 1), None, [(0, EVERY, 1, 4)]),
    "channels last": ((1, 4, 5, 3), (1, 2), (1, 2), [1], [(0, 1, 2, 1)]),
    "height averaged away": ((1, 3, 5), (None, 2), (0, 4), [2], [(0, 2, 4)]),
    "a token": ((1, 9, 6), None, (3,), None, [(0, 3)]),
    "a channel of a token": ((1, 9, 6), None, (3,), [5], [(0, 3, 5)]),
    "a logit": ((1, 10), None, (3,), None, [(0, 3)]),
    "logits by channel": ((1, 10), None, (), [3, 4], [(0, 3), (0, 4)]),
    "everything": ((1, 9, 6), None, (), None, [EVERY]),
    "a number": ((), None, (), None, [()]),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_cotangent_is_one_at_what_was_chosen(name: str) -> None:
    shape, axes, index, channels, places = CHOSEN[name]
    found = output_cotangent(output(shape, axes), SPEC, index, channels)
    np.testing.assert_array_equal(found, ones_at(shape, *places))


def test_a_batch_behind_other_axes_is_not_indexed() -> None:
    spec = input_spec((9, 6), layout="LNC")
    found = output_cotangent(output((9, 1, 6), None), spec, (3, 5))
    np.testing.assert_array_equal(found, ones_at((9, 1, 6), (3, 0, 5)))
    assert batch_axis(output((9,), None), spec) is None


@pytest.mark.parametrize(
    ("shape", "axes", "index", "said"),
    [
        ((1, 3, 4, 5), (2, 3), (1,), "has 1 numbers"),
        ((1, 3, 4, 5), (2, 3), (4, 0), "place 4 of an axis of length 4"),
        ((1, 3, 4, 5), (2, 3), (0, -6), "place -6 of an axis of length 5"),
        ((1, 3, 4, 5), (2, 3), (0.5, 1), "whole numbers"),
        ((1, 3, 5), (None, 2), (1, 0), "place 1 of an axis of length 1"),
        ((1, 10), None, (3, 3), "has 2 numbers"),
        ((1, 10), None, (10,), "place 10 of an axis of length 10"),
    ],
)
def test_an_index_of_no_place_is_refused(shape: Any, axes: Any, index: Any, said: str) -> None:
    with pytest.raises(OutputIndexError, match=said) as raised:
        output_cotangent(output(shape, axes), SPEC, index)
    assert (raised.value.index, raised.value.shape) == (index, shape)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("shape", "axes", "index", "channels", "said"),
    [
        ((1, 4, 5), (1, 2), (1, 1), [0], "no axis holds them"),
        ((1, 10), None, (3,), [0], "no axis holds them"),
        ((1, 9, 6), None, (), [0], "any of its axes"),
        ((1, 3, 4, 5), (2, 3), (1, 1), [3], "beyond its 3 channels"),
        ((1, 3, 4, 5), (2, 3), (1, 1), [-4], "beyond its 3 channels"),
        ((1, 3, 4, 5), (2, 3), (1, 1), [], "names no channel"),
        ((1, 3, 4, 5), (2, 3), (1, 1), [0.5], "whole numbers"),
    ],
)
def test_channels_that_are_not_there_are_refused(
    shape: Any, axes: Any, index: Any, channels: Any, said: str
) -> None:
    with pytest.raises(OutputChannelsError, match=said) as raised:
        output_cotangent(output(shape, axes), SPEC, index, channels)
    assert raised.value.hint


def test_the_grid_of_an_output() -> None:
    averaged = output((1, 3, 5), (None, 2))
    assert (grid_shape(averaged), middle_index(averaged)) == ((1, 5), (0, 2))
    tokens = output((1, 9, 6), None)
    assert (grid_shape(tokens), middle_index(tokens)) == (None, ())


def convolution(length: int) -> NDArray[Any]:
    """A matrix: 3 taps of weights 1, -2, 3 and stride 2."""
    matrix = np.zeros(((length - 1) // 2, length))
    for row, place in enumerate(range(0, length - 2, 2)):
        matrix[row, place : place + 3] = 1, -2, 3
    return matrix


def measured(model: LinearMap, spec: InputSpec = LINE) -> MeasuredOutput:
    return ask_gradient(ToyGradientBackend(), model, spec, None)


def test_the_probe_sums_magnitudes() -> None:
    model = LinearMap(convolution(40), (1, 1, 19), (2,))
    probed = probe(measured(model), LINE, np.ones(LINE.shape))
    np.testing.assert_array_equal(np.flatnonzero(probed(ones_at((19,), 3))), [6, 7, 8])
    np.testing.assert_array_equal(probed(ones_at((19,), 3))[6:9], [1, 2, 3])


def test_the_probe_follows_axes_that_moved() -> None:
    spec = input_spec((2, 3), layout="NHW")
    identity = np.eye(6).reshape(2, 3, 6).transpose(1, 0, 2).reshape(6, 6)
    probed = probe(
        measured(LinearMap(identity, (1, 3, 2), (2, 1)), spec), spec, np.ones(spec.shape)
    )
    for place in np.ndindex(2, 3):
        np.testing.assert_array_equal(probed(ones_at((2, 3), place)), ones_at((2, 3), place))


def test_the_probe_of_an_averaged_axis_has_one_output_along_it() -> None:
    spec = input_spec((2, 3), layout="NHW")
    mean = np.tile(np.eye(3), 2) / 2
    probed = probe(measured(LinearMap(mean, (1, 3), (None, 1)), spec), spec, np.ones(spec.shape))
    np.testing.assert_array_equal(probed(ones_at((1, 3), (0, 1))), ones_at((2, 3), (EVERY, 1)) / 2)


def test_outputs_that_are_no_grid_have_no_probe() -> None:
    with pytest.raises(NoSpatialAxesError):
        probe(output((1, 10), None), SPEC, np.ones(SPEC.shape), "head")


def test_a_field_is_fitted_to_the_toy_backend() -> None:
    with installed(ToyGradientBackend()):
        model = LinearMap(convolution(40), (1, 1, 19), (2,))
        field = rfcore.estimate(model, input_shape=(1, 40), method="gradient")
    assert (field.size, field.stride, field.offset, field.exact) == ((3,), (2,), (1.5,), False)


def answering(**parts: Any) -> ToyGradientBackend:
    """A backend whose linearizations are wrong in some part."""

    class Wrong(ToyGradientBackend):
        def gradient(self, model: Any, spec: InputSpec, output: Any) -> MeasuredOutput:
            sound = super().gradient(model, spec, output)
            return replace(sound, at=lambda image: replace(sound.at(image), **parts))

    return Wrong()


def asked(backend: ToyGradientBackend) -> Linearization:
    model = LinearMap(convolution(40), (1, 1, 19), (2,))
    return ask_gradient(backend, model, LINE, None).at(np.ones(LINE.shape))


@pytest.mark.parametrize(
    ("pulled", "said"),
    [
        (lambda cotangents: None, "a NoneType, not an array"),
        (lambda cotangents: np.ones((1, 40)), r"shape \(1, 40\), expected \(2, 1, 1, 40\)"),
        (lambda cotangents: np.ones((2, 1, 1, 40), complex), "type complex128"),
        (lambda cotangents: {}["x"], "raised KeyError"),
    ],
)
def test_gradients_that_are_none_are_the_fault_of_the_plugin(pulled: Any, said: str) -> None:
    with pytest.raises(PluginFaultError, match=said):
        asked(answering(pull=pulled)).pull(np.ones((2, 1, 1, 19)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (lambda: np.ones((1, 19)), r"shape \(1, 19\), expected \(1, 1, 19\)"),
        (lambda: np.full((1, 1, 19), "x"), "type <U1"),
    ],
)
def test_values_that_are_none_are_the_fault_of_the_plugin(value: Any, said: str) -> None:
    with pytest.raises(PluginFaultError, match=said):
        asked(answering(value=value)).value()


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_may_be_the_model(number: float) -> None:
    wrong = answering(pull=lambda cotangents: np.full((len(cotangents), 1, 1, 40), number))
    with pytest.raises(NonFiniteGradientError, match="NaN or infinite"):
        asked(wrong).pull(np.ones((2, 1, 1, 19)))


def test_an_input_of_another_shape_is_refused() -> None:
    model = LinearMap(convolution(40), (1, 1, 19), (2,))
    with pytest.raises(InputShapeError, match="not what this gradient was made for"):
        measured(model).at(np.ones((1, 40)))

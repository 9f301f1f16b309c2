"""Faults in reading single TensorFlow ops: each is caught by a network beside its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

import rfcore
from rf_tf.call import Call
from rf_tf.rules import RULES
from rfcore.layers import (
    Convolution,
    Padding,
    Pooling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing import Case
from rfcore.testing.agreement import Outcome, assert_same, outcome_of
from tf_neutral import network

# The op, its attribute, what that is read as, and a network in which that matters.
FAULTS: dict[str, tuple[str, str, Callable[[Any], Any], tuple[Any, ...], tuple[int, ...]]] = {
    "dilation dropped": (
        *("Conv2D", "dilations", lambda value: [1, 1, 1, 1]),
        (Convolution(3, dilation=2, padding="same"),),
        (20, 20),
    ),
    "stride dropped": (
        *("Conv2D", "strides", lambda value: [1, 1, 1, 1]),
        (Convolution(3, 2),),
        (20, 20),
    ),
    "strides of the axes swapped": (
        *("Conv2D", "strides", lambda value: value[::-1]),
        (Convolution(3, (1, 2)),),
        (20, 20),
    ),
    "same padding taken for none": (
        *("Conv2D", "padding", lambda value: "VALID"),
        (Convolution(3, padding="same"),),
        (20, 20),
    ),
    "stride of a transposed convolution dropped": (
        *("Conv2DBackpropInput", "strides", lambda value: [1, 1, 1, 1]),
        (TransposedConvolution(4, 2),),
        (20, 20),
    ),
    "stride of pooling dropped": (
        *("MaxPool", "strides", lambda value: [1, 1, 1, 1]),
        (Pooling(2),),
        (20, 20),
    ),
    "window of pooling by one too small": (
        *("AvgPool", "ksize", lambda value: [max(1, n - 1) for n in value]),
        (Pooling(3, 2, kind="average"),),
        (20, 20),
    ),
    "aligned corners ignored": (
        *("ResizeBilinear", "align_corners", lambda value: False),
        (Upsampling(3, "aligned"),),
        (20, 20),
    ),
    "half-pixel centres ignored": (
        *("ResizeBilinear", "half_pixel_centers", lambda value: False),
        (Upsampling(2, "linear"),),
        (20, 20),
    ),
}


@contextmanager
def committed(name: str) -> Iterator[None]:
    """The rules with one of the faults."""
    kind, attribute, change, *_ = FAULTS[name]
    right = Call.attr

    def wrong(call: Call, wanted: str) -> Any:
        value = right(call, wanted)
        return change(value) if (call.name, wanted) == (kind, attribute) else value

    with mock.patch.object(Call, "attr", wrong):
        yield


def outcomes(layers: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Outcome, Outcome]:
    """What TensorFlow says of a network, and what its layers say."""
    case = Case(name="", layers=layers, input_shape=shape, source="")
    known = outcome_of(lambda: rfcore.estimate(layers, input_shape=shape))
    model = network(case)
    found = outcome_of(
        lambda: rfcore.estimate(model, backend="tf", input_shape=(*shape, case.channels))
    )
    return found, known


@pytest.mark.parametrize("name", FAULTS)
def test_an_attribute_that_is_misread_is_caught(name: str) -> None:
    *_, layers, shape = FAULTS[name]
    assert_same(*outcomes(layers, shape))
    with committed(name), pytest.raises(AssertionError):
        assert_same(*outcomes(layers, shape))


def test_padding_of_the_wrong_size_is_caught() -> None:
    layers = (Padding(3, 1), Convolution(3))
    assert_same(*outcomes(layers, (20, 20)))
    right = RULES["Pad"]

    def wrong(call: Call) -> Any:
        with mock.patch.object(Call, "array", lambda self, number: array(self, number)[:, ::-1]):
            return right(call)

    array = Call.array
    with mock.patch.dict(RULES, {"Pad": wrong}), pytest.raises(AssertionError):
        assert_same(*outcomes(layers, (20, 20)))

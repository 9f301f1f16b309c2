"""Hard cases in TensorFlow: a field of ten thousand steps, and products of spectra."""

from __future__ import annotations

import re
from typing import Any

import pytest
import tensorflow as tf

import rfcore
from rfcore.errors import NoSpatialAxesError


def convolution(x: Any, taps: int, dilation: int) -> Any:
    return tf.nn.conv1d(x, tf.ones((taps, 4, 4)), 1, "SAME", dilations=dilation)


def test_ten_thousand_steps() -> None:
    # Source: Jaganathan et al., Cell 2019: 5000 bases on each side.
    def splice_ai(x: Any) -> Any:
        for taps, dilation in ((11, 1), (11, 4), (21, 10), (41, 25)):
            for _ in range(4):
                inner = convolution(tf.nn.relu(x), taps, dilation)
                x += convolution(tf.nn.relu(inner), taps, dilation)
        return x

    field = rfcore.estimate(splice_ai, backend="tf", input_shape=(15_000, 4))
    assert (field.size, field.stride, field.padding) == ((10_001,), (1,), (5000,))


def test_a_convolution_by_way_of_its_spectrum_is_refused_with_a_layer_before_it() -> None:
    def spectral(x: Any) -> Any:
        spectrum = tf.signal.rfft(x, [80]) * tf.signal.rfft(tf.ones((1, 9)), [80])
        return tf.signal.irfft(spectrum, [80])[:, :64]

    with pytest.raises(NoSpatialAxesError, match="sees the whole input") as caught:
        rfcore.estimate(spectral, backend="tf", input_shape=(64,))
    [name] = re.findall(r"output='([^']+)'", caught.value.hint)
    assert rfcore.estimate(spectral, backend="tf", input_shape=(64,), output=name).size == (1,)

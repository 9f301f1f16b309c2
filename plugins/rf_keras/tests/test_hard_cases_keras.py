"""Hard cases in Keras: recurrent layers, frames of a video, and a field of ten thousand steps."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

import rfcore
from rfcore.errors import TruncatedFieldError

ON_TORCH = keras.backend.backend() == "torch"


def chained(shape: tuple[int, ...], *chain: Any) -> Any:
    return keras.Sequential([keras.Input(shape), *chain])


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_recurrent_layers_see_the_past_or_are_refused_by_name(kind: Any) -> None:
    convolution = layers.Conv1D(4, 5, strides=2, padding="same", name="convolution")
    model = chained((40, 2), convolution, kind(4, return_sequences=True, name="recurrent"))
    if ON_TORCH:
        # Keras writes the steps out there.
        with pytest.raises(TruncatedFieldError, match=r"step by step .*'recurrent") as caught:
            rfcore.estimate(model)
        assert "output='convolution'" in caught.value.hint
        assert rfcore.estimate(model, output="convolution").size == (5,)
        return
    [axis] = rfcore.estimate(model).axes
    # SAME: 19 · 2 + 5 - 40 = 3 padded, one of them in front.
    assert [axis.interval(j) for j in (0, 9)] == [(0, 4), (0, 22)]
    assert axis.lows is None


def test_frames_of_a_video_stay_apart() -> None:
    frame = layers.TimeDistributed(layers.Conv2D(2, 3, padding="same"))
    field = rfcore.estimate(chained((4, 32, 32, 1), frame), layout="NTHWC")
    assert (field.size, field.padding) == ((1, 3, 3), (0, 1, 1))


def test_convolutions_in_a_recurrence_are_refused_by_name() -> None:
    model = chained(
        (4, 32, 32, 1), layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True, name="cells")
    )
    with pytest.raises(TruncatedFieldError, match="'cells") as caught:
        rfcore.estimate(model, layout="NTHWC")
    assert caught.value.axis == 0


def test_ten_thousand_steps() -> None:
    # Source: Jaganathan et al., Cell 2019: 5000 bases on each side.
    given = keras.Input((15_000, 4))
    x = given
    for taps, dilation in ((11, 1), (11, 4), (21, 10), (41, 25)):
        for _ in range(4):
            inner = x
            for _ in range(2):
                inner = layers.ReLU()(layers.BatchNormalization()(inner))
                inner = layers.Conv1D(4, taps, dilation_rate=dilation, padding="same")(inner)
            x = layers.Add()([x, inner])
    field = rfcore.estimate(keras.Model(given, x))
    assert (field.size, field.stride, field.padding) == ((10_001,), (1,), (5000,))

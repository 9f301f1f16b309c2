"""Hard cases in torch: recurrence, audio codecs, decoders, tokens, spectra, computed indices."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import rfcore
from dependence import assert_traced, assert_traced_exactly


class Through(nn.Module):
    """A function of the input and of some layers."""

    def __init__(self, function: Callable[..., Any], *layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Any:
        return self.function(x, *self.layers)


# Recurrence

RECURRENT = {
    "lstm": nn.LSTM(2, 3, batch_first=True),
    "lstm of two layers": nn.LSTM(2, 3, 2),
    "lstm in both directions": nn.LSTM(2, 3, 2, bidirectional=True),
    "projected lstm": nn.LSTM(2, 4, proj_size=2, batch_first=True),
    "gru": nn.GRU(2, 3),
    "gru in both directions": nn.GRU(2, 3, batch_first=True, bidirectional=True),
    "tanh": nn.RNN(2, 3),
    "relu": nn.RNN(2, 3, nonlinearity="relu", batch_first=True),
    "tanh in both directions": nn.RNN(2, 3, 2, bidirectional=True),
}


@pytest.mark.parametrize("layer", RECURRENT.values(), ids=RECURRENT)
def test_each_step_of_a_recurrent_layer_sees_what_trying_shows(layer: nn.Module) -> None:
    # Steps or a batch first, and the last states with the outputs.
    found = assert_traced(layer, (1, 4, 2) if layer.batch_first else (4, 1, 2))
    assert found.exact


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_first_states_are_seen_by_every_step(kind: type[nn.RNNBase]) -> None:
    def forward(x: Tensor, encoder: nn.Module, decoder: nn.Module) -> Any:
        _, state = encoder(x)
        return decoder(torch.ones(1, 3, 2), state)

    layers = (kind(2, 3, 2, batch_first=True), kind(2, 3, 2, batch_first=True))
    assert_traced_exactly(Through(forward, *layers), (1, 4, 2))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_layers_see_the_past_or_all(
    kind: type[nn.RNNBase], layers: int, bidirectional: bool
) -> None:
    def forward(x: Tensor, convolution: nn.Module, recurrent: nn.Module) -> Tensor:
        return recurrent(convolution(x).transpose(1, 2))[0].transpose(1, 2)

    recurrent = kind(4, 4, layers, batch_first=True, bidirectional=bidirectional)
    model = Through(forward, nn.Conv1d(1, 4, 5, stride=2, padding=2), recurrent)
    [axis] = rfcore.estimate(model, input_shape=(1, 100)).axes
    assert axis.lows is None
    assert axis.is_global == bidirectional
    if not bidirectional:
        # Steps up to the fifth tap of its own window: 2j + 2.
        assert [axis.interval(j) for j in (0, 7)] == [(0, 3), (0, 17)]
    local = rfcore.estimate(model, input_shape=(1, 100), output="layers.0")
    assert (local.size, local.stride, local.padding) == ((5,), (2,), (2,))


def test_a_sequence_of_packed_steps_is_traced_step_by_step() -> None:
    def forward(x: Tensor, layer: nn.Module) -> Tensor:
        packed = nn.utils.rnn.pack_sequence([x[0]])
        return nn.utils.rnn.pad_packed_sequence(layer(packed)[0], batch_first=True)[0]

    assert not assert_traced(Through(forward, nn.GRU(2, 3)), (1, 4, 2)).exact


# Strided causal audio encoders and decoders


class CausalConv1d(nn.Module):
    """Pads in front by what the window exceeds its stride, with reflected samples."""

    def __init__(self, inside: int, outside: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(inside, outside, kernel_size, stride)
        self.front = kernel_size - stride

    def forward(self, x: Tensor) -> Tensor:
        # What is missing to a whole number of steps goes behind.
        behind = math.ceil(x.shape[-1] / self.convolution.stride[0])
        behind = behind * self.convolution.stride[0] - x.shape[-1]
        return self.convolution(functional.pad(x, (self.front, behind), mode="reflect"))


class CausalUpsampling(nn.Module):
    """A transposed convolution of twice its stride, cut where it would see a later step."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose1d(channels, channels, 2 * stride, stride)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x)[..., : -self.stride]


class Recurrent(nn.Module):
    """Two layers of an LSTM over time, and a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(2, 0, 1)
        return (self.lstm(x)[0] + x).permute(1, 2, 0)


def codec_encoder(*, recurrent: bool) -> nn.Module:
    """As in EnCodec: 24 kHz to 75 frames a second.

    Source: Défossez et al., "High Fidelity Neural Audio Compression", 2022, section 3.1.
    """
    layers: list[nn.Module] = [CausalConv1d(1, 2, 7)]
    for ratio in (2, 4, 5, 8):
        layers += [nn.ELU(), CausalConv1d(2, 2, 2 * ratio, ratio)]
    return nn.Sequential(*layers, *[Recurrent(2)] * recurrent, nn.ELU(), CausalConv1d(2, 4, 7))


def test_a_strided_causal_encoder_sees_the_past_of_its_frame() -> None:
    # 6 at 1; 3, 7, 9, 15 at 1, 2, 8, 40; 6 at 320.
    size = 1 + 6 + 3 + 14 + 72 + 600 + 1920
    [axis] = rfcore.estimate(codec_encoder(recurrent=False), input_shape=(1, 24_000)).axes
    assert (axis.size, axis.stride, axis.output_size) == (size, 320, 75)
    assert [axis.interval(j)[1] for j in (0, 74)] == [320, 24_000]


def test_a_recurrent_causal_encoder_sees_all_of_the_past() -> None:
    field = rfcore.estimate(codec_encoder(recurrent=True), input_shape=(1, 24_000))
    assert [field.axes[0].interval(j) for j in (0, 40)] == [(0, 320), (0, 41 * 320)]
    assert any("low end" in note and "lstm" in note for note in field.notes)


def test_a_causal_decoder_sees_the_frames_before() -> None:
    model = nn.Sequential(
        CausalConv1d(4, 2, 7),
        *[CausalUpsampling(2, ratio) for ratio in (8, 5, 4, 2)],
        CausalConv1d(2, 1, 7),
    )
    [axis] = rfcore.estimate(model, input_shape=(4, 75)).axes
    assert (axis.stride, axis.output_size) == (Fraction(1, 320), 24_000)
    for sample in (0, 319, 320, 12_345):
        # Back through six taps, and twice per upsampling: its own step and the one before.
        first = sample - 6
        for ratio in (2, 4, 5, 8):
            first = first // ratio - 1
        assert axis.interval(sample) == (first - 6, sample // 320 + 1)

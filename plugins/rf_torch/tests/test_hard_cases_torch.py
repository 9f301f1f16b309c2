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
from rfcore import errors


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


# Refusals, with ways out that work when typed


class Cells(nn.Module):
    """A loop over the steps of a sequence (batch, channels, steps)."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(1, 4)

    def forward(self, x: Tensor) -> Tensor:
        state = (torch.zeros(1, 4), torch.zeros(1, 4))
        steps = []
        for step in x.unbind(-1):
            state = self.cell(step, state)
            steps.append(state[0])
        return torch.stack(steps, dim=-1)


def aligned(scale: int) -> nn.Module:
    return nn.Upsample(scale_factor=scale, mode="linear", align_corners=True)


def convolved(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv1d(1, 1, 5, padding=2), *layers)


LINE = (1, 40)
REFUSED: dict[str, tuple[nn.Module, tuple[int, ...], type[errors.RfcoreError], str]] = {
    "a loop over cells": (
        convolved(Cells()), LINE, errors.TruncatedFieldError, "written out step by step.*'1'",
    ),
    "corners aligned, by three": (
        convolved(aligned(3)), LINE, errors.IrregularFieldError, "in '1' reads at no fixed",
    ),
    "corners aligned, by four": (
        convolved(aligned(4)), LINE, errors.TruncatedFieldError, "linear1d in '1', which reads",
    ),
    "outputs between the taps": (
        convolved(nn.ConvTranspose1d(1, 1, 2, 3)), LINE, errors.IrregularFieldError,
        "the kernel of aten.convolution in '1' is smaller",
    ),
    "tokens": (
        nn.Sequential(nn.Conv2d(3, 4, 16, 16), nn.Flatten(2)), (3, 224, 224),
        errors.MergedAxesError, "several spatial axes",
    ),
    "an uneven grid": (
        convolved(nn.AdaptiveAvgPool1d(5)), (1, 17), errors.IrregularFieldError, "no period",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("model", "shape", "error", "said"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_field_is_refused_by_name_with_a_layer_that_has_one(
    model: nn.Module, shape: tuple[int, ...], error: type[errors.RfcoreError], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        rfcore.estimate(model, input_shape=shape)
    assert "output='0'" in caught.value.hint
    assert rfcore.estimate(model, input_shape=shape, output="0").exact


def test_tokens_have_a_field_once_they_are_a_map_again() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 16, 16), nn.Flatten(2))
    field = rfcore.estimate(
        lambda x: model(x).unflatten(2, (x.shape[2] // 16, x.shape[3] // 16)),
        backend="torch",
        input_shape=(3, 224, 160),
    )
    assert (field.size, field.stride, field.output_shape) == ((16, 16), (16, 16), (14, 10))


class ShortWindows(nn.Module):
    """Attention in windows of eight steps, shifted by four where there is more than one."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Conv1d(1, 4, 4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x)
        shift = 4 if x.shape[-1] > 8 else 0
        windows = x.roll(-shift, -1).unflatten(-1, (-1, 8))
        windows = torch.softmax(windows, dim=-1)
        return windows.flatten(-2).roll(shift, -1)


def test_a_map_of_one_window_is_refused_with_a_size_that_shows_more() -> None:
    with pytest.raises(errors.TruncatedFieldError) as caught:
        rfcore.estimate(ShortWindows(), input_shape=(1, 32))
    assert "input_shape=(1, 64)" in caught.value.hint
    [axis] = rfcore.estimate(ShortWindows(), input_shape=(1, 64)).axes
    assert [axis.interval(j) for j in (3, 4, 11)] == [(-16, 16), (16, 48), (16, 48)]


@pytest.mark.parametrize(
    ("model", "shape", "error"),
    [
        pytest.param(
            nn.Sequential(nn.Linear(8, 64), nn.Unflatten(1, (4, 4, 4)), nn.Conv2d(4, 4, 3)),
            (8,),
            errors.NoSpatialAxesError,
            id="vector",
        ),
        pytest.param(
            nn.Sequential(
                nn.Flatten(), nn.Linear(8, 64), nn.Unflatten(1, (4, 4, 4)), nn.Conv2d(4, 4, 3)
            ),
            (8, 1, 1),
            errors.TruncatedFieldError,
            id="one-pixel",
        ),
    ],
)
def test_a_latent_without_positions_promises_no_layer(
    model: nn.Module, shape: tuple[int, ...], error: type[errors.RfcoreError]
) -> None:
    with pytest.raises(error) as caught:
        rfcore.estimate(model, input_shape=shape)
    assert "output=" not in caught.value.hint
    # The part behind it, from its first feature map.
    assert rfcore.estimate(model[-1], input_shape=(4, 4, 4)).size == (3, 3)


def test_a_convolution_in_a_loop_over_frames_keeps_its_other_axes() -> None:
    class Frames(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Conv2d(2, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            state, states = torch.zeros_like(x[:, 0]), []
            for frame in x.unbind(1):
                state = torch.tanh(self.gate(torch.cat([frame, state], 1)))
                states.append(state)
            return torch.stack(states, 1)

    field = rfcore.estimate(Frames(), input_shape=(4, 1, 40, 40), layout="NTCHW")
    # The last of four frames has gone through four 3x3 kernels.
    assert field.size == (4, 9, 9)
    assert field.axes[0].lows is None


def test_a_long_loop_over_frames_that_are_treated_alike_has_a_law() -> None:
    class Frames(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Conv1d(2, 2, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2))

        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([self.layers(frame) for frame in x.unbind(2)], 2)

    # 150 frames of four ops each.
    field = rfcore.estimate(Frames(), input_shape=(2, 150, 16))
    assert (field.size, field.stride, field.padding) == ((1, 4), (1, 2), (0, 1))
    assert field.exact


class MaskedPath(nn.Module):
    """A wide path that is open at one position only, counted from the high end."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self.wide = nn.Conv1d(1, 1, 5, padding=2)
        self.place = place

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[-1]
        open_here = torch.arange(length) == length - self.place
        return x + self.wide(x * open_here.to(x.dtype))


def test_outputs_that_see_more_than_those_in_the_middle_are_not_overlooked() -> None:
    # Output 40 of 60 and its four neighbours see up to five pixels, all others see one.
    assert_refused = pytest.raises(errors.IrregularFieldError, match="no single stride on axis 0")
    with assert_refused:
        rfcore.estimate(MaskedPath(20), input_shape=(1, 60))


# Spectra, and samples at computed positions


class SpectralConvolution(nn.Module):
    """A causal convolution of nine taps by way of the spectrum, in one or two dimensions."""

    def __init__(self, rank: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.rand((9,) * rank))
        self.rank = rank

    def forward(self, x: Tensor) -> Tensor:
        dims = tuple(range(-self.rank, 0))
        lengths = [n + 8 for n in x.shape[2:]]
        spectrum = torch.fft.rfftn(x, lengths, dims) * torch.fft.rfftn(self.kernel, lengths, dims)
        whole = torch.fft.irfftn(spectrum, lengths, dims)
        return whole[(..., *(slice(n) for n in x.shape[2:]))]


@pytest.mark.parametrize("rank", [1, 2])
def test_a_convolution_by_way_of_its_spectrum_is_flagged_as_an_upper_bound(rank: int) -> None:
    model, shape = SpectralConvolution(rank), (1, *(40, 48)[:rank])
    field = rfcore.estimate(model, input_shape=shape)
    assert field.is_global == (True,) * rank
    assert not field.exact
    assert any("from frequencies" in note and "upper bound" in note for note in field.notes)


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda x: torch.fft.fft2(x).abs(), id="both-axes"),
        pytest.param(lambda x: torch.fft.rfft(x).abs(), id="one-axis"),
    ],
)
def test_a_spectrum_alone_is_exact(function: Callable[[Tensor], Tensor]) -> None:
    field = rfcore.estimate(function, backend="torch", input_shape=(1, 32, 32))
    assert field.exact
    assert field.is_global[1]


def test_frames_of_a_spectrogram_are_windows() -> None:
    def frames(x: Tensor) -> Tensor:
        window = torch.ones(64)
        return torch.stft(x[:, 0], 64, 16, window=window, return_complex=True).abs()

    [axis] = rfcore.estimate(frames, backend="torch", input_shape=(1, 640)).axes
    # Centred on sample 16 j.
    assert (axis.size, axis.stride, axis.padding) == (64, 16, 32)


def deformed(x: Tensor, offsets: nn.Module, features: nn.Module) -> Tensor:
    grid = offsets(x).permute(0, 2, 3, 1)
    return functional.grid_sample(features(x), grid, align_corners=False)


def nearest_points(x: Tensor, embedding: nn.Module) -> Tensor:
    nearest = torch.cdist(x, x).topk(4, largest=False).indices
    features = embedding(x)[:, None].expand(-1, x.shape[1], -1, -1)
    return features.gather(2, nearest[..., None].expand(-1, -1, -1, 8)).amax(2)


@pytest.mark.parametrize(
    ("model", "options", "op"),
    [
        pytest.param(
            Through(deformed, nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)),
            {"input_shape": (1, 32, 32)},
            "grid_sampler_2d",
            id="deformed",
        ),
        pytest.param(
            Through(nearest_points, nn.Linear(3, 8)),
            {"input_shape": (64, 3), "layout": "NLC"},
            "gather",
            id="nearest-points",
        ),
    ],
)
def test_samples_at_computed_positions_are_flagged(
    model: nn.Module, options: dict[str, Any], op: str
) -> None:
    field = rfcore.estimate(model, **options)
    assert all(field.is_global)
    assert not field.exact
    assert any(op in note and "may see the whole" in note for note in field.notes)


# Inputs that are no images


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        pytest.param(
            nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 4)),
            {"input_shape": (100, 3), "layout": "NLC"},
            (1, 1, 0),
            id="points",
        ),
        pytest.param(
            # 4, 2 · 2 and 2 · 3 frames.
            nn.Sequential(
                nn.Conv1d(80, 8, 5), nn.Conv1d(8, 8, 3, dilation=2), nn.Conv1d(8, 8, 3, dilation=3)
            ),
            {"input_shape": (80, 300)},
            (15, 1, 0),
            id="frames-of-80-bands",
        ),
        pytest.param(
            Through(lambda x, layer: layer(x.transpose(1, 2)), nn.Conv1d(8, 8, 5, padding=2)),
            {"input_shape": (100, 8), "layout": "NLC"},
            (5, 1, 2),
            id="embedded-tokens",
        ),
    ],
)
def test_inputs_that_are_no_images(
    model: nn.Module, options: dict[str, Any], expected: tuple[int, int, int]
) -> None:
    [axis] = rfcore.estimate(model, **options).axes
    assert (axis.size, axis.stride, axis.padding) == expected


def test_points_that_share_a_maximum_are_global_through_it() -> None:
    def forward(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
        x = first(x)
        return second(torch.cat([x, x.amax(1, keepdim=True).expand_as(x)], -1))

    model = Through(forward, nn.Linear(3, 8), nn.Linear(16, 4))
    options: dict[str, Any] = {"input_shape": (100, 3), "layout": "NLC"}
    assert rfcore.estimate(model, **options).is_global == (True,)
    assert rfcore.estimate(model, **options, global_paths="ignore").size == (1,)


def test_inputs_are_measured_one_at_a_time() -> None:
    class Guided(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.image = nn.Conv2d(1, 1, 3, padding=1)
            self.guide = nn.Conv2d(1, 1, 7, stride=2, padding=3)

        def forward(self, image: Tensor, guide: Tensor) -> Tensor:
            return self.image(image) + self.guide(guide)

    model, guide = Guided(), torch.ones(1, 1, 64, 64)
    image = torch.ones(1, 1, 32, 32)
    options: dict[str, Any] = {"backend": "torch"}
    by_image = rfcore.estimate(lambda x: model(x, guide), input_shape=(1, 32, 32), **options)
    by_guide = rfcore.estimate(lambda y: model(image, y), input_shape=(1, 64, 64), **options)
    assert (by_image.size, by_image.stride) == ((3, 3), (1, 1))
    assert (by_guide.size, by_guide.stride) == ((7, 7), (2, 2))

"""1-D networks that look both ways: the wav2vec2 feature encoder and SpliceAI-10k."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn


class ChannelNorm(nn.LayerNorm):
    """Layer-norm over the channels of (batch, channels, time), for each sample in time alone."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Wav2Vec2Encoder(nn.Module):
    """Seven valid convolutions on raw audio: 400 / 320 / 0.

    Source: Baevski et al., "wav2vec 2.0", NeurIPS 2020: 25 ms windows, 20 ms apart, at 16 kHz.

    Args:
        norm: "layer" norms every layer's channels (the large model); "group" norms the first
            layer over all time (the base model), which makes the field global.
        width: channels throughout (512 in the paper).
    """

    KERNEL_SIZES = (10, 3, 3, 3, 3, 2, 2)
    STRIDES = (5, 2, 2, 2, 2, 2, 2)

    def __init__(self, *, norm: Literal["layer", "group"] = "layer", width: int = 8) -> None:
        super().__init__()
        self.conv_layers = nn.Sequential()
        in_channels = 1
        for kernel_size, stride in zip(self.KERNEL_SIZES, self.STRIDES, strict=True):
            layer = nn.Sequential(nn.Conv1d(in_channels, width, kernel_size, stride=stride))
            if norm == "layer":
                layer.append(ChannelNorm(width))
            elif len(self.conv_layers) == 0:
                layer.append(nn.GroupNorm(width, width))
            layer.append(nn.GELU())
            self.conv_layers.append(layer)
            in_channels = width

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_layers(x)


class ResidualUnit(nn.Module):
    """Twice batch-norm, ReLU and a dilated same-padded convolution, added to the input."""

    def __init__(self, channels: int, *, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential()
        for _ in range(2):
            self.body.append(nn.BatchNorm1d(channels))
            self.body.append(nn.ReLU())
            self.body.append(
                nn.Conv1d(channels, channels, kernel_size, dilation=dilation, padding="same")
            )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class SpliceAI10k(nn.Module):
    """Splice sites from 5000 bases of context on each side: 10001 / 1 / 5000.

    Same padding and no crop, so that the output has the length of the input.
    Source: Jaganathan et al., "Predicting Splicing from Primary Sequence with Deep Learning",
    Cell 2019: the field is 1 + 2 sum(dilation * (kernel_size - 1)).

    Args:
        width: channels throughout (32 in the paper).
        groups: (kernel_size, dilation) of each group of four residual units.
    """

    def __init__(
        self,
        *,
        width: int = 4,
        groups: Sequence[tuple[int, int]] = ((11, 1), (11, 4), (21, 10), (41, 25)),
    ) -> None:
        super().__init__()
        self.input = nn.Conv1d(4, width, 1)
        self.input_skip = nn.Conv1d(width, width, 1)
        self.groups = nn.ModuleList(
            nn.Sequential(
                *[ResidualUnit(width, kernel_size=size, dilation=dilation) for _ in range(4)]
            )
            for size, dilation in groups
        )
        self.skips = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in groups)
        self.head = nn.Conv1d(width, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.input(x)
        total = self.input_skip(x)
        for group, skip in zip(self.groups, self.skips, strict=True):
            x = group(x)
            total = total + skip(x)
        return torch.softmax(self.head(total), dim=1)

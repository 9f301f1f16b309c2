"""Causal 1-D networks: WaveNet, padded on the left, and the TCN, padded on both sides and cut."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OCTAVES = tuple(2**power for power in range(10))
"""Dilations 1 to 512: ten units with a kernel of 2 see 1024 samples."""


class LeftPaddedConv1d(nn.Conv1d):
    """A convolution that sees only the present and the past."""

    def forward(self, x: Tensor) -> Tensor:
        past = self.dilation[0] * (self.kernel_size[0] - 1)
        return super().forward(F.pad(x, (past, 0)))


class GatedUnit(nn.Module):
    """tanh times sigmoid of two dilated convolutions, to a residual and a skip connection."""

    def __init__(self, channels: int, *, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.filter = LeftPaddedConv1d(channels, channels, kernel_size, dilation=dilation)
        self.gate = LeftPaddedConv1d(channels, channels, kernel_size, dilation=dilation)
        self.residual = nn.Conv1d(channels, channels, 1)
        self.skip = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        out = torch.tanh(self.filter(x)) * torch.sigmoid(self.gate(x))
        return x + self.residual(out), self.skip(out)


class WaveNet(nn.Module):
    """Stacks of gated units, dilation doubling in each: 1024 samples per stack of ten.

    The input convolution is 1x1, so the field is 1 + stacks * (k - 1) * sum(dilations).
    Source: van den Oord et al., "WaveNet: A Generative Model for Raw Audio", 2016.

    Args:
        stacks: how often the dilations are repeated.
        kernel_size: of every gated unit.
        dilations: of the units of one stack.
        width: channels throughout.
    """

    def __init__(
        self,
        stacks: int = 1,
        *,
        kernel_size: int = 2,
        dilations: Sequence[int] = OCTAVES,
        width: int = 4,
    ) -> None:
        super().__init__()
        self.input = nn.Conv1d(1, width, 1)
        self.units = nn.ModuleList(
            GatedUnit(width, kernel_size=kernel_size, dilation=dilation)
            for _ in range(stacks)
            for dilation in dilations
        )
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv1d(width, width, 1), nn.ReLU(), nn.Conv1d(width, width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.input(x)
        total = torch.zeros_like(x)
        for unit in self.units:
            x, skip = unit(x)
            total = total + skip
        return self.head(total)


class Chomp(nn.Module):
    """Cuts the last samples, which saw the future."""

    def __init__(self, samples: int) -> None:
        super().__init__()
        self.samples = samples

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : -self.samples].contiguous()


class TemporalBlock(nn.Module):
    """Two causal convolutions of one dilation and a shortcut."""

    def __init__(self, in_channels: int, channels: int, *, kernel_size: int, dilation: int) -> None:
        super().__init__()
        padding = dilation * (kernel_size - 1)

        def unit(unit_channels: int) -> nn.Sequential:
            convolution = nn.Conv1d(
                unit_channels, channels, kernel_size, padding=padding, dilation=dilation
            )
            return nn.Sequential(convolution, Chomp(padding), nn.ReLU(), nn.Dropout(0.2))

        self.net = nn.Sequential(unit(in_channels), unit(channels))
        same = in_channels == channels
        self.downsample = nn.Identity() if same else nn.Conv1d(in_channels, channels, 1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.net(x) + self.downsample(x))


class TCN(nn.Module):
    """A temporal convolutional network: 1 + 2 (k - 1) * stacks * sum(dilations) samples.

    Source: Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and
    Recurrent Networks for Sequence Modeling", 2018.

    Args:
        kernel_size: of every convolution.
        dilations: one block each.
        stacks: how often the dilations are repeated.
        width: channels of every block.
    """

    def __init__(
        self, kernel_size: int, dilations: Sequence[int], *, stacks: int = 1, width: int = 4
    ) -> None:
        super().__init__()
        self.network = nn.Sequential()
        in_channels = 1
        for dilation in [*dilations] * stacks:
            self.network.append(
                TemporalBlock(in_channels, width, kernel_size=kernel_size, dilation=dilation)
            )
            in_channels = width

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)

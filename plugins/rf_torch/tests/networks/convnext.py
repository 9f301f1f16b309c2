"""ConvNeXt-Tiny: depthwise 7x7, channels-last norms, layer scales that start at 1e-6."""

import torch
from torch import Tensor, nn


class LayerNorm2d(nn.LayerNorm):
    """Layer-norm over the channels of (batch, channels, height, width)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """Depthwise 7x7, then an MLP on channels-last values, scaled and added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.activation = nn.GELU()
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.layer_scale = nn.Parameter(torch.full((channels,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        out = self.layer_scale * self.pwconv2(self.activation(self.pwconv1(out)))
        return x + out.permute(0, 3, 1, 2)


class ConvNeXtTiny(nn.Module):
    """The features of ConvNeXt-Tiny: features is 1688 / 32 / 828.

    Source: Liu et al., "A ConvNet for the 2020s", CVPR 2022.

    Args:
        width: channels of the stem (96 in the paper).
    """

    def __init__(self, *, width: int = 8) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, width, 4, stride=4), LayerNorm2d(width, eps=1e-6))
        )
        for level, depth in enumerate((3, 3, 9, 3)):
            channels = width * 2**level
            if level > 0:
                downsampling = nn.Conv2d(channels // 2, channels, 2, stride=2)
                norm = LayerNorm2d(channels // 2, eps=1e-6)
                self.features.append(nn.Sequential(norm, downsampling))
            self.features.append(nn.Sequential(*[ConvNeXtBlock(channels) for _ in range(depth)]))

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)

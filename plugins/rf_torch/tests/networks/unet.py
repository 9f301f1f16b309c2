"""U-Nets: same-padded of any depth with three ways up, and the original valid one."""

from typing import Literal

import torch
from torch import Tensor, nn

Upsampling = Literal["transposed", "nearest", "bilinear"]


class UNet(nn.Module):
    """A same-padded U-Net: two 3x3 per level, 2x2 max-pools, skips by concatenation.

    The field repeats with a period of 2**depth outputs; per phase its sizes are, for depth 1 to
    5, {18}, {44}, {92, 100}, {188, 204}, {380, 412}, and with bilinear upsampling {20},
    {48, 52}, {108, 116}, {220, 236}, {444, 476}.

    Args:
        depth: number of poolings.
        up: transposed 2x2 convolution, or interpolation followed by a 1x1 convolution.
        width: channels of the first level; they double from level to level.
    """

    def __init__(self, depth: int, *, up: Upsampling = "transposed", width: int = 2) -> None:
        super().__init__()
        channels = [width * 2**level for level in range(depth + 1)]
        self.pool = nn.MaxPool2d(2)
        self.encoders = nn.ModuleList(
            _pair(before, after, padding=1)
            for before, after in zip([1, *channels], channels, strict=False)
        )
        self.ups = nn.ModuleList(_up(after, up) for after in reversed(channels[:-1]))
        self.decoders = nn.ModuleList(
            _pair(2 * after, after, padding=1) for after in reversed(channels[:-1])
        )
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        *encoders, bottom = self.encoders
        skips = []
        for encoder in encoders:
            skips.append(encoder(x))
            x = self.pool(skips[-1])
        x = bottom(x)
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            x = decoder(torch.cat([skips.pop(), up(x)], dim=1))
        return self.head(x)


class ValidUNet(nn.Module):
    """The original U-Net: no padding, skips cropped to their centre, 572 pixels to 388.

    The field is 188 in 4 of the 16 phases and 204 in the other 12; the stride is 1.
    Source: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", MICCAI 2015, figure 1.

    Args:
        width: channels of the first level (64 in the paper).
    """

    DEPTH = 4

    def __init__(self, *, width: int = 2) -> None:
        super().__init__()
        channels = [width * 2**level for level in range(self.DEPTH + 1)]
        self.pool = nn.MaxPool2d(2)
        self.encoders = nn.ModuleList(
            _pair(before, after, padding=0)
            for before, after in zip([1, *channels], channels, strict=False)
        )
        self.ups = nn.ModuleList(_up(after, "transposed") for after in reversed(channels[:-1]))
        self.decoders = nn.ModuleList(
            _pair(2 * after, after, padding=0) for after in reversed(channels[:-1])
        )
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        *encoders, bottom = self.encoders
        skips = []
        for encoder in encoders:
            skips.append(encoder(x))
            x = self.pool(skips[-1])
        x = bottom(x)
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            x = up(x)
            x = decoder(torch.cat([_centre_crop(skips.pop(), x), x], dim=1))
        return self.head(x)


def _pair(in_channels: int, channels: int, *, padding: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 3, padding=padding),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=padding),
        nn.ReLU(inplace=True),
    )


def _up(channels: int, up: Upsampling) -> nn.Module:
    if up == "transposed":
        return nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
    align_corners = False if up == "bilinear" else None
    resize = nn.Upsample(scale_factor=2, mode=up, align_corners=align_corners)
    return nn.Sequential(resize, nn.Conv2d(2 * channels, channels, 1))


def _centre_crop(x: Tensor, target: Tensor) -> Tensor:
    height, width = target.shape[-2:]
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]

"""PixelCNN: convolutions whose kernels are masked to the pixels already drawn."""

from typing import Literal

import torch
from torch import Tensor, nn

MaskKind = Literal["A", "B"]


class InPlaceMaskedConv2d(nn.Conv2d):
    """Masks its weight for good at every call: the classic way, which writes to `weight.data`."""

    mask: Tensor

    def __init__(self, kind: MaskKind, in_channels: int, channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, channels, kernel_size, padding=kernel_size // 2)
        self.register_buffer("mask", raster_mask(kind, kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        self.weight.data *= self.mask
        return super().forward(x)


class FunctionalMaskedConv2d(nn.Conv2d):
    """Convolves with the product of weight and mask, and leaves the weight alone."""

    mask: Tensor

    def __init__(self, kind: MaskKind, in_channels: int, channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, channels, kernel_size, padding=kernel_size // 2)
        self.register_buffer("mask", raster_mask(kind, kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight * self.mask, self.bias)


MaskedConv2d = InPlaceMaskedConv2d | FunctionalMaskedConv2d


class PixelCNN(nn.Module):
    """A mask-A convolution, then mask-B ones, with ReLUs between.

    One to six 3x3 layers see 4, 11, 21, 34, 50, 69 pixels; all lie above the output or to its
    left, with the blind spot on the right that gave the Gated PixelCNN its second stack.
    Source: van den Oord et al., "Pixel Recurrent Neural Networks", ICML 2016.

    Args:
        layers: number of convolutions.
        convolution: how the mask is applied.
        kernel_size: of every convolution.
        width: channels between the layers.
    """

    def __init__(
        self,
        layers: int,
        *,
        convolution: type[MaskedConv2d] = InPlaceMaskedConv2d,
        kernel_size: int = 3,
        width: int = 8,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(convolution("A", 1, width, kernel_size))
        for _ in range(layers - 1):
            self.layers.append(nn.ReLU())
            self.layers.append(convolution("B", width, width, kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def raster_mask(kind: MaskKind, kernel_size: int) -> Tensor:
    """Returns a square of ones before the centre in raster order; "B" keeps the centre too."""
    centre = kernel_size * kernel_size // 2
    order = torch.arange(kernel_size * kernel_size).reshape(kernel_size, kernel_size)
    return ((order <= centre) if kind == "B" else (order < centre)).float()

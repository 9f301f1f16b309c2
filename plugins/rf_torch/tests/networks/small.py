"""Small nets with a derivation by hand: two paths that meet, unequal axes, dilation holes."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class AlignedPaths(nn.Module):
    """1x1 stride 4, beside a top-left pad, 3x3 stride 2 and 1x1 stride 2: 3 / 4 / 1.

    This net and the three after it follow the tests of Araujo, Norris and Sim, "Computing
    Receptive Fields of Convolutional Neural Networks", Distill 2019.
    """

    def __init__(self, *, width: int = 2) -> None:
        super().__init__()
        self.left = nn.Conv2d(1, width, 1, stride=4)
        self.right = nn.Sequential(
            nn.ZeroPad2d((1, 0, 1, 0)),
            nn.Conv2d(1, width, 3, stride=2),
            nn.Conv2d(width, width, 1, stride=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.left(x) + self.right(x)


class StackedAlignedPaths(nn.Module):
    """`AlignedPaths`, ReLU, then 1x1 stride 2 beside a padded 3x3 stride 2: 11 / 8 / 5."""

    def __init__(self, *, width: int = 2) -> None:
        super().__init__()
        self.first = AlignedPaths(width=width)
        self.relu = nn.ReLU()
        self.left = nn.Conv2d(width, width, 1, stride=2)
        self.right = nn.Sequential(nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(width, width, 3, stride=2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.first(x))
        return self.left(x) + self.right(x)


class SamePaddedConv2d(nn.Conv2d):
    """A strided convolution padded as TensorFlow's SAME: by the input's size, more at the end."""

    def forward(self, x: Tensor) -> Tensor:
        top, bottom = self._padding(x.shape[-2], axis=0)
        left, right = self._padding(x.shape[-1], axis=1)
        return super().forward(F.pad(x, (left, right, top, bottom)))

    def _padding(self, length: int, *, axis: int) -> tuple[int, int]:
        stride, extent = self.stride[axis], self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
        total = max((-(-length // stride) - 1) * stride + extent - length, 0)
        return total // 2, total - total // 2


class SizeDependentPaths(nn.Module):
    """1x1 stride 4, beside SAME 3x3 stride 2 and 1x1 stride 2.

    On an odd size such as 9x9 it is 3 / 4 / 1; on an even one such as 8x8 the paths' centres
    differ and the hull is 3 / 4 / 0.
    """

    def __init__(self, *, width: int = 2) -> None:
        super().__init__()
        self.left = nn.Conv2d(1, width, 1, stride=4)
        self.right = nn.Sequential(
            SamePaddedConv2d(1, width, 3, stride=2), nn.Conv2d(width, width, 1, stride=2)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.left(x) + self.right(x)


class MisalignedPaths(nn.Module):
    """1x1 stride 2, beside a cropped 3x3 of stride 1: the sum has no single stride.

    Output j sees 2j through one path and [j, j + 3) through the other.
    """

    def __init__(self, *, width: int = 2) -> None:
        super().__init__()
        self.left = nn.Conv2d(1, width, 1, stride=2)
        self.right = nn.Conv2d(1, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        left = self.left(x)
        height, width = left.shape[-2:]
        return left + self.right(x)[..., :height, :width]


class UnequalAxes(nn.Sequential):
    """(3, 5) stride 2, then (3, 1) stride 2: 7 / 4 / 0 in height, 5 / 4 / 0 in width."""

    def __init__(self, *, width: int = 2) -> None:
        super().__init__(
            nn.Conv2d(1, width, (3, 5), stride=2), nn.Conv2d(width, width, (3, 1), stride=2)
        )


class DilatedChain(nn.Sequential):
    """Same-padded convolutions of stride 1 with the given dilations, in one to three dimensions.

    Positions seen / extent on one axis, kernel size 3: (2,2,2) 7/13; (1,2,3) 13/13;
    (1,2,5) 17/17; (1,2,9) 21/25; (2,4,8) 15/29.

    Args:
        dilations: one convolution each.
        dimensions: number of spatial axes.
        kernel_size: of every convolution.
        width: channels between the layers.
    """

    def __init__(
        self,
        dilations: Sequence[int],
        *,
        dimensions: int = 1,
        kernel_size: int = 3,
        width: int = 2,
    ) -> None:
        convolution = CONVOLUTIONS[dimensions]
        super().__init__(
            *[
                convolution(
                    1 if layer == 0 else width,
                    width,
                    kernel_size,
                    dilation=dilation,
                    padding=dilation * (kernel_size // 2),
                )
                for layer, dilation in enumerate(dilations)
            ]
        )

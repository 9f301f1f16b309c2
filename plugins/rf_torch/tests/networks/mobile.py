"""Inverted residuals: MobileNetV2 and EfficientNet-B0, with PyTorch's symmetric padding."""

from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """Scales channels by a function of their means over the whole map: a global path."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.activation = nn.SiLU(inplace=True)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.scale_activation = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        squeezed = self.activation(self.fc1(self.avgpool(x)))
        return self.scale_activation(self.fc2(squeezed)) * x


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, optional gate, 1x1 projection, shortcut.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        expansion: factor of the expansion; 1 leaves it out.
        kernel_size: of the depthwise convolution.
        stride: of the depthwise convolution; there is no shortcut unless it is 1.
        activation: its class.
        squeeze_excite: whether a squeeze-and-excite gate follows the depthwise convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        expansion: int,
        kernel_size: int,
        stride: int,
        activation: type[nn.Module],
        squeeze_excite: bool,
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.shortcut = stride == 1 and in_channels == out_channels
        self.conv = nn.Sequential()
        if expansion > 1:
            self.conv.append(_unit(in_channels, hidden, 1, activation=activation))
        self.conv.append(
            _unit(hidden, hidden, kernel_size, stride=stride, groups=hidden, activation=activation)
        )
        if squeeze_excite:
            self.conv.append(SqueezeExcite(hidden, max(1, in_channels // 4)))
        self.conv.append(nn.Conv2d(hidden, out_channels, 1, bias=False))
        self.conv.append(nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    """The features of MobileNetV2: features is 491 / 32 / 245.

    Args:
        width: channels of the stem (32 in the paper); the others scale with it.
    """

    # Expansion, stride, channels, repeats. Source: Sandler et al., CVPR 2018, table 2.
    STAGES = (
        (1, 1, 16, 1),
        (6, 2, 24, 2),
        (6, 2, 32, 3),
        (6, 2, 64, 4),
        (6, 1, 96, 3),
        (6, 2, 160, 3),
        (6, 1, 320, 1),
    )

    def __init__(self, *, width: int = 8) -> None:
        super().__init__()
        self.features = nn.Sequential(_unit(3, width, 3, stride=2, activation=nn.ReLU6))
        in_channels = width
        for expansion, stride, channels, repeats in self.STAGES:
            out_channels = channels * width // 32
            for repeat in range(repeats):
                block = InvertedResidual(
                    in_channels,
                    out_channels,
                    expansion=expansion,
                    kernel_size=3,
                    stride=stride if repeat == 0 else 1,
                    activation=nn.ReLU6,
                    squeeze_excite=False,
                )
                self.features.append(block)
                in_channels = out_channels
        self.features.append(_unit(in_channels, 40 * width, 1, activation=nn.ReLU6))

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)


class EfficientNetB0(nn.Module):
    """The features of EfficientNet-B0: features is 851 / 32 / 425, global through its gates.

    Args:
        width: channels of the stem (32 in the paper); the others scale with it.
        squeeze_excite: without the gates the field is the local one.
    """

    # Expansion, kernel, stride, channels, repeats. Source: Tan and Le, ICML 2019, table 1.
    STAGES = (
        (1, 3, 1, 16, 1),
        (6, 3, 2, 24, 2),
        (6, 5, 2, 40, 2),
        (6, 3, 2, 80, 3),
        (6, 5, 1, 112, 3),
        (6, 5, 2, 192, 4),
        (6, 3, 1, 320, 1),
    )

    def __init__(self, *, width: int = 8, squeeze_excite: bool = True) -> None:
        super().__init__()
        self.features = nn.Sequential(_unit(3, width, 3, stride=2, activation=nn.SiLU))
        in_channels = width
        for expansion, kernel_size, stride, channels, repeats in self.STAGES:
            out_channels = channels * width // 32
            stage = nn.Sequential()
            for repeat in range(repeats):
                block = InvertedResidual(
                    in_channels,
                    out_channels,
                    expansion=expansion,
                    kernel_size=kernel_size,
                    stride=stride if repeat == 0 else 1,
                    activation=nn.SiLU,
                    squeeze_excite=squeeze_excite,
                )
                stage.append(block)
                in_channels = out_channels
            self.features.append(stage)
        self.features.append(_unit(in_channels, 40 * width, 1, activation=nn.SiLU))

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)


def _unit(
    in_channels: int,
    channels: int,
    kernel_size: int,
    *,
    activation: type[nn.Module],
    stride: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(channels),
        activation(),
    )

"""Networks that concatenate: DenseNet-121 and GoogLeNet, as torchvision lays them out."""

import torch
from torch import Tensor, nn


class DenseLayer(nn.Module):
    """Norm, ReLU, 1x1, norm, ReLU, 3x3; the result is appended to the input's channels."""

    def __init__(self, in_channels: int, growth: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(self.relu(self.norm1(x)))
        out = self.conv2(self.relu(self.norm2(out)))
        return torch.cat([x, out], dim=1)


class DenseNet121(nn.Module):
    """The features of DenseNet-121: features is 2071 / 32 / 1021.

    Args:
        growth: channels that each layer appends (32 in the paper).
    """

    def __init__(self, *, growth: int = 4) -> None:
        super().__init__()
        channels = 2 * growth
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(3, channels, 7, 2, padding=3, bias=False))
        self.features.add_module("norm0", nn.BatchNorm2d(channels))
        self.features.add_module("relu0", nn.ReLU(inplace=True))
        self.features.add_module("pool0", nn.MaxPool2d(3, 2, padding=1))
        for number, depth in enumerate((6, 12, 24, 16), start=1):
            block = nn.Sequential()
            for layer in range(1, depth + 1):
                block.add_module(f"denselayer{layer}", DenseLayer(channels, growth))
                channels += growth
            self.features.add_module(f"denseblock{number}", block)
            if number < 4:
                self.features.add_module(f"transition{number}", _transition(channels))
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.features(x))


class ConvNormRelu(nn.Sequential):
    """A convolution, batch-norm and ReLU."""

    def __init__(
        self, in_channels: int, channels: int, kernel_size: int, *, stride: int = 1
    ) -> None:
        padding = kernel_size // 2
        super().__init__(
            nn.Conv2d(in_channels, channels, kernel_size, stride, padding, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )


class Inception(nn.Module):
    """Four concatenated branches; torchvision's third has a 3x3 where the paper has a 5x5."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.branch1 = ConvNormRelu(in_channels, channels, 1)
        self.branch2 = nn.Sequential(
            ConvNormRelu(in_channels, channels, 1), ConvNormRelu(channels, channels, 3)
        )
        self.branch3 = nn.Sequential(
            ConvNormRelu(in_channels, channels, 1), ConvNormRelu(channels, channels, 3)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, 1, padding=1, ceil_mode=True), ConvNormRelu(in_channels, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        branches = [self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)]
        return torch.cat(branches, dim=1)


class GoogLeNet(nn.Module):
    """GoogLeNet up to its last feature map: inception5b is 379 / 32 / 167.

    Args:
        width: channels of every branch; the paper's differ from branch to branch.
    """

    def __init__(self, *, width: int = 4) -> None:
        super().__init__()
        channels = 4 * width
        self.conv1 = ConvNormRelu(3, width, 7, stride=2)
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = ConvNormRelu(width, width, 1)
        self.conv3 = ConvNormRelu(width, channels, 3)
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception3a = Inception(channels, width)
        self.inception3b = Inception(channels, width)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception4a = Inception(channels, width)
        self.inception4b = Inception(channels, width)
        self.inception4c = Inception(channels, width)
        self.inception4d = Inception(channels, width)
        self.inception4e = Inception(channels, width)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.inception5a = Inception(channels, width)
        self.inception5b = Inception(channels, width)

    def forward(self, x: Tensor) -> Tensor:
        # The modules are registered in the order of the computation.
        for module in self.children():
            x = module(x)
        return x


def _transition(channels: int) -> nn.Sequential:
    transition = nn.Sequential()
    transition.add_module("norm", nn.BatchNorm2d(channels))
    transition.add_module("relu", nn.ReLU(inplace=True))
    transition.add_module("conv", nn.Conv2d(channels, channels // 2, 1, bias=False))
    transition.add_module("pool", nn.AvgPool2d(2, 2))
    return transition

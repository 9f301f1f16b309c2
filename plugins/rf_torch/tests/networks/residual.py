"""Residual networks: ResNet-18/34/50 as torchvision lays them out, FCN-ResNet50, BagNet-33."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; the stride is on the first."""

    expansion = 1

    def __init__(
        self, in_channels: int, channels: int, *, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.conv1 = _convolution(in_channels, channels, stride=stride, dilation=dilation)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _convolution(channels, channels, dilation=dilation)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + self.downsample(x))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 and a shortcut; the stride is on the 3x3 (ResNet v1.5)."""

    expansion = 4

    def __init__(
        self, in_channels: int, channels: int, *, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        out_channels = channels * self.expansion
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _convolution(channels, channels, stride=stride, dilation=dilation)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.relu(self.bn3(self.conv3(out)) + self.downsample(x))


class ResNet(nn.Module):
    """The trunk of a ResNet, without pooling and classifier.

    Args:
        block: the residual block.
        depths: blocks in layer1 to layer4.
        width: channels of the stem (64 in the paper).
        dilate: for layer2 to layer4, whether dilation replaces the stride.
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        depths: Sequence[int],
        *,
        width: int = 8,
        dilate: Sequence[bool] = (False, False, False),
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        in_channels, dilation = width, 1
        for level, (depth, dilated) in enumerate(zip(depths, (False, *dilate), strict=True)):
            stride = 1 if level == 0 or dilated else 2
            # As in torchvision, a dilated stage's first block keeps the dilation before it.
            first_dilation, dilation = dilation, dilation * 2 if dilated else dilation
            channels = width * 2**level
            blocks = [block(in_channels, channels, stride=stride, dilation=first_dilation)]
            in_channels = channels * block.expansion
            blocks += [block(in_channels, channels, dilation=dilation) for _ in range(depth - 1)]
            self.add_module(f"layer{level + 1}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return self.layer4(self.layer3(x))


def resnet18(*, width: int = 8) -> ResNet:
    """Returns a ResNet-18 trunk: layer4 is 435 / 32 / 217."""
    return ResNet(BasicBlock, (2, 2, 2, 2), width=width)


def resnet34(*, width: int = 8) -> ResNet:
    """Returns a ResNet-34 trunk: layer4 is 899 / 32 / 449."""
    return ResNet(BasicBlock, (3, 4, 6, 3), width=width)


def resnet50(*, width: int = 8) -> ResNet:
    """Returns a ResNet-50 v1.5 trunk: layer4 is 427 / 32 / 213."""
    return ResNet(Bottleneck, (3, 4, 6, 3), width=width)


class FCNResNet50(nn.Module):
    """FCN on a ResNet-50 whose layer3 and layer4 are dilated: classifier is 443 / 8 / 221.

    The output is a dict, as in torchvision: its "out" is resized to the input by half-pixel
    bilinear interpolation, which at factor 8 always mixes two scores: 451 in each of 8 phases.

    Args:
        width: channels of the stem (64 in the paper).
        classes: channels of the output.
    """

    def __init__(self, *, width: int = 8, classes: int = 4) -> None:
        super().__init__()
        self.backbone = ResNet(Bottleneck, (3, 4, 6, 3), width=width, dilate=(False, True, True))
        channels = 8 * width * Bottleneck.expansion
        self.classifier = nn.Sequential(
            nn.Conv2d(channels, channels // 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels // 4),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv2d(channels // 4, classes, 1),
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        scores = self.classifier(self.backbone(x))
        size = x.shape[-2:]
        return {"out": F.interpolate(scores, size=size, mode="bilinear", align_corners=False)}


class BagNetBlock(nn.Module):
    """A bottleneck without padding: the shortcut loses rows and columns at its far end."""

    def __init__(self, in_channels: int, channels: int, *, kernel_size: int, stride: int) -> None:
        super().__init__()
        out_channels = channels * Bottleneck.expansion
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size, stride=stride, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        height, width = out.shape[-2:]
        return self.relu(out + self.downsample(x)[..., :height, :width])


class BagNet33(nn.Module):
    """ResNet-50 with one valid 3x3 per stage, else 1x1: layer4 is 33 / 8 / 0.

    Source: Brendel and Bethge, "Approximating CNNs with Bag-of-local-Features Models Works
    Surprisingly Well on ImageNet", ICLR 2019.

    Args:
        width: channels of the stem (64 in the paper).
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, *, width: int = 8) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        in_channels = width
        for level, (depth, stride) in enumerate(zip((3, 4, 6, 3), (2, 2, 2, 1), strict=True)):
            channels = width * 2**level
            blocks = [BagNetBlock(in_channels, channels, kernel_size=3, stride=stride)]
            in_channels = channels * Bottleneck.expansion
            blocks += [
                BagNetBlock(in_channels, channels, kernel_size=1, stride=1)
                for _ in range(depth - 1)
            ]
            self.add_module(f"layer{level + 1}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv2(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return self.layer4(self.layer3(x))


def _convolution(
    in_channels: int, channels: int, *, stride: int = 1, dilation: int = 1
) -> nn.Conv2d:
    return nn.Conv2d(
        in_channels, channels, 3, stride=stride, padding=dilation, dilation=dilation, bias=False
    )


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
        nn.BatchNorm2d(out_channels),
    )

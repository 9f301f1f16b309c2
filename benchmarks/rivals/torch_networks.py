"""The networks in PyTorch, of plain modules: no tool has to understand more than `torch.nn`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["build", "channels_and_axes", "linearized"]


def vgg16() -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for width, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def normalized(channels: int, width: int, kernel_size, relu: bool = True, **options) -> nn.Module:
    convolution = nn.Conv2d(channels, width, kernel_size, bias=False, **options)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), *[nn.ReLU()] * relu)


class Residual(nn.Module):
    """The bottleneck of ResNet v1.5, which strides in its 3x3 convolution."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            normalized(channels, width, 1),
            normalized(width, width, 3, stride=stride, padding=1),
            normalized(width, 4 * width, 1, relu=False),
        )
        self.shortcut = nn.Identity()
        if channels != 4 * width:
            self.shortcut = normalized(channels, 4 * width, 1, relu=False, stride=stride)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.path(x) + self.shortcut(x))


def resnet50() -> nn.Module:
    stem = [normalized(3, 64, 7, stride=2, padding=3), nn.MaxPool2d(3, 2, 1)]
    blocks = []
    channels = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for number in range(count):
            blocks.append(Residual(channels, width, 1 if number else stride))
            channels = 4 * width
    return nn.Sequential(*stem, *blocks)


def mobilenet() -> nn.Module:
    layers = [normalized(3, 32, 3, stride=2, padding=1)]
    channels = 32
    widths = (64, 128, 128, 256, 256, *6 * (512,), 1024, 1024)
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    for i in range(len(widths)):
        options = {"stride": strides[i], "padding": 1, "groups": channels}
        layers += [normalized(channels, channels, 3, **options), normalized(channels, widths[i], 1)]
        channels = widths[i]
    return nn.Sequential(*layers)


class DenseLayer(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            *(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 128, 1, bias=False)),
            *(nn.BatchNorm2d(128), nn.ReLU(), nn.Conv2d(128, 32, 3, padding=1, bias=False)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.path(x)], 1)


def densenet121() -> nn.Module:
    layers: list[nn.Module] = [normalized(3, 64, 7, stride=2, padding=3), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for count in (6, 12, 24, 16):
        if channels != 64:
            layers += [nn.BatchNorm2d(channels), nn.ReLU()]
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
            channels //= 2
        for _ in range(count):
            layers.append(DenseLayer(channels))
            channels += 32
    return nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU())


class Parallel(nn.Module):
    """Paths side by side, concatenated."""

    def __init__(self, *paths: nn.Module) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([path(x) for path in self.paths], 1)


def same(channels: int, width: int, kernel_size: tuple[int, int]) -> nn.Module:
    padding = (kernel_size[0] // 2, kernel_size[1] // 2)
    return normalized(channels, width, kernel_size, padding=padding)


def inception_a(channels: int, pooled: int) -> nn.Module:
    return Parallel(
        normalized(channels, 64, 1),
        nn.Sequential(normalized(channels, 48, 1), same(48, 64, (5, 5))),
        nn.Sequential(normalized(channels, 64, 1), same(64, 96, (3, 3)), same(96, 96, (3, 3))),
        nn.Sequential(nn.AvgPool2d(3, 1, 1), normalized(channels, pooled, 1)),
    )


def inception_c(width: int) -> nn.Module:
    row, column = (1, 7), (7, 1)
    return Parallel(
        normalized(768, 192, 1),
        nn.Sequential(normalized(768, width, 1), same(width, width, row), same(width, 192, column)),
        nn.Sequential(
            *(normalized(768, width, 1), same(width, width, column), same(width, width, row)),
            *(same(width, width, column), same(width, 192, row)),
        ),
        nn.Sequential(nn.AvgPool2d(3, 1, 1), normalized(768, 192, 1)),
    )


def inception_e(channels: int) -> nn.Module:
    def split(width: int) -> nn.Module:
        return Parallel(same(width, 384, (1, 3)), same(width, 384, (3, 1)))

    return Parallel(
        normalized(channels, 320, 1),
        nn.Sequential(normalized(channels, 384, 1), split(384)),
        nn.Sequential(normalized(channels, 448, 1), same(448, 384, (3, 3)), split(384)),
        nn.Sequential(nn.AvgPool2d(3, 1, 1), normalized(channels, 192, 1)),
    )


def inception_v3() -> nn.Module:
    stem = (
        *(normalized(3, 32, 3, stride=2), normalized(32, 32, 3), same(32, 64, (3, 3))),
        *(nn.MaxPool2d(3, 2), normalized(64, 80, 1), normalized(80, 192, 3), nn.MaxPool2d(3, 2)),
    )
    shrink_b = Parallel(
        normalized(288, 384, 3, stride=2),
        nn.Sequential(
            normalized(288, 64, 1), same(64, 96, (3, 3)), normalized(96, 96, 3, stride=2)
        ),
        nn.MaxPool2d(3, 2),
    )
    shrink_d = Parallel(
        nn.Sequential(normalized(768, 192, 1), normalized(192, 320, 3, stride=2)),
        nn.Sequential(
            *(normalized(768, 192, 1), same(192, 192, (1, 7)), same(192, 192, (7, 1))),
            normalized(192, 192, 3, stride=2),
        ),
        nn.MaxPool2d(3, 2),
    )
    blocks_a = [inception_a(192, 32), inception_a(256, 64), inception_a(288, 64)]
    blocks_c = [inception_c(width) for width in (128, 160, 160, 192)]
    blocks_e = [inception_e(1280), inception_e(2048)]
    return nn.Sequential(*stem, *blocks_a, shrink_b, *blocks_c, shrink_d, *blocks_e)


def double(channels: int, width: int) -> nn.Module:
    first = nn.Conv2d(channels, width, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU())


class UNet(nn.Module):
    """Two poolings, transposed 2-tap convolutions on the way up."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.down1, self.down2, self.bottom = double(3, 16), double(16, 32), double(32, 64)
        self.up2, self.up1 = nn.ConvTranspose2d(64, 32, 2, 2), nn.ConvTranspose2d(32, 16, 2, 2)
        self.right2, self.right1 = double(64, 32), double(32, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.down1(x)
        second = self.down2(self.pool(first))
        third = self.bottom(self.pool(second))
        second = self.right2(torch.cat([second, self.up2(third)], 1))
        return self.right1(torch.cat([first, self.up1(second)], 1))


def dilated() -> nn.Module:
    layers: list[nn.Module] = []
    for channels, dilation in ((3, 1), (16, 2), (16, 4), (16, 8)):
        layers += [nn.Conv2d(channels, 16, 3, padding=dilation, dilation=dilation), nn.ReLU()]
    return nn.Sequential(*layers)


def wav2vec2() -> nn.Module:
    layers: list[nn.Module] = []
    channels = 1
    for kernel_size, stride in ((10, 5), *4 * [(3, 2)], *2 * [(2, 2)]):
        layers += [nn.Conv1d(channels, 32, kernel_size, stride, bias=False), nn.GELU()]
        channels = 32
    return nn.Sequential(*layers)


class FunctionalPooling(nn.Module):
    """A pooling that is called, and is no module."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.max_pool2d(torch.relu(self.convolution(x)), 2)


class SqueezeExcite(nn.Module):
    """A gate that holds the mean of all positions."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.convolution(x)
        return x * self.gate(x)


NETWORKS = {
    "VGG-16": vgg16,
    "ResNet-50": resnet50,
    "MobileNet": mobilenet,
    "InceptionV3": inception_v3,
    "DenseNet-121": densenet121,
    "U-Net": UNet,
    "dilated stack": dilated,
    "wav2vec 2.0": wav2vec2,
    "1-D": lambda: nn.Sequential(
        nn.Conv1d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv1d(8, 8, 3, padding=2, dilation=2)
    ),
    "unequal axes": lambda: nn.Sequential(nn.Conv2d(3, 8, (3, 5), stride=(2, 1))),
    "3-D": lambda: nn.Sequential(nn.Conv3d(3, 8, (1, 3, 3), padding=(0, 1, 1))),
    "two branches": lambda: Parallel(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 8, 7, padding=3)),
    "transposed": lambda: nn.Sequential(nn.ConvTranspose2d(3, 8, 4, stride=2, padding=1)),
    "functional pooling": FunctionalPooling,
    "squeeze-excite": SqueezeExcite,
}


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]().eval()


def channels_and_axes(name: str) -> tuple[int, int]:
    """How many channels and how many spatial axes the input of a network has."""
    return {"wav2vec 2.0": (1, 1), "1-D": (3, 1), "3-D": (3, 3)}.get(name, (3, 2))


def linearized(module: nn.Module) -> nn.Module:
    """The network as gradient tools want it: linear, averaging, with constant positive weights."""
    for name, child in module.named_children():
        if isinstance(child, nn.ReLU | nn.GELU | nn.Sigmoid):
            setattr(module, name, nn.Identity())
        elif isinstance(child, nn.MaxPool2d):
            average = nn.AvgPool2d(child.kernel_size, child.stride, child.padding)
            setattr(module, name, average)
        else:
            linearized(child)
    weight = getattr(module, "weight", None)
    if weight is not None and weight.dim() > 1:
        # The sum over one output's taps is 1, so that nothing over- or underflows with depth.
        nn.init.constant_(weight, 1 / weight[0].numel())
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    return module

"""Neutral layers as torch modules, one module per layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce, singledispatchmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfcore.layer_base import Layer, Sizes, per_axis
from rfcore.layers import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    GlobalPooling,
    Identity,
    Normalization,
    Padding,
    Pooling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing import Case, same_padding

__all__ = ["network"]

KINDS: dict[str, tuple[Any, ...]] = {
    "convolution": (nn.Conv1d, nn.Conv2d, nn.Conv3d),
    "transposed": (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
    "max": (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    "average": (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    "global max": (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    "global average": (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    "batch": (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d),
    "instance": (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
    "linear": ("linear", "bilinear", "trilinear"),
}
JOINS: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "add": lambda values: reduce(torch.add, values),
    "multiply": lambda values: reduce(torch.mul, values),
    "concatenate": lambda values: torch.cat(list(values), dim=1),
}


def network(case: Case) -> nn.Module:
    """The network of a case, in evaluation mode; layers have their neutral names."""
    torch.manual_seed(0)
    module, _ = _Writer(case).path(case.layers, case.channels)
    if case.weights == "positive":
        for kernel in (weight for weight in module.parameters() if weight.ndim > 2):
            nn.init.uniform_(kernel, 0.5, 1.5)
            kernel.data /= kernel[0].numel()
    return module.eval()


class SamePadded(nn.Module):
    """A window behind TensorFlow's SAME padding, which follows the size of its input."""

    def __init__(self, window: Any, fill: float) -> None:
        super().__init__()
        self.window, self.fill = window, fill

    def forward(self, x: Tensor) -> Tensor:
        window, rank = self.window, x.ndim - 2
        parameters = (window.kernel_size, window.stride, getattr(window, "dilation", 1))
        sizes = zip(x.shape[2:], *(per_axis(value, rank) for value in parameters), strict=True)
        sides = [same_padding(*along) for along in sizes]
        padded: Tensor = F.pad(x, _flat(sides), value=self.fill)
        result: Tensor = window(padded)
        return result


class Cropped(nn.Module):
    """Positions left out at both ends."""

    def __init__(self, sides: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        for dim, (low, high) in enumerate(self.sides, start=2):
            x = x.narrow(dim, low, x.shape[dim] - low - high)
        return x


class Joined(nn.Module):
    """Paths from one value, joined; they are called by their numbers."""

    def __init__(self, paths: Sequence[nn.Module], join: str) -> None:
        super().__init__()
        for number, path in enumerate(paths):
            self.add_module(str(number), path)
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        return JOINS[self.join]([path(x) for path in self.children()])


class _Writer:
    """Writes one layer after the other; each returns a module and the channels it puts out."""

    def __init__(self, case: Case) -> None:
        self.channels, self.rank = case.channels, case.rank

    def path(self, layers: Sequence[Layer], channels: int) -> tuple[nn.Module, int]:
        sequence = nn.Sequential()
        for number, layer in enumerate(layers):
            module, channels = self.write(layer, channels)
            sequence.add_module(layer.name or str(number), module)
        return sequence, channels

    @singledispatchmethod
    def write(self, layer: Layer, channels: int) -> tuple[nn.Module, int]:
        raise NotImplementedError(type(layer).__name__)

    @write.register
    def _(self, layer: Convolution, channels: int) -> tuple[nn.Module, int]:
        window = self._kind("convolution")(
            channels,
            self.channels,
            layer.kernel_size,
            layer.stride,
            0 if layer.padding == "same" else layer.padding,
            layer.dilation,
            bias=False,
        )
        return (SamePadded(window, 0.0) if layer.padding == "same" else window), self.channels

    @write.register
    def _(self, layer: Pooling, channels: int) -> tuple[nn.Module, int]:
        padding = 0 if layer.padding == "same" else layer.padding
        window = self._kind(layer.kind)(
            layer.kernel_size, layer.stride, padding, ceil_mode=layer.ceil_mode
        )
        fill = float("-inf") if layer.kind == "max" else 0.0
        return (SamePadded(window, fill) if layer.padding == "same" else window), channels

    @write.register
    def _(self, layer: TransposedConvolution, channels: int) -> tuple[nn.Module, int]:
        module = self._kind("transposed")(
            channels, self.channels, layer.kernel_size, layer.stride, layer.padding, bias=False
        )
        return module, self.channels

    @write.register
    def _(self, layer: Upsampling, channels: int) -> tuple[nn.Module, int]:
        mode = "nearest" if layer.mode == "nearest" else self._kind("linear")
        scale = tuple(map(float, per_axis(layer.scale, self.rank)))
        return nn.Upsample(scale_factor=scale, mode=mode), channels

    @write.register
    def _(self, layer: Padding, channels: int) -> tuple[nn.Module, int]:
        return nn.ConstantPad2d(_flat(self._sides(layer.low, layer.high)), 0.0), channels

    @write.register
    def _(self, layer: Cropping, channels: int) -> tuple[nn.Module, int]:
        return Cropped(self._sides(layer.low, layer.high)), channels

    @write.register
    def _(self, layer: GlobalPooling, channels: int) -> tuple[nn.Module, int]:
        return self._kind(f"global {layer.kind}")(1), channels

    @write.register
    def _(self, layer: Normalization, channels: int) -> tuple[nn.Module, int]:
        return self._kind(layer.statistics)(channels), channels

    @write.register
    def _(self, layer: Activation, channels: int) -> tuple[nn.Module, int]:
        return {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}[layer.function](), channels

    @write.register
    def _(self, layer: Identity, channels: int) -> tuple[nn.Module, int]:
        return nn.Identity(), channels

    @write.register
    def _(self, layer: Branches, channels: int) -> tuple[nn.Module, int]:
        modules, widths = zip(*(self.path(path, channels) for path in layer.paths), strict=True)
        width = sum(widths) if layer.join == "concatenate" else max(widths)
        return Joined(modules, layer.join), width

    def _kind(self, name: str) -> Any:
        return KINDS[name][self.rank - 1]

    def _sides(self, low: Sizes, high: Sizes) -> list[tuple[int, ...]]:
        return list(zip(per_axis(low, self.rank), per_axis(high, self.rank), strict=True))


def _flat(sides: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Paddings as torch takes them: the last axis first."""
    return tuple(amount for side in reversed(sides) for amount in side)

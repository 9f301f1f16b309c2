"""Neutral layers as torch modules, one module per layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce, singledispatchmethod
from math import prod
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
    DepthToSpace,
    Flip,
    GlobalPooling,
    Identity,
    Normalization,
    Padding,
    Pooling,
    Roll,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing import Case, Unbuildable, same_padding

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


class Moved(nn.Module):
    """A function that moves positions and has no weights."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


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
        self.axes = tuple(range(2, 2 + case.rank))

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
            layer.groups,
            bias=False,
        )
        return (SamePadded(window, 0.0) if layer.padding == "same" else window), self.channels

    @write.register
    def _(self, layer: Pooling, channels: int) -> tuple[nn.Module, int]:
        padding = 0 if layer.padding == "same" else layer.padding
        pairs = zip(
            per_axis(padding, self.rank), per_axis(layer.kernel_size, self.rank), strict=True
        )
        if any(2 * side > size for side, size in pairs):
            raise Unbuildable("padding of more than half a pooling kernel")
        given: dict[str, Any] = {"ceil_mode": layer.ceil_mode}
        if layer.kind == "max":
            given["dilation"] = layer.dilation
        elif layer.dilation != 1:
            raise Unbuildable("dilation of average pooling")
        else:
            given["count_include_pad"] = layer.count_include_pad
        window = self._kind(layer.kind)(layer.kernel_size, layer.stride, padding, **given)
        fill = float("-inf") if layer.kind == "max" else 0.0
        return (SamePadded(window, fill) if layer.padding == "same" else window), channels

    @write.register
    def _(self, layer: TransposedConvolution, channels: int) -> tuple[nn.Module, int]:
        window = layer.kernel_size, layer.stride, layer.padding, layer.output_padding
        module = self._kind("transposed")(
            channels, self.channels, *window, bias=False, dilation=layer.dilation
        )
        return module, self.channels

    @write.register
    def _(self, layer: Upsampling, channels: int) -> tuple[nn.Module, int]:
        scale = tuple(map(float, per_axis(layer.scale, self.rank)))
        if layer.mode == "nearest":
            return nn.Upsample(scale_factor=scale), channels
        if layer.mode == "cubic" and self.rank != 2:
            raise Unbuildable("cubic resizing outside of two dimensions")
        mode = "bicubic" if layer.mode == "cubic" else self._kind("linear")
        corners = layer.mode == "aligned"
        return nn.Upsample(scale_factor=scale, mode=mode, align_corners=corners), channels

    @write.register
    def _(self, layer: Padding, channels: int) -> tuple[nn.Module, int]:
        sides = _flat(self._sides(layer.low, layer.high))
        if layer.mode == "zeros":
            return nn.ConstantPad2d(sides, 0.0), channels
        mode = {"edge": "replicate"}.get(layer.mode, layer.mode)
        return Moved(lambda x: F.pad(x, sides, mode)), channels

    @write.register
    def _(self, layer: Cropping, channels: int) -> tuple[nn.Module, int]:
        return Cropped(self._sides(layer.low, layer.high)), channels

    @write.register
    def _(self, layer: Subsampling, channels: int) -> tuple[nn.Module, int]:
        kept = [slice(start, None, step) for start, step in self._sides(layer.start, layer.step)]
        return Moved(lambda x: x[(..., *kept)]), channels

    @write.register
    def _(self, layer: Roll, channels: int) -> tuple[nn.Module, int]:
        shifts = per_axis(layer.shift, self.rank)
        return Moved(lambda x: x.roll(shifts, self.axes)), channels

    @write.register
    def _(self, layer: Flip, channels: int) -> tuple[nn.Module, int]:
        flags = zip(self.axes, per_axis(layer.axes, self.rank), strict=True)
        reversed_axes = [axis for axis, flag in flags if flag]
        return Moved(lambda x: x.flip(reversed_axes)), channels

    @write.register
    def _(self, layer: DepthToSpace, channels: int) -> tuple[nn.Module, int]:
        scale = per_axis(layer.scale, self.rank)
        many = self._kind("convolution")(channels, self.channels * prod(scale), 1, bias=False)
        plain = self.rank == 2 and len(set(scale)) == 1
        shuffle = nn.PixelShuffle(scale[0]) if plain else Moved(lambda x: _shuffled(x, scale))
        return nn.Sequential(many, shuffle), self.channels

    @write.register
    def _(self, layer: SpaceToDepth, channels: int) -> tuple[nn.Module, int]:
        scale = per_axis(layer.scale, self.rank)
        plain = self.rank == 2 and len(set(scale)) == 1
        stack = nn.PixelUnshuffle(scale[0]) if plain else Moved(lambda x: _unshuffled(x, scale))
        mix = self._kind("convolution")(channels * prod(scale), self.channels, 1, bias=False)
        return nn.Sequential(stack, mix), self.channels

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


def _shuffled(x: Tensor, scale: Sequence[int]) -> Tensor:
    """Channels spread over blocks of `scale` positions, on any number of axes."""
    rank, lengths = len(scale), x.shape[2:]
    blocks = x.reshape(len(x), -1, *scale, *lengths)
    pairs = [dim for axis in range(rank) for dim in (2 + rank + axis, 2 + axis)]
    grown = [n * s for n, s in zip(lengths, scale, strict=True)]
    return blocks.permute(0, 1, *pairs).reshape(len(x), -1, *grown)


def _unshuffled(x: Tensor, scale: Sequence[int]) -> Tensor:
    """Blocks of `scale` positions stacked as channels, on any number of axes."""
    rank, lengths = len(scale), [n // s for n, s in zip(x.shape[2:], scale, strict=True)]
    split = [size for pair in zip(lengths, scale, strict=True) for size in pair]
    blocks = x.reshape(len(x), -1, *split)
    inner, outer = range(3, 3 + 2 * rank, 2), range(2, 2 + 2 * rank, 2)
    return blocks.permute(0, 1, *inner, *outer).reshape(len(x), -1, *lengths)

"""Neutral layers as Flax NNX modules (channels last) or Equinox modules (channels first)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce, singledispatchmethod
from math import prod
from typing import Any

import equinox
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax

from rfcore.layer_base import Sizes, per_axis
from rfcore.layers import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    DepthToSpace,
    Flip,
    GlobalPooling,
    Identity,
    Layer,
    Normalization,
    Padding,
    Pooling,
    Roll,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing import Case, Unbuildable

__all__ = ["network"]

Function = Callable[[Array, Array | None], Array]

JOINS: dict[str, Callable[[Sequence[Array], int], Array]] = {
    "add": lambda values, axis: reduce(jnp.add, values),
    "multiply": lambda values, axis: reduce(jnp.multiply, values),
    "concatenate": lambda values, axis: jnp.concatenate(values, axis),
}


def network(case: Case, channels: str = "last") -> Any:
    """The network of a case: an NNX module for channels last, an Equinox one for first."""
    made, _ = _Writer(case, channels).path(case.layers, case.channels)
    return made


class Op(nnx.Module):
    """One layer."""

    def __init__(self, function: Function, weight: Any) -> None:
        self.function = function
        self.weight = nnx.Param(weight)

    def __call__(self, x: Array) -> Array:
        return self.function(x, self.weight[...])


class Chain(nnx.Module):
    """Layers one after the other, by their names."""

    def __init__(self, layers: dict[str, Any]) -> None:
        self.order = tuple(layers)
        for name, layer in layers.items():
            setattr(self, name, layer)

    def __call__(self, x: Array) -> Array:
        for name in self.order:
            x = getattr(self, name)(x)
        return x


class Joined(nnx.Module):
    """Paths from one value, joined; they are called by their numbers."""

    def __init__(self, paths: Sequence[Any], join: str) -> None:
        self.count, self.join = len(paths), join
        for number, path in enumerate(paths):
            setattr(self, str(number), path)

    def __call__(self, x: Array) -> Array:
        values = [getattr(self, str(number))(x) for number in range(self.count)]
        return JOINS[self.join](values, -1)


class FirstOp(equinox.Module):
    """One layer of an Equinox model, on an image without a batch."""

    weight: Any
    function: Function = equinox.field(static=True)

    def __call__(self, x: Array) -> Array:
        return self.function(x[None], self.weight)[0]


class FirstChain(equinox.Module):
    """Equinox layers one after the other."""

    layers: dict[str, Any]

    def __call__(self, x: Array) -> Array:
        for layer in self.layers.values():
            x = layer(x)
        return x


class FirstJoined(equinox.Module):
    """Equinox layers side by side."""

    paths: list[Any]
    join: str = equinox.field(static=True)

    def __call__(self, x: Array) -> Array:
        return JOINS[self.join]([path(x) for path in self.paths], 0)


class _Writer:
    """Writes one layer after the other; each returns a module and the channels it puts out."""

    def __init__(self, case: Case, channels: str) -> None:
        self.case, self.rank, self.channels = case, case.rank, case.channels
        self.first = channels == "first"
        space = "DHW"[-case.rank :]
        image = f"NC{space}" if self.first else f"N{space}C"
        self.numbers = (image, f"{space}IO", image)
        self.space = tuple(range(2, 2 + case.rank) if self.first else range(1, 1 + case.rank))
        self.random = np.random.default_rng(0)

    def path(self, layers: Sequence[Layer], channels: int) -> tuple[Any, int]:
        made = {}
        for number, layer in enumerate(layers):
            module, channels = self.write(layer, channels)
            made[layer.name or str(number)] = module
        return (FirstChain(made) if self.first else Chain(made)), channels

    def op(self, function: Function, weight: Any = None) -> Any:
        weight = jnp.zeros(()) if weight is None else jnp.asarray(weight)
        return FirstOp(weight, function) if self.first else Op(function, weight)

    def kernel(self, size: Sizes, channels: int, made: int | None = None) -> Any:
        shape = (*per_axis(size, self.rank), channels, self.channels if made is None else made)
        if self.case.weights == "positive":
            weights = self.random.uniform(0.5, 1.5, shape)
            return (weights / weights[..., 0].size).astype(np.float32)
        return self.random.normal(0, 0.5, shape).astype(np.float32)

    def sides(self, low: Sizes, high: Sizes) -> list[tuple[int, int]]:
        return list(zip(per_axis(low, self.rank), per_axis(high, self.rank), strict=True))

    def everywhere(self, values: Sequence[Any], other: Any) -> tuple[Any, ...]:
        """Values of the spatial axes, and another one for batch and channels."""
        rank = self.rank + 2
        return tuple(values[self.space.index(d)] if d in self.space else other for d in range(rank))

    @singledispatchmethod
    def write(self, layer: Layer, channels: int) -> tuple[Any, int]:
        raise NotImplementedError(type(layer).__name__)

    @write.register
    def _(self, layer: Convolution, channels: int) -> tuple[Any, int]:
        stride, dilation = per_axis(layer.stride, self.rank), per_axis(layer.dilation, self.rank)
        same = layer.padding == "same"
        padding: Any = "SAME" if same else self.sides(layer.padding, layer.padding)

        def convolve(x: Array, kernel: Array | None) -> Array:
            return lax.conv_general_dilated(
                x,
                kernel,
                stride,
                padding,
                rhs_dilation=dilation,
                dimension_numbers=self.numbers,
                feature_group_count=layer.groups,
            )

        kernel = self.kernel(layer.kernel_size, channels // layer.groups)
        return self.op(convolve, kernel), self.channels

    @write.register
    def _(self, layer: TransposedConvolution, channels: int) -> tuple[Any, int]:
        stride, size, cut = (
            per_axis(value, self.rank) for value in (layer.stride, layer.kernel_size, layer.padding)
        )
        more, dilation = (
            per_axis(value, self.rank) for value in (layer.output_padding, layer.dilation)
        )
        reach = [d * (k - 1) - p for k, d, p in zip(size, dilation, cut, strict=True)]
        sides = [(low, low + m) for low, m in zip(reach, more, strict=True)]

        def convolve(x: Array, kernel: Array | None) -> Array:
            return lax.conv_transpose(
                x, kernel, stride, sides, dilation, dimension_numbers=self.numbers
            )

        return self.op(convolve, self.kernel(layer.kernel_size, channels)), self.channels

    @write.register
    def _(self, layer: Pooling, channels: int) -> tuple[Any, int]:
        size = self.everywhere(per_axis(layer.kernel_size, self.rank), 1)
        stride = self.everywhere(per_axis(layer.stride or layer.kernel_size, self.rank), 1)
        dilation = self.everywhere(per_axis(layer.dilation, self.rank), 1)
        same = layer.padding == "same"
        sides = [] if same else self.sides(layer.padding, layer.padding)
        padding: Any = "SAME" if same else self.everywhere(sides, (0, 0))
        start, combine = (-jnp.inf, lax.max) if layer.kind == "max" else (0.0, lax.add)

        def pool(x: Array, _: Array | None) -> Array:
            around = padding
            if layer.ceil_mode:
                windows = zip(x.shape, padding, size, stride, dilation, strict=True)
                around = [(side[0], side[1] + _spare(n, side, *rest)) for n, side, *rest in windows]
            return lax.reduce_window(
                x, start, combine, size, stride, around, window_dilation=dilation
            )

        return self.op(pool), channels

    @write.register
    def _(self, layer: Upsampling, channels: int) -> tuple[Any, int]:
        scale = self.everywhere(per_axis(layer.scale, self.rank), 1)
        if layer.mode == "aligned":
            raise Unbuildable("resizing with aligned corners")

        def resize(x: Array, _: Array | None) -> Array:
            shape = tuple(n * s for n, s in zip(x.shape, scale, strict=True))
            return jax.image.resize(x, shape, layer.mode)

        return self.op(resize), channels

    @write.register
    def _(self, layer: Padding, channels: int) -> tuple[Any, int]:
        widths = self.everywhere(self.sides(layer.low, layer.high), (0, 0))
        mode = {"zeros": "constant", "circular": "wrap"}.get(layer.mode, layer.mode)
        return self.op(lambda x, _: jnp.pad(x, widths, mode)), channels

    @write.register
    def _(self, layer: Cropping, channels: int) -> tuple[Any, int]:
        sides = self.everywhere(self.sides(layer.low, layer.high), (0, 0))

        def crop(x: Array, _: Array | None) -> Array:
            return x[tuple(slice(a, n - b) for n, (a, b) in zip(x.shape, sides, strict=True))]

        return self.op(crop), channels

    @write.register
    def _(self, layer: Subsampling, channels: int) -> tuple[Any, int]:
        kept = [slice(start, None, step) for start, step in self.sides(layer.start, layer.step)]
        slices = self.everywhere(kept, slice(None))
        return self.op(lambda x, _: x[slices]), channels

    @write.register
    def _(self, layer: Roll, channels: int) -> tuple[Any, int]:
        shift = per_axis(layer.shift, self.rank)
        return self.op(lambda x, _: jnp.roll(x, shift, self.space)), channels

    @write.register
    def _(self, layer: Flip, channels: int) -> tuple[Any, int]:
        flags = zip(self.space, per_axis(layer.axes, self.rank), strict=True)
        reversed_axes = tuple(axis for axis, flag in flags if flag)
        return self.op(lambda x, _: jnp.flip(x, reversed_axes)), channels

    @write.register
    def _(self, layer: DepthToSpace, channels: int) -> tuple[Any, int]:
        scale = per_axis(layer.scale, self.rank)
        pointwise = (1,) * self.rank

        def shuffle(x: Array, kernel: Array | None) -> Array:
            many = lax.conv_general_dilated(
                x, kernel, pointwise, "VALID", dimension_numbers=self.numbers
            )
            last = many if not self.first else jnp.moveaxis(many, 1, -1)
            batch, *lengths, _ = last.shape
            blocks = last.reshape(batch, *lengths, *scale, self.channels)
            order = [d for a in range(self.rank) for d in (1 + a, 1 + self.rank + a)]
            grown = [n * s for n, s in zip(lengths, scale, strict=True)]
            whole = blocks.transpose(0, *order, 1 + 2 * self.rank)
            result = whole.reshape(batch, *grown, self.channels)
            return result if not self.first else jnp.moveaxis(result, -1, 1)

        kernel = self.kernel(1, channels, self.channels * prod(scale))
        return self.op(shuffle, kernel), self.channels

    @write.register
    def _(self, layer: SpaceToDepth, channels: int) -> tuple[Any, int]:
        scale = per_axis(layer.scale, self.rank)
        pointwise = (1,) * self.rank

        def stack(x: Array, kernel: Array | None) -> Array:
            last = x if not self.first else jnp.moveaxis(x, 1, -1)
            batch, *lengths, _ = last.shape
            fewer = [n // s for n, s in zip(lengths, scale, strict=True)]
            split = [size for pair in zip(fewer, scale, strict=True) for size in pair]
            blocks = last.reshape(batch, *split, channels)
            outer, inner = range(1, 1 + 2 * self.rank, 2), range(2, 2 + 2 * self.rank, 2)
            stacked = blocks.transpose(0, *outer, *inner, 1 + 2 * self.rank)
            flat = stacked.reshape(batch, *fewer, -1)
            flat = flat if not self.first else jnp.moveaxis(flat, -1, 1)
            return lax.conv_general_dilated(
                flat, kernel, pointwise, "VALID", dimension_numbers=self.numbers
            )

        return self.op(stack, self.kernel(1, channels * prod(scale))), self.channels

    @write.register
    def _(self, layer: GlobalPooling, channels: int) -> tuple[Any, int]:
        pool = jnp.max if layer.kind == "max" else jnp.mean
        return self.op(lambda x, _: pool(x, axis=self.space, keepdims=True)), channels

    @write.register
    def _(self, layer: Normalization, channels: int) -> tuple[Any, int]:
        def normalise(x: Array, scale: Array | None) -> Array:
            mean = x.mean(self.space, keepdims=True)
            return (x - mean) * lax.rsqrt(x.var(self.space, keepdims=True) + 1e-5)

        if layer.statistics == "instance":
            return self.op(normalise), channels
        wide = [
            -1 if d == (1 if self.first else self.rank + 1) else 1 for d in range(self.rank + 2)
        ]
        scale = np.linspace(0.5, 1.5, channels, dtype=np.float32).reshape(wide)
        return self.op(lambda x, weight: x * weight, scale), channels

    @write.register
    def _(self, layer: Activation, channels: int) -> tuple[Any, int]:
        function = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}[layer.function]
        return self.op(lambda x, _: function(x)), channels

    @write.register
    def _(self, layer: Identity, channels: int) -> tuple[Any, int]:
        return self.op(lambda x, _: x), channels

    @write.register
    def _(self, layer: Branches, channels: int) -> tuple[Any, int]:
        modules, widths = zip(*(self.path(path, channels) for path in layer.paths), strict=True)
        width = sum(widths) if layer.join == "concatenate" else max(widths)
        made = FirstJoined(list(modules), layer.join) if self.first else Joined(modules, layer.join)
        return made, width


def _spare(n: int, sides: tuple[int, int], size: int, stride: int, dilation: int) -> int:
    """What has to follow an axis for pooling in ceil mode, as PyTorch has it."""
    low, high = sides
    left = (n + low + high - dilation * (size - 1) - 1) % stride
    windows = (n + low + high - dilation * (size - 1) - 1) // stride + 1
    return stride - left if left and windows * stride < n + low else 0

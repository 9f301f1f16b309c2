"""Neutral layers as functional Keras models, one named layer per layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatchmethod
from typing import Any, Literal

import keras

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
from rfcore.testing import Case, Unbuildable

__all__ = ["network"]

Channels = Literal["first", "last"]
JOINS = {"add": "Add", "multiply": "Multiply", "concatenate": "Concatenate"}


def network(case: Case, channels: Channels = "last") -> keras.Model:
    """The network of a case; "block.1.conv" is called block_1_conv, for torch takes no dots."""
    keras.utils.set_random_seed(0)
    # Keras refuses by itself, and earlier, to build what does not fit a fixed size.
    sizes = case.input_shape if case.error is None else (None,) * case.rank
    shape = (*sizes, case.channels) if channels == "last" else (case.channels, *sizes)
    image = keras.Input(shape)
    return keras.Model(image, _Writer(case, channels).path(case.layers, image, ""))


class _Writer:
    """Applies one layer after the other to symbolic tensors."""

    def __init__(self, case: Case, channels: Channels) -> None:
        self.channels, self.rank, self.positive = (
            case.channels,
            case.rank,
            case.weights == "positive",
        )
        self.format = f"channels_{channels}"
        self.axis = -1 if channels == "last" else 1
        self.first = 1 if channels == "last" else 2

    def path(self, layers: Sequence[Layer], x: Any, prefix: str) -> Any:
        for number, layer in enumerate(layers):
            x = self.write(layer, x, f"{prefix}{layer.name or number}")
        return x

    @singledispatchmethod
    def write(self, layer: Layer, x: Any, name: str) -> Any:
        raise NotImplementedError(type(layer).__name__)

    @write.register
    def _(self, layer: Convolution, x: Any, name: str) -> Any:
        if max(self._sizes(layer.stride)) > 1 and max(self._sizes(layer.dilation)) > 1:
            raise Unbuildable("a convolution that is both strided and dilated")
        x, padding = self._padded(layer.padding, x)
        return self._kind("Conv{}D")(
            self.channels,
            self._sizes(layer.kernel_size),
            self._sizes(layer.stride),
            padding,
            data_format=self.format,
            dilation_rate=self._sizes(layer.dilation),
            groups=layer.groups,
            use_bias=False,
            kernel_initializer=self._initializer(layer.kernel_size, x.shape[self.axis]),
            name=name,
        )(x)

    @write.register
    def _(self, layer: Pooling, x: Any, name: str) -> Any:
        if layer.ceil_mode:
            raise Unbuildable("pooling in ceil mode")
        if layer.dilation != 1:
            raise Unbuildable("dilation of pooling")
        x, padding = self._padded(layer.padding, x)
        stride = layer.kernel_size if layer.stride is None else layer.stride
        kind = {"max": "MaxPooling{}D", "average": "AveragePooling{}D"}[layer.kind]
        sizes = self._sizes(layer.kernel_size), self._sizes(stride)
        return self._kind(kind)(*sizes, padding, data_format=self.format, name=name)(x)

    @write.register
    def _(self, layer: TransposedConvolution, x: Any, name: str) -> Any:
        if layer.dilation != 1:
            raise Unbuildable("dilation of transposed convolutions")
        kernel, stride = self._sizes(layer.kernel_size), self._sizes(layer.stride)
        more = self._sizes(layer.output_padding)
        if any(more) and any(m >= s for m, s in zip(more, stride, strict=True)):
            raise Unbuildable("an output padding that is not below the stride")
        # Keras lets a kernel that is shorter than the stride put out zeros after its last tap.
        gaps = [max(s - k, 0) for k, s in zip(kernel, stride, strict=True)]
        cut = [(p, p + gap) for p, gap in zip(self._sizes(layer.padding), gaps, strict=True)]
        is_cut = any(low or high for low, high in cut)
        x = self._kind("Conv{}DTranspose")(
            self.channels,
            kernel,
            stride,
            output_padding=more if any(more) else None,
            data_format=self.format,
            use_bias=False,
            kernel_initializer=self._initializer(layer.kernel_size, x.shape[self.axis]),
            name=f"{name}_whole" if is_cut else name,
        )(x)
        return self._apply("Cropping{}D", cut, x, name) if is_cut else x

    @write.register
    def _(self, layer: Upsampling, x: Any, name: str) -> Any:
        given = {} if self.rank == 1 else {"data_format": self.format}
        if layer.mode == "aligned" or (layer.mode != "nearest" and self.rank != 2):
            raise Unbuildable(f"{layer.mode} resizing on {self.rank} axes")
        if layer.mode != "nearest":
            given["interpolation"] = {"linear": "bilinear", "cubic": "bicubic"}[layer.mode]
        scale = self._sizes(layer.scale)
        size = scale[0] if self.rank == 1 else scale
        return self._kind("UpSampling{}D")(size, name=name, **given)(x)

    @write.register
    def _(self, layer: Padding, x: Any, name: str) -> Any:
        sides = self._sides(layer.low, layer.high)
        if layer.mode == "zeros":
            return self._apply("ZeroPadding{}D", sides, x, name)
        if layer.mode == "reflect":
            widths = [(0, 0)] * (self.rank + 2)
            widths[self.first : self.first + self.rank] = sides
            return keras.ops.pad(x, widths, "reflect")
        if layer.mode == "edge":
            raise Unbuildable("padding by the border's value")
        for axis, (low, high) in enumerate(sides, start=self.first):
            whole = (slice(None),) * axis
            # A slice from -0 on would be everything.
            parts = [x[(*whole, slice(-low, None))]] if low else []
            parts += [x, x[(*whole, slice(0, high))]] if high else [x]
            x = keras.ops.concatenate(parts, axis) if len(parts) > 1 else x
        return x

    @write.register
    def _(self, layer: Subsampling, x: Any, name: str) -> Any:
        kept = [slice(a, None, b) for a, b in self._sides(layer.start, layer.step)]
        return x[(*(slice(None),) * self.first, *kept)]

    @write.register
    def _(self, layer: Roll, x: Any, name: str) -> Any:
        for axis, shift in enumerate(self._sizes(layer.shift), start=self.first):
            x = keras.ops.roll(x, shift, axis)
        return x

    @write.register
    def _(self, layer: Flip, x: Any, name: str) -> Any:
        for axis, flag in enumerate(self._sizes(layer.axes), start=self.first):
            x = keras.ops.flip(x, axis) if flag else x
        return x

    @write.register
    def _(self, layer: DepthToSpace | SpaceToDepth, x: Any, name: str) -> Any:
        raise Unbuildable("blocks of positions as channels, at every size")

    @write.register
    def _(self, layer: Cropping, x: Any, name: str) -> Any:
        return self._apply("Cropping{}D", self._sides(layer.low, layer.high), x, name)

    @write.register
    def _(self, layer: GlobalPooling, x: Any, name: str) -> Any:
        kind = {"max": "GlobalMaxPooling{}D", "average": "GlobalAveragePooling{}D"}[layer.kind]
        return self._kind(kind)(data_format=self.format, keepdims=True, name=name)(x)

    @write.register
    def _(self, layer: Normalization, x: Any, name: str) -> Any:
        if layer.statistics == "batch":
            return keras.layers.BatchNormalization(self.axis, name=name)(x)
        return keras.layers.GroupNormalization(-1, self.axis, name=name)(x)

    @write.register
    def _(self, layer: Activation, x: Any, name: str) -> Any:
        return keras.layers.Activation(layer.function, name=name)(x)

    @write.register
    def _(self, layer: Identity, x: Any, name: str) -> Any:
        return keras.layers.Identity(name=name)(x)

    @write.register
    def _(self, layer: Branches, x: Any, name: str) -> Any:
        paths = [self.path(path, x, f"{name}_{n}_") for n, path in enumerate(layer.paths)]
        given = {"axis": self.axis} if layer.join == "concatenate" else {}
        return getattr(keras.layers, JOINS[layer.join])(name=name, **given)(paths)

    def _kind(self, name: str) -> Any:
        return getattr(keras.layers, name.format(self.rank))

    def _sizes(self, value: Sizes) -> tuple[int, ...]:
        return per_axis(value, self.rank)

    def _sides(self, low: Sizes, high: Sizes) -> list[tuple[int, ...]]:
        return list(zip(self._sizes(low), self._sizes(high), strict=True))

    def _padded(self, padding: Any, x: Any) -> tuple[Any, str]:
        """Zeros around what a valid window then sees; Keras has no other explicit padding."""
        if padding == "same":
            return x, "same"
        sides = self._sides(padding, padding)
        return (self._apply("ZeroPadding{}D", sides, x, None) if any(map(any, sides)) else x), (
            "valid"
        )

    def _apply(self, kind: str, sides: Sequence[tuple[int, ...]], x: Any, name: str | None) -> Any:
        """Padding or cropping; in one dimension Keras knows neither for channels first."""
        if self.rank > 1:
            return self._kind(kind)(tuple(sides), data_format=self.format, name=name)(x)
        if self.format == "channels_last":
            return self._kind(kind)(sides[0], name=name)(x)
        x = self._kind(kind)(sides[0])(keras.layers.Permute((2, 1))(x))
        return keras.layers.Permute((2, 1), name=name)(x)

    def _initializer(self, kernel_size: Sizes, channels: int) -> Any:
        if not self.positive:
            return "glorot_uniform"
        taps = channels * math.prod(self._sizes(kernel_size))
        return keras.initializers.RandomUniform(0.5 / taps, 1.5 / taps, seed=0)

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
    GlobalPooling,
    Identity,
    Normalization,
    Padding,
    Pooling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing import Case

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

    def path(self, layers: Sequence[Layer], x: Any, prefix: str) -> Any:
        for number, layer in enumerate(layers):
            x = self.write(layer, x, f"{prefix}{layer.name or number}")
        return x

    @singledispatchmethod
    def write(self, layer: Layer, x: Any, name: str) -> Any:
        raise NotImplementedError(type(layer).__name__)

    @write.register
    def _(self, layer: Convolution, x: Any, name: str) -> Any:
        x, padding = self._padded(layer.padding, x)
        return self._kind("Conv{}D")(
            self.channels,
            self._sizes(layer.kernel_size),
            self._sizes(layer.stride),
            padding,
            data_format=self.format,
            dilation_rate=self._sizes(layer.dilation),
            use_bias=False,
            kernel_initializer=self._initializer(layer.kernel_size, x.shape[self.axis]),
            name=name,
        )(x)

    @write.register
    def _(self, layer: Pooling, x: Any, name: str) -> Any:
        assert not layer.ceil_mode
        x, padding = self._padded(layer.padding, x)
        stride = layer.kernel_size if layer.stride is None else layer.stride
        kind = {"max": "MaxPooling{}D", "average": "AveragePooling{}D"}[layer.kind]
        sizes = self._sizes(layer.kernel_size), self._sizes(stride)
        return self._kind(kind)(*sizes, padding, data_format=self.format, name=name)(x)

    @write.register
    def _(self, layer: TransposedConvolution, x: Any, name: str) -> Any:
        kernel, stride = self._sizes(layer.kernel_size), self._sizes(layer.stride)
        # Keras lets a kernel that is shorter than the stride put out zeros after its last tap.
        gaps = [max(s - k, 0) for k, s in zip(kernel, stride, strict=True)]
        cut = [(p, p + gap) for p, gap in zip(self._sizes(layer.padding), gaps, strict=True)]
        is_cut = any(low or high for low, high in cut)
        x = self._kind("Conv{}DTranspose")(
            self.channels,
            kernel,
            stride,
            data_format=self.format,
            use_bias=False,
            kernel_initializer=self._initializer(layer.kernel_size, x.shape[self.axis]),
            name=f"{name}_whole" if is_cut else name,
        )(x)
        return self._apply("Cropping{}D", cut, x, name) if is_cut else x

    @write.register
    def _(self, layer: Upsampling, x: Any, name: str) -> Any:
        given = {} if self.rank == 1 else {"data_format": self.format}
        if layer.mode == "linear":
            given["interpolation"] = "bilinear"
        scale = self._sizes(layer.scale)
        size = scale[0] if self.rank == 1 else scale
        return self._kind("UpSampling{}D")(size, name=name, **given)(x)

    @write.register
    def _(self, layer: Padding, x: Any, name: str) -> Any:
        return self._apply("ZeroPadding{}D", self._sides(layer.low, layer.high), x, name)

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

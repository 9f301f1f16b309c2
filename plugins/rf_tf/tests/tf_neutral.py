"""Neutral layers as a TensorFlow module: its ops are in scopes that are called like the layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce, singledispatchmethod
from typing import Any

import numpy as np
import tensorflow as tf

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

Step = Callable[[Any], Any]

LAYOUTS = {
    "last": ("NWC", "NHWC", "NDHWC"),
    "first": ("NCW", "NCHW", "NCDHW"),
}
WINDOWS = {
    "max": (tf.nn.max_pool1d, tf.nn.max_pool2d, tf.nn.max_pool3d),
    "average": (tf.nn.avg_pool1d, tf.nn.avg_pool2d, tf.nn.avg_pool3d),
}
JOINS: dict[str, Callable[[Sequence[Any], int], Any]] = {
    "add": lambda values, _: reduce(tf.add, values),
    "multiply": lambda values, _: reduce(tf.multiply, values),
    "concatenate": lambda values, dim: tf.concat(values, axis=dim),
}


def network(case: Case, channels: str = "last") -> tf.Module:
    """The network of a case as a module that is called on a batch of images."""
    return _Network(case, channels)


class _Network(tf.Module):
    """Steps one after the other, each in the scope of its layer."""

    def __init__(self, case: Case, channels: str) -> None:
        super().__init__()
        writer = _Writer(case, channels)
        self.step, _ = writer.path(case.layers, case.channels, "")
        self.weights = writer.weights

    # There is nothing to convert, and that of TensorFlow 2.12 knows no strict zip().
    @tf.autograph.experimental.do_not_convert
    def __call__(self, image: Any) -> Any:
        return self.step(image)


class _Writer:
    """Writes layers as functions, and keeps their weights."""

    def __init__(self, case: Case, channels: str) -> None:
        self.channels, self.rank, self.positive = case.channels, case.rank, case.weights
        self.layout = LAYOUTS[channels][self.rank - 1]
        self.channel_dim = self.layout.index("C")
        self.axes = [dim for dim, letter in enumerate(self.layout) if letter not in "NC"]
        self.generator = np.random.default_rng(0)
        self.weights: list[tf.Variable] = []

    def path(self, layers: Sequence[Layer], channels: int, prefix: str) -> tuple[Step, int]:
        steps: list[Step] = []
        for number, layer in enumerate(layers):
            address = f"{prefix}{layer.name or number}"
            step, channels = self.write(layer, channels, address)
            steps.append(step if isinstance(layer, Branches) else _in_scope(step, address))
        return (lambda image: reduce(lambda value, step: step(value), steps, image)), channels

    @singledispatchmethod
    def write(self, layer: Layer, channels: int, address: str) -> tuple[Step, int]:
        raise NotImplementedError(type(layer).__name__)

    @write.register
    def _(self, layer: Convolution, channels: int, address: str) -> tuple[Step, int]:
        kernel = self._kernel(layer.kernel_size, channels, self.channels)
        strides = list(per_axis(layer.stride, self.rank))
        dilations = list(per_axis(layer.dilation, self.rank))
        padding, sides = self._padding(layer.padding)

        def convolve(image: Any) -> Any:
            image = self._padded(image, sides)
            return tf.nn.convolution(image, kernel, strides, padding, self.layout, dilations)

        return convolve, self.channels

    @write.register
    def _(self, layer: Pooling, channels: int, address: str) -> tuple[Step, int]:
        sizes = list(per_axis(layer.kernel_size, self.rank))
        stride = layer.kernel_size if layer.stride is None else layer.stride
        strides = list(per_axis(stride, self.rank))
        padding, sides = self._padding(layer.padding)
        pool = WINDOWS[layer.kind][self.rank - 1]
        fill = -1e30 if layer.kind == "max" else 0.0
        return (
            lambda image: pool(
                self._padded(image, sides, fill), sizes, strides, padding, self.layout
            )
        ), channels

    @write.register
    def _(self, layer: TransposedConvolution, channels: int, address: str) -> tuple[Step, int]:
        kernel = self._kernel(layer.kernel_size, self.channels, channels)
        sizes, strides, padding = (
            per_axis(value, self.rank) for value in (layer.kernel_size, layer.stride, layer.padding)
        )

        def convolve(image: Any) -> Any:
            lengths = [
                (image.shape[dim] - 1) * stride + size
                for dim, stride, size in zip(self.axes, strides, sizes, strict=True)
            ]
            full = list(image.shape)
            full[self.channel_dim] = self.channels
            for dim, length in zip(self.axes, lengths, strict=True):
                full[dim] = length
            result = tf.nn.conv_transpose(
                image, kernel, full, list(strides), "VALID", self.layout, name="transposed"
            )
            return self._cropped(result, list(zip(padding, padding, strict=True)))

        return convolve, self.channels

    @write.register
    def _(self, layer: Upsampling, channels: int, address: str) -> tuple[Step, int]:
        scales = per_axis(layer.scale, self.rank)

        def repeat(image: Any) -> Any:
            for dim, scale in zip(self.axes, scales, strict=True):
                image = tf.repeat(image, scale, axis=dim)
            return image

        def interpolate(image: Any) -> Any:
            to_last = [0, *self.axes, self.channel_dim]
            image = tf.transpose(image, to_last)
            size = [n * scale for n, scale in zip(image.shape[1:3], scales, strict=True)]
            back = [to_last.index(dim) for dim in range(len(to_last))]
            return tf.transpose(tf.image.resize(image, size, "bilinear"), back)

        return (repeat if layer.mode == "nearest" else interpolate), channels

    @write.register
    def _(self, layer: Padding, channels: int, address: str) -> tuple[Step, int]:
        sides = self._sides(layer.low, layer.high)
        return (lambda image: self._padded(image, sides)), channels

    @write.register
    def _(self, layer: Cropping, channels: int, address: str) -> tuple[Step, int]:
        sides = self._sides(layer.low, layer.high)
        return (lambda image: self._cropped(image, sides)), channels

    @write.register
    def _(self, layer: GlobalPooling, channels: int, address: str) -> tuple[Step, int]:
        pool = tf.reduce_max if layer.kind == "max" else tf.reduce_mean
        return (lambda image: pool(image, axis=self.axes, keepdims=True)), channels

    @write.register
    def _(self, layer: Normalization, channels: int, address: str) -> tuple[Step, int]:
        shape = [channels if letter == "C" else 1 for letter in self.layout]
        scale, mean, variance = (self._weight(np.full(shape, value)) for value in (1.5, 0.0, 2.0))

        def with_stored(image: Any) -> Any:
            return tf.nn.batch_normalization(image, mean, variance, None, scale, 1e-3)

        def with_own(image: Any) -> Any:
            own_mean, own_variance = tf.nn.moments(image, self.axes, keepdims=True)
            return tf.nn.batch_normalization(image, own_mean, own_variance, None, scale, 1e-3)

        return (with_stored if layer.statistics == "batch" else with_own), channels

    @write.register
    def _(self, layer: Activation, channels: int, address: str) -> tuple[Step, int]:
        return {"relu": tf.nn.relu, "sigmoid": tf.nn.sigmoid}[layer.function], channels

    @write.register
    def _(self, layer: Identity, channels: int, address: str) -> tuple[Step, int]:
        return tf.identity, channels

    @write.register
    def _(self, layer: Branches, channels: int, address: str) -> tuple[Step, int]:
        written = [
            self.path(path, channels, f"{address}.{number}.")
            for number, path in enumerate(layer.paths)
        ]
        paths = [path for path, _ in written]
        widths = [width for _, width in written]
        join = _in_scope(lambda values: JOINS[layer.join](values, self.channel_dim), address)
        width = sum(widths) if layer.join == "concatenate" else max(widths)
        return (lambda image: join([path(image) for path in paths])), width

    def _kernel(self, sizes: Sizes, fan_in: int, fan_out: int) -> tf.Variable:
        shape = (*per_axis(sizes, self.rank), fan_in, fan_out)
        if self.positive == "positive":
            values = self.generator.uniform(0.5, 1.5, shape)
        else:
            values = self.generator.normal(size=shape)
        return self._weight(values / np.prod(shape[:-1]))

    def _weight(self, values: Any) -> tf.Variable:
        self.weights.append(tf.Variable(values.astype(np.float32)))
        return self.weights[-1]

    def _padding(self, padding: Sizes | str) -> tuple[str, list[tuple[int, int]]]:
        if isinstance(padding, str):
            return "SAME", self._sides(0, 0)
        return "VALID", self._sides(padding, padding)

    def _sides(self, low: Sizes, high: Sizes) -> list[tuple[int, int]]:
        return list(zip(per_axis(low, self.rank), per_axis(high, self.rank), strict=True))

    def _padded(self, image: Any, sides: list[tuple[int, int]], fill: float = 0.0) -> Any:
        if not any(map(any, sides)):
            return image
        return tf.pad(image, list(self._by_dim(sides)), constant_values=fill)

    def _cropped(self, image: Any, sides: list[tuple[int, int]]) -> Any:
        ends = zip(image.shape, self._by_dim(sides), strict=True)
        return image[tuple(slice(low, length - high) for length, (low, high) in ends)]

    def _by_dim(self, sides: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        given = dict(zip(self.axes, sides, strict=True))
        yield from (given.get(dim, (0, 0)) for dim in range(len(self.layout)))


def _in_scope(step: Step, address: str) -> Step:
    def scoped(value: Any) -> Any:
        # The slash keeps the scope from being nested in another one.
        with tf.name_scope(f"{address}/"):
            return step(value)

    return scoped

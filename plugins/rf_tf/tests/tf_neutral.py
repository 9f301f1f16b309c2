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
        strides = list(per_axis(layer.stride, self.rank))
        dilations = list(per_axis(layer.dilation, self.rank))
        if max(strides) > 1 and max(dilations) > 1:
            raise Unbuildable("a convolution that is both strided and dilated")
        padding, sides = self._padding(layer.padding)
        by_channel = layer.groups == channels == self.channels > 1
        if by_channel and self.rank == 2 and len(set(strides)) == 1:
            each = self._kernel(layer.kernel_size, channels, 1)
            steps = [1, *strides, 1] if self.channel_dim == 3 else [1, 1, *strides]

            def convolve_each(image: Any) -> Any:
                image = self._padded(image, sides)
                return tf.nn.depthwise_conv2d(image, each, steps, padding, self.layout, dilations)

            return convolve_each, self.channels
        kernel = self._kernel(layer.kernel_size, channels // layer.groups, self.channels)

        def convolve(image: Any) -> Any:
            image = self._padded(image, sides)
            if self.rank == 2 and padding == "SAME":
                # The other way moves space to the batch where there is dilation.
                return tf.nn.conv2d(image, kernel, strides, padding, self.layout, dilations)
            return tf.nn.convolution(image, kernel, strides, padding, self.layout, dilations)

        return convolve, self.channels

    @write.register
    def _(self, layer: Pooling, channels: int, address: str) -> tuple[Step, int]:
        sizes = list(per_axis(layer.kernel_size, self.rank))
        stride = layer.kernel_size if layer.stride is None else layer.stride
        strides = list(per_axis(stride, self.rank))
        padding, sides = self._padding(layer.padding)
        if layer.dilation != 1:
            raise Unbuildable("dilation of pooling")
        pool = WINDOWS[layer.kind][self.rank - 1]
        fill = -1e30 if layer.kind == "max" else 0.0

        def pooled(image: Any) -> Any:
            around = sides
            if layer.ceil_mode:
                lengths = [image.shape[dim] for dim in self.axes]
                windows = zip(lengths, sides, sizes, strides, strict=True)
                around = [(side[0], side[1] + _spare(n, side, *rest)) for n, side, *rest in windows]
            return pool(self._padded(image, around, fill), sizes, strides, padding, self.layout)

        return pooled, channels

    @write.register
    def _(self, layer: TransposedConvolution, channels: int, address: str) -> tuple[Step, int]:
        kernel = self._kernel(layer.kernel_size, self.channels, channels)
        sizes, strides, padding = (
            per_axis(value, self.rank) for value in (layer.kernel_size, layer.stride, layer.padding)
        )

        if layer.dilation != 1:
            raise Unbuildable("dilation of transposed convolutions")
        # What is put after the last tap, and where the kernel is shorter than the stride.
        extra = per_axis(layer.output_padding, self.rank)
        whole = [k + more <= s + k - 1 for k, s, more in zip(sizes, strides, extra, strict=True)]
        if not all(whole):
            raise Unbuildable("an output padding that is not below the stride")

        def convolve(image: Any) -> Any:
            lengths = [
                (image.shape[dim] - 1) * stride + size + more
                for dim, stride, size, more in zip(self.axes, strides, sizes, extra, strict=True)
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
            size = [n * scale for n, scale in zip(image.shape[1:-1], scales, strict=True)]
            back = [to_last.index(dim) for dim in range(len(to_last))]
            if self.rank == 1:
                resized = tf.squeeze(resize(tf.expand_dims(image, 2), [*size, 1]), 2)
            else:
                resized = resize(image, size)
            return tf.transpose(resized, back)

        def resize(image: Any, size: Sequence[int]) -> Any:
            if layer.mode == "aligned":
                return tf.compat.v1.image.resize_bilinear(image, size, align_corners=True)
            mode = {"linear": "bilinear", "cubic": "bicubic"}[layer.mode]
            return tf.image.resize(image, size, mode)

        if layer.mode != "nearest" and self.rank == 3:
            raise Unbuildable("interpolation in three dimensions")
        return (repeat if layer.mode == "nearest" else interpolate), channels

    @write.register
    def _(self, layer: Padding, channels: int, address: str) -> tuple[Step, int]:
        sides = self._sides(layer.low, layer.high)
        if layer.mode == "zeros":
            return (lambda image: self._padded(image, sides)), channels
        if layer.mode == "reflect":
            widths = list(self._by_dim(sides))
            return (lambda image: tf.pad(image, widths, "REFLECT")), channels

        def around(image: Any) -> Any:
            for dim, (low, high) in zip(self.axes, sides, strict=True):
                n = image.shape[dim]
                ends = (n - low, 0) if layer.mode == "circular" else (0, n - 1)
                counts = (low, high) if layer.mode == "circular" else (1, 1)
                parts = [
                    self._part(image, dim, start, count)
                    for start, count in zip(ends, counts, strict=True)
                ]
                times = (1, 1) if layer.mode == "circular" else (low, high)
                image = tf.concat([*times[0] * parts[:1], image, *times[1] * parts[1:]], dim)
            return image

        return around, channels

    def _part(self, image: Any, dim: int, start: int, count: int) -> Any:
        return image[(*(slice(None),) * dim, slice(start, start + count))]

    @write.register
    def _(self, layer: Subsampling, channels: int, address: str) -> tuple[Step, int]:
        sides = self._sides(layer.start, layer.step)
        kept = dict(zip(self.axes, (slice(a, None, b) for a, b in sides), strict=True))
        slices = tuple(kept.get(dim, slice(None)) for dim in range(len(self.layout)))
        return (lambda image: image[slices]), channels

    @write.register
    def _(self, layer: Roll, channels: int, address: str) -> tuple[Step, int]:
        shift = per_axis(layer.shift, self.rank)
        return (lambda image: tf.roll(image, shift, self.axes)), channels

    @write.register
    def _(self, layer: Flip, channels: int, address: str) -> tuple[Step, int]:
        flags = zip(self.axes, per_axis(layer.axes, self.rank), strict=True)
        reversed_axes = [axis for axis, flag in flags if flag]
        return (lambda image: tf.reverse(image, reversed_axes)), channels

    @write.register
    def _(self, layer: DepthToSpace, channels: int, address: str) -> tuple[Step, int]:
        scale, rank = per_axis(layer.scale, self.rank), self.rank
        kernel = self._kernel(1, channels, self.channels * int(np.prod(scale)))

        def shuffle(image: Any) -> Any:
            many = tf.nn.convolution(image, kernel, 1, "VALID", self.layout)
            if rank == 2 and len(set(scale)) == 1 and scale[0] > 1:
                return tf.nn.depth_to_space(many, scale[0], self.layout)
            last = tf.transpose(many, [0, *self.axes, self.channel_dim])
            lengths = last.shape[1:-1]
            blocks = tf.reshape(last, [-1, *lengths, *scale, self.channels])
            order = [dim for axis in range(rank) for dim in (1 + axis, 1 + rank + axis)]
            grown = [n * s for n, s in zip(lengths, scale, strict=True)]
            whole = tf.transpose(blocks, [0, *order, 1 + 2 * rank])
            return self._from_last(tf.reshape(whole, [-1, *grown, self.channels]))

        return shuffle, self.channels

    @write.register
    def _(self, layer: SpaceToDepth, channels: int, address: str) -> tuple[Step, int]:
        scale, rank = per_axis(layer.scale, self.rank), self.rank
        kernel = self._kernel(1, channels * int(np.prod(scale)), self.channels)

        def stack(image: Any) -> Any:
            if rank == 2 and len(set(scale)) == 1 and scale[0] > 1:
                flat = tf.nn.space_to_depth(image, scale[0], self.layout)
                return tf.nn.convolution(flat, kernel, 1, "VALID", self.layout)
            last = tf.transpose(image, [0, *self.axes, self.channel_dim])
            fewer = [n // s for n, s in zip(last.shape[1:-1], scale, strict=True)]
            split = [size for pair in zip(fewer, scale, strict=True) for size in pair]
            blocks = tf.reshape(last, [-1, *split, channels])
            outer, inner = range(1, 1 + 2 * rank, 2), range(2, 2 + 2 * rank, 2)
            stacked = tf.transpose(blocks, [0, *outer, *inner, 1 + 2 * rank])
            flat = tf.reshape(stacked, [-1, *fewer, channels * int(np.prod(scale))])
            return tf.nn.convolution(self._from_last(flat), kernel, 1, "VALID", self.layout)

        return stack, self.channels

    def _from_last(self, image: Any) -> Any:
        to_last = [0, *self.axes, self.channel_dim]
        return tf.transpose(image, [to_last.index(dim) for dim in range(len(to_last))])

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


def _spare(n: int, sides: tuple[int, int], size: int, stride: int) -> int:
    """What has to follow an axis for pooling in ceil mode, as PyTorch has it."""
    low, high = sides
    left = (n + low + high - size) % stride
    windows = (n + low + high - size) // stride + 1
    return stride - left if left and windows * stride < n + low else 0

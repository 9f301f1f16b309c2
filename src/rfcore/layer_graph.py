"""From layers to the graph: which positions a layer reads, and how many outputs it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatchmethod

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import InputShapeError
from rfcore.graph import GraphBuilder, Window, WindowAxis
from rfcore.layer_specs import (
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
    Sizes,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
    per_axis,
)
from rfcore.layer_taps import flipped, padded, resized, rolled

__all__ = ["LayerForward"]

Windows = Sequence[tuple[WindowAxis, int]]
"""The window along each axis, and the number of its outputs."""


@dataclass(slots=True)
class LayerForward:
    """One forward pass of layers.

    Attributes:
        builder: The graph so far.
        axes: The spatial axes of every value.
        values: The node of each layer's output, by the layer's address.
        types: The class of each layer, likewise.
    """

    builder: GraphBuilder
    axes: tuple[int, ...]
    values: dict[str, int] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def through(self, layers: Sequence[Layer], value: int, prefix: str = "") -> int:
        """Adds the layers one after the other and returns the last one's output.

        Raises:
            InputShapeError: The input is too small, or the paths of branches do not fit.
        """
        for number, layer in enumerate(layers):
            address = f"{prefix}{layer.name or number}"
            self.builder.layer = address
            value = self.add(layer, value)
            self.values[address], self.types[address] = value, type(layer).__name__
        return value

    @singledispatchmethod
    def add(self, layer: Layer, value: int) -> int:
        """Adds one layer that reads the node `value` and returns the node of its output."""
        raise NotImplementedError(type(layer).__name__)

    @add.register
    def _(self, layer: Identity | Activation, value: int) -> int:
        return value

    @add.register
    def _(self, layer: Normalization, value: int) -> int:
        if layer.statistics == "batch":
            return value
        statistics = self.builder.reduce(value, self.axes, True, "Normalization")
        shape = self.builder.shape(value)
        return self.builder.elementwise((value, statistics), shape, "Normalization")

    @add.register
    def _(self, layer: Convolution, value: int) -> int:
        return self._window(layer, value, self._windows(layer, layer.stride, value))

    @add.register
    def _(self, layer: Pooling, value: int) -> int:
        stride = layer.kernel_size if layer.stride is None else layer.stride
        windows = self._windows(layer, stride, value)
        if layer.ceil_mode:
            lengths = self._lengths(value)
            windows = [
                (axis, _with_partial_window(axis, n, count))
                for n, (axis, count) in zip(lengths, windows, strict=True)
            ]
        return self._window(layer, value, windows)

    @add.register
    def _(self, layer: TransposedConvolution, value: int) -> int:
        windows = []
        sizes = self._sizes(
            layer.kernel_size, layer.stride, layer.dilation, layer.padding, layer.output_padding
        )
        for axis, n, (k, s, d, p, more) in zip(self.axes, self._lengths(value), sizes, strict=True):
            reach = d * (k - 1)
            window = WindowAxis(axis, k, 1, d, reach - p, base_dilation=s)
            windows.append((window, (n - 1) * s + reach + 1 - 2 * p + more))
        return self._window(layer, value, windows)

    @add.register
    def _(self, layer: Upsampling, value: int) -> int:
        for axis, (scale,) in zip(self.axes, self._sizes(layer.scale), strict=True):
            taps = resized(self.builder.shape(value)[axis], scale, layer.mode)
            value = self._along(value, axis, taps, layer)
        return value

    @add.register
    def _(self, layer: DepthToSpace, value: int) -> int:
        for axis, (scale,) in zip(self.axes, self._sizes(layer.scale), strict=True):
            taps = resized(self.builder.shape(value)[axis], scale, "nearest")
            value = self._along(value, axis, taps, layer)
        return value

    @add.register
    def _(self, layer: SpaceToDepth, value: int) -> int:
        lengths, scales = self._lengths(value), [s for (s,) in self._sizes(layer.scale)]
        windows = []
        for number, (axis, n, scale) in enumerate(zip(self.axes, lengths, scales, strict=True)):
            if n % scale:
                raise self._refused(
                    f"does not fit: SpaceToDepth {self.builder.layer!r} gets {n} positions on "
                    f"axis {number}, which {scale} does not divide",
                    f"ask for a size with which it gets {n - n % scale + scale}.",
                )
            windows.append((WindowAxis(axis, scale, scale), n // scale))
        return self._window(layer, value, windows)

    @add.register
    def _(self, layer: Padding, value: int) -> int:
        sizes = self._sizes(layer.low, layer.high)
        for number, (n, sides) in enumerate(zip(self._lengths(value), sizes, strict=True)):
            most = {"reflect": n - 1, "circular": n}.get(layer.mode, max(sides))
            if max(sides) > most:
                raise self._refused(
                    f"is too small: Padding {self.builder.layer!r} with mode={layer.mode!r} gets "
                    f"{n} positions on axis {number}, which allow at most {most} more on a side",
                    "ask for a larger input_shape, or give the layer less to add.",
                )
        for axis, (low, high) in zip(self.axes, sizes, strict=True):
            taps = padded(self.builder.shape(value)[axis], low, high, layer.mode)
            value = self._along(value, axis, taps, layer)
        return value

    @add.register
    def _(self, layer: Cropping, value: int) -> int:
        lengths, sizes = self._lengths(value), self._sizes(layer.low, layer.high)
        along = list(zip(lengths, sizes, strict=True))
        self._resized(layer, value, [n - low - high for n, (low, high) in along])
        for axis, (n, (low, high)) in zip(self.axes, along, strict=True):
            value = self._along(value, axis, np.arange(low, n - high)[:, None], layer)
        return value

    @add.register
    def _(self, layer: Subsampling, value: int) -> int:
        sizes = self._sizes(layer.start, layer.step)
        kept = [
            np.arange(start, n, step)
            for n, (start, step) in zip(self._lengths(value), sizes, strict=True)
        ]
        self._resized(layer, value, list(map(len, kept)))
        for axis, positions in zip(self.axes, kept, strict=True):
            value = self._along(value, axis, positions[:, None], layer)
        return value

    @add.register
    def _(self, layer: Roll, value: int) -> int:
        for axis, (shift,) in zip(self.axes, self._sizes(layer.shift), strict=True):
            taps = rolled(self.builder.shape(value)[axis], shift)
            value = self._along(value, axis, taps, layer)
        return value

    @add.register
    def _(self, layer: Flip, value: int) -> int:
        for axis, (reverse,) in zip(self.axes, self._sizes(layer.axes), strict=True):
            if reverse:
                taps = flipped(self.builder.shape(value)[axis])
                value = self._along(value, axis, taps, layer)
        return value

    @add.register
    def _(self, layer: GlobalPooling, value: int) -> int:
        return self.builder.reduce(value, self.axes, True, "GlobalPooling")

    @add.register
    def _(self, layer: Branches, value: int) -> int:
        address = self.builder.layer
        ends = [
            self.through(path, value, f"{address}.{number}.")
            for number, path in enumerate(layer.paths)
        ]
        self.builder.layer = address
        shapes = [self.builder.shape(end) for end in ends]
        joined = tuple(map(max, zip(*shapes, strict=True)))
        if any(not _fits(shape, joined, layer.join) for shape in shapes):
            lengths = " and ".join(str(tuple(self._lengths(end))) for end in ends)
            raise self._refused(
                f"gives the paths of layer {address!r} different lengths: {lengths}",
                "choose a size that the strides divide, or pad or crop one of the paths.",
            )
        return self.builder.elementwise(ends, joined, "Branches")

    def _lengths(self, value: int) -> list[int]:
        return [self.builder.shape(value)[axis] for axis in self.axes]

    def _sizes(self, *parameters: Sizes) -> list[tuple[int, ...]]:
        """The parameters of each axis."""
        rank = len(self.axes)
        return list(zip(*(per_axis(value, rank) for value in parameters), strict=True))

    def _windows(
        self, layer: Convolution | Pooling, stride: Sizes, value: int
    ) -> list[tuple[WindowAxis, int]]:
        windows = []
        padding = 0 if layer.padding == "same" else layer.padding
        sizes = self._sizes(layer.kernel_size, stride, layer.dilation, padding)
        for axis, n, (k, s, d, p) in zip(self.axes, self._lengths(value), sizes, strict=True):
            extent = d * (k - 1) + 1
            low, total = p, 2 * p
            if layer.padding == "same":
                total = max((-(-n // s) - 1) * s + extent - n, 0)
                low = total // 2
            windows.append((WindowAxis(axis, k, s, d, low), (n + total - extent) // s + 1))
        return windows

    def _window(self, layer: Layer, value: int, windows: Windows) -> int:
        kind = type(layer).__name__
        shape = self._resized(layer, value, [count for _, count in windows])
        op = Window(tuple(axis for axis, _ in windows))
        return self.builder.window(value, op, shape, kind)

    def _along(self, value: int, axis: int, taps: NDArray[np.int64], layer: Layer) -> int:
        """Adds a map along one axis, in which taps outside of the value see nothing."""
        inside = (taps >= 0) & (taps < self.builder.shape(value)[axis])
        return self.builder.axis_map(value, axis, np.where(inside, taps, -1), type(layer).__name__)

    def _resized(self, layer: Layer, value: int, lengths: Sequence[int]) -> list[int]:
        """The value's shape with other spatial lengths."""
        for number, length in enumerate(lengths):
            if length < 1:
                raise self._refused(
                    f"is too small: {type(layer).__name__} {self.builder.layer!r} gets "
                    f"{self._lengths(value)[number]} positions on axis {number}, which leaves it "
                    "no output",
                    "ask for a larger input_shape, or give the layer a padding.",
                )
        shape = list(self.builder.shape(value))
        for axis, length in zip(self.axes, lengths, strict=True):
            shape[axis] = length
        return shape

    def _refused(self, problem: str, hint: str) -> InputShapeError:
        shape = self.builder.shape(0)
        return InputShapeError(tuple(shape[axis] for axis in self.axes), problem, hint)


def _fits(shape: Sequence[int], joined: Sequence[int], join: str) -> bool:
    """Whether a path's end can be joined: all but a concatenation broadcast axes of length 1."""
    return all(
        n == length or (n == 1 and join != "concatenate")
        for n, length in zip(shape, joined, strict=True)
    )


def _with_partial_window(axis: WindowAxis, length: int, count: int) -> int:
    """The outputs of pooling in ceil mode, at the same padding on both sides.

    Source: PyTorch's pooling shapes: one more window if the last one leaves positions over,
        unless it would begin in the padding at the high end.
    """
    extent = axis.dilation * (axis.kernel_size - 1) + 1
    left_over = (length + 2 * axis.low - extent) % axis.stride > 0
    return count + (left_over and count * axis.stride < length + axis.low)

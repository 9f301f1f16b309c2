"""Neutral layers as functions written with autograd.numpy, tap by tap."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import reduce, singledispatchmethod
from typing import Any

import autograd.numpy as anp
import numpy as np

from rf_autograd import Network
from rfcore.layer_base import per_axis
from rfcore.layers import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    GlobalPooling,
    Identity,
    Layer,
    Normalization,
    Padding,
    Pooling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing import Case, same_padding

SAME = "same"


def network(case: Case) -> Network:
    """The network of a case; it returns its layers by their neutral names."""
    weights = Weights(case)

    def forward(x: Any) -> dict[str, Any]:
        run = Forward(case, weights)
        output = run.through(case.layers, x)
        return run.values | {"output": output}

    if case.error is None:
        # Kernels are drawn in the first pass, whose shapes they need.
        forward(np.ones((1, case.channels, *case.input_shape)))
    return Network(forward)


class Weights:
    """Kernels by the name of their layer, drawn when they are first used."""

    def __init__(self, case: Case) -> None:
        self.generator = np.random.default_rng(0)
        self.least = 0.5 if case.weights == "positive" else -1.5
        self.kernels: dict[str, Any] = {}

    def __call__(self, name: str, shape: tuple[int, ...]) -> Any:
        if name not in self.kernels:
            kernel = self.generator.uniform(self.least, 1.5, shape)
            self.kernels[name] = kernel / kernel[0].size
        return self.kernels[name]


class Forward:
    """One forward pass of (batch, channels, *spatial) arrays."""

    def __init__(self, case: Case, weights: Weights) -> None:
        self.case, self.weights = case, weights
        self.axes = tuple(range(2, 2 + case.rank))
        self.values: dict[str, Any] = {}
        self.layer = ""

    def through(self, layers: Sequence[Layer], x: Any, prefix: str = "") -> Any:
        for number, layer in enumerate(layers):
            name = self.layer = f"{prefix}{layer.name or number}"
            x = self.values[name] = self.apply(layer, x)
        return x

    @singledispatchmethod
    def apply(self, layer: Layer, x: Any) -> Any:
        raise NotImplementedError(type(layer).__name__)

    @apply.register
    def _(self, layer: Convolution, x: Any) -> Any:
        sizes = self.per_axis(layer.kernel_size, layer.stride, layer.dilation)
        return self.convolve(self.padded(x, layer.padding, sizes, 0.0), sizes)

    @apply.register
    def _(self, layer: Pooling, x: Any) -> Any:
        stride = layer.kernel_size if layer.stride is None else layer.stride
        sizes = self.per_axis(layer.kernel_size, stride, layer.dilation)
        fill, join = (-1e9, anp.max) if layer.kind == "max" else (0.0, anp.mean)
        padded = self.padded(x, layer.padding, sizes, fill)
        return join(anp.stack([values for _, values in self.taps(padded, sizes)]), axis=0)

    @apply.register
    def _(self, layer: TransposedConvolution, x: Any) -> Any:
        for axis, (stride,) in zip(self.axes, self.per_axis(layer.stride), strict=True):
            x = anp.moveaxis(x, axis, -1)
            gaps = anp.zeros((*x.shape, stride - 1))
            spread = anp.concatenate([x[..., None], gaps], axis=-1)
            x = spread.reshape(*x.shape[:-1], -1)[..., : x.shape[-1] * stride - stride + 1]
            x = anp.moveaxis(x, -1, axis)
        sizes = self.per_axis(layer.kernel_size, 1, layer.dilation)
        (reach,) = {dilation * (taps - 1) for taps, _, dilation in sizes}
        assert isinstance(layer.padding, int)
        return self.convolve(self.padded(x, reach - layer.padding, sizes, 0.0), sizes)

    @apply.register
    def _(self, layer: Upsampling, x: Any) -> Any:
        for axis, (scale,) in zip(self.axes, self.per_axis(layer.scale), strict=True):
            if layer.mode == "nearest":
                x = anp.repeat(x, scale, axis=axis)
            else:
                matrix = interpolation(x.shape[axis], scale)
                x = anp.moveaxis(anp.tensordot(x, matrix, axes=(axis, 1)), -1, axis)
        return x

    @apply.register
    def _(self, layer: Padding, x: Any) -> Any:
        return anp.pad(x, [(0, 0), (0, 0), *self.per_axis(layer.low, layer.high)], "constant")

    @apply.register
    def _(self, layer: Cropping, x: Any) -> Any:
        sides = zip(x.shape[2:], self.per_axis(layer.low, layer.high), strict=True)
        return x[(..., *(slice(low, n - high) for n, (low, high) in sides))]

    @apply.register
    def _(self, layer: GlobalPooling, x: Any) -> Any:
        return (anp.max if layer.kind == "max" else anp.mean)(x, axis=self.axes, keepdims=True)

    @apply.register
    def _(self, layer: Normalization, x: Any) -> Any:
        if layer.statistics == "batch":
            return 0.9 * x
        mean = anp.mean(x, axis=self.axes, keepdims=True)
        return (x - mean) / anp.sqrt(anp.var(x, axis=self.axes, keepdims=True) + 1e-5)

    @apply.register
    def _(self, layer: Activation, x: Any) -> Any:
        return anp.maximum(x, 0) if layer.function == "relu" else 1 / (1 + anp.exp(-x))

    @apply.register
    def _(self, layer: Identity, x: Any) -> Any:
        return x

    @apply.register
    def _(self, layer: Branches, x: Any) -> Any:
        name = self.layer
        ends = [
            self.through(path, x, f"{name}.{number}.") for number, path in enumerate(layer.paths)
        ]
        if layer.join == "concatenate":
            return anp.concatenate(ends, axis=1)
        return reduce(anp.add if layer.join == "add" else anp.multiply, ends)

    def per_axis(self, *parameters: Any) -> list[tuple[int, ...]]:
        return list(zip(*(per_axis(value, self.case.rank) for value in parameters), strict=True))

    def padded(self, x: Any, padding: Any, sizes: Sequence[tuple[int, ...]], fill: float) -> Any:
        if padding == SAME:
            along = zip(x.shape[2:], sizes, strict=True)
            sides = [same_padding(n, *window) for n, window in along]
        else:
            sides = [(low, low) for low in per_axis(padding, self.case.rank)]
        if not any(map(any, sides)):
            return x
        # autograd differentiates padding with zeros only.
        return anp.pad(x - fill, [(0, 0), (0, 0), *sides], "constant") + fill

    def taps(self, x: Any, sizes: Sequence[tuple[int, ...]]) -> Any:
        """For each tap its index and what it reads, one value per output."""
        lengths = x.shape[2:]
        counts = [
            (n - d * (k - 1) - 1) // s + 1 for n, (k, s, d) in zip(lengths, sizes, strict=True)
        ]
        if min(counts) < 1:
            raise ValueError(f"no window fits into {lengths}")
        for tap in itertools.product(*(range(k) for k, _, _ in sizes)):
            along = zip(tap, counts, sizes, strict=True)
            reads = (slice(t * d, t * d + (c - 1) * s + 1, s) for t, c, (_, s, d) in along)
            yield tap, x[(slice(None), slice(None), *reads)]

    def convolve(self, x: Any, sizes: Sequence[tuple[int, ...]]) -> Any:
        shape = (self.case.channels, x.shape[1], *(k for k, _, _ in sizes))
        kernel = self.weights(self.layer, shape)
        products = (
            anp.tensordot(kernel[(slice(None), slice(None), *tap)], values, axes=(1, 1))
            for tap, values in self.taps(x, sizes)
        )
        return anp.moveaxis(reduce(anp.add, products), 0, 1)


def interpolation(length: int, scale: int) -> Any:
    """Weights (outputs, inputs) of linear upsampling between half-pixel centres."""
    places = np.clip((np.arange(length * scale) + 0.5) / scale - 0.5, 0, length - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(length)))

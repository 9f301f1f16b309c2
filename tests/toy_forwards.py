"""A backend of forwards alone: plain numpy functions, among them ones that lie or swallow NaN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import ModelError
from rfcore.hookspecs import MeasuredOutput, OutputForward, Trace
from rfcore.inputs import InputSpec, input_spec

Array = NDArray[Any]
Function = Callable[[Array], Array]

FLOAT32 = np.dtype(np.float32)


@dataclass(frozen=True)
class ToyBackend:
    """Runs any function of one array; nothing can be traced or differentiated.

    `sizes` are the lengths that its spatial axes may have, None for all.
    """

    sizes: Sequence[int] | None = None
    dtype: Any = FLOAT32
    notes: tuple[str, ...] = ()
    name: str = "toy"

    def accepts(self, model: object) -> bool:
        return callable(model)

    def input_spec(
        self, model: Any, input_shape: Any, layout: str | None, name: str | int | None
    ) -> InputSpec:
        return input_spec(input_shape, layout=layout, name=name)

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        raise AssertionError("a check is independent of traces")

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        raise AssertionError("a check is independent of gradients")

    def forward(self, model: Any, spec: InputSpec, output: str | int | None) -> OutputForward:
        if self.sizes is not None and not set(spec.spatial_shape) <= set(self.sizes):
            raise ModelError(spec.shape, ValueError(f"only lengths in {self.sizes} are known"))
        return OutputForward(model, self.dtype, self.notes)


def taps(
    x: Array,
    weights: Sequence[float],
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: tuple[int, int] = (0, 0),
    mode: Any = "constant",
    axis: int = -1,
) -> Array:
    """A convolution along one axis, the same for every channel."""
    x = np.moveaxis(x, axis, -1)
    x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [padding], mode=mode)
    count = (x.shape[-1] - dilation * (len(weights) - 1) - 1) // stride + 1
    with np.errstate(all="ignore"):
        parts = [
            np.asarray(weight, x.dtype)
            * x[..., tap * dilation : tap * dilation + (count - 1) * stride + 1 : stride]
            for tap, weight in enumerate(weights)
        ]
        return np.moveaxis(np.sum(parts, axis=0, dtype=x.dtype), -1, axis)


def windows(x: Array, kernel_size: int, stride: int = 1) -> Array:
    """All windows along the last axis, as one more axis."""
    return np.lib.stride_tricks.sliding_window_view(x, kernel_size, axis=-1)[..., ::stride, :]


def swallowing_maximum(x: Array, kernel_size: int, stride: int = 1) -> Array:
    """A maximum that passes over NaN, as some kernels do."""
    result: Array = np.fmax.reduce(windows(x, kernel_size, stride), axis=-1)
    return result

"""Models whose gradient depends on the input, in numpy, and a wire that trips at the n-th step."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rfcore
from mutants import installed
from rfcore.hookspecs import Linearization, MeasuredOutput
from rfcore.inputs import InputSpec
from toy_gradients import LinearMap, ToyGradientBackend

Array = NDArray[Any]


@dataclass
class Wire:
    """Raises KeyboardInterrupt at chosen steps; `None` lets everything pass and counts."""

    trips: tuple[int, ...] = ()
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps - 1 in self.trips:
            raise KeyboardInterrupt


@dataclass
class WiredBackend(ToyGradientBackend):
    """The toy backend, with a step before and after everything that it does."""

    wire: Wire = field(default_factory=Wire)

    def input_spec(
        self, model: Any, input_shape: Any, layout: str | None, name: str | int | None
    ) -> InputSpec:
        self.wire.step()
        return super().input_spec(model, input_shape, layout, name)

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        self.wire.step()
        measured = super().gradient(model, spec, output)

        def at(image: Array) -> Linearization:
            self.wire.step()
            linear = measured.at(image)

            def pull(cotangents: Array) -> Array:
                self.wire.step()
                gradients = linear.pull(cotangents)
                self.wire.step()
                return gradients

            return replace(linear, pull=pull)

        return replace(measured, at=at)


def tanh(value: Array) -> tuple[Array, Array]:
    return np.tanh(value), 1 / np.cosh(value) ** 2


def relu(value: Array) -> tuple[Array, Array]:
    return np.maximum(value, 0), (value > 0).astype(float)


def dense(outputs: int, *lengths: int, seed: int = 7, bends: Any = tanh) -> LinearMap:
    """A dense layer to `outputs` numbers that are no grid, as of a classifier."""
    matrix = np.random.default_rng(seed).normal(size=(outputs, int(np.prod(lengths))))
    return LinearMap(matrix / np.sqrt(matrix.shape[1]), (1, outputs), None, bends)


def sliding(taps: Array, length: int, **more: Any) -> LinearMap:
    """A valid convolution of one line."""
    count = length - len(taps) + 1
    matrix = np.stack([np.pad(taps, (j, count - 1 - j)) for j in range(count)])
    return LinearMap(matrix, (1, 1, count), (2,), **more)


def measured(model: Any, backend: Any = None, **options: Any) -> rfcore.EffectiveReceptiveField:
    """`rfcore.effective` where the toy backend is installed."""
    with installed(backend or ToyGradientBackend()):
        return rfcore.effective(model, **options)

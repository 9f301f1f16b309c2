"""A backend of numpy functions that are linear: a value, and what pulls cotangents back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import BackendCapabilityError
from rfcore.hookspecs import Linearization, MeasuredOutput, Trace
from rfcore.inputs import InputSpec, input_spec

Array = NDArray[Any]


@dataclass(frozen=True)
class LinearMap:
    """A model: a matrix from the flattened input to the flattened output.

    Attributes:
        matrix: Of shape (outputs, inputs).
        shape: Full shape of the output, batch included.
        axes: As in `MeasuredOutput`.
        bends: Applied to the value of each output; its slope scales what is pulled back.
    """

    matrix: Array
    shape: tuple[int, ...]
    axes: tuple[int | None, ...] | None
    bends: Callable[[Array], tuple[Array, Array]] = lambda value: (value, np.ones_like(value))


class ToyGradientBackend:
    """Measures `LinearMap`s by their gradients; it has no tracer."""

    name = "toy"

    def accepts(self, model: object) -> bool:
        return isinstance(model, LinearMap)

    def input_spec(
        self, model: Any, input_shape: Any, layout: str | None, name: str | int | None
    ) -> InputSpec:
        return input_spec(input_shape, layout=layout, name=name)

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        raise BackendCapabilityError(self.name, "exact fields", 'write method="gradient".')

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        def at(image: Array) -> Linearization:
            value, slope = model.bends(model.matrix @ image.astype(np.float64).ravel())

            def pull(cotangents: Array) -> Array:
                flat = cotangents.reshape(len(cotangents), -1) * slope
                gradients: Array = (flat @ model.matrix).reshape(-1, *spec.shape)
                return gradients

            return Linearization(lambda: value.reshape(model.shape), pull)

        return MeasuredOutput(at, model.shape, model.axes, np.dtype(np.float64))

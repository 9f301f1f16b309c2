"""The gradient callable: |d output / d input| on the model's own weights, by `tf.gradients`.

The derivative is taken in the captured graph, a copy, and run there: the model itself is never
executed, so that neither its state nor its random numbers move.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rf_tf.captured import Captured
from rf_tf.randomness import with_seeds
from rf_tf.running import SEED, computing, located, values_behind
from rfcore.errors import (
    BackendCapabilityError,
    IndependentOutputError,
    ModelError,
    NoSpatialAxesError,
)
from rfcore.hookspecs import MeasuredOutput
from rfcore.inputs import InputSpec

__all__ = ["measured_output"]


def measured_output(model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
    """Prepares one backward pass from a random input; each probe runs it.

    Args:
        model: Anything that this backend has a door for.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        NoSpatialAxesError: The output has not the input's axes.
        IndependentOutputError: The output does not depend on the input.
        NoSessionError: The variables have no values.
    """
    captured, address = located(model, spec, output)
    captured = with_seeds(captured)
    tensor = captured.outputs[address]
    shape = tensor.shape
    if shape.rank != len(spec.shape) or not shape.is_fully_defined():
        raise NoSpatialAxesError(address, tuple(n or 0 for n in shape), None)
    cotangent, gradient = _derivative(captured, tensor)
    if gradient is None:
        raise IndependentOutputError(address, " by any path that has a gradient")
    values = values_behind(captured, gradient, cotangent)
    computed = computing(captured, gradient, values)
    generator = np.random.default_rng(SEED)
    image = generator.random(spec.shape).astype(captured.input.dtype.as_numpy_dtype)
    fed = {**values.fed, captured.input: image}
    others = tuple(d for d in range(len(spec.shape)) if d not in spec.axes)

    def probe(mask: NDArray[Any]) -> NDArray[Any]:
        wide = np.broadcast_to(np.expand_dims(mask, others), tuple(shape.as_list()))
        given = {**fed, cotangent: wide.astype(tensor.dtype.as_numpy_dtype)}
        try:
            magnitudes = np.abs(computed(given)).astype(np.float64)
        except tf.errors.OpError as error:
            raise ModelError(spec.shape, error) from error
        summed: NDArray[Any] = magnitudes.sum(axis=others)
        return summed

    note = f"one forward on a uniform random input (seed {SEED}); |gradient| summed over channels"
    return MeasuredOutput(
        probe,
        spec.spatial_shape,
        tuple(int(shape[axis]) for axis in spec.axes),
        (note, *values.notes, *captured.warnings),
    )


def _derivative(captured: Captured, tensor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
    """A place for the cotangent of a tensor, and the gradient of the input with it."""
    for end in (captured.input, tensor):
        if not end.dtype.is_floating:
            hint = 'only floating numbers have one; leave method="exact".'
            raise BackendCapabilityError("tf", f"a gradient of {end.dtype.name} values", hint)
    with captured.graph.as_default():
        cotangent = tf.compat.v1.placeholder(tensor.dtype, tensor.shape)
        try:
            (gradient,) = tf.compat.v1.gradients(tensor, captured.input, grad_ys=cotangent)
        except (LookupError, NotImplementedError, TypeError, ValueError) as error:
            hint = f'{str(error).splitlines()[0]}; leave method="exact".'
            raise BackendCapabilityError("tf", "the gradient of this model", hint) from error
    if isinstance(gradient, tf.IndexedSlices):
        with captured.graph.as_default():
            gradient = tf.convert_to_tensor(gradient)
    return cotangent, gradient

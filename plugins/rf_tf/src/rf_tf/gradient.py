"""An output of a model and its derivative, on the model's own weights, by `tf.gradients`.

The derivative is taken in the captured graph, a copy, and run there: the model itself is never
executed, so that neither its state nor its random numbers move.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rf_tf.captured import Captured
from rf_tf.randomness import with_seeds
from rf_tf.running import (
    Values,
    computing,
    located,
    plain_array,
    plain_type,
    values_behind,
)
from rf_tf.tracing import traced
from rfcore.errors import BackendCapabilityError, IndependentOutputError, ModelError
from rfcore.hookspecs import Linearization, MeasuredOutput, TracedInput
from rfcore.inputs import InputSpec
from rfcore.output_axes import axes_at_asked_size, axes_in_place

__all__ = ["measured_output"]

Fed = dict[tf.Tensor, NDArray[Any]]

# Cheaper to compute again than to keep; and resources cannot be kept.
_AT_HAND = {"Const", "Placeholder", "ReadVariableOp", "VarHandleOp", "Variable", "VariableV2"}


def measured_output(model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
    """Prepares a forward pass, and a backward one from what the forward leaves for it.

    Args:
        model: Anything that this backend has a door for.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        IndependentOutputError: The output does not depend on the input.
        BackendCapabilityError: The output has no derivative, or no one shape.
        NoSessionError: The variables have no values.
    """
    captured, address = located(model, spec, output)
    shape = captured.outputs[address].shape
    if not shape.is_fully_defined():
        hint = "measure a layer before the shape begins to depend on the input's values."
        raise BackendCapabilityError("tf", f"gradients of an output of shape {shape}", hint)
    axes = _axes(captured, spec, address)
    captured = with_seeds(captured)
    tensor = captured.outputs[address]
    derivative = _derivative(captured, tensor)
    if derivative is None:
        raise IndependentOutputError(address, " by any path that has a gradient")
    values = values_behind(captured, (derivative.gradient, tensor), derivative.cotangent)
    passes = _Passes(captured, tensor, derivative, values)
    notes = (*values.notes, *captured.warnings)
    dtype = plain_type(captured.input.dtype.as_numpy_dtype)
    return MeasuredOutput(passes.at, tuple(shape.as_list()), axes, dtype, notes)


@dataclass(frozen=True, slots=True, eq=False)
class _Derivative:
    """The ops of a backward pass.

    Attributes:
        cotangent: The placeholder for the cotangent of the output.
        gradient: The gradient of the input.
        kept: What the forward pass has to leave for it; nothing where that cannot be had, and
            the backward pass runs the forward again.
    """

    cotangent: tf.Tensor
    gradient: tf.Tensor
    kept: tuple[tf.Tensor, ...]


def _derivative(captured: Captured, tensor: tf.Tensor) -> _Derivative | None:
    """The gradient of the input for a cotangent of a tensor, None where no path leads there."""
    for end in (captured.input, tensor):
        if not end.dtype.is_floating:
            hint = 'only floating numbers have one; leave method="exact".'
            raise BackendCapabilityError("tf", f"a gradient of {end.dtype.name} values", hint)
    forward = {op.name for op in captured.graph.get_operations()}
    with captured.graph.as_default():
        cotangent = tf.compat.v1.placeholder(tensor.dtype, tensor.shape)
        try:
            (gradient,) = tf.compat.v1.gradients(tensor, captured.input, grad_ys=cotangent)
        except (LookupError, NotImplementedError, TypeError, ValueError) as error:
            hint = f'{str(error).splitlines()[0]}; leave method="exact".'
            raise BackendCapabilityError("tf", "the gradient of this model", hint) from error
        if gradient is None:
            return None
        gradient = tf.convert_to_tensor(gradient)
    return _Derivative(cotangent, gradient, _kept(captured.graph, gradient, forward))


def _kept(graph: tf.Graph, gradient: tf.Tensor, forward: set[str]) -> tuple[tf.Tensor, ...]:
    """The tensors of the forward pass that the backward pass reads, if all can be held."""
    found: dict[str, tf.Tensor] = {}
    reached: set[str] = set()
    waiting = [gradient]
    while waiting:
        tensor = waiting.pop()
        if tensor.op.name in forward:
            if tensor.op.type not in _AT_HAND:
                found[tensor.name] = tensor
        elif tensor.op.name not in reached:
            reached.add(tensor.op.name)
            waiting += tensor.op.inputs
    kept = tuple(found.values())
    # Lists that loops leave for their derivative have no values outside of the session.
    holds = all(
        graph.is_fetchable(tensor)
        and graph.is_feedable(tensor)
        and tensor.dtype not in (tf.resource, tf.variant)
        for tensor in kept
    )
    return kept if holds else ()


class _Passes:
    """Forward and backward passes in a session."""

    def __init__(
        self, captured: Captured, tensor: tf.Tensor, derivative: _Derivative, values: Values
    ) -> None:
        self.captured, self.tensor, self.derivative = captured, tensor, derivative
        self.fed, self.kept = values.fed, derivative.kept
        self._session = computing(captured, values)

    def at(self, image: NDArray[Any]) -> Linearization:
        """One forward, whose tensors are kept as long as the result is."""
        place = self.captured.input.dtype.as_numpy_dtype
        given = {**self.fed, self.captured.input: image.astype(place)}
        value, *left = self._run([self.tensor, *self.kept], given)
        kept = dict(zip(self.kept, left, strict=True))

        def pull(cotangents: NDArray[Any]) -> NDArray[Any]:
            return np.stack([self._pulled(given, kept, cotangent) for cotangent in cotangents])

        return Linearization(lambda: plain_array(value), pull)

    def _pulled(self, given: Fed, kept: Fed, cotangent: NDArray[Any]) -> NDArray[Any]:
        kind = self.tensor.dtype.as_numpy_dtype
        fed = {**given, self.derivative.cotangent: cotangent.astype(kind)}
        if self.kept:
            try:
                return plain_array(self._session(self.derivative.gradient, {**fed, **kept}))
            except tf.errors.OpError:
                # Some kernels run beside those of the forward only, as oneDNN's for NCHW.
                self.kept = ()
        return plain_array(self._run(self.derivative.gradient, fed))

    def _run(self, targets: Any, fed: Fed) -> Any:
        try:
            return self._session(targets, fed)
        except tf.errors.OpError as error:
            raise ModelError(tuple(self.captured.input.shape.as_list()), error) from error


def _axes(captured: Captured, spec: InputSpec, address: str) -> tuple[int | None, ...] | None:
    """The output's axes that follow the input's, in place where a trace does not tell."""
    trace = spec.trace if isinstance(spec, TracedInput) else None
    if trace is None:
        trace = traced(replace(captured, outputs={address: captured.outputs[address]}))
    if address not in trace.values:
        return axes_in_place(spec, captured.outputs[address].shape.as_list())
    return axes_at_asked_size(trace, spec, address)

"""An output of a model and its derivative, by the backend of the framework that Keras runs on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from rf_keras.delegates import delegate
from rf_keras.forward import Forward
from rf_keras.measured_input import KerasInput
from rfcore.errors import IndependentOutputError
from rfcore.hookspecs import Backend, Linearization, MeasuredOutput, Trace, TracedInput
from rfcore.inputs import InputSpec
from rfcore.traces import TraceSet

__all__ = ["measured_output"]


def measured_output(
    backend: Backend, model: Any, spec: InputSpec, output: str | int | None
) -> MeasuredOutput:
    """An output on the model's own weights; inputs that are not measured are held at constants.

    Args:
        backend: This plugin's backend, whose trace says what the output's name stands for.
        model: A Keras layer or model, or a builder of one.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        UnknownLayerError: Nothing has that name.
        IndependentOutputError: The output does not depend on the input.
    """
    assert isinstance(spec, KerasInput)
    traces = TraceSet(backend, model, spec)
    address = traces.address(output)
    if traces.asked.values[address] is None:
        raise IndependentOutputError(address)
    forward = Forward(spec.runs, spec)
    no_path = IndependentOutputError(address, " by any path that has a gradient")
    try:
        with forward.opened():
            found = delegate().gradient(
                forward.function(address), _told(spec, traces.asked, address), None
            )
    except IndependentOutputError as error:
        raise no_path from error

    def at(image: NDArray[Any]) -> Linearization:
        # PyTorch runs the model itself, TensorFlow and JAX what they traced of it.
        try:
            with forward.opened():
                linear = found.at(image)
        except IndependentOutputError as error:
            raise no_path from error

        def pull(cotangents: NDArray[Any]) -> NDArray[Any]:
            with forward.opened():
                return linear.pull(cotangents)

        return Linearization(linear.value, pull)

    notes = (*found.notes, *forward.notes)
    asked = None if traces.asked.concrete else traces.asked
    return replace(found, at=at, notes=notes, trace=asked)


def _told(spec: InputSpec, asked: Trace, address: str) -> TracedInput:
    """The input of the function of one array, whose output is a value of this trace."""
    values, shapes = {"": asked.values[address]}, {"": asked.shapes[address]}
    trace = replace(asked, values=values, shapes=shapes, layers=(), error=None)
    return TracedInput(spec.shape, spec.axes, spec.layout, trace=trace)

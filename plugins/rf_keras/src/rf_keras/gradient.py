"""An output of a model and its derivative, by the backend of the framework that Keras runs on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from rf_keras.delegates import delegate
from rf_keras.forward import Forward
from rf_keras.measured_input import KerasInput
from rf_keras.tracing import plain
from rfcore.errors import IndependentOutputError
from rfcore.hookspecs import Backend, Linearization, MeasuredOutput
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
            found = delegate().gradient(forward.function(address), plain(spec), None)
    except IndependentOutputError as error:
        raise no_path from error

    def at(image: NDArray[Any]) -> Linearization:
        # PyTorch runs the model itself, TensorFlow and JAX what they traced of it.
        try:
            with forward.opened():
                linear = found.at(image)
        except IndependentOutputError as error:
            raise no_path from error
        forward.last = None

        def pull(cotangents: NDArray[Any]) -> NDArray[Any]:
            with forward.opened():
                return linear.pull(cotangents)

        return Linearization(linear.value, pull)

    return replace(found, at=at, notes=(*found.notes, *forward.notes))

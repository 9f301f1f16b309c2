"""The gradient callable, by the backend of the framework that Keras runs on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rf_keras.delegates import delegate
from rf_keras.forward import Forward
from rf_keras.measured_input import KerasInput
from rf_keras.tracing import plain
from rfcore.errors import IndependentOutputError, NoSpatialAxesError
from rfcore.hookspecs import Backend, MeasuredOutput
from rfcore.inputs import InputSpec
from rfcore.traces import TraceSet

__all__ = ["measured_output"]


def measured_output(
    backend: Backend, model: Any, spec: InputSpec, output: str | int | None
) -> MeasuredOutput:
    """|gradient| summed over channels on the model's own weights.

    Args:
        backend: This plugin's backend, whose trace says what the output's name stands for.
        model: A Keras layer or model, or a builder of one.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        NoSpatialAxesError: The output has not the input's axes.
        IndependentOutputError: The output does not depend on the input.
    """
    assert isinstance(spec, KerasInput)
    traces = TraceSet(backend, model, spec)
    address = traces.address(output)
    shape = traces.asked.shapes[address]
    if len(shape) != len(spec.shape):
        raise NoSpatialAxesError(address, shape, None)
    if traces.asked.values[address] is None:
        raise IndependentOutputError(address)
    forward = Forward(spec.runs, spec)
    try:
        with forward.opened():
            found = delegate().gradient(forward.function(address), plain(spec), None)
    except IndependentOutputError as error:
        raise IndependentOutputError(address, " by any path that has a gradient") from error
    return replace(found, notes=(*found.notes, *forward.notes))

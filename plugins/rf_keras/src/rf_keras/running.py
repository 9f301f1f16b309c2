"""A model's own forward on its real weights, by the backend of the framework that Keras runs on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rf_keras.delegates import delegate
from rf_keras.forward import Forward
from rf_keras.measured_input import KerasInput
from rf_keras.tracing import explained, plain, runs_at
from rfcore.errors import BackendCapabilityError, ModelError, RfcoreError
from rfcore.hookspecs import Backend, ForwardBackend, OutputForward
from rfcore.inputs import InputSpec
from rfcore.traces import TraceSet

__all__ = ["output_forward"]


def output_forward(
    backend: Backend, model: Any, spec: InputSpec, output: str | int | None
) -> OutputForward:
    """The forward up to an output; inputs that are not measured are held at constants.

    Args:
        backend: This plugin's backend, whose trace says what the output's name stands for.
        model: A Keras layer or model, or a builder of one.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        UnknownLayerError: Nothing has that name.
        BackendCapabilityError: The other backend cannot run models.
    """
    assert isinstance(spec, KerasInput)
    inner = delegate()
    if not isinstance(inner, ForwardBackend):
        hint = f"install a version of rf-{inner.name} that does."
        raise BackendCapabilityError(inner.name, "forwards of models", hint)
    runs = runs_at(spec)
    # One model has one address for an output, at all sizes.
    known = spec.addresses.setdefault(id(runs), {})
    if output not in known:
        # Of this very model: what a builder returns next may have other names.
        own = replace(spec, runs=runs, builder=None)
        known[output] = TraceSet(backend, model, own).address(output)
    forward = Forward(runs, spec)
    try:
        with forward.opened():
            found = inner.forward(forward.function(known[output]), plain(spec), None)
    except ModelError as error:
        cause = error.__cause__
        told = explained(cause if isinstance(cause, Exception) else None, spec)
        if isinstance(told, RfcoreError):
            raise told from error
        raise

    def run(image: NDArray[Any]) -> NDArray[Any]:
        # PyTorch runs the model itself, TensorFlow and JAX what they traced of it.
        with forward.opened():
            return found.run(image)

    # Keras casts what it is given; only whole numbers are token numbers still after that.
    numbers = (forward.holds or "").startswith(("int", "uint"))
    dtype = np.dtype(forward.holds) if numbers else found.dtype
    return replace(found, run=run, dtype=dtype, notes=(*found.notes, *forward.notes))

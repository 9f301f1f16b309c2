"""A model's own forward on its real weights: the jaxpr of a trace, run up to one tensor.

XLA's kernels on the CPU sum window by window, in the same order each time. NaN in an input stays
in the windows that hold it, max-pooling included; only products with zeros carry it farther, and
`jax.image.resize` is a product with a matrix that is mostly zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from rf_jax.hearing import Heard
from rf_jax.positions import evaluated
from rf_jax.tracing import Reading, explained, read, read_any
from rfcore.addresses import resolve
from rfcore.errors import (
    BackendCapabilityError,
    InputShapeError,
    ModelError,
    RfcoreError,
)
from rfcore.hookspecs import OutputForward
from rfcore.inputs import InputSpec

__all__ = ["Located", "located", "output_forward", "plain_array"]


@dataclass(frozen=True, slots=True)
class Located:
    """One tensor of a model that can be computed.

    Attributes:
        reading: The forward that it is part of.
        address: What it is called.
        heard: Where it is.
    """

    reading: Reading
    address: str
    heard: Heard

    @property
    def consts(self) -> list[Any]:
        """The model's weights and whatever else its forward holds."""
        return list(self.reading.closed.consts)

    def value(self, consts: Any, image: Any) -> Any:
        """The tensor, for values of the weights and of the input."""
        return evaluated(self.reading.closed.jaxpr, consts, [image], self.heard.position)


def located(
    model: Any, spec: InputSpec, output: str | int | None, wanted: str, *, ids: bool = False
) -> Located:
    """Traces a model and finds one of its tensors.

    Args:
        model: A model or function of one array, with real weights.
        spec: The measured input.
        output: What the user calls the output.
        wanted: What it is computed for, for messages.
        ids: Whether integers will do where floats do not.

    Raises:
        ModelError: The forward failed.
        UnknownLayerError: Nothing has that name.
        BackendCapabilityError: The model has no weights, or the output is inside of a loop.
    """
    try:
        reading = read_any(model, spec) if ids else read(model, spec)
    except RfcoreError:
        raise
    except Exception as error:
        told = explained(error)
        if isinstance(told, RfcoreError):
            raise told from error
        raise ModelError(spec.shape, error) from error
    if jax.tree_util.tree_leaves(reading.forward.parameters):
        hint = (
            "give it its parameters, as in `model.bind(variables)` or "
            "`lambda x: model.apply(variables, x)` with backend='jax'."
        )
        raise BackendCapabilityError("jax", f"{wanted} of a model without its parameters", hint)
    # Also what cannot be traced can be computed.
    address = resolve(replace(reading.trace, values=dict.fromkeys(reading.found)), output)
    heard = reading.found[address]
    if not heard.position:
        hint = "return the value from the loop or branch, and name that output."
        raise BackendCapabilityError("jax", f"{wanted} of {address!r}, inside of a loop", hint)
    return Located(reading, address, heard)


def output_forward(model: Any, spec: InputSpec, output: str | int | None) -> OutputForward:
    """Compiles one forward up to an output.

    Args:
        model: A model or function of one array, with real weights.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        UnknownLayerError: Nothing has that name.
        BackendCapabilityError: The model has no weights, or the output is inside of a loop.
    """
    found = located(model, spec, output, "the forward", ids=True)
    kind = np.dtype(found.reading.closed.jaxpr.invars[-1].aval.dtype)
    # Weights are arguments: as constants, the compiler would compute with them.
    forward = jax.jit(found.value)
    device = _plain_device()
    consts = jax.device_put(found.consts, device)

    def run(image: NDArray[Any]) -> NDArray[Any]:
        if image.shape != spec.shape:
            hint = f"give an array of shape {spec.shape}, or ask for a forward of this shape."
            raise InputShapeError(image.shape, "is not what this forward was made for", hint)
        try:
            given = jax.device_put(image.astype(kind), device)
            return plain_array(forward(consts, given))
        except Exception as error:
            raise ModelError(spec.shape, error) from error

    notes = [found.reading.forward.note] if found.reading.forward.note else []
    return OutputForward(run, kind, tuple(notes))


def plain_array(value: Any) -> NDArray[Any]:
    """A value in a type of numpy's own; bfloat16 is none."""
    array = np.asarray(value)
    return array if array.dtype.kind in "biufc" else array.astype(np.float32)


def _plain_device() -> Any:
    """The CPU, whose kernels neither work on tiles that values leak in nor differ between runs.

    Where JAX was told to leave it out, its default device instead.
    """
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        return jax.local_devices()[0]

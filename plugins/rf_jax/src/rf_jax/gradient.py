"""An output of a model and its derivative, on the model's own weights, by `jax.vjp`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from rf_jax.running import Located, located, plain_array
from rfcore.errors import IndependentOutputError, ModelError
from rfcore.hookspecs import Linearization, MeasuredOutput
from rfcore.inputs import InputSpec
from rfcore.output_axes import axes_at_asked_size, axes_in_place

__all__ = ["measured_output"]


def measured_output(model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
    """Prepares one compiled forward, which keeps what a compiled backward needs.

    Args:
        model: A model or function of one array, with real weights.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        BackendCapabilityError: The model has no weights, or the output is inside of a loop.
        IndependentOutputError: The output does not depend on the input.
    """
    found = located(model, spec, output, "gradients")
    axes = _axes(found, spec)
    image = jax.ShapeDtypeStruct(spec.shape, jnp.float32)
    kind = jax.eval_shape(found.value, found.consts, image).dtype
    if not jnp.issubdtype(kind, jnp.floating):
        raise IndependentOutputError(found.address, " by any path that has a gradient")

    @jax.jit
    def forward(consts: Any, image: Any) -> Any:
        return jax.vjp(lambda x: found.value(consts, x), image)

    @jax.jit
    def backward(pullback: Any, cotangent: Any) -> Any:
        (gradient,) = pullback(cotangent)
        return gradient

    def at(image: NDArray[Any]) -> Linearization:
        try:
            result, pullback = forward(found.consts, image.astype(np.float32))
        except Exception as error:
            raise ModelError(spec.shape, error) from error

        def pull(cotangents: NDArray[Any]) -> NDArray[Any]:
            return np.stack([np.asarray(backward(pullback, c.astype(kind))) for c in cotangents])

        return Linearization(lambda: plain_array(result), pull)

    note = found.reading.forward.note
    dtype = np.dtype(np.float32)
    return MeasuredOutput(at, found.heard.shape, axes, dtype, (note,) if note else ())


def _axes(found: Located, spec: InputSpec) -> tuple[int | None, ...] | None:
    """The output's axes that follow the input's, in place where the trace does not tell."""
    trace = found.reading.trace
    if found.address not in trace.values:
        return axes_in_place(spec, found.heard.shape)
    return axes_at_asked_size(trace, spec, found.address)

"""The gradient callable: |d output / d input| on the model's own weights, by `jax.vjp`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from rf_jax.running import located
from rfcore.errors import IndependentOutputError, NoSpatialAxesError
from rfcore.hookspecs import MeasuredOutput
from rfcore.inputs import InputSpec

__all__ = ["measured_output"]

SEED = 0


def measured_output(model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
    """Compiles one forward and backward pass; each probe runs them on one random input.

    Args:
        model: A model or function of one array, with real weights.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        BackendCapabilityError: The model has no weights, or the output is inside of a loop.
        NoSpatialAxesError: The output has not the input's axes.
        IndependentOutputError: The output does not depend on the input.
    """
    found = located(model, spec, output, "gradients")
    if len(found.heard.shape) != len(spec.shape):
        raise NoSpatialAxesError(found.address, found.heard.shape, None)
    if found.reading.trace.values.get(found.address, 0) is None:
        raise IndependentOutputError(found.address)
    others = tuple(d for d in range(len(spec.shape)) if d not in spec.axes)

    @jax.jit
    def pulled(consts: Any, image: Any, mask: Any) -> Any:
        result, pull = jax.vjp(lambda x: found.value(consts, x), image)
        (gradient,) = pull(jnp.broadcast_to(mask, result.shape).astype(result.dtype))
        return jnp.abs(gradient).sum(axis=others)

    image = np.random.default_rng(SEED).random(spec.shape, np.float32)
    kind = jax.eval_shape(found.value, found.consts, image).dtype
    if not jnp.issubdtype(kind, jnp.floating):
        raise IndependentOutputError(found.address, " by any path that has a gradient")

    def probe(mask: NDArray[Any]) -> NDArray[Any]:
        wide = np.expand_dims(mask, others).astype(np.float32)
        return np.asarray(pulled(found.consts, image, wide), np.float64)

    shape = tuple(found.heard.shape[axis] for axis in spec.axes)
    notes = [f"one uniform random input (seed {SEED}); |gradient| summed over channels"]
    if found.reading.forward.note:
        notes.append(found.reading.forward.note)
    return MeasuredOutput(probe, spec.spatial_shape, shape, tuple(notes))

"""The gradient callable: |d output / d input| on the model's own weights, by `jax.vjp`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from numpy.typing import NDArray

from rf_jax.hearing import Position
from rf_jax.interpreter import CALLS, opened
from rf_jax.tracing import Reading, explained, read
from rfcore.addresses import resolve
from rfcore.errors import (
    BackendCapabilityError,
    IndependentOutputError,
    ModelError,
    NoSpatialAxesError,
    RfcoreError,
)
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
    reading = _read(model, spec)
    address = resolve(reading.trace, output)
    heard = reading.found[address]
    if len(heard.shape) != len(spec.shape):
        raise NoSpatialAxesError(address, heard.shape, None)
    if heard.node is None:
        raise IndependentOutputError(address)
    if not heard.position:
        hint = "return the value from the loop or branch, and name that output."
        raise BackendCapabilityError("jax", f"the gradient of {address!r}, inside of one", hint)
    others = tuple(d for d in range(len(spec.shape)) if d not in spec.axes)
    jaxpr = reading.closed.jaxpr

    def forward(consts: Sequence[Any], image: Any) -> Any:
        return _evaluated(jaxpr, consts, [image], heard.position)

    @jax.jit
    def pulled(consts: Sequence[Any], image: Any, mask: Any) -> Any:
        result, pull = jax.vjp(lambda x: forward(consts, x), image)
        (gradient,) = pull(jnp.broadcast_to(mask, result.shape).astype(result.dtype))
        return jnp.abs(gradient).sum(axis=others)

    image = np.random.default_rng(SEED).random(spec.shape, np.float32)
    kind = jax.eval_shape(forward, reading.closed.consts, image).dtype
    if not jnp.issubdtype(kind, jnp.floating):
        raise IndependentOutputError(address, " by any path that has a gradient")

    def probe(mask: NDArray[Any]) -> NDArray[Any]:
        wide = np.expand_dims(mask, others).astype(np.float32)
        return np.asarray(pulled(reading.closed.consts, image, wide), np.float64)

    shape = tuple(heard.shape[axis] for axis in spec.axes)
    notes = [f"one uniform random input (seed {SEED}); |gradient| summed over channels"]
    if reading.forward.note:
        notes.append(reading.forward.note)
    return MeasuredOutput(probe, spec.spatial_shape, shape, tuple(notes))


def _read(model: Any, spec: InputSpec) -> Reading:
    try:
        reading = read(model, spec)
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
        raise BackendCapabilityError("jax", "gradients of a model without its parameters", hint)
    return reading


def _evaluated(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any], position: Position) -> Any:
    """The value at one position of a jaxpr, computed from real arguments."""
    target, *deeper = position
    if len(deeper) > 1:
        call = jaxpr.eqns[target]
        operands = _run(jaxpr, target, call.invars, consts, args)
        called, inner = opened(call.params[CALLS[call.primitive.name]])
        return _evaluated(called, inner, operands, tuple(deeper))
    wanted = jaxpr.outvars[deeper[0]]
    if target < len(jaxpr.eqns):
        equation = jaxpr.eqns[target]
        # A mark is an identity, and its result may be dropped.
        marked = equation.primitive.name == "name"
        wanted = equation.invars[0] if marked else equation.outvars[deeper[0]]
    (value,) = _run(jaxpr, target + 1, [wanted], consts, args)
    return value


def _run(
    jaxpr: Any, count: int, wanted: Sequence[Any], consts: Sequence[Any], args: Sequence[Any]
) -> list[Any]:
    """Some variables of a jaxpr, after its first `count` equations."""
    info = jaxpr.debug_info
    if hasattr(info, "result_paths"):
        info = info._replace(result_paths=("",) * len(wanted))
    part = jaxpr.replace(eqns=jaxpr.eqns[:count], outvars=list(wanted), debug_info=info)
    function: Callable[..., list[Any]] = jaxpr_as_fun(ClosedJaxpr(part, consts))
    return list(function(*args))

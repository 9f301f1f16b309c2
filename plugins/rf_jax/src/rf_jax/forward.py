"""A model of any kind as one function of (parameters, image), whose layers are heard."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from rf_jax.copies import merged, quiet_equinox
from rf_jax.hearing import Hearing
from rf_jax.kinds import Kind, kind_of, loaded
from rf_jax.listening import instances_heard, methods_heard
from rf_jax.modules import modules_of
from rfcore.addresses import is_by_address
from rfcore.inputs import InputSpec

__all__ = ["Forward", "forward_of"]

_TRAINING = (
    "the model is in training mode and was measured as at inference: running statistics, no dropout"
)
# Arguments without a default that tell a Flax module whether it trains, and what inference is.
_SWITCHES = {
    "train": False,
    "training": False,
    "is_training": False,
    "deterministic": True,
    "inference": True,
}


@dataclass(frozen=True, slots=True)
class Forward:
    """A model as a function.

    Attributes:
        function: From parameters and a batch of images to what the model returns.
        parameters: Its parameters, as shapes without values; empty where it holds real ones.
        layers: Names of all its layers, as far as they are known before it runs.
        separator: What stands between the names of nested layers.
        note: What a reader of the result should know.
    """

    function: Callable[[Any, Any], Any]
    parameters: Any = ()
    layers: tuple[str, ...] = ()
    separator: str = "/"
    note: str = ""


def forward_of(model: Any, spec: InputSpec, hearing: Hearing) -> Forward:
    """The forward of a model, or of a function of one array.

    Args:
        model: The model, which is left as it is.
        spec: The measured input.
        hearing: Where its layers are heard.
    """
    makers: dict[Kind, Callable[[Any, InputSpec, Hearing], Forward]] = {
        Kind.NNX: _of_nnx,
        Kind.LINEN: _of_linen,
        Kind.EQUINOX: _of_equinox,
        Kind.HAIKU: _of_haiku,
    }
    return makers.get(kind_of(model), _of_function)(model, spec, hearing)


def _given(image: Any, spec: InputSpec) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The image as the arguments of a call."""
    return ((), {spec.name: image}) if isinstance(spec.name, str) else ((image,), {})


def _of_function(model: Any, spec: InputSpec, hearing: Hearing) -> Forward:
    # jit remembers what it traced before, without the marks of this trace.
    plain = getattr(model, "__wrapped__", model) if kind_of(model) is Kind.JITTED else model
    hearing.told = is_by_address(plain)

    def function(_: Any, image: Any) -> Any:
        args, kwargs = _given(image, spec)
        with methods_heard(hearing):
            return plain(*args, **kwargs)

    return Forward(function)


def _of_nnx(model: Any, spec: InputSpec, hearing: Hearing) -> Forward:
    nnx = loaded("flax.nnx")
    graph, state = nnx.split(model)
    _, quiet = merged(model, graph, state)

    def function(_: Any, image: Any) -> Any:
        # A copy that belongs to this trace, because a forward may write into its state.
        copy, _ = merged(model, graph, state)
        args, kwargs = _given(image, spec)
        with methods_heard(hearing), instances_heard(hearing, modules_of(copy)):
            return copy(*args, **kwargs)

    names = tuple(name for name in modules_of(model) if name)
    return Forward(function, (), names, ".", "" if quiet else _TRAINING)


def _of_equinox(model: Any, spec: InputSpec, hearing: Hearing) -> Forward:
    called, quiet = quiet_equinox(model)
    modules = modules_of(called)

    def function(_: Any, image: Any) -> Any:
        def single(one: Any) -> Any:
            args, kwargs = _given(one, spec)
            return called(*args, **kwargs)

        with instances_heard(hearing, modules):
            return jax.vmap(single, axis_name="batch")(image)

    names = tuple(name for name in modules if name)
    return Forward(function, (), names, ".", "" if quiet else _TRAINING)


def _of_linen(model: Any, spec: InputSpec, hearing: Hearing) -> Forward:
    bound = model.scope is not None
    module, variables = model.unbind() if bound else (model, None)
    switches = _switches(module)

    def init(key: Any, image: Any) -> Any:
        args, kwargs = _given(image, spec)
        return module.init({"params": key, "dropout": key}, *args, **kwargs, **switches)

    def function(parameters: Any, image: Any) -> Any:
        args, kwargs = _given(image, spec)
        with methods_heard(hearing):
            return module.apply(variables if bound else parameters, *args, **kwargs, **switches)

    return Forward(function, () if bound else _shapes(init, spec))


def _switches(module: Any) -> dict[str, bool]:
    """Whether it trains, where the module has to be told."""
    parameters = inspect.signature(module.__call__).parameters
    return {
        name: value
        for name, value in _SWITCHES.items()
        if name in parameters and parameters[name].default is inspect.Parameter.empty
    }


def _of_haiku(model: Any, spec: InputSpec, hearing: Hearing) -> Forward:
    stateful = isinstance(model, loaded("haiku").TransformedWithState)

    def init(key: Any, image: Any) -> Any:
        args, kwargs = _given(image, spec)
        made = model.init(key, *args, **kwargs)
        return made if stateful else (made,)

    def function(parameters: Any, image: Any) -> Any:
        args, kwargs = _given(image, spec)
        with methods_heard(hearing):
            made = model.apply(*parameters, jax.random.PRNGKey(0), *args, **kwargs)
        return made[0] if stateful else made

    return Forward(function, _shapes(init, spec))


def _shapes(init: Callable[[Any, Any], Any], spec: InputSpec) -> Any:
    """The shapes of a model's parameters, none of which is made."""
    image = jax.ShapeDtypeStruct(spec.shape, jnp.float32)
    return jax.eval_shape(init, jax.eval_shape(lambda: jax.random.PRNGKey(0)), image)

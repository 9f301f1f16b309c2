"""Listening to one forward: every layer's `call` tells what it returns, and is put back after."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras

from rf_keras.declared import symbolic_inputs
from rf_keras.errors import UnbuiltLayerError
from rf_keras.layer_names import NamedLayers
from rf_keras.sizes import fit_for_any_size
from rfcore.addresses import addresses_of
from rfcore.errors import UnsupportedOpError

__all__ = ["Recording", "listening", "tensors_by_path"]


class Recording:
    """What the layers of one forward returned.

    Args:
        image: The measured input; tensors of inner traces (loop bodies) are left out.
        only: The one address that is asked for; None for all. Others are not held in memory.
    """

    def __init__(self, image: Any, only: str | None = None) -> None:
        self._only, self._kind = only, type(image)
        # Others are not asked for a trace, because to say no takes a tracer long.
        self._home = _HOMES.get(keras.config.backend())
        self._trace = None if self._home is None else getattr(image, self._home, None)
        self._calls: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def keep(self, name: str, output: Any) -> None:
        """Notes what a layer returned; the model itself has the empty name."""
        if not self._asked(name):
            return
        # Nearly every layer returns one tensor of the kind that the image is.
        found = [("", output)] if type(output) is self._kind else tensors_by_path(output)
        parts = {path: value for path, value in found if self._is_of_this_trace(value)}
        if parts:
            self._calls[name].append(parts)

    def _is_of_this_trace(self, value: Any) -> bool:
        """Whether a value belongs to the image's trace, as far as their framework has traces.

        A value without one is concrete, which is at home anywhere.
        """
        if self._home is None:
            return True
        trace = getattr(value, self._home, None)
        return trace is None or trace is self._trace

    def _asked(self, name: str) -> bool:
        """Whether a layer's outputs are asked for, by its path or by its own name."""
        only = self._only
        if only is None:
            return True
        names = (name, name.rpartition("/")[2])
        return any(only == own or only.startswith(f"{own}[") for own in names)

    def addressed(self) -> dict[str, Any]:
        """Every tensor by its address, in execution order."""
        tensors: dict[str, Any] = {}
        for name, calls in self._calls.items():
            tensors.update(addresses_of(name, calls))
        return tensors


def tensors_by_path(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The dense tensors of an output with their path: "[key]" for each step into it."""
    if keras.ops.is_tensor(value):
        if _is_dense(value):
            yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from tensors_by_path(item, f"{path}[{key}]")
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for key in value._fields:
            yield from tensors_by_path(getattr(value, key), f"{path}[{key}]")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from tensors_by_path(item, f"{path}[{number}]")


def _is_dense(value: Any) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    if keras.config.backend() != "tensorflow" or tensorflow is None:
        return True
    return isinstance(value, tensorflow.Tensor)


# JAX's tracers know their trace and TensorFlow's symbolic tensors their graph.
_HOMES = {"jax": "_trace", "tensorflow": "graph"}


@contextmanager
def listening(
    model: Any,
    named: NamedLayers,
    returned: Callable[[str, Any], None],
    input_shape: tuple[int, ...],
) -> Iterator[None]:
    """Calls back for what every layer returns while the context is open.

    Everything that the model and its layers hold is as before when it closes, also after an
    error.

    Args:
        model: The model, whose own output is not told.
        named: Its layers and their paths.
        returned: Called with a layer's path and its output, once per call.
        input_shape: What the model is called with, for messages.
    """
    running = [""]
    layers = (model, *named.each.values())
    before = [(vars(layer), dict(vars(layer))) for layer in layers]
    try:
        for layer in layers:
            if symbolic_inputs(layer):
                # What a functional model says of its input's size is no more than what it was
                # made with; its layers say what they need.
                vars(layer)["_assert_input_compatibility"] = lambda *inputs: None
            if _is_unbuilt(layer):
                vars(layer)["build"] = _refusal(layer, named, running, input_shape)
        for layer in named.each.values():
            held = vars(layer)
            for method in ("call", "quantized_call"):
                if hasattr(layer, method):
                    run = fit_for_any_size(layer, getattr(layer, method))
                    held[method] = _told(layer, run, named, returned, running)
        yield
    finally:
        for held, was in before:
            held.clear()
            held.update(was)


def _told(
    layer: Any,
    run: Callable[..., Any],
    named: NamedLayers,
    returned: Callable[[str, Any], None],
    running: list[str],
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        path = named.path(layer, running[-1])
        running.append(path)
        try:
            with _scope(path):
                output = run(*args, **kwargs)
        except UnsupportedOpError as error:
            if error.layer:
                raise
            raise UnsupportedOpError(error.op, path, error.reason) from error
        finally:
            running.pop()
        returned(path, output)
        return output

    return call


def _scope(path: str) -> AbstractContextManager[Any]:
    """JAX is told which layer an op belongs to; Keras tells the others itself, or we do after."""
    if keras.config.backend() != "jax":
        return nullcontext()
    scope: AbstractContextManager[Any] = sys.modules["jax"].named_scope(path)
    return scope


def _is_unbuilt(layer: Any) -> bool:
    """Whether running the layer would make weights for it."""
    build = getattr(layer, "build", None)
    return build is not None and not layer.built and not getattr(build, "_is_default", False)


def _refusal(
    layer: Any, named: NamedLayers, running: list[str], input_shape: tuple[int, ...]
) -> Callable[..., Any]:
    def build(*shapes: Any, **given: Any) -> Any:
        path = named.path(layer, running[-1]) if id(layer) in named.paths else layer.name
        raise UnbuiltLayerError(path, type(layer).__name__, input_shape)

    return build

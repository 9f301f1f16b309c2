"""The door for Keras 2 (`tf_keras`): a model with the outputs of all its layers."""

from __future__ import annotations

import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from rf_tf.errors import NotAModelError
from rf_tf.functions import FunctionSource, without_new_variables
from rf_tf.sources import GivenInput
from rf_tf.structure import tensors_by_path
from rfcore.addresses import addresses_of

__all__ = ["is_keras_2", "source_of_keras_2"]

PACKAGES = ("tf_keras", "keras")


def is_keras_2(model: object) -> bool:
    """Whether a model is a layer of Keras 2."""
    packages = (sys.modules.get(name) for name in PACKAGES)
    layers = (getattr(getattr(package, "layers", None), "Layer", None) for package in packages)
    # Those of Keras 3 are no modules of TensorFlow.
    return isinstance(model, tf.Module) and any(
        layer is not None and isinstance(model, layer) for layer in layers
    )


def source_of_keras_2(model: Any) -> FunctionSource:
    """Opens a built model; it runs in inference mode.

    Raises:
        NotAModelError: It was never built.
    """
    if not model.built:
        hint = "build it first: model.build((None, 224, 224, 3))."
        raise NotAModelError(model, "it was never built", hint)
    layers = list(_layers(model))
    options = {"training": False} if _takes_training(model) else {}

    def forward(*tensors: Any) -> dict[str, Any]:
        with _listening(layers) as calls:
            given = tensors[0] if len(tensors) == 1 else list(tensors)
            calls[""] = [dict(tensors_by_path(model(given, **options)))]
        graph = tf.compat.v1.get_default_graph()
        return {
            address: tensor
            for name, parts in calls.items()
            for address, tensor in addresses_of(name, parts).items()
            # What layers return within the body of a loop stays there.
            if getattr(tensor, "graph", None) is graph
        }

    types = {layer.name: type(layer).__name__ for layer in layers}
    return FunctionSource(tf.function(without_new_variables(forward)), _inputs(model), types)


def _layers(model: Any) -> Iterator[Any]:
    kinds = tuple(kind for kind in type(model).__mro__ if kind.__name__ == "Layer")
    for module in model.submodules:
        if isinstance(module, kinds):
            yield module


def _takes_training(model: Any) -> bool:
    parameters = inspect.signature(model.call).parameters.values()
    return any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters)


def _inputs(model: Any) -> Iterator[GivenInput]:
    """The inputs that a model tells; one of unknown shape for a subclassed one."""
    told = getattr(model, "inputs", None)
    if not told:
        yield GivenInput("inputs", None, tf.as_dtype(model.compute_dtype))
        return
    for name, tensor in zip(model.input_names, told, strict=True):
        shape = tensor.shape
        lengths = None if shape.rank is None else tuple(shape.as_list())
        kind = "a tensor of strings" if tensor.dtype == tf.string else ""
        yield GivenInput(name, lengths, tensor.dtype, kind)


@contextmanager
def _listening(layers: Sequence[Any]) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Notes what each layer returns, call by call."""
    calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
    before = [vars(layer).get("call") for layer in layers]
    try:
        for layer in layers:
            vars(layer)["call"] = _noting(layer.call, calls[layer.name])
        yield calls
    finally:
        for layer, call in zip(layers, before, strict=True):
            if call is None:
                vars(layer).pop("call", None)
            else:
                vars(layer)["call"] = call


def _noting(call: Callable[..., Any], calls: list[dict[str, Any]]) -> Callable[..., Any]:
    def noted(*args: Any, **kwargs: Any) -> Any:
        result = call(*args, **kwargs)
        calls.append(dict(tensors_by_path(result)))
        return result

    noted.__signature__ = inspect.signature(call)  # type: ignore[attr-defined]
    return noted

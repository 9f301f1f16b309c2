"""Which of TensorFlow's objects a model is."""

from __future__ import annotations

import os
import sys
from typing import Any

import tensorflow as tf

__all__ = [
    "is_concrete_function",
    "is_graph",
    "is_keras_3",
    "is_loaded",
    "is_path",
    "is_polymorphic_function",
    "is_restored_function",
    "is_tensorflow",
]


def is_tensorflow(model: object) -> bool:
    """Whether a model is TensorFlow's own kind of object, and not a Keras 3 layer."""
    if is_keras_3(model):
        return False
    return (
        is_graph(model)
        or is_concrete_function(model)
        or is_polymorphic_function(model)
        or is_loaded(model)
        or isinstance(model, tf.Module)
    )


def is_path(model: object) -> bool:
    """Whether a model is named by a path."""
    return isinstance(model, str | os.PathLike)


def is_graph(model: object) -> bool:
    """Whether a model is a plain graph, as an object or as a message."""
    return isinstance(model, tf.Graph | tf.compat.v1.GraphDef)


def is_concrete_function(model: object) -> bool:
    """Whether a model is one traced function with a fixed signature."""
    return isinstance(model, tf.types.experimental.ConcreteFunction)


def is_polymorphic_function(model: object) -> bool:
    """Whether a model is what `tf.function` returns."""
    return isinstance(model, tf.types.experimental.GenericFunction) and hasattr(
        model, "get_concrete_function"
    )


def is_restored_function(model: object) -> bool:
    """Whether a model is a `tf.function` out of a SavedModel, which has traces but no Python."""
    return is_polymorphic_function(model) and hasattr(model, "concrete_functions")


def is_loaded(model: Any) -> bool:
    """Whether a model is what `tf.saved_model.load` returns."""
    signatures = getattr(model, "signatures", None)
    return signatures is not None and type(signatures).__module__.startswith("tensorflow.")


def is_keras_3(model: object) -> bool:
    """Whether a model is a layer of Keras 3, which has a backend of its own."""
    keras = sys.modules.get("keras")
    layers = getattr(keras, "layers", None)
    layer = getattr(layers, "Layer", None)
    version = str(getattr(keras, "__version__", "0"))
    return layer is not None and isinstance(model, layer) and int(version.partition(".")[0]) >= 3

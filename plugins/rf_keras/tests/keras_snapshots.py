"""Everything about a Keras model that an estimate must leave as it was, comparable by ==."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np

__all__ = ["state"]


def state(model: Any) -> Any:
    """Weights, what every layer holds, and Keras' own settings."""
    layers = [model, *model._flatten_layers(include_self=False)]
    held = [
        (layer.name, layer.built, {key: id(value) for key, value in vars(layer).items()})
        for layer in layers
    ]
    weights = [(w.path, id(w), _bytes(w.value)) for w in model.variables]
    nodes = [len(layer._inbound_nodes) for layer in layers]
    losses = [len(layer._losses) for layer in layers]
    settings = (
        keras.config.is_traceback_filtering_enabled(),
        keras.config.image_data_format(),
        keras.config.floatx(),
        keras.config.dtype_policy().name,
    )
    return held, weights, nodes, losses, settings, random.getstate(), repr(np.random.get_state())


def _bytes(value: Any) -> bytes:
    # Keras' own way to numpy warns on torch.
    return (
        value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    ).tobytes()

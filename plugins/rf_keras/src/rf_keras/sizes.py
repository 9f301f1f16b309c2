"""Keras' own layers that remember the size they were built for, made anew for any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

__all__ = ["fit_for_any_size"]


def fit_for_any_size(layer: Any, run: Callable[..., Any]) -> Callable[..., Any]:
    """What runs in place of a layer's `call`: itself, or a copy that is built where it runs.

    A `Reshape` resolves its target once, for the shape that it was built for; what was left
    open (-1) is resolved again.
    """
    if type(layer) is not keras.layers.Reshape:
        return run
    config = layer.get_config()

    def reshaped(inputs: Any) -> Any:
        fresh = keras.layers.Reshape.from_config(config)
        fresh.build(tuple(inputs.shape))
        return fresh.call(inputs)

    return reshaped

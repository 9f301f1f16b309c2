"""Models that are built on the way: by the user's function, or as a copy of an unbuilt one."""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from rf_keras.errors import BuilderError, WeightsTooLargeError
from rfcore.errors import RfcoreError

__all__ = ["built_copy", "built_model", "is_builder"]

LARGEST_WEIGHTS = 1 << 30


def is_builder(model: object) -> bool:
    """Whether this may be a function from an input shape to a model."""
    return callable(model) and not isinstance(model, keras.Layer)


def built_model(build: Any, input_shape: Sequence[int]) -> Any:
    """The model that a builder returns for an input shape without the batch.

    Raises:
        BuilderError: It raised, or returned something else than a model.
        WeightsTooLargeError: The model would fill the memory.
    """
    shape = tuple(input_shape)
    with _random_state_kept(), _limited_weights():
        try:
            model = _called(build, shape)
        except RfcoreError:
            raise
        except Exception as error:
            first_line = (str(error).strip() or "no message").splitlines()[0]
            problem = f"raised {type(error).__name__}: {first_line}"
            raise BuilderError(build, shape, problem) from error
    if not isinstance(model, keras.Layer):
        raise BuilderError(build, shape, f"returned a {type(model).__name__}, not a Keras model")
    return model


def built_copy(model: Any, shape: Sequence[int]) -> Any:
    """A copy of an unbuilt sequential model, built for an input shape with the batch.

    Raises:
        BuilderError: Its layers cannot be copied, or do not take the shape.
    """

    def sequential(input_shape: tuple[int, ...]) -> Any:
        copy = type(model).from_config(model.get_config())
        copy.build((None, *input_shape))
        return copy

    return built_model(sequential, shape[1:])


def _called(build: Any, shape: tuple[int, ...]) -> Any:
    try:
        by_name = "input_shape" in inspect.signature(build).parameters
    except (TypeError, ValueError):
        by_name = False
    return build(input_shape=shape) if by_name else build(shape)


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Seeds that initializers draw leave no trace."""
    python, legacy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)


@contextmanager
def _limited_weights() -> Iterator[None]:
    """Stops a model before its weights fill the memory: dense heads grow with the input."""
    original = keras.Layer.add_weight
    elements = 0

    def add_weight(layer: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal elements
        elements += math.prod(n or 1 for n in (() if shape is None else np.atleast_1d(shape)))
        if elements > LARGEST_WEIGHTS:
            raise WeightsTooLargeError(int(elements), LARGEST_WEIGHTS)
        return original(layer, shape, *args, **kwargs)

    keras.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.Layer.add_weight = original

"""Which library of the JAX family a model comes from, told without importing any."""

from __future__ import annotations

import sys
from enum import Enum, auto
from typing import Any

__all__ = ["Kind", "kind_of", "loaded"]


class Kind(Enum):
    """How a model is called and where its parameters are."""

    NNX = auto()
    LINEN = auto()
    EQUINOX = auto()
    HAIKU = auto()
    JITTED = auto()
    FUNCTION = auto()


def loaded(module: str) -> Any:
    """A module that somebody has imported already, or None: whoever holds its models has."""
    return sys.modules.get(module)


def kind_of(model: object) -> Kind:
    """The kind of a model; a function or anything unknown is a `FUNCTION`."""
    if isinstance(model, type) or _is_keras(model):
        return Kind.FUNCTION
    for kind, module, classes in _FAMILIES:
        library = loaded(module)
        found = tuple(c for name in classes if (c := getattr(library, name, None)) is not None)
        if found and isinstance(model, found):
            return kind
    if loaded("jax") is not None and type(model).__name__ == "PjitFunction":
        return Kind.JITTED
    return Kind.FUNCTION


_FAMILIES = (
    (Kind.NNX, "flax.nnx", ("Module",)),
    (Kind.LINEN, "flax.linen", ("Module",)),
    (Kind.EQUINOX, "equinox", ("Module",)),
    (Kind.HAIKU, "haiku", ("Transformed", "TransformedWithState")),
)


def _is_keras(model: object) -> bool:
    # Keras layers may be made to be Flax modules too.
    keras = loaded("keras")
    return keras is not None and isinstance(model, keras.layers.Layer)

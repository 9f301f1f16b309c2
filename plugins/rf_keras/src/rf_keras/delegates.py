"""The rfcore backend of the framework that Keras runs on, found through the registry."""

from __future__ import annotations

import keras

from rfcore.errors import BackendCapabilityError, UnknownBackendError
from rfcore.hookspecs import Backend
from rfcore.plugins import find_backend

__all__ = ["DELEGATES", "delegate"]

DELEGATES = {"tensorflow": "tf", "jax": "jax", "torch": "torch"}
"""Names of rfcore's backends by those of Keras' own."""


def delegate() -> Backend:
    """The backend that traces what Keras runs on.

    Raises:
        BackendCapabilityError: Keras runs on something else, or the plugin is not there.
    """
    active = keras.config.backend()
    if active not in DELEGATES:
        raise BackendCapabilityError(
            "keras",
            f"models on Keras' backend {active!r}",
            f"set the environment variable KERAS_BACKEND to one of {', '.join(DELEGATES)} before "
            "Keras is imported, and load the model again.",
        )
    name = DELEGATES[active]
    try:
        return find_backend(None, name)
    except UnknownBackendError as missing:
        if name in missing.broken:
            why, hint = f"does not load ({missing.broken[name]})", "repair or reinstall it with"
        else:
            why, hint = "is not installed", "install it with"
        raise BackendCapabilityError(
            "keras",
            f"models on Keras' backend {active!r} while the plugin rf-{name} {why}",
            f"{hint} `pip install rf-{name}`.",
        ) from missing

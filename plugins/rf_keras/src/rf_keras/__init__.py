"""rfcore's backend for Keras 3; importing it imports neither Keras nor what Keras runs on."""

from rf_keras.backend import KerasBackend
from rfcore import hookimpl

__all__ = ["KerasBackend", "rfcore_backend"]


@hookimpl
def rfcore_backend() -> KerasBackend:
    """The backend called "keras"."""
    return KerasBackend()

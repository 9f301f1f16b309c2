"""rfcore's backend for TensorFlow; importing it does not import tensorflow."""

from rf_tf.backend import TensorFlowBackend
from rfcore import hookimpl

__all__ = ["TensorFlowBackend", "rfcore_backend"]


@hookimpl
def rfcore_backend() -> TensorFlowBackend:
    """The backend called "tf"."""
    return TensorFlowBackend()

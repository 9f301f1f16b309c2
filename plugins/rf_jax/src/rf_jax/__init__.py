"""rfcore's backend for JAX; importing it does not import jax."""

from rf_jax.backend import JaxBackend
from rfcore import hookimpl

__all__ = ["JaxBackend", "rfcore_backend"]


@hookimpl
def rfcore_backend() -> JaxBackend:
    """The backend called "jax"."""
    return JaxBackend()

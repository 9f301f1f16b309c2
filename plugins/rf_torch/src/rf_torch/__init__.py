"""rfcore's backend for PyTorch; importing it does not import torch."""

from rf_torch.backend import TorchBackend
from rfcore import hookimpl

__all__ = ["TorchBackend", "rfcore_backend"]


@hookimpl
def rfcore_backend() -> TorchBackend:
    """The backend called "torch"."""
    return TorchBackend()

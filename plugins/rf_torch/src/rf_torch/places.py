"""Where tensors lie in memory: what tells that two of them hold the same values."""

from __future__ import annotations

import torch

__all__ = ["Identity", "Place", "has_storage", "identity_of", "place_of", "storage_of"]

# Looked up once: places are asked for several times per op.
_is_inside_vmap = torch._C._functorch.is_functorch_wrapped_tensor

Place = tuple[int, int, tuple[int, ...], tuple[int, ...]]
"""Where a tensor lies: storage, offset, shape and strides."""


Identity = tuple[Place, torch.dtype, bool, bool]
"""What two tensors share that hold the same values at one time."""


def place_of(tensor: torch.Tensor) -> Place:
    """Where a tensor lies."""
    if not has_storage(tensor):
        return (id(tensor), 0, tuple(tensor.shape), ())
    storage = int(tensor.untyped_storage()._cdata)
    return (storage, int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride())


def identity_of(tensor: torch.Tensor) -> Identity:
    """Where a tensor lies, and how what lies there is read."""
    return (place_of(tensor), tensor.dtype, tensor.is_conj(), tensor.is_neg())


def storage_of(tensor: torch.Tensor) -> int:
    """Which storage a tensor lies in; one without storage stands for itself."""
    return int(tensor.untyped_storage()._cdata) if has_storage(tensor) else id(tensor)


def has_storage(tensor: torch.Tensor) -> bool:
    """Whether a tensor lies in one storage, unlike sparse ones and those inside `vmap`."""
    wrapped: bool = _is_inside_vmap(tensor)
    return tensor.layout is torch.strided and not wrapped

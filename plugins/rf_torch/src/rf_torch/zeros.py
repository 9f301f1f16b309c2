"""Which weights are nowhere zero: asked of every kernel in every trace, looked up once."""

from __future__ import annotations

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import _disable_current_modes

__all__ = ["Zeros"]


class Zeros:
    """What is known of the zeros in real tensors that nobody writes to."""

    def __init__(self) -> None:
        # The tensors are kept, so that no other one takes over their identity.
        self._known: dict[int, tuple[torch.Tensor, bool]] = {}

    def absent_from(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor has values and none of them is zero; False if it cannot be told."""
        if id(tensor) not in self._known:
            self._known[id(tensor)] = (tensor, _is_nowhere_zero(tensor))
        return self._known[id(tensor)][1]


def _is_nowhere_zero(tensor: torch.Tensor) -> bool:
    plain = tensor.layout is torch.strided and not tensor.is_quantized
    if isinstance(tensor, FakeTensor) or tensor.device.type == "meta" or not plain:
        return False
    with _disable_current_modes(), torch.no_grad():
        return bool(torch.count_nonzero(tensor) == tensor.numel())

"""The user's modules during a trace: stand-ins for their tensors, everything put back after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

__all__ = ["shielded"]

Replace = Callable[[torch.Tensor], torch.Tensor]

_CONTAINERS = (list, dict, set)


@contextmanager
def shielded(modules: Sequence[nn.Module], replace: Replace) -> Iterator[None]:
    """Puts `replace(tensor)` in place of every parameter and buffer, and undoes all changes.

    Attributes that the forward sets, and lists, dicts and sets that it fills, are as before
    when the context ends, also after an error.

    Args:
        modules: Every module of the model, each once.
        replace: Makes the stand-in of one parameter or buffer.
    """
    with ExitStack() as stack:
        for module in modules:
            stack.callback(_restorer(module))
        for module in modules:
            for tensors in (module._parameters, module._buffers):
                for name, tensor in tensors.items():
                    if tensor is not None:
                        tensors[name] = replace(tensor)  # type: ignore[assignment]
        yield


def _restorer(module: nn.Module) -> Callable[[], None]:
    attributes = dict(vars(module))
    contents = [
        (value, value.copy()) for value in attributes.values() if type(value) in _CONTAINERS
    ]

    def restore() -> None:
        vars(module).clear()
        vars(module).update(attributes)
        for container, saved in contents:
            _refill(container, saved)

    return restore


def _refill(container: Any, saved: Any) -> None:
    if isinstance(container, list):
        container[:] = saved
    else:
        container.clear()
        container.update(saved)

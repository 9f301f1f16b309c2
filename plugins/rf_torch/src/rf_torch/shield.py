"""The user's modules during a trace: stand-ins for their tensors, everything put back after."""

from __future__ import annotations

import inspect
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from torch import nn

__all__ = ["Shield", "copied", "generators_kept"]

Replace = Callable[[torch.Tensor], torch.Tensor]

_PLAIN = frozenset((bool, int, float, str, bytes, type(None), torch.dtype, torch.device))
_LEFT_ALONE = (nn.Module, torch.Tensor, type)


class Shield:
    """A context in which modules run on stand-ins for their parameters and buffers.

    Attributes that a forward sets, and containers that it fills, are as before when the context
    ends, also after an error. Modules may be added while it is open.

    Args:
        replace: Makes the stand-in of one parameter or buffer.
    """

    def __init__(self, replace: Replace) -> None:
        self._replace = replace
        self._known: set[int] = set()
        self._saved: dict[int, Callable[[], None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        for refill in self._saved.values():
            refill()

    def add(self, modules: Iterable[nn.Module]) -> None:
        """Takes more modules into the shield; those that are in it already stay as they are."""
        new = [module for module in modules if id(module) not in self._known]
        for module in new:
            self._known.add(id(module))
            _remember(vars(module), self._saved)
        for module in new:
            for tensors in (module._parameters, module._buffers):
                for name, tensor in tensors.items():
                    if tensor is not None:
                        tensors[name] = self._replace(tensor)  # type: ignore[assignment]

    def entering(self, module: nn.Module) -> None:
        """Takes in a module that is about to run and that nobody named before."""
        if id(module) not in self._known:
            self.add(module.modules())


def copied(tensor: torch.Tensor) -> torch.Tensor:
    """A stand-in with the same values, for forwards that run for real and may write to it."""
    copy = tensor.detach().clone()
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(copy, requires_grad=tensor.requires_grad)
    return copy


@contextmanager
def generators_kept(devices: Sequence[torch.device]) -> Iterator[None]:
    """Random numbers drawn inside leave no trace in torch, Python and numpy."""
    python, legacy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=list(devices)):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)


def _remember(value: Any, saved: dict[int, Callable[[], None]]) -> None:
    """Notes how to restore a container, and those in it, that are not noted yet."""
    found = [value]
    while found:
        value = found.pop()
        # Plain values first: asking whether something is a tensor is slow, and modules hold many.
        if type(value) in _PLAIN or id(value) in saved or isinstance(value, _LEFT_ALONE):
            continue
        if isinstance(value, dict | set | list | deque):
            content = value.copy()
            saved[id(value)] = partial(_refill, value, content)
            found += content.values() if isinstance(content, dict) else content
        elif isinstance(value, tuple):
            found += value
        elif hasattr(value, "__dict__") and not callable(value) and not inspect.ismodule(value):
            found.append(vars(value))


def _refill(container: Any, content: Any) -> None:
    container.clear()
    if isinstance(container, dict | set):
        container.update(content)
    else:
        container.extend(content)

"""The user's modules during a trace: stand-ins for their tensors, everything put back after."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from operator import is_
from types import ModuleType
from typing import Any, Self

import numpy as np
import torch
from torch import nn

__all__ = ["Shield", "copied", "generators_kept"]

Replace = Callable[[torch.Tensor], torch.Tensor]
Saved = dict[int, tuple[Any, Any]]
"""Containers and what they held, by id."""

MOST_KINDS = 4096
_PLAIN = (bool, int, float, str, bytes, type(None), torch.dtype, torch.device)
_LEFT_ALONE = (*_PLAIN, nn.Module, torch.Tensor, type)


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
        self._saved: Saved = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        for container, content in self._saved.values():
            # Most containers of a module are empty and stay so.
            if len(content) or len(container):
                _refill(container, content)

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


class _Held(Enum):
    """What there is to remember of values of one type."""

    NOTHING = auto()
    ITEMS = auto()
    FIXED_ITEMS = auto()
    ATTRIBUTES = auto()


class _Kinds(dict[type, _Held]):
    """What values of each type hold, asked once per type: subclasses take long to tell."""

    def __missing__(self, kind: type) -> _Held:
        if len(self) >= MOST_KINDS:
            # Types that programs make as they run are not to be held for good.
            self.clear()
        self[kind] = found = _held(kind)
        return found


def _held(kind: type) -> _Held:
    if issubclass(kind, _LEFT_ALONE):
        return _Held.NOTHING
    if issubclass(kind, dict | set | list | deque):
        return _Held.ITEMS
    if issubclass(kind, tuple):
        return _Held.FIXED_ITEMS
    # Functions, initializers and the like hold what they do, not what a forward has done.
    works = issubclass(kind, ModuleType | Callable)
    return _Held.NOTHING if works else _Held.ATTRIBUTES


_KINDS = _Kinds()
_NOTHING, _ITEMS, _FIXED_ITEMS = _Held.NOTHING, _Held.ITEMS, _Held.FIXED_ITEMS


def _remember(value: Any, saved: Saved) -> None:
    """Notes the content of a container, and of those in it, that are not noted yet."""
    found = [value]
    while found:
        value = found.pop()
        if id(value) in saved:
            continue
        held = _KINDS[type(value)]
        items: Iterable[Any] = ()
        if held is _ITEMS:
            if not len(value):
                saved[id(value)] = value, ()
                continue
            content = value.copy()
            saved[id(value)] = value, content
            items = content.values() if isinstance(content, dict) else content
        elif held is _FIXED_ITEMS:
            items = value
        elif hasattr(value, "__dict__"):
            items = (vars(value),)
        # Modules hold many plain values, and hardly any else.
        found += [item for item in items if _KINDS[type(item)] is not _NOTHING]


def _refill(container: Any, content: Any) -> None:
    # Containers of other libraries refuse to be filled: Keras locks those of a built layer.
    if _is_unchanged(container, content):
        return
    container.clear()
    if isinstance(container, dict | set):
        container.update(content)
    else:
        container.extend(content)


def _is_unchanged(container: Any, content: Any) -> bool:
    """Whether a container holds the very same things in the same order."""
    if len(container) != len(content) or not all(map(is_, container, content)):
        return False
    return not isinstance(content, dict) or all(map(is_, container.values(), content.values()))

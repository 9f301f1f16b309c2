"""The modules behind a model or function, with the names their users give them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

__all__ = ["Modules", "modules_of"]


@dataclass(frozen=True, slots=True)
class Modules:
    """All modules of a model.

    Attributes:
        names: Dotted names by module identity; the model itself is not among them.
        each: Every module once.
    """

    names: dict[int, list[str]]
    each: tuple[nn.Module, ...]

    def layers(self) -> tuple[str, ...]:
        """All names."""
        return tuple(name for names in self.names.values() for name in names)

    def tensors(self) -> Iterator[torch.Tensor]:
        """All parameters and buffers."""
        for module in self.each:
            yield from (t for t in module._parameters.values() if t is not None)
            yield from (t for t in module._buffers.values() if t is not None)

    def example(self) -> torch.Tensor:
        """A tensor whose type and device the input should have: the first floating one."""
        floating = (t for t in self.tensors() if t.is_floating_point())
        return next(floating, torch.empty(0, dtype=torch.get_default_dtype()))


def modules_of(model: Any) -> Modules:
    """The modules of a module, of a method of one, or of a function that closes over some."""
    names: dict[int, list[str]] = {}
    each: dict[int, nn.Module] = {}
    for prefix, root in _roots(model):
        for name, module in root.named_modules(prefix=prefix, remove_duplicate=False):
            each.setdefault(id(module), module)
            if name and not (module is model):
                names.setdefault(id(module), []).append(name)
    return Modules(names, tuple(each.values()))


def _roots(model: Any) -> Iterator[tuple[str, nn.Module]]:
    """Modules to name from; a function's only module lends its names without a prefix."""
    if isinstance(model, nn.Module):
        yield "", model
        return
    found = dict(_referenced(model))
    for name, module in found.items():
        yield ("" if len(found) == 1 else name), module


def _referenced(function: Callable[..., Any]) -> Iterator[tuple[str, nn.Module]]:
    if isinstance(function, functools.partial):
        yield from _referenced(function.func)
        for number, value in enumerate(function.args):
            if isinstance(value, nn.Module):
                yield f"arg{number}", value
        return
    owner = getattr(function, "__self__", None)
    if isinstance(owner, nn.Module):
        yield "self", owner
    if inspect.isfunction(function):
        variables = inspect.getclosurevars(function)
        for name, value in {**variables.globals, **variables.nonlocals}.items():
            if isinstance(value, nn.Module):
                yield name, value

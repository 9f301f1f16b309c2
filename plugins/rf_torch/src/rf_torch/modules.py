"""The modules behind a model or function, with the names their users give them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

# How many steps of reference a module may be away from the function that is measured.
DEPTH = 4

__all__ = ["Modules", "cuda_devices", "modules_of"]


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

    def types(self) -> dict[str, str]:
        """The class of each layer, by all its names."""
        return {
            name: type(module).__name__
            for module in self.each
            for name in self.names.get(id(module), ())
        }

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
            if name and module is not model:
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


def _referenced(value: Any, name: str = "model", depth: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """Modules that a function, partial, method, object or container holds, a few steps deep."""
    if isinstance(value, nn.Module):
        yield name, value
    elif depth > DEPTH or isinstance(value, type | torch.Tensor):
        return
    else:
        for key, item in _held(value):
            yield from _referenced(item, key, depth + 1)


def _held(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        yield from ((str(number), item) for number, item in enumerate(value))
    elif isinstance(value, functools.partial):
        yield from _held((value.func, *value.args))
        yield from value.keywords.items()
    elif inspect.ismethod(value):
        yield "self", value.__self__
        yield from _held(value.__func__)
    elif inspect.isfunction(value):
        variables = inspect.getclosurevars(value)
        yield from {**variables.globals, **variables.nonlocals}.items()
    elif callable(value) and hasattr(value, "__dict__"):
        yield from vars(value).items()


def cuda_devices(modules: Modules) -> list[torch.device]:
    """The CUDA devices on which the model has tensors."""
    return list({t.device for t in modules.tensors() if t.device.type == "cuda"})

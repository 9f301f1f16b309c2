"""Everything about a model, and about the process, that an estimate has to leave as it was."""

from __future__ import annotations

import logging
import random
import warnings
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_globals
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

__all__ = ["process_state", "state"]


@dataclass(frozen=True, eq=False)
class Same:
    """An object that equals only itself; holding it keeps its id from being used again."""

    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return f"<{type(self.value).__name__} at {id(self.value):#x}>"


def state(model: nn.Module) -> dict[str, Any]:
    """Each module's attributes: the same objects, with the same contents, in the same order."""
    named = model.named_modules(remove_duplicate=False)
    return {name: (Same(module), _contents(vars(module), set())) for name, module in named}


def process_state() -> dict[str, Any]:
    """Generators, modes and settings of python, numpy and torch."""
    generator = np.random.get_state(legacy=False)
    assert isinstance(generator, dict)
    return {
        "random": random.getstate(),
        "numpy": (generator["state"]["key"].tobytes(), generator["state"]["pos"]),
        "torch": torch.get_rng_state().numpy().tobytes(),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "attention fast path": torch.backends.mha.get_fastpath_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "dispatch modes": [Same(mode) for mode in _get_current_dispatch_mode_stack()],
        "global hooks": [
            _contents(hooks, set())
            for name, hooks in vars(module_globals).items()
            if name.startswith("_global_") and name.endswith("_hooks")
        ],
        "fake tensor log": logging.getLogger("torch._subclasses.fake_tensor").disabled,
        "warning filters": list(warnings.filters),
    }


def _contents(value: Any, seen: set[int]) -> Any:
    """What is inside a value, as nested tuples that can be compared."""
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, str | bytes | int | float | bool | None | torch.dtype | torch.device):
        return value
    if id(value) in seen or isinstance(value, nn.Module) or callable(value):
        return Same(value)
    seen = seen | {id(value)}
    if isinstance(value, Mapping):
        inside = [(key, Same(item), _contents(item, seen)) for key, item in value.items()]
        return (Same(value), tuple(inside))
    if isinstance(value, list | tuple | deque):
        return (Same(value), tuple((Same(item), _contents(item, seen)) for item in value))
    if isinstance(value, set | frozenset):
        return (Same(value), frozenset(map(Same, value)))
    if hasattr(value, "__dict__"):
        return (Same(value), _contents(vars(value), seen))
    return Same(value)


def _tensor(tensor: Tensor) -> tuple[object, ...]:
    """A tensor bit for bit; `_version` counts even those writes that change no value."""
    meta = tensor.device.type == "meta"
    flat = tensor.detach().contiguous()
    values = b"" if meta else flat.reshape(-1).view(torch.uint8).numpy().tobytes()
    gradient = None if not tensor.is_leaf or tensor.grad is None else tensor.grad
    return (
        type(tensor),
        tuple(tensor.shape),
        tensor.dtype,
        tensor.device,
        tensor.requires_grad,
        tensor._version,
        values,
        None if gradient is None else (Same(gradient), _tensor(gradient)),
    )

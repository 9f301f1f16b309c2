"""Tensors inside whatever a module returns, in tuples, dicts or dataclasses, and their values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from numpy.typing import NDArray

__all__ = ["array", "tensors_by_path"]


def tensors_by_path(value: Any, path: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of an output with their path, "" for a plain tensor, "[key]" per step in.

    Args:
        value: What a module returned.
        path: Path of `value` itself.
    """
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from tensors_by_path(item, f"{path}[{key}]")
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for key in value._fields:
            yield from tensors_by_path(getattr(value, key), f"{path}[{key}]")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from tensors_by_path(item, f"{path}[{number}]")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for entry in dataclasses.fields(value):
            yield from tensors_by_path(getattr(value, entry.name), f"{path}[{entry.name}]")


def array(tensor: torch.Tensor) -> NDArray[Any]:
    """The values in numpy, which knows no bfloat16; float32 holds all of them."""
    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    values: NDArray[Any] = tensor.resolve_conj().resolve_neg().cpu().numpy()
    return values

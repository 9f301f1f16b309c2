"""The parts of what a function returns, in the order in which TensorFlow flattens them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["tensors_by_path"]


def tensors_by_path(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a result with their path: "" for a plain one, "[key]" per step in.

    Args:
        value: Tensors, or their specifications, in tuples, lists and dicts.
        path: Path of `value` itself.
    """
    if value is None:
        return
    if isinstance(value, Mapping):
        # TensorFlow flattens a dict in the order of its keys.
        for key in sorted(value):
            yield from tensors_by_path(value[key], f"{path}[{key}]")
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for key in value._fields:
            yield from tensors_by_path(getattr(value, key), f"{path}[{key}]")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from tensors_by_path(item, f"{path}[{number}]")
    else:
        yield path, value

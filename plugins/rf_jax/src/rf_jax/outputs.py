"""Arrays inside whatever a function returns, by the path that its pytree gives them."""

from __future__ import annotations

from typing import Any

import jax

__all__ = ["arrays_by_path"]


def arrays_by_path(value: Any) -> list[tuple[str, Any]]:
    """The leaves of an output with their path, "" for a plain array, "[key]" per step in."""
    leaves = jax.tree_util.tree_flatten_with_path(value)[0]
    return [("".join(f"[{_key(entry)}]" for entry in path), leaf) for path, leaf in leaves]


def _key(entry: Any) -> Any:
    for attribute in ("key", "idx", "name"):
        if hasattr(entry, attribute):
            return getattr(entry, attribute)
    return entry

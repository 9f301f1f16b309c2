"""The modules inside a Flax NNX or Equinox model, by the path of attributes to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax

from rf_jax.kinds import Kind, kind_of, loaded

__all__ = ["modules_of"]


def modules_of(model: Any) -> dict[str, Any]:
    """All modules by dotted path, the model itself by ""; a shared one by its first path."""
    walk = _in_nnx if kind_of(model) is Kind.NNX else _in_equinox
    found: dict[str, Any] = {}
    known: set[int] = set()
    for path, module in walk(model):
        if id(module) not in known:
            known.add(id(module))
            found[path] = module
    return found


def _in_nnx(model: Any) -> Iterator[tuple[str, Any]]:
    nnx = loaded("flax.nnx")
    paths = [
        (".".join(map(str, path)), part)
        for path, part in nnx.iter_graph(model)
        if isinstance(part, nnx.Module)
    ]
    yield from sorted(paths, key=lambda found: found[0].count("."))


def _in_equinox(model: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    equinox = loaded("equinox")
    yield path, model
    leaves = jax.tree_util.tree_flatten_with_path(
        model, is_leaf=lambda part: part is not model and isinstance(part, equinox.Module)
    )[0]
    for keys, part in leaves:
        if isinstance(part, equinox.Module):
            steps = (path, *(_step(key) for key in keys))
            yield from _in_equinox(part, ".".join(step for step in steps if step))


def _step(key: Any) -> str:
    for attribute in ("name", "key", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)

"""Copies of NNX and Equinox models in inference mode, whose layers run in the same order.

A model may be a dict of layers that it runs in the order of its keys. Whatever passes through
a pytree comes back with its keys sorted, and would be another network.
"""

from __future__ import annotations

import copy
from typing import Any

import jax

from rf_jax.kinds import loaded
from rf_jax.modules import modules_of

__all__ = ["merged", "quiet_equinox"]


def quiet_equinox(model: Any) -> tuple[Any, bool]:
    """An Equinox model at inference, with the same arrays, and whether it was so already."""
    if not any(_trains(module) for module in modules_of(model).values()):
        return model, True
    leaves = jax.tree_util.tree_leaves(model)
    quiet = copy.deepcopy(model, {id(leaf): leaf for leaf in leaves})
    for module in modules_of(quiet).values():
        if _trains(module):
            object.__setattr__(module, "inference", True)
    return quiet, False


def _trains(module: Any) -> bool:
    return getattr(module, "inference", None) is False


def merged(model: Any, graph: Any, state: Any) -> tuple[Any, bool]:
    """A copy of an NNX model from its two halves, at inference, and whether it was so already."""
    nnx = loaded("flax.nnx")
    # Variables of their own, which belong to the trace that is running.
    made = nnx.merge(graph, jax.tree_util.tree_map(lambda array: array, state))
    _restore_order(model, made, set())
    before = [_switches(module) for module in modules_of(made).values()]
    made.eval()
    return made, before == [_switches(module) for module in modules_of(made).values()]


def _switches(module: Any) -> tuple[Any, ...]:
    return tuple(getattr(module, name, None) for name in ("deterministic", "use_running_average"))


def _restore_order(original: Any, made: Any, seen: set[int]) -> None:
    if id(original) in seen:
        return
    seen.add(id(original))
    if isinstance(original, list | tuple):
        for one, other in zip(original, made, strict=True):
            _restore_order(one, other, seen)
        return
    entries = original if isinstance(original, dict) else _attributes(original)
    if entries is None:
        return
    others = made if isinstance(made, dict) else vars(made)
    for key, value in entries.items():
        if key in others:
            # Taken out and put back, a key goes to the end.
            others[key] = others.pop(key)
            _restore_order(value, others[key], seen)


def _attributes(value: Any) -> dict[str, Any] | None:
    nnx = loaded("flax.nnx")
    kinds = tuple(getattr(nnx, name, nnx.Module) for name in ("Module", "Pytree", "Object"))
    return vars(value) if isinstance(value, kinds) else None

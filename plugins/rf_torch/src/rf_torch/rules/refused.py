"""Ops whose dependence cannot be told, and whose derivative would not tell it either."""

from __future__ import annotations

from functools import partial

from rf_torch.call import Call, Rule

__all__ = ["RULES"]

_RANDOM_WINDOWS = "its windows are drawn at random"
_SELECTS = "its derivative shows one of the values that it selects among, not all of them"
_STORAGE = "it gives a tensor the memory of another one, which is not tracked"

_REASONS = {
    "fractional_max_pool2d": _RANDOM_WINDOWS,
    "fractional_max_pool3d": _RANDOM_WINDOWS,
    "segment_reduce": _SELECTS,
    "_embedding_bag": _SELECTS,
    "_embedding_bag_forward_only": _SELECTS,
    "set": _STORAGE,
    "resize": "it changes the size of memory in place, which is not tracked",
    "resize_as": "it changes the size of memory in place, which is not tracked",
}


def _refuse(reason: str, call: Call) -> int:
    raise call.refused(reason)


RULES: dict[str, Rule] = {
    f"aten.{name}": partial(_refuse, reason) for name, reason in _REASONS.items()
}

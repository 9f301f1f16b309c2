"""Padding with a constant, and by reflection."""

from __future__ import annotations

import numpy as np

from rf_tf.call import Call, Rule
from rfcore.fills import Fill

__all__ = ["RULES"]


def pad(call: Call) -> int:
    """Padding with a number, which may depend on the input itself."""
    node = call.node(0)
    lengths = call.source_shape(0)
    widths = call.array(1).tolist()
    result = node
    for dim, (low, high) in enumerate(widths):
        if result is not None and (low or high):
            taps = np.arange(-low, lengths[dim] + high)
            inside = (taps >= 0) & (taps < lengths[dim])
            result = call.taps(result, dim, np.where(inside, taps, -1))
    parts = [] if result is None else [result]
    if len(call.inputs) > 2 and (filler := call.node(2)) is not None:
        whole = call.elementwise((filler,), call.shape)
        parts.append(_outside(call, whole, lengths, widths))
    return call.joined(parts, call.shape)


def _outside(call: Call, node: int, lengths: tuple[int, ...], widths: list[list[int]]) -> int:
    """What is written around a box."""

    def covered() -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        inside = np.zeros(call.shape, bool)
        box = zip(widths, lengths, strict=True)
        inside[tuple(slice(low, low + n) for (low, _), n in box)] = True
        return inside

    return call.gated(node, Fill(call.shape, covered), call.shape)


def mirror_pad(call: Call) -> int:
    """Padding by reflection, with or without the border pixel itself."""
    node = call.operand(0)
    skip = 1 if call.attr("mode") == "REFLECT" else 0
    for dim, (low, high) in enumerate(call.array(1).tolist()):
        if low or high:
            length = call.builder.shape(node)[dim]
            below = np.arange(low)[::-1] + skip
            above = length - 1 - skip - np.arange(high)
            node = call.taps(node, dim, np.concatenate([below, np.arange(length), above]))
    return node


RULES: dict[str, Rule] = {
    "Pad": pad,
    "PadV2": pad,
    "MirrorPad": mirror_pad,
}

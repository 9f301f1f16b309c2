"""Patches of an image as channels: every pixel of a window, one after the other."""

from __future__ import annotations

import math

import numpy as np

from rf_tf.call import Call, Rule
from rf_tf.rules.rearranging import concatenated
from rf_tf.rules.windows import same_padding

__all__ = ["RULES"]


def patches(call: Call) -> int:
    """The pixels of each window along the axis of channels, the last axis fastest."""
    node = call.operand(0)
    source = call.builder.shape(node)
    rank = len(source)
    kernel, strides = call.attr("ksizes"), call.attr("strides")
    rates = call.attr_or("rates", [1] * rank)
    tables = []
    for dim in range(1, rank - 1):
        size, stride, rate = int(kernel[dim]), int(strides[dim]), int(rates[dim])
        same = call.attr("padding") == "SAME"
        low = same_padding(source[dim], size, stride, rate) if same else 0
        taps = np.arange(call.shape[dim])[:, None] * stride - low + np.arange(size) * rate
        tables.append(np.where((taps >= 0) & (taps < source[dim]), taps, -1))
    parts = [node]
    for dim, table in enumerate(tables, start=1):
        parts = [call.taps(part, dim, column) for part in parts for column in table.T]
    count = math.prod(table.shape[1] for table in tables)
    return concatenated(call, parts, [source[-1]] * count, rank - 1, call.shape)


RULES: dict[str, Rule] = {
    "ExtractImagePatches": patches,
    "ExtractVolumePatches": patches,
}

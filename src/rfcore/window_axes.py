"""One axis of a window pulled back: what each output sees along it, and what lies past a border."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from rfcore.graph import Mask, WindowAxis
from rfcore.masks import Site, any_over, collapse, expand, refuse_oversize

__all__ = ["flag_lost", "window_axis"]


def flag_lost(mask: Mask, axis: WindowAxis, taps: Collection[int], site: Site) -> None:
    """Flags the probes one of whose taps lies past a border, where a larger input has a pixel."""
    if not site.bordered(mask, axis.dim):
        return
    dim, length = axis.dim + 1, site.operands[0][axis.dim]
    asked = any_over(mask, tuple(other for other in range(1, mask.ndim) if other != dim))
    outputs = np.flatnonzero(asked.any(axis=0))
    if not len(outputs):
        return
    lowest, highest = min(taps) * axis.dilation, max(taps) * axis.dilation
    begin = outputs[0] * axis.stride - axis.low + lowest
    end = outputs[-1] * axis.stride - axis.low + highest
    if begin >= 0 and end < length * axis.base_dilation:
        return
    below, above = np.zeros((2, len(outputs)), bool)
    # Without gaps between pixels, the outermost taps are past a border if any are.
    for tap in taps if axis.base_dilation > 1 else {min(taps), max(taps)}:
        position = outputs * axis.stride - axis.low + tap * axis.dilation
        pixel, gap = np.divmod(position, axis.base_dilation)
        below |= (pixel < 0) & (gap == 0)
        above |= (pixel >= length) & (gap == 0)
    site.lose(asked[:, outputs[below]], 0)
    site.lose(asked[:, outputs[above]], 1)


def window_axis(mask: Mask, axis: WindowAxis, taps: NDArray[np.int64] | None, site: Site) -> Mask:
    """One axis of a window: scatter by stride, spread over the taps, keep every base step."""
    if site.loose(mask, axis.dim):
        return mask
    dim, length = axis.dim + 1, site.operands[0][axis.dim]
    last = np.moveaxis(expand(mask, dim, site.shape[axis.dim]), dim, -1)
    lead = last.shape[:-1]
    refuse_oversize((*lead, max(length, last.shape[-1])))
    reach = (last.shape[-1] - 1) * axis.stride + 1
    extent = axis.dilation * (axis.kernel_size - 1)
    spread = np.zeros((*lead, reach + extent), dtype=bool)
    if taps is None:
        spread[..., : reach : axis.stride] = last
        _spread_over(spread, axis.kernel_size, axis.dilation)
    else:
        for tap in taps:
            start = int(tap) * axis.dilation
            spread[..., start : start + reach : axis.stride] |= last
    # Input pixel 0 is entry `low` of the spread, pixel 1 is `base_dilation` entries on, …
    pixels = spread[..., axis.low % axis.base_dilation :: axis.base_dilation]
    first = axis.low // axis.base_dilation
    begin, end = max(first, 0), min(first + length, pixels.shape[-1])
    result = np.zeros((*lead, length), dtype=bool)
    if begin < end:
        result[..., begin - first : end - first] = pixels[..., begin:end]
    pulled = np.moveaxis(result, -1, dim)
    return pulled if site.elastic[axis.dim] else collapse(pulled, dim)


def _spread_over(spread: Mask, kernel_size: int, dilation: int) -> None:
    """Widens every True to `kernel_size` taps in place, doubling the width each time."""
    width = 1
    while width < kernel_size:
        step = min(width, kernel_size - width)
        spread[..., step * dilation :] |= spread[..., : -step * dilation].copy()
        width += step

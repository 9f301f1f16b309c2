"""The pullback of windows: convolution, transposed convolution and pooling.

A dense kernel is a box, pulled back axis by axis. A kernel with zeros among its weights is
structure (masked convolutions, pruning): its taps are pulled back one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from rfcore.graph import Mask, Window, WindowAxis
from rfcore.masks import Shape, Site, any_over, collapse, expand, refuse_oversize

__all__ = ["is_dense_to_all", "pull_window"]


def pull_window(op: Window, mask: Mask, site: Site) -> tuple[Mask, ...]:
    """Pulls a mask back through a window op (see `pullback.pull`)."""
    source = site.operands[0]
    pattern = _kernel_pattern(op, source, site.shape)
    shared = None if pattern is None else _shared_taps(op, pattern, mask)
    if pattern is None or (shared is not None and shared.all()):
        widening = [axis for axis in op.axes if not _keeps_positions(axis, site)]
        for axis in widening:
            _flag_lost(mask, axis, range(axis.kernel_size), site)
        for axis in widening:
            mask = _window_axis(mask, axis, None, site)
        return (_mix_channels(mask, op, source),)
    if shared is not None:
        for axis, taps in zip(op.axes, np.nonzero(shared), strict=True):
            _flag_lost(mask, axis, np.unique(taps), site)
        mask = _any_kernel(mask, op.axes, shared, site)
        return (_mix_channels(mask, op, source),)
    return (_kernel_by_channel(mask, op, pattern, site),)


def is_dense_to_all(op: Window) -> bool:
    """Whether walks found a kernel to be as good as dense to masks over all output channels."""
    if op.pattern is None or op.pattern.is_open:
        return True
    taps: Mask | None = op.pattern.told(_about_taps(op, all_outputs=op.channel_dim is not None))
    return taps is not None and bool(taps.all())


def _keeps_positions(axis: WindowAxis, site: Site) -> bool:
    """Whether each output along an axis sees the one pixel in its own place."""
    alone = axis.kernel_size == axis.stride == axis.base_dilation == 1 and axis.low == 0
    return alone and site.operands[0][axis.dim] == site.shape[axis.dim]


def _kernel_pattern(op: Window, source: Shape, result: Shape) -> Mask | None:
    """The kernel's zeros, if they are structure: a kernel of only zeros is an untrained one."""
    if op.pattern is None or (pattern := op.pattern.read()) is None:
        return None
    if not op.pattern.once("some", pattern.any):
        return None
    kernel = tuple(axis.kernel_size for axis in op.axes)
    channels = (1, 1)
    if op.channel_dim is not None:
        channels = result[op.channel_dim], source[op.channel_dim] // op.groups
    if pattern.shape != (*channels, *kernel):
        raise ValueError(f"a kernel of shape {pattern.shape} where {(*channels, *kernel)} follows")
    return pattern


def _shared_taps(op: Window, pattern: Mask, mask: Mask) -> Mask | None:
    """The kernel's non-zero taps, where every pair of channels that matters has the same ones.

    Where all output channels are asked for alike, it is enough that every input channel is
    used at the same taps by some output channel of its group.
    """
    all_outputs = op.channel_dim is not None and mask.shape[op.channel_dim + 1] == 1

    def look() -> Mask | None:
        grouped = pattern.reshape(op.groups, -1, *pattern.shape[1:])
        if all_outputs and pattern.size - np.count_nonzero(pattern) < grouped.shape[1]:
            # Too few zeros for all output channels of a group to miss a tap.
            return np.ones(pattern.shape[2:], bool)
        used = any_over(grouped, 1) if all_outputs else pattern
        first: Mask = used[:1, :1]
        return first[0, 0] if bool((used == first).all()) else None

    assert op.pattern is not None
    return op.pattern.once(_about_taps(op, all_outputs=all_outputs), look)


def _about_taps(op: Window, *, all_outputs: bool) -> Hashable:
    """What every walk asks of the same kernel."""
    return ("shared taps", op.groups, all_outputs)


def _any_kernel(mask: Mask, axes: Sequence[WindowAxis], taps: Mask, site: Site) -> Mask:
    """A kernel whose non-zero taps need not be a product of its axes."""
    if len(axes) == 1:
        return _window_axis(mask, axes[0], np.flatnonzero(taps), site)
    result: Mask | None = None
    for tap, rest in enumerate(taps):
        if rest.any():
            inner = _any_kernel(mask, axes[1:], rest, site)
            part = _window_axis(inner, axes[0], np.array([tap]), site)
            result = part if result is None else result | part
    assert result is not None  # a pattern without a single tap is never read as one
    return result


def _kernel_by_channel(mask: Mask, op: Window, pattern: Mask, site: Site) -> Mask:
    """A kernel whose non-zero taps differ between pairs of channels: tap by tap."""
    assert op.channel_dim is not None
    channel = op.channel_dim + 1
    full = expand(mask, channel, pattern.shape[0])
    refuse_oversize(full.shape)
    result: Mask | None = None
    for tap in np.ndindex(*pattern.shape[2:]):
        weights = pattern[(slice(None), slice(None), *tap)]
        if not weights.any():
            continue
        part = _channels_through(np.moveaxis(full, channel, -1), weights, op.groups)
        part = np.moveaxis(part, -1, channel)
        for axis, index in zip(op.axes, tap, strict=True):
            _flag_lost(part, axis, [index], site)
        for axis, index in zip(op.axes, tap, strict=True):
            part = _window_axis(part, axis, np.array([index]), site)
        result = part if result is None else result | part
    assert result is not None
    return result


def _channels_through(mask: Mask, weights: Mask, groups: int) -> Mask:
    grouped = mask.reshape(*mask.shape[:-1], groups, -1)
    blocks = weights.reshape(groups, -1, weights.shape[1])
    seen = np.einsum("...go,goi->...gi", grouped.astype(np.float32), blocks.astype(np.float32))
    result: Mask = (seen > 0).reshape(*mask.shape[:-1], -1)
    return result


def _mix_channels(mask: Mask, op: Window, source: Shape) -> Mask:
    if op.channel_dim is None or mask.shape[op.channel_dim + 1] == 1:
        return mask
    channel = op.channel_dim + 1
    if op.groups == 1:
        return any_over(mask, channel, keepdims=True)
    last = np.moveaxis(mask, channel, -1)
    groups = any_over(last.reshape(*last.shape[:-1], op.groups, -1), -1)
    return np.moveaxis(np.repeat(groups, source[op.channel_dim] // op.groups, axis=-1), -1, channel)


def _flag_lost(mask: Mask, axis: WindowAxis, taps: Collection[int], site: Site) -> None:
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


def _window_axis(mask: Mask, axis: WindowAxis, taps: NDArray[np.int64] | None, site: Site) -> Mask:
    """One axis of a window: scatter by stride, spread over the taps, keep every base step."""
    if site.loose(mask, axis.dim):
        return mask
    dim, length = axis.dim + 1, site.operands[0][axis.dim]
    last = np.moveaxis(expand(mask, dim, site.shape[axis.dim]), dim, -1)
    lead = last.shape[:-1]
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

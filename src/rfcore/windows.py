"""The pullback of windows: convolution, transposed convolution and pooling.

A dense kernel is a box, pulled back axis by axis; one with zeros is left to `sparse_kernels.py`.
"""

from __future__ import annotations

import numpy as np

from rfcore.graph import Mask, Window, WindowAxis
from rfcore.masks import Shape, Site, any_over
from rfcore.sparse_kernels import kernel_pattern, pull_by_channel, pull_shared_taps, shared_taps
from rfcore.window_axes import flag_lost, window_axis

__all__ = ["pull_window"]


def pull_window(op: Window, mask: Mask, site: Site) -> tuple[Mask, ...]:
    """Pulls a mask back through a window op (see `pullback.pull`)."""
    source = site.operands[0]
    pattern = kernel_pattern(op, source, site.shape)
    shared = None if pattern is None else shared_taps(op, pattern, mask)
    if pattern is None or (shared is not None and shared.all()):
        widening = [axis for axis in op.axes if not _keeps_positions(axis, site)]
        for axis in widening:
            flag_lost(mask, axis, range(axis.kernel_size), site)
        for axis in widening:
            mask = window_axis(mask, axis, None, site)
        return (_mix_channels(mask, op, source),)
    if shared is not None:
        for axis, taps in zip(op.axes, np.nonzero(shared), strict=True):
            flag_lost(mask, axis, np.unique(taps), site)
        mask = pull_shared_taps(mask, op.axes, shared, site)
        return (_mix_channels(mask, op, source),)
    return (pull_by_channel(mask, op, pattern, site),)


def _keeps_positions(axis: WindowAxis, site: Site) -> bool:
    """Whether each output along an axis sees the one pixel in its own place."""
    alone = axis.kernel_size == axis.stride == axis.base_dilation == 1 and axis.low == 0
    return alone and site.operands[0][axis.dim] == site.shape[axis.dim]


def _mix_channels(mask: Mask, op: Window, source: Shape) -> Mask:
    if op.channel_dim is None or mask.shape[op.channel_dim + 1] == 1:
        return mask
    channel = op.channel_dim + 1
    if op.groups == 1:
        return any_over(mask, channel, keepdims=True)
    last = np.moveaxis(mask, channel, -1)
    groups = any_over(last.reshape(*last.shape[:-1], op.groups, -1), -1)
    return np.moveaxis(np.repeat(groups, source[op.channel_dim] // op.groups, axis=-1), -1, channel)

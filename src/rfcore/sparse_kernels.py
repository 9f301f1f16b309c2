"""Kernels with zeros among their weights, which are structure: masked convolutions, pruning."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from rfcore.graph import Mask, Window, WindowAxis
from rfcore.masks import Shape, Site, any_over, collapse, expand, refuse_oversize
from rfcore.window_axes import flag_lost, window_axis

__all__ = [
    "is_dense_to_all",
    "kernel_pattern",
    "pull_by_channel",
    "pull_shared_taps",
    "shared_taps",
]


def kernel_pattern(op: Window, source: Shape, result: Shape) -> Mask | None:
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


def shared_taps(op: Window, pattern: Mask, mask: Mask) -> Mask | None:
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


def is_dense_to_all(op: Window) -> bool:
    """Whether walks found a kernel to be as good as dense to masks over all output channels."""
    if op.pattern is None or op.pattern.is_open:
        return True
    taps: Mask | None = op.pattern.told(_about_taps(op, all_outputs=op.channel_dim is not None))
    return taps is not None and bool(taps.all())


def pull_shared_taps(mask: Mask, axes: Sequence[WindowAxis], taps: Mask, site: Site) -> Mask:
    """A kernel whose non-zero taps need not be a product of its axes."""
    if len(axes) == 1:
        return window_axis(mask, axes[0], np.flatnonzero(taps), site)
    result: Mask | None = None
    for tap, rest in enumerate(taps):
        if rest.any():
            inner = pull_shared_taps(mask, axes[1:], rest, site)
            part = window_axis(inner, axes[0], np.array([tap]), site)
            result = part if result is None else result | part
    assert result is not None  # a pattern without a single tap is never read as one
    return result


def pull_by_channel(mask: Mask, op: Window, pattern: Mask, site: Site) -> Mask:
    """Pulls a mask back through a kernel whose non-zero taps differ between pairs of channels.

    Of the groups of channels that have the same taps and are asked for alike, one is pulled back
    for all: in a depthwise kernel, where each channel is a group, few of them differ.
    """
    assert op.channel_dim is not None
    channel = op.channel_dim + 1
    kernels = pattern.reshape(op.groups, -1, *pattern.shape[1:])
    asked = np.moveaxis(mask, channel, -1)[..., None]
    if mask.shape[channel] == 1:
        # All outputs are asked for, so each input channel has the taps that any of them uses.
        kernels = any_over(kernels, 1).reshape(-1, 1, 1, *pattern.shape[2:])
        alike = _numbered(kernels)
        asked = expand(asked, asked.ndim - 2, len(kernels))
    else:
        asked = asked.reshape(*asked.shape[:-2], op.groups, -1)
        alike = _numbered(kernels, np.moveaxis(asked, -2, 0))
    _, first = np.unique(alike, return_index=True)
    refuse_oversize((*asked.shape[:-2], len(first), asked.shape[-1]))
    seen = _tap_by_tap(asked[..., first, :], kernels[first], channel, op, site)
    flat = collapse(seen.reshape(*seen.shape[:-2], -1), seen.ndim - 2)
    if flat.shape[-1] > 1:
        refuse_oversize((*seen.shape[:-2], len(alike), seen.shape[-1]))
        flat = seen[..., alike, :].reshape(*seen.shape[:-2], -1)
    return np.moveaxis(flat, -1, channel)


def _numbered(*groups: Mask) -> list[int]:
    """The same number for equal entries along the first axis of all arrays."""
    numbers: dict[bytes, int] = {}
    rows = [np.packbits(array.reshape(len(array), -1), axis=1) for array in groups]
    return [numbers.setdefault(row.tobytes(), len(numbers)) for row in np.concatenate(rows, axis=1)]


def _tap_by_tap(asked: Mask, kernels: Mask, channel: int, op: Window, site: Site) -> Mask:
    """Groups of channels through the kernels of each, (groups, outputs, inputs, *taps).

    Args:
        asked: The mask with its channels last, as (…, groups, outputs).
        kernels: The non-zero weights.
        channel: Where the axis of channels belongs.
        op: The window.
        site: The shapes around it.

    Returns:
        The pulled mask, (…, groups, inputs).
    """
    result: Mask | None = None
    for tap in np.ndindex(*kernels.shape[3:]):
        weights = kernels[(..., *tap)]
        if not weights.any():
            continue
        through = _channels_through(asked, weights)
        part = np.moveaxis(through.reshape(*through.shape[:-2], -1), -1, channel)
        for axis, index in zip(op.axes, tap, strict=True):
            flag_lost(part, axis, [index], site)
        for axis, index in zip(op.axes, tap, strict=True):
            part = window_axis(part, axis, np.array([index]), site)
        result = part if result is None else result | part
    assert result is not None
    last = np.moveaxis(result, channel, -1)
    return last.reshape(*last.shape[:-1], len(kernels), -1)


def _channels_through(asked: Mask, weights: Mask) -> Mask:
    """Which inputs of each group outputs see that are asked for, at one tap of the kernel."""
    if weights.shape[1:] == (1, 1):
        return asked & weights[:, 0]
    seen = np.einsum("...go,goi->...gi", asked.astype(np.float32), weights.astype(np.float32))
    return np.asarray(seen > 0)

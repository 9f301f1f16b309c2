"""Which positions the outputs of moving and resizing layers read, along one axis.

Each function returns the taps of `AxisMap`, shape (outputs, taps per output); those outside of
the axis see nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["flipped", "padded", "resized", "rolled"]

Taps = NDArray[np.int64]


def resized(length: int, scale: int, mode: str) -> Taps:
    """The taps of `Upsampling`.

    A tap outside stands for the border's own value, which another tap of the output reads anyway.
    """
    outputs = np.arange(length * scale)
    if mode == "nearest":
        return outputs[:, None] // scale
    if mode == "aligned":
        # Output i lies at i (n - 1) / (n scale - 1).
        low, rest = np.divmod(outputs * (length - 1), max(length * scale - 1, 1))
    else:
        # Output i lies at (i + 1/2) / scale - 1/2.
        low, rest = np.divmod(2 * outputs + 1 - scale, 2 * scale)
    # What lies on a position reads that one only.
    between = (rest > 0).astype(np.int64)
    reach = (-1, 0, 1, 2) if mode == "cubic" else (0, 1)
    return np.stack([low + tap * between for tap in reach], axis=1)


def padded(length: int, low: int, high: int, mode: str) -> Taps:
    """The taps of `Padding`."""
    positions = np.arange(-low, length + high)
    last = length - 1
    if mode == "reflect":
        positions = last - np.abs(last - np.abs(positions))
    elif mode == "edge":
        positions = positions.clip(0, last)
    elif mode == "circular":
        positions %= length
    return positions[:, None]


def rolled(length: int, shift: int) -> Taps:
    """The taps of `Roll`."""
    return ((np.arange(length) - shift) % length)[:, None]


def flipped(length: int) -> Taps:
    """The taps of `Flip`."""
    return np.arange(length)[::-1, None]

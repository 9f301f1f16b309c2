"""Closed forms of what a chain of layers does to a gradient, one axis at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def uniform(kernel_size: int, dilation: int = 1) -> Array:
    """1/k at k taps."""
    taps = np.zeros(dilation * (kernel_size - 1) + 1)
    taps[::dilation] = 1 / kernel_size
    return taps


def spread(taps: Array, stride: int) -> Array:
    """The same taps, `stride` pixels apart."""
    wide = np.zeros(stride * (len(taps) - 1) + 1)
    wide[::stride] = taps
    return wide


def chain(layers: Sequence[tuple[Array, int]]) -> Array:
    """What one output of a chain of (taps, stride) sees of the input, with weights.

    Walked from the input on: the taps of a layer are as far apart as all strides before it say.
    """
    product, seen = 1, np.ones(1)
    for taps, stride in layers:
        seen = np.convolve(seen, spread(taps, product))
        product *= stride
    return seen


def powers(kernel_size: int, layers: int) -> Array:
    """The coefficients of ((1 + x + … + x^{k−1})/k)^n."""
    return chain([(uniform(kernel_size), 1)] * layers)

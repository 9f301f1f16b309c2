"""Plain one-dimensional probes whose every output is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rfcore

Taps = Callable[[int], Sequence[int]]
Probe = Callable[[NDArray[Any]], NDArray[Any]]


def probing(taps: Taps, length: int) -> Probe:
    """A one-dimensional probe whose output j sees `taps(j)`, as far as they are pixels."""

    def probe(mask: NDArray[Any]) -> NDArray[Any]:
        gradient = np.zeros(length)
        for j in np.flatnonzero(mask):
            for pixel in taps(int(j)):
                if 0 <= pixel < length:
                    gradient[pixel] += 1 + pixel % 3
        return gradient

    return probe


def fitted(taps: Taps, length: int, count: int) -> rfcore.AxisField:
    field = rfcore.fit(probing(taps, length), input_shape=(length,), output_shape=(count,))
    return field.axes[0]


def interval_taps(lows: Sequence[int], highs: Sequence[int], shift: int) -> Taps:
    """Dense intervals [lo, hi) that repeat every len(lows) outputs, `shift` pixels on."""

    def taps(j: int) -> range:
        cycle, phase = divmod(j, len(lows))
        return range(lows[phase] + cycle * shift, highs[phase] + cycle * shift)

    return taps

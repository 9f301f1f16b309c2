"""Mass, centroid and covariance of a map: where it lies and how wide it is.

Pixel i covers [i, i+1), and what it holds lies at its middle, i + ½.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Map", "centroid", "covariance", "positions"]

Map = NDArray[np.float64]


def positions(length: int) -> Map:
    """The middles of an axis' pixels."""
    return np.arange(length, dtype=np.float64) + 0.5


def centroid(values: Map) -> tuple[float, ...]:
    """Mean position per axis, in pixels, weighted by the map.

    Source: the first moment, Σ m·x / Σ m.
    """
    mass = values.sum()
    return tuple(
        float(_marginal(values, (axis,)) @ positions(length) / mass)
        for axis, length in enumerate(values.shape)
    )


def covariance(values: Map) -> Map:
    """Covariance of position, axes by axes, in pixels².

    Source: the second central moment, Σ m·(x − μ)(y − ν) / Σ m.
    """
    center = centroid(values)
    from_center = [
        positions(length) - middle for length, middle in zip(values.shape, center, strict=True)
    ]
    result = np.empty((values.ndim, values.ndim))
    for one in range(values.ndim):
        result[one, one] = _marginal(values, (one,)) @ from_center[one] ** 2
        for other in range(one + 1, values.ndim):
            together = from_center[one] @ _marginal(values, (one, other)) @ from_center[other]
            result[one, other] = result[other, one] = together
    covariance: Map = result / values.sum()
    return covariance


def _marginal(values: Map, kept: tuple[int, ...]) -> Map:
    summed: Map = values.sum(axis=tuple(a for a in range(values.ndim) if a not in kept))
    return summed

"""How much of a map lies near its centre: the size by Luo et al., shares of squares and discs.

The centre of a unit lies in the middle of a pixel or between two. A centred square has an odd side
and a pixel as its middle: the pixel that holds the centre, the one behind it where the centre lies
between two. So it is in published figures, whose squares on a map of even side n are around pixel
n/2; it moves a square by half a pixel at most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfcore.erf.moments import Map, positions
from rfcore.errors import MeasureError, NumberError

__all__ = ["AreaRatio", "RadialProfile", "area_ratios", "luo_count", "radial_profile"]

# 1 − 95.45 %, what is outside of two standard deviations of a Gaussian in one dimension.
LUO_SHARE_OF_CENTER = 0.0455


@dataclass(frozen=True, slots=True)
class AreaRatio:
    """Where the share `threshold` of a map's mass lies.

    Attributes:
        threshold: The share, between 0 and 1.
        side: Side in pixels of the smallest centred square (interval, cube) that holds it.
        ratio: Share of the input's pixels that are in that square.
        radius: Radius in pixels of the smallest disc (ball) around the centre that holds it,
            counting pixels whose middle is in it.
    """

    threshold: float
    side: int
    ratio: float
    radius: float


@dataclass(frozen=True, slots=True)
class RadialProfile:
    """The mean of a map in rings around the centre, one pixel wide.

    Attributes:
        radii: Mean distance of each ring's pixels from the centre, in pixels.
        mean: Mean of the map over each ring.
    """

    radii: Map
    mean: Map


def luo_count(values: Map, center: Sequence[float]) -> int:
    """Number of pixels above 0.0455 of the value at the centre.

    The value at a centre between pixels is the mean of those that touch it.

    Source: Luo, Li, Urtasun, Zemel, "Understanding the Effective Receptive Field in Deep
    Convolutional Neural Networks", NIPS 2016, section 3: pixels within 1 − 95.45 % of the centre.

    Raises:
        MeasureError: The centre is outside of the map, or its value is zero.
    """
    touching = tuple(
        slice(max(math.ceil(middle) - 1, 0), max(math.floor(middle) + 1, 0)) for middle in center
    )
    at_center = values[touching]
    hint = "sigma, gaussian_fit() and area_ratios() do without the value at the centre."
    if not at_center.size:
        raise MeasureError("Luo size", f"its centre {tuple(center)} is outside of the input", hint)
    if not at_center.any():
        raise MeasureError("Luo size", f"it is zero at its centre {tuple(center)}", hint)
    return int(np.count_nonzero(values > LUO_SHARE_OF_CENTER * at_center.mean()))


def area_ratios(
    values: Map, center: Sequence[float], thresholds: Sequence[float]
) -> tuple[AreaRatio, ...]:
    """For each share of the mass, the smallest centred square and disc that hold it.

    Squares and discs are cut where they leave the input.

    Source: Ding, Zhang, Han, Ding, "Scaling Up Your Kernels to 31×31: Revisiting Large Kernel
    Design in CNNs" (RepLKNet), CVPR 2022, table 10: the high-contribution area ratio, here on the
    map itself; `replknet_area_ratios` is on its logarithm, as their script does it.

    Raises:
        NumberError: A threshold is not above 0 and at most 1.
    """
    for threshold in thresholds:
        if not isinstance(threshold, int | float) or not 0 < threshold <= 1:
            raise NumberError("thresholds", threshold, "a share above 0 and at most 1", [0.5, 0.99])
    pixels = _rings(values.shape, center)
    shares = _cumulated_shares(
        np.bincount(pixels.ravel(), weights=values.ravel()).astype(np.float64)
    )
    areas = np.cumsum(np.bincount(pixels.ravel())) / values.size
    distances = _distances(values.shape, center).ravel()
    order = np.argsort(distances, kind="stable")
    disc_shares = _cumulated_shares(values.ravel()[order])
    found = []
    for threshold in thresholds:
        ring = int(np.searchsorted(shares, threshold))
        radius = distances[order[np.searchsorted(disc_shares, threshold)]]
        found.append(AreaRatio(threshold, 2 * ring + 1, float(areas[ring]), float(radius)))
    return tuple(found)


def radial_profile(values: Map, center: Sequence[float]) -> RadialProfile:
    """The mean over rings: ring r holds the pixels whose distance from the centre rounds to r."""
    distances = _distances(values.shape, center).ravel()
    ring = np.floor(distances + 0.5).astype(np.int64)
    counts = np.bincount(ring)
    there = counts > 0
    radii = np.bincount(ring, weights=distances)[there] / counts[there]
    mean = np.bincount(ring, weights=values.ravel())[there] / counts[there]
    return RadialProfile(radii, mean)


def _rings(shape: tuple[int, ...], center: Sequence[float]) -> NDArray[np.int64]:
    """How many square rings each pixel is away from the pixel of the centre."""
    axes = [abs(np.arange(n) - math.floor(c)) for n, c in zip(shape, center, strict=True)]
    rings: NDArray[np.int64] = _outer(axes, np.maximum)
    return rings


def _distances(shape: tuple[int, ...], center: Sequence[float]) -> Map:
    """Distance of each pixel's middle from the centre."""
    axes = [(positions(n) - c) ** 2 for n, c in zip(shape, center, strict=True)]
    distances: Map = np.sqrt(_outer(axes, np.add))
    return distances


def _outer(axes: Sequence[NDArray[Any]], combine: np.ufunc) -> NDArray[Any]:
    result = axes[0]
    for axis in axes[1:]:
        result = combine.outer(result, axis)
    return result


def _cumulated_shares(masses: Map) -> Map:
    # Divided by their own last, so that the whole is 1 to the last bit.
    cumulated = np.cumsum(masses)
    shares: Map = cumulated / cumulated[-1]
    return shares

"""The Gaussian that is nearest to a map, and how near it is.

The Gaussian is a product over the axes, so that every inner product that the fit needs is one of
vectors, and even 3-D maps are held once only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from rfcore.erf.moments import Map, centroid, covariance, positions
from rfcore.errors import MeasureError

__all__ = ["GaussianFit", "gaussian_fit"]

OTHERS = "sigma and area_ratios() describe it; a larger input may show where it ends."

MOST_STEPS = 200
SMALLEST_STEP = 1e-12
# With σ twice the input's length a Gaussian falls by 3 % to the border: too little to be a width.
WIDEST = 2.0
NARROWEST_START = 0.5
# Beside the largest value smaller ones are lost in its last digit, and move no fit.
LOST = 1e-15


@dataclass(frozen=True, slots=True)
class GaussianFit:
    """A·exp(−Σ (x − μ)² / 2σ²), axis by axis, fitted to a map by least squares.

    Attributes:
        sigma: σ per axis, in pixels; 0 where the map has a single pixel on that axis.
        center: μ per axis, in pixels.
        amplitude: A, in the unit of the map.
        error: ‖map − Gaussian‖ / ‖map‖; 0 for a perfect fit, 1 for none.
    """

    sigma: tuple[float, ...]
    center: tuple[float, ...]
    amplitude: float
    error: float


def gaussian_fit(values: Map) -> GaussianFit:
    """Fits a Gaussian by least squares, beginning at the map's own moments.

    Source: Levenberg, "A Method for the Solution of Certain Non-Linear Problems in Least Squares",
    Quarterly of Applied Mathematics 2 (1944), with Marquardt's scaling (SIAM J. 11, 1963).

    Raises:
        MeasureError: The map is flat along an axis, so that no width is better than a larger one,
            or has two pixels only, which any width can go through.
    """
    there = values > LOST * values.max()
    seen = [
        np.flatnonzero(there.any(axis=tuple(a for a in range(values.ndim) if a != axis)))
        for axis in range(values.ndim)
    ]
    for axis, pixels in enumerate(seen):
        if len(pixels) == 2:
            problem = f"it has two pixels along axis {axis}, and a width is told by three"
            raise MeasureError("Gaussian fit", problem, OTHERS)
    wide = [axis for axis, pixels in enumerate(seen) if len(pixels) > 1]
    center = [float(pixels[0]) + 0.5 for pixels in seen]
    sigma = [0.0] * values.ndim
    flat = values[tuple(slice(None) if a in wide else seen[a][0] for a in range(values.ndim))]
    if not wide:
        return GaussianFit(tuple(sigma), tuple(center), float(flat), 0.0)
    amplitude, middles, widths = _fitted(flat, wide)
    for axis, middle, width in zip(wide, middles, widths, strict=True):
        center[axis], sigma[axis] = float(middle), float(width)
    fit = amplitude * _product(_factors(flat.shape, middles, widths))
    error = float(np.linalg.norm(flat - fit) / np.linalg.norm(flat))
    return GaussianFit(tuple(sigma), tuple(center), float(amplitude), error)


def _fitted(values: Map, names: Sequence[int]) -> tuple[float, Map, Map]:
    """Amplitude, centres and widths; `names` are the axes as the user counts them."""
    widest = np.log(WIDEST * np.asarray(values.shape))
    middles = np.asarray(centroid(values))
    # Logarithms of widths: no step makes one negative.
    logs = np.log(np.maximum(np.sqrt(np.diag(covariance(values))), NARROWEST_START))
    factors = _factors(values.shape, middles, np.exp(logs))
    amplitude = _contracted(values, factors) / float(prod(g @ g for g in factors))
    damping = 1e-3
    residual = values - amplitude * _product(factors)
    cost = float((residual**2).sum())
    for _ in range(MOST_STEPS):
        slopes, curvature = _normal_equations(residual, amplitude, middles, np.exp(logs))
        scale = np.diag(np.diag(curvature))
        step = np.linalg.lstsq(curvature + damping * scale, slopes, rcond=None)[0]
        moved = amplitude + float(step[0])
        moved_middles = middles + step[1::2]
        moved_logs = np.minimum(logs + np.clip(step[2::2], -2, 2), widest)
        factors = _factors(values.shape, moved_middles, np.exp(moved_logs))
        moved_residual = values - moved * _product(factors)
        moved_cost = float((moved_residual**2).sum())
        if not moved_cost <= cost:
            damping *= 4
            if damping > 1e12:
                break
            continue
        small = np.abs(step).max() <= SMALLEST_STEP * max(1.0, float(np.abs(middles).max()))
        amplitude, middles, logs = moved, moved_middles, moved_logs
        residual, cost, damping = moved_residual, moved_cost, damping / 3
        if small or cost == 0:
            break
    for axis in np.flatnonzero(logs >= widest):
        problem = f"it does not fall off along axis {names[int(axis)]}"
        raise MeasureError("Gaussian fit", problem, OTHERS)
    return amplitude, middles, np.exp(logs)


def _normal_equations(
    residual: Map, amplitude: float, middles: Map, widths: Map
) -> tuple[Map, Map]:
    """Jᵀr and JᵀJ, for the parameters A, then μ and log σ of each axis."""
    factors = _factors(residual.shape, middles, widths)
    columns = [factors]
    for axis, (length, middle, width) in enumerate(
        zip(residual.shape, middles, widths, strict=True)
    ):
        far = (positions(length) - middle) / width
        for slope in (far / width, far**2):
            column = list(factors)
            column[axis] = factors[axis] * slope
            columns.append(column)
    scale = np.array([1.0] + [amplitude] * (len(columns) - 1))
    slopes = np.array([_contracted(residual, column) for column in columns]) * scale
    inner = np.array(
        [
            [prod(a @ b for a, b in zip(one, other, strict=True)) for other in columns]
            for one in columns
        ]
    )
    return slopes, inner * np.outer(scale, scale)


def _factors(shape: tuple[int, ...], middles: Map, widths: Map) -> list[Map]:
    return [
        np.exp(-(((positions(n) - middle) / width) ** 2) / 2)
        for n, middle, width in zip(shape, middles, widths, strict=True)
    ]


def _contracted(values: Map, factors: Sequence[Map]) -> float:
    for factor in reversed(factors):
        values = values @ factor
    return float(values)


def _product(factors: Sequence[Map]) -> Map:
    result = factors[0]
    for factor in factors[1:]:
        result = np.multiply.outer(result, factor)
    return result

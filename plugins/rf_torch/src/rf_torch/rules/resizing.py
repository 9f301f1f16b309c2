"""Interpolation: which inputs have a non-zero weight in each output, axis by axis.

Coordinates are kept as exact fractions, so that a weight is zero here exactly where the
formula says so. Source: the half-pixel and align-corners coordinates that torch documents for
`torch.nn.functional.interpolate`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rf_torch.call import Call, Rule

__all__ = ["RULES"]

Taps = NDArray[np.int64]


class _Grid:
    """Source coordinates of the outputs of one axis, as numerators over one denominator."""

    def __init__(
        self, before: int, after: int, scale: float | None, corners: bool, *, centred: bool = False
    ) -> None:
        if corners:
            ratio = Fraction(before - 1, after - 1) if after > 1 else Fraction(0)
        else:
            # A given scale factor is used as it is, also where it does not divide the length.
            ratio = (
                Fraction(before, after)
                if not scale
                else 1 / Fraction(scale).limit_denominator(1 << 12)
            )
        shift = (ratio - 1) / 2 if centred or not corners else Fraction(0)
        self.ratio = ratio
        self.before = before
        self.denominator = 2 * ratio.denominator
        steps = np.arange(after, dtype=np.int64)
        self.position = steps * (2 * ratio.numerator) + int(shift * self.denominator)

    def floor(self) -> Taps:
        """The input at or below each coordinate."""
        return self.position // self.denominator

    def hits(self) -> NDArray[np.bool_]:
        """Whether a coordinate is an input position exactly."""
        return np.asarray(self.position % self.denominator == 0)


def _nearest(before: int, after: int, scale: float | None, corners: bool) -> Taps:
    ratio = _Grid(before, after, scale, False).ratio
    j = np.arange(after)
    return np.minimum(j * ratio.numerator // ratio.denominator, before - 1)[:, None]


def _nearest_exact(before: int, after: int, scale: float | None, corners: bool) -> Taps:
    ratio = _Grid(before, after, scale, False).ratio
    j = np.arange(after)
    near = (2 * j + 1) * ratio.numerator // (2 * ratio.denominator)
    return np.minimum(near, before - 1)[:, None]


def _linear(before: int, after: int, scale: float | None, corners: bool) -> Taps:
    grid = _Grid(before, after, scale, corners)
    inside = grid.position > 0
    low = np.where(inside, grid.floor(), 0)
    high = np.where(inside & ~grid.hits(), low + 1, low)
    return np.asarray(np.clip(np.stack([low, high], axis=1), 0, before - 1))


def _cubic(before: int, after: int, scale: float | None, corners: bool) -> Taps:
    grid = _Grid(before, after, scale, corners)
    spread = np.where(grid.hits()[:, None], 0, np.arange(-1, 3))
    return np.asarray(np.clip(grid.floor()[:, None] + spread, 0, before - 1))


def _antialiased(reach: int) -> Callable[[int, int, float | None, bool], Taps]:
    """A filter of half-width `reach`, stretched when shrinking."""

    def taps(before: int, after: int, scale: float | None, corners: bool) -> Taps:
        # Source: torch centres its filters on half pixels here also where it aligns corners.
        grid = _Grid(before, after, scale, corners, centred=True)
        half = reach * max(grid.ratio, Fraction(1))
        width = int(half * grid.denominator)
        start = (grid.position - width) // grid.denominator + 1
        end = -((-grid.position - width) // grid.denominator) - 1
        count = int((end - start).max()) + 1
        table = np.minimum(start[:, None] + np.arange(count), end[:, None])
        if reach > 1 and grid.ratio <= 1:
            table = np.where(grid.hits()[:, None], grid.floor()[:, None], table)
        return np.asarray(np.clip(table, 0, before - 1))

    return taps


def _resized(call: Call, count: int, taps: Callable[[int, int, float | None, bool], Taps]) -> int:
    node = call.operand("self" if "self" in call.given else "input")
    corners = bool(call.given.get("align_corners") or False)
    scales = _scales(call, count)
    for i in range(count):
        dim = len(call.shape) - count + i
        before, after = call.builder.shape(node)[dim], call.shape[dim]
        if before != after or scales[i] not in (None, 1.0):
            node = call.taps(node, dim, taps(before, after, scales[i], corners))
    return node


def _scales(call: Call, count: int) -> list[float | None]:
    factors = call.given.get("scale_factors")
    if factors is not None:
        return [float(factor) for factor in factors]
    names = ["scales"] if count == 1 else ["scales_d", "scales_h", "scales_w"][-count:]
    return [call.given.get(name) for name in names]


_KINDS = (
    ("upsample_nearest{}d", (1, 2, 3), _nearest),
    ("_upsample_nearest_exact{}d", (1, 2, 3), _nearest_exact),
    ("upsample_linear{}d", (1,), _linear),
    ("upsample_bilinear{}d", (2,), _linear),
    ("upsample_trilinear{}d", (3,), _linear),
    ("upsample_bicubic{}d", (2,), _cubic),
    ("_upsample_bilinear{}d_aa", (2,), _antialiased(1)),
    ("_upsample_bicubic{}d_aa", (2,), _antialiased(2)),
    ("_upsample_lanczos{}d_aa", (2,), _antialiased(3)),
)

RULES: dict[str, Rule] = {
    f"aten.{name.format(count)}": partial(_resized, count=count, taps=taps)
    for name, counts, taps in _KINDS
    for count in counts
}

"""Resizing: which inputs have a non-zero weight in each output, axis by axis.

Coordinates are kept as exact fractions, so that a weight is zero here exactly where the formula
says so. Source: the scalers and kernels of TensorFlow's own `image_resizer_state.h` and
`resize_*_op.cc`, `scale_and_translate_op.cc`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rf_tf.call import Call, Rule
from rf_tf.rules.rearranging import concatenated

__all__ = ["RULES"]

Taps = NDArray[np.int64]
Filter = Callable[[NDArray[np.float64]], NDArray[np.float64]]

# Weights of cubic interpolation come from a table with this many steps per pixel.
CUBIC_STEPS = 1024


class _Grid:
    """Source coordinates of the outputs of one axis, as numerators over one denominator."""

    def __init__(self, before: int, after: int, *, corners: bool, half_pixel: bool) -> None:
        self.before, self.half_pixel = before, half_pixel
        if corners and after > 1:
            self.ratio = Fraction(before - 1, after - 1)
        else:
            self.ratio = Fraction(before, after)
        shift = (self.ratio - 1) / 2 if half_pixel else Fraction(0)
        self.denominator = 2 * self.ratio.denominator
        self.outputs = np.arange(after, dtype=np.int64)
        step = int(self.ratio * self.denominator)
        self.position = self.outputs * step + int(shift * self.denominator)


def _nearest(grid: _Grid, corners: bool) -> Taps:
    top, bottom = grid.ratio.numerator, grid.ratio.denominator
    if grid.half_pixel:
        near = (2 * grid.outputs + 1) * top // (2 * bottom)
    elif corners:
        near = (2 * grid.outputs * top + bottom) // (2 * bottom)
    else:
        near = grid.outputs * top // bottom
    return np.asarray(np.clip(near, 0, grid.before - 1)[:, None])


def _linear(grid: _Grid, corners: bool) -> Taps:
    low = grid.position // grid.denominator
    high = -(-grid.position // grid.denominator)
    last = grid.before - 1
    return np.stack([np.maximum(low, 0), np.clip(high, 0, last)], axis=1)


def _cubic(grid: _Grid, corners: bool) -> Taps:
    low, rest = np.divmod(grid.position, grid.denominator)
    # Half way between two steps of the table, the even one is meant.
    step = np.rint(rest * CUBIC_STEPS / grid.denominator)
    taps = low[:, None] + np.arange(-1, 3)
    taps = np.where((step == 0)[:, None], low[:, None], taps)
    taps = np.where((step == CUBIC_STEPS)[:, None], low[:, None] + 1, taps)
    if not grid.half_pixel:
        return np.asarray(np.clip(taps, 0, grid.before - 1))
    # With half-pixel centres what lies outside has no weight, and the others more.
    return np.where((taps >= 0) & (taps < grid.before), taps, -1)


def _area(grid: _Grid, corners: bool) -> Taps:
    top, bottom = grid.ratio.numerator, grid.ratio.denominator
    start = grid.outputs * top // bottom
    end = -(-(grid.outputs + 1) * top // bottom)
    # A scale of zero averages nothing but the first pixel.
    end = np.maximum(end, start + 1)
    width = int((end - start).max())
    taps = np.minimum(start[:, None] + np.arange(width), end[:, None] - 1)
    return np.asarray(np.clip(taps, 0, grid.before - 1))


def resized(call: Call, taps: Callable[[_Grid, bool], Taps]) -> int:
    """Height and width, to sizes that the result's shape tells."""
    node = call.operand(0)
    corners = bool(call.attr("align_corners"))
    half_pixel = bool(call.attr_or("half_pixel_centers", False))
    for dim in (1, 2):
        before, after = call.builder.shape(node)[dim], call.shape[dim]
        grid = _Grid(before, after, corners=corners, half_pixel=half_pixel)
        table = taps(grid, corners)
        if before != after or not np.array_equal(table[:, 0], np.arange(after)):
            node = call.taps(node, dim, table)
    return call.joined([node], call.shape)


def _triangle(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(1 - np.abs(x), 0))


def _box(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(x) < 0.5, 1.0, np.where(np.abs(x) == 0.5, 0.5, 0.0))


def _gaussian(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(x) >= 1.5, 0.0, 1.0)


def _lanczos(x: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    whole = (np.abs(x - np.rint(x)) < 1e-9) & (np.abs(x) > 0.5)
    return np.where((np.abs(x) > radius) | whole, 0.0, 1.0)


def _keys(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return _lanczos(x, 2)


def _mitchell(x: NDArray[np.float64]) -> NDArray[np.float64]:
    # Not an interpolation: this kernel is zero beyond its ends, and once on its slope.
    return np.where((np.abs(x) >= 2) | np.isclose(np.abs(x), 8 / 7, atol=1e-9), 0.0, 1.0)


_FILTERS: dict[str, tuple[float, Filter]] = {
    "lanczos1": (1, partial(_lanczos, radius=1)),
    "lanczos3": (3, partial(_lanczos, radius=3)),
    "lanczos5": (5, partial(_lanczos, radius=5)),
    "gaussian": (1.5, _gaussian),
    "box": (0.5, _box),
    "triangle": (1, _triangle),
    "keyscubic": (2, _keys),
    "mitchellcubic": (2, _mitchell),
}


def scaled_and_translated(call: Call) -> int:
    """A resize with a filter that is stretched when shrinking."""
    node = call.operand(0)
    scales, translations = call.array(2), call.array(3)
    radius, kernel = _FILTERS[call.attr("kernel_type")]
    for i, dim in enumerate((1, 2)):
        before, after = call.builder.shape(node)[dim], call.shape[dim]
        inverse = 1 / _ratio(float(scales[i]), before, after)
        shift = -inverse * Fraction(float(translations[i])).limit_denominator(1 << 12)
        width = max(inverse, Fraction(1)) if call.attr("antialias") else Fraction(1)
        node = call.taps(
            node, dim, _filtered(before, after, (inverse, shift, width), radius, kernel)
        )
    return call.joined([node], call.shape)


def _ratio(scale: float, before: int, after: int) -> Fraction:
    """The scale as the fraction of lengths that it was computed from, if it was."""
    exact = Fraction(after, before)
    if np.float32(exact) == np.float32(scale):
        return exact
    return Fraction(scale).limit_denominator(1 << 12)


def _filtered(
    before: int,
    after: int,
    line: tuple[Fraction, Fraction, Fraction],
    radius: float,
    kernel: Filter,
) -> Taps:
    inverse, shift, width = line
    bottom = int(np.lcm.reduce([2 * inverse.denominator, shift.denominator, width.denominator]))
    centre = (2 * np.arange(after) + 1) * int(inverse * bottom) // 2 + int(shift * bottom)
    reach = int(np.ceil(radius * float(width))) + 1
    near = centre // bottom
    taps = near[:, None] + np.arange(-reach, reach + 1)
    distance = (2 * taps + 1) * bottom - 2 * centre[:, None]
    weights = kernel(distance / (2 * bottom * float(width)))
    inside = (taps >= 0) & (taps < before) & (centre >= 0)[:, None]
    seen = inside & (weights != 0) & (centre <= before * bottom)[:, None]
    return np.where(seen, taps, -1)


def cropped_and_resized(call: Call) -> int:
    """Boxes of an image, each resized; the boxes must be constants."""
    node = call.operand(0)
    boxes, owners = call.array(1), call.array(2)
    height, width = call.shape[1:3]
    nearest = call.attr("method") == "nearest"
    parts = []
    for box, owner in zip(boxes.astype(np.float64), owners, strict=True):
        part = call.taps(node, 0, np.array([owner]))
        for dim, count in ((1, height), (2, width)):
            before = call.builder.shape(node)[dim]
            first, last = box[dim - 1] * (before - 1), box[dim + 1] * (before - 1)
            part = call.taps(part, dim, _crop(before, count, first, last, nearest=nearest))
        parts.append(part)
    return concatenated(call, parts, [1] * len(parts), 0, call.shape)


def _crop(before: int, count: int, first: float, last: float, *, nearest: bool) -> Taps:
    at = np.linspace(first, last, count) if count > 1 else np.array([(first + last) / 2])
    # Coordinates are computed from boxes between 0 and 1, whole pixels among them inexactly.
    at = np.where(np.abs(at - np.rint(at)) < 1e-5, np.rint(at), at)
    ends = [np.rint(at)] if nearest else [np.floor(at), np.ceil(at)]
    taps = np.stack(ends, axis=1).astype(np.int64)
    return np.where(((at >= 0) & (at <= before - 1))[:, None], taps, -1)


RULES: dict[str, Rule] = {
    "ResizeNearestNeighbor": partial(resized, taps=_nearest),
    "ResizeBilinear": partial(resized, taps=_linear),
    "ResizeBicubic": partial(resized, taps=_cubic),
    "ResizeArea": partial(resized, taps=_area),
    "ScaleAndTranslate": scaled_and_translated,
    "CropAndResize": cropped_and_resized,
}

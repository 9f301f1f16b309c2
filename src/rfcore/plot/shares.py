"""Lines around shares of a map's mass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from rfcore.errors import PlotError
from rfcore.plot.canvas import FIRST

__all__ = ["LINE_STYLES", "draw_shares", "level_of_share", "smoothed"]

LINE_STYLES: Sequence[Any] = ("-", (0, (4, 1.5)), (0, (1, 1)))
COLOR = FIRST["color"]


def smoothed(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """A map under a Gaussian of `sigma` pixels; borders keep their height."""
    radius = math.ceil(3 * sigma)
    if sigma <= 0 or radius < 1:
        return values
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    for axis, length in enumerate(values.shape):
        # Beyond the border there is nothing to average, rather than zeros.
        weight = _along(np.ones(length), kernel)
        rows = np.apply_along_axis(_along, axis, values, kernel)
        values = rows / np.expand_dims(weight, [k for k in range(values.ndim) if k != axis])
    return values


def _along(line: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = len(kernel) // 2
    return np.convolve(line, kernel)[middle : middle + len(line)]


def level_of_share(values: NDArray[np.float64], height: NDArray[np.float64], share: float) -> float:
    """The height down to which a map has a share of its mass.

    Args:
        values: A map without negative values, not zero everywhere.
        height: What ranks its positions, of the same shape.
        share: In (0, 1].

    Returns:
        The largest level such that the values where `height` is not below it sum to the share of
        all, or to more.
    """
    falling = np.argsort(-height, axis=None, kind="stable")
    sums = np.cumsum(values.ravel()[falling])
    # A share that is met exactly must not be missed by the rounding of the sum.
    reached = np.searchsorted(sums, share * sums[-1] * (1 - 1e-12))
    return float(height.ravel()[falling[reached]])


def draw_shares(
    axes: Axes, values: NDArray[np.float64], shares: Sequence[float], sigma: float
) -> dict[float, Any]:
    """Draws a line around each share of the mass of a map of (height, width).

    Inside each line lies its share, whatever the smoothing: that decides the shape alone.

    Args:
        axes: Where, in pixels.
        values: The map, without negative values.
        shares: Each between 0 and 1, at most three.
        sigma: Pixels over which the map is smoothed to rank its positions.

    Returns:
        The line style of each share.

    Raises:
        PlotError: A share is not between 0 and 1, or there are more than three.
    """
    if len(shares) > len(LINE_STYLES) or not all(0 < share < 1 for share in shares):
        raise PlotError(
            f"The contours {tuple(shares)} are not up to three shares between 0 and 1.",
            "write contours=(0.5, 0.9).",
        )
    if not values.any():
        return {}
    styles = dict(zip(sorted(shares), LINE_STYLES, strict=False))
    height = smoothed(values, sigma)
    # A frame of nothing closes the lines where the map ends.
    framed = np.pad(height, 1)
    y, x = (np.arange(n + 2) - 0.5 for n in height.shape)
    for share, style in styles.items():
        level = level_of_share(values, height, share)
        lines = axes.contour(
            x, y, framed, levels=[level], colors=COLOR, linestyles=[style], linewidths=2, zorder=3
        )
        lines.set_path_effects([withStroke(linewidth=3.6, foreground="white", alpha=0.8)])
    return styles

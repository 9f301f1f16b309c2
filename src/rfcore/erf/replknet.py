"""The figures that the RepLKNet authors publish, by the procedure of their script.

It differs from `area_ratios` in every step: only output values above zero are differentiated, only
positive gradients count, the map's logarithm log10(x + 1) is taken before shares are, and so the
result depends on the scale of the gradient. It is here to compare with figures published that way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rfcore.erf.moments import Map
from rfcore.errors import MeasureError, NumberError

__all__ = ["REPLKNET", "ScriptRatio", "replknet_area_ratios"]

# The name of the aggregation in a result.
REPLKNET = "replknet"


@dataclass(frozen=True, slots=True)
class ScriptRatio:
    """What the script prints for one threshold.

    Attributes:
        threshold: The share of the logarithmic map.
        side: Side in pixels of the smallest centred square with more than that share; None where
            no square inside of the input has it.
        ratio: The square's area relative to the input's.
    """

    threshold: float
    side: int | None
    ratio: float | None


def replknet_area_ratios(values: Map, thresholds: Sequence[float]) -> tuple[ScriptRatio, ...]:
    """Sides and area ratios of centred squares on log10(x + 1) of a map.

    Squares have sides 3, 5, 7, … around pixel (height // 2, width // 2), up to half of the height
    to each side.

    Source: the script of Ding, Zhang, Han, Ding, "Scaling Up Your Kernels to 31×31", CVPR 2022,
    section "ERF" of its repository: maps are averaged over images, then analysed like this.

    Raises:
        MeasureError: The map has not two axes.
        NumberError: A threshold is not at least 0 and below 1.
    """
    if values.ndim != 2:
        raise MeasureError(
            "RepLKNet area ratio",
            f"it has {values.ndim} axes, and the script is for images",
            "take area_ratios().",
        )
    for threshold in thresholds:
        if not isinstance(threshold, int | float) or not 0 <= threshold < 1:
            raise NumberError("thresholds", threshold, "a share below 1", [0.5, 0.99])
    height, width = values.shape
    # log10(x + 1), without losing the digits of a small x to the 1.
    logarithm = np.log1p(values) / np.log(10)
    # The script divides by the maximum here, which shares do not notice.
    whole = logarithm.sum()
    shares = np.array(
        [
            logarithm[
                height // 2 - half : height // 2 + half + 1,
                max(width // 2 - half, 0) : width // 2 + half + 1,
            ].sum()
            / whole
            for half in range(1, height // 2)
        ]
    )
    return tuple(_first_above(shares, threshold, height * width) for threshold in thresholds)


def _first_above(shares: Map, threshold: float, area: int) -> ScriptRatio:
    above = np.flatnonzero(shares > threshold)
    if not above.size:
        return ScriptRatio(threshold, None, None)
    side = 2 * int(above[0]) + 3
    return ScriptRatio(threshold, side, side**2 / area)

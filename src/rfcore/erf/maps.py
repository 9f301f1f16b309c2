"""From an input to the map of a unit: one forward and one backward, and a look at the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rfcore.erf.moments import Map
from rfcore.erf.replknet import REPLKNET
from rfcore.erf.sources import Array
from rfcore.erf.subject import Unit
from rfcore.errors import CancelledGradientError
from rfcore.garbage import rarely_searched

__all__ = ["Maps"]


@dataclass(slots=True)
class Maps:
    """The maps of a unit.

    Attributes:
        unit: The unit.
        aggregate: How gradients are aggregated, or the script's way.
        sure: Whether the unit's values are known not to cancel.
    """

    unit: Unit
    aggregate: str
    sure: bool = False

    @rarely_searched()
    def __call__(self, image: Array) -> Map:
        """The map at one input.

        Raises:
            NonFiniteGradientError: The gradient is not finite.
            CancelledGradientError: The gradients of the unit's values cancel in their sum.
        """
        unit = self.unit
        linear = unit.subject.measured.at(image)
        if self.aggregate == REPLKNET:
            return unit.aggregated(unit.positive_gradient(linear), "positive")
        gradient = unit.gradient(linear)
        if not self.sure:
            self._look(unit.cancellation(linear, gradient))
        return unit.aggregated(gradient, self.aggregate)

    def _look(self, ratio: float | None) -> None:
        if ratio is None:
            return
        # Half of the digits of the floating type: from there on it is rounding that is seen.
        if ratio < np.sqrt(np.finfo(self.unit.subject.measured.dtype).eps):
            raise CancelledGradientError(int(np.count_nonzero(self.unit.cotangent)), ratio)
        self.sure = True

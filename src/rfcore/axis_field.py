"""Exact geometry along one spatial axis: which interval of the input each output sees.

Pixel i covers [i, i+1). Output j sees the input interval [lo(j), hi(j)), unclipped: it may reach
below 0 or past the input, into padding. Intervals repeat with a period: lo(j + period) = lo(j) +
shift, and each of the period's phases has an interval of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

__all__ = ["AxisField", "Interval"]

Interval = tuple[int, int]


def _as_int(value: Fraction) -> int | Fraction:
    return int(value) if value.denominator == 1 else value


@dataclass(frozen=True, slots=True)
class AxisField:
    """The receptive field along one spatial axis.

    Attributes:
        input_size: Input pixels along the axis; the answer is for this size.
        output_size: Outputs along the axis.
        lows: lo(j) of the outputs 0 … period - 1, or None where every output sees down to the
            input's first pixel, however large the input is.
        highs: hi(j) likewise, or None where every output sees up to the input's last pixel.
        period: Outputs after which the intervals repeat.
        shift: Input pixels that the interval moves per period; negative for mirrored maps.
        density: Share of the interval that is seen, averaged over outputs; below 1 where
            dilation or striding leaves holes.
    """

    input_size: int
    output_size: int
    lows: tuple[int, ...] | None
    highs: tuple[int, ...] | None
    period: int = 1
    shift: int = 1
    density: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.input_size < 1 or self.output_size < 1 or self.period < 1:
            raise ValueError("sizes and period are at least 1")
        for edge in (self.lows, self.highs):
            if edge is not None and len(edge) != self.period:
                raise ValueError(f"{len(edge)} edges do not fit a period of {self.period}")
        if not 0 < self.density <= 1:
            raise ValueError(f"density {self.density} is not in (0, 1]")
        if any(lo >= hi for lo, hi in map(self.interval, self._one_period())):
            raise ValueError("an interval is empty")

    def _one_period(self) -> range:
        return range(min(self.period, self.output_size))

    @property
    def is_global(self) -> bool:
        """Whether every output sees the whole axis, however large the input is."""
        return self.lows is None and self.highs is None

    def interval(self, index: int) -> Interval:
        """[lo, hi) of output `index`, unclipped; `index` may lie outside the output."""
        cycle, phase = divmod(index, self.period)
        moved = cycle * self.shift
        low = 0 if self.lows is None else self.lows[phase] + moved
        high = self.input_size if self.highs is None else self.highs[phase] + moved
        return low, high

    @property
    def size(self) -> int:
        """hi - lo in pixels, the largest over phases (over all outputs where one edge is fixed)."""
        if (self.lows is None) != (self.highs is None):
            ends = [*self._one_period(), *range(self.output_size)[-self.period :]]
            return max(hi - lo for lo, hi in map(self.interval, ends))
        return max(hi - lo for lo, hi in map(self.interval, self._one_period()))

    @property
    def stride(self) -> int | Fraction:
        """Input pixels that the interval moves per output step; 0 for a global axis."""
        return 0 if self.is_global else _as_int(Fraction(self.shift, self.period))

    @property
    def offset(self) -> float:
        """Centre of output 0's interval in pixels, where pixel i covers [i, i+1)."""
        return self.center(0)

    @property
    def padding(self) -> int:
        """How far the first output's interval begins before the input, -lo(0), in pixels."""
        return -self.interval(0)[0]

    def center(self, index: int) -> float:
        """Centre of the interval of output `index`, in pixels."""
        return sum(self.interval(index)) / 2

    def outputs_seeing(self, pixel: int) -> tuple[int, ...]:
        """The outputs whose interval contains `pixel` (holes inside intervals not counted out)."""
        outputs = np.arange(self.output_size)
        cycle, phase = np.divmod(outputs, self.period)
        low, high = np.zeros_like(outputs), np.full_like(outputs, self.input_size)
        if self.lows is not None:
            low = np.asarray(self.lows)[phase] + cycle * self.shift
        if self.highs is not None:
            high = np.asarray(self.highs)[phase] + cycle * self.shift
        return tuple(int(j) for j in outputs[(low <= pixel) & (pixel < high)])

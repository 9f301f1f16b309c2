"""Which outputs a check can ask: those whose whole interval lies inside the input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rfcore.field import AxisField

__all__ = ["edges", "grown", "growth_to_show", "middle_output", "sampled_phases"]

Edges = NDArray[np.int64]


def edges(law: AxisField) -> tuple[Edges, Edges]:
    """The first and the last pixel that each output sees by the law, unclipped."""
    outputs = np.arange(law.output_size)
    cycle, phase = np.divmod(outputs, law.period)
    first, last = np.zeros_like(outputs), np.full_like(outputs, law.input_size - 1)
    if law.lows is not None:
        first = np.asarray(law.lows)[phase] + cycle * law.shift
    if law.highs is not None:
        last = np.asarray(law.highs)[phase] + cycle * law.shift - 1
    return first, last


def sampled_phases(law: AxisField, limit: int | None) -> tuple[int, ...]:
    """The phases to ask: all that there are, or as many as `limit`, evenly spread."""
    there = min(law.period, law.output_size)
    if limit is None or there <= limit:
        return tuple(range(there))
    return tuple(sorted({int(phase) for phase in np.linspace(0, there - 1, limit)}))


def middle_output(law: AxisField, phase: int, *, clear: bool) -> int | None:
    """The output of a phase that is nearest to the middle and wholly in sight, if one is.

    Args:
        law: The axis.
        phase: The phase.
        clear: Whether there have to be pixels beyond both of its edges, too.
    """
    first, last = edges(law)
    margin = 1 if clear else 0
    seen = np.ones(law.output_size, np.bool_)
    if law.lows is not None:
        seen &= (first >= margin) & (first < law.input_size - margin)
    if law.highs is not None:
        seen &= (last < law.input_size - margin) & (last >= margin)
    outputs = np.flatnonzero(seen & (np.arange(law.output_size) % law.period == phase))
    if not len(outputs):
        return None
    return int(outputs[np.argmin(np.abs(2 * outputs + 1 - law.output_size))])


def grown(law: AxisField, growth: int) -> AxisField:
    """The law at an input with more pixels, of which there is a multiple of the shift.

    Mirrored maps keep their distance from the high end.
    """
    more = growth * law.period // abs(law.shift)
    moved = growth if law.shift < 0 else 0
    return replace(
        law,
        input_size=law.input_size + growth,
        output_size=law.output_size + more,
        lows=None if law.lows is None else tuple(low + moved for low in law.lows),
        highs=None if law.highs is None else tuple(high + moved for high in law.highs),
    )


def growth_to_show(law: AxisField, phases: Sequence[int], unit: int) -> int | None:
    """The least growth, a multiple of `unit`, at which every phase has an output in clear sight."""
    missing = law.size + 2 * abs(law.shift) + 2 - law.input_size
    fewest = max(1, missing // unit)
    for steps in range(fewest, fewest + 2 + math.ceil(4 * (law.size + abs(law.shift)) / unit)):
        law_there = grown(law, steps * unit)
        if all(middle_output(law_there, phase, clear=True) is not None for phase in phases):
            return steps * unit
    return None

"""Point probes, where an op ties spatial axes together and rows are only an upper bound.

A row of outputs sees the union of what its points see. Where the network never mixes its axes
the two are equal along the probed axis; windows of attention, transposed maps or flattened
axes can make them differ, and then single points decide.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Sequence

from rfcore.field import AxisField
from rfcore.graph import Graph
from rfcore.laws import find_law, law_of
from rfcore.rows import ProbedOutput
from rfcore.traces import TraceSet
from rfcore.walk import Elastic

__all__ = ["LARGEST_AREA", "refine_by_points"]

# The largest input whose every pixel is probed at once.
LARGEST_AREA = 1 << 23

Prober = Callable[[Graph, int, Elastic], ProbedOutput]


def refine_by_points(
    traces: TraceSet,
    address: str,
    dims: Sequence[int | None],
    axes: Sequence[AxisField],
    prober: Prober,
    unit: int,
    open_axes: Collection[int] = (),
) -> tuple[tuple[AxisField, ...], bool]:
    """Replaces the fields of rows by those of points.

    Args:
        traces: The model's traces.
        address: The output.
        dims: The output's axis for each spatial axis.
        axes: The fields that rows gave.
        prober: Makes a probed output of a graph, a node and its elastic axes.
        unit: Input pixels after which the network repeats.
        open_axes: Axes whose rows saw everything without an op that makes them global.

    Returns:
        The fields, and whether points could be probed.

    Raises:
        IrregularFieldError: The points follow no law.
    """
    local = [axis for axis in axes if not axis.is_global]
    need = max(2 * axis.size + abs(axis.shift) for axis in (*local, *axes[:1])) + 3 * unit
    growth = unit * math.ceil(need / unit)
    if math.prod(n + growth for n in traces.spec.spatial_shape) > LARGEST_AREA:
        return tuple(axes), False
    refined = []
    for number, axis in enumerate(axes):
        comparison = traces.compare(address, growth, number)
        if comparison is None or not comparison.usable or dims[number] is None:
            return tuple(axes), False
        probed = prober(comparison.large.graph, comparison.node, comparison.alignment.elastic)
        periods = [_period(probed, a, other, unit) for a, other in enumerate(axes)]
        found = _by_points(probed, number, axis, periods, address)
        if found is None and number in open_axes:
            return tuple(axes), False
        refined.append(found or axis)
    return tuple(refined), True


def _period(probed: ProbedOutput, number: int, axis: AxisField, unit: int) -> int:
    """Outputs along an axis after which the network repeats; all where this one did not grow."""
    count, grown = probed.count(number), probed.length(number) - axis.input_size
    return max(1, unit * (count - axis.output_size) // grown) if grown else count


def _by_points(
    probed: ProbedOutput, number: int, axis: AxisField, periods: Sequence[int], address: str
) -> AxisField | None:
    """The law of single points; None where each of them sees the whole axis."""
    counts = [probed.count(a) for a in range(len(probed.axes))]
    middle, period = counts[number] // 2, periods[number]
    near = range(max(0, middle - period), min(counts[number], middle + period + 1))
    window = sorted({*near, counts[number] // 4, 3 * counts[number] // 4})
    # What is seen may depend on the phase along the other axes.
    others = [
        [n // 2 + step for step in range(min(periods[a], n - n // 2))]
        for a, n in enumerate(counts)
        if a != number
    ]
    sightings = probed.points(number, window, list(itertools.product(*others)))
    law = find_law(sightings, period)
    if law is None and sightings and all(s.whole for s in sightings.values()):
        return None
    law = law or law_of(sightings, period, address, number)
    return law.axis_field(axis.input_size, axis.output_size)

"""The field along one axis as a larger trace of the same network shows it.

Rows are probed far from all borders, so that nothing is clipped; the law found there is checked
against what little the asked size shows.
"""

from __future__ import annotations

from rfcore.errors import IndependentOutputError
from rfcore.evidence import Watch, in_clear_sight, refuse_blind, spread_out, window_and_far
from rfcore.field import AxisField
from rfcore.global_axes import global_axis
from rfcore.laws import Law, find_law
from rfcore.measurement import Measurement
from rfcore.traces import Comparison
from rfcore.unsteady import unsteady_op
from rfcore.walk import Elastic

__all__ = ["from_larger"]


def from_larger(told: Measurement, comparison: Comparison, axis: int) -> AxisField | None:
    """The field along an axis; None where the larger trace does not tell.

    Args:
        told: The output.
        comparison: The asked trace beside the larger one.
        axis: The number of the spatial axis.

    Raises:
        IndependentOutputError: The output depends on nothing.
        IrregularFieldError: Edges are in sight, and no law explains them.
    """
    alignment, dim = comparison.alignment, told.dims[axis]
    probed = told.probed(comparison.large.graph, comparison.node, alignment.elastic)
    max_period = comparison.longest_period(dim)
    indices = window_and_far(probed.count(axis), max_period)
    if not indices:
        return None
    watch = Watch(comparison.large.graph, alignment.elastic)
    sightings = probed.rows(axis, indices, watch)
    told.findings.ties_axes |= watch.ties_axes and comparison.usable
    if not sightings:
        raise IndependentOutputError(told.address, told.because_cut)
    refuse_blind(sightings, indices, probed, told.address, axis)
    law = find_law(sightings, max_period) if comparison.usable else None
    told.log_law(axis, comparison.growth, sightings, law)
    if law is not None and unsteady_op(probed, axis):
        # Its taps drift: what holds where was looked need not hold in between.
        told.findings.drifting.add(axis)
    elif law is not None and comparison.moves_as_shapes_do(dim, law.period, law.shift):
        if law.shift < 0:
            # Mirrored maps count from the high border, which lies further off here.
            law = law.moved(-comparison.growth)
        return _accepted(told, law, axis, watch, alignment.elastic_small)
    found = global_axis(told, probed, axis, sightings, max_period, alignment.elastic, watch)
    if found is None and comparison.usable and in_clear_sight(sightings) >= 3:
        told.refuse_irregular(probed, axis, sightings, max_period)
    return found


def _accepted(
    told: Measurement, law: Law, axis: int, watch: Watch, elastic: Elastic
) -> AxisField | None:
    """The law at the asked size, unless what is seen there contradicts it."""
    found = law.axis_field(*told.size(axis))
    probed = told.probed(told.traces.asked.graph, told.node, elastic)
    for index, seen in probed.rows(axis, spread_out(probed.count(axis))).items():
        low, high = found.interval(index)
        in_sight = seen.low is not None and seen.high is not None
        if in_sight and (seen.first, seen.last + 1) != (low, high):
            return None
    if watch.differs_by_position() and not watch.copying():
        for index, seen in probed.rows(axis, range(probed.count(axis))).items():
            low, high = found.interval(index)
            if seen.first < low or seen.last >= high:
                return None
    told.findings.listen(watch)
    return found

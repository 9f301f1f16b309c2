"""The field along one axis as the asked size alone shows it, all outputs together.

It has to do for models of one size, and for those that are another network at every size.
"""

from __future__ import annotations

from rfcore.errors import IndependentOutputError
from rfcore.evidence import Watch, in_clear_sight, refuse_blind
from rfcore.field import AxisField
from rfcore.global_axes import global_axis
from rfcore.laws import find_law
from rfcore.measurement import Measurement
from rfcore.rows import ProbedOutput
from rfcore.traces import Comparison
from rfcore.walk import Walker

__all__ = ["from_asked"]


def from_asked(told: Measurement, axis: int, comparison: Comparison | None) -> AxisField:
    """The field along an axis.

    Args:
        told: The output.
        axis: The number of the spatial axis.
        comparison: The asked trace beside the last larger one, if there is one.

    Raises:
        IndependentOutputError: The output depends on nothing.
        IrregularFieldError: Edges are in sight, and no law explains them.
        TruncatedFieldError: Too few edges are in sight.
    """
    graph = told.traces.asked.graph
    complete = comparison is not None and comparison.alignment.complete
    if comparison is not None and complete:
        elastic = comparison.alignment.elastic_small
    else:
        elastic = told.traces.carrying_position(told.address)
    # With several axes a row is clipped by the borders of all; points tell whose it is.
    known = elastic if complete and len(told.axes) == 1 else {}
    walker = Walker(graph, known, told.cut(graph, told.node, elastic))
    probed = ProbedOutput(walker, told.node, told.axes, told.dims)
    count = probed.count(axis)
    watch = Watch(graph, known)
    sightings = probed.rows(axis, range(count), watch)
    if not sightings:
        raise IndependentOutputError(told.address, told.because_cut)
    refuse_blind(sightings, range(count), probed, told.address, axis)
    max_period = max(1, count // 3)
    law = find_law(sightings, max_period, per_phase=3)
    told.log_law(axis, 0, sightings, law)
    if law is not None:
        told.findings.listen(watch)
        return law.axis_field(*told.size(axis))
    if not complete:
        found = global_axis(told, probed, axis, sightings, max_period, elastic, watch)
        if found is not None:
            return found
    usable = comparison is not None and comparison.usable
    clear = in_clear_sight(sightings)
    if clear >= 3 and (usable or 2 * clear > len(sightings)):
        told.refuse_irregular(probed, axis, sightings, max_period)
    raise told.truncated(axis, comparison)

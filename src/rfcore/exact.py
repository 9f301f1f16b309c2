"""The exact field of any traced output: two traces, row probes, and a law that explains them.

The model is traced at the asked input size and at a much larger one. Where both traces have
the same structure, rows of the larger one are probed far from its borders, so that nothing is
clipped, and the law found there is checked against the asked size. Where they differ, or the
model takes no other size, the asked size must be enough, or the answer is an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial

from rfcore.errors import (
    IndependentOutputError,
    InputShapeError,
    IrregularFieldError,
    NoSpatialAxesError,
    TruncatedFieldError,
    UnsupportedOpError,
)
from rfcore.evidence import Watch, in_clear_sight, refuse_blind, window_and_far
from rfcore.field import AxisField, ReceptiveField
from rfcore.global_paths import elastic_by_probing, global_ops, ignored_ops
from rfcore.global_reach import global_reach
from rfcore.graph import Graph
from rfcore.laws import Law, Sighting, find_law, law_of
from rfcore.notes import PATHS_LEFT_OUT, UNSEEN
from rfcore.output_axes import OutputView, last_spatial_layer, output_axes
from rfcore.points import LARGEST_AREA, refine_by_points
from rfcore.rows import ProbedOutput
from rfcore.traces import Comparison, TraceSet
from rfcore.truncation import truncated
from rfcore.unsteady import unsteady_op
from rfcore.walk import Elastic, MaskTooLargeError, Walker
from rfcore.ways_out import REFUSALS, offer_layer_before, offer_ways_out

__all__ = ["exact_field"]

# Ops of a loop that is written out step by step: what they carry from step to step is probed one
# by one, each time through all of them.
MOST_UNROLLED = 400


def exact_field(
    traces: TraceSet, output: str | int | None, *, ignore_global: bool
) -> ReceptiveField:
    """The exact field of one output.

    Args:
        traces: The model's traces.
        output: What the user calls the output.
        ignore_global: Cut paths through reductions over whole spatial axes.

    Raises:
        RfcoreError: One of its kinds, where there is no exact answer.
    """
    measure = partial(_told, ignore_global=ignore_global)
    try:
        return measure(traces, output)
    except UnsupportedOpError as error:
        offer_layer_before(error, traces, measure)
        raise
    except REFUSALS as error:
        offer_ways_out(error, traces, traces.address(output), measure)
        raise


def _told(traces: TraceSet, output: str | int | None, *, ignore_global: bool) -> ReceptiveField:
    address = traces.address(output)
    if traces.asked.values[address] is None:
        raise IndependentOutputError(address)
    if 0 in traces.asked.shapes[address]:
        name = f"{address!r}" if address else "the model"
        problem = f"leaves the output of {name} empty, of shape {traces.asked.shapes[address]}"
        letters = zip(traces.spec.shape, traces.spec.layout, strict=True)
        given = tuple(n for n, letter in letters if letter != "N")
        raise InputShapeError(given, problem, "ask for a larger input.")
    try:
        measurement = _Measurement(traces, address, ignore_global)
        axes = tuple(measurement.axis(axis) for axis in range(len(traces.spec.axes)))
        return measurement.finish(axes)
    except MaskTooLargeError as error:
        reason = f"following it back takes a mask of shape {error.shape}, more than fits in memory"
        raise UnsupportedOpError(error.op, address, reason) from error


class _Measurement:
    """One output, measured axis by axis."""

    def __init__(self, traces: TraceSet, address: str, ignore_global: bool) -> None:
        self.traces, self.address, self.ignore_global = traces, address, ignore_global
        self.axes = traces.spec.axes
        self.small = _node(traces.asked.values[address])
        self.notes = [*traces.asked.warnings]
        self.exact = not traces.asked.warnings
        self.ties_axes = False
        self.open_axes: set[int] = set()
        self.drifting: set[int] = set()
        self._carrying: Elastic | None = None
        written_out = [*traces.unrolled(address)]
        if written_out and len(traces.asked.graph.ancestors(self.small)) > MOST_UNROLLED:
            raise truncated(traces, address, written_out[0], None)
        generous, modest = traces.growths(address)
        self.modest = modest
        first = self._compared(generous[0])
        self.growths = generous
        if not all(c is not None and c.usable for c in first):
            again = self._compared(modest[0])
            if all(c is not None and c.alignment.complete for c in again):
                first, self.growths = again, modest
        try:
            self.dims = self._output_axes(first)
        except MaskTooLargeError:
            self.growths = modest
            self.dims = self._output_axes(self._compared(modest[0]))

    def _compared(self, growth: int) -> list[Comparison | None]:
        return [self.traces.compare(self.address, growth, a) for a in range(len(self.axes))]

    def _output_axes(self, comparisons: Sequence[Comparison | None]) -> tuple[int | None, ...]:
        asked = self.traces.asked
        known = [c if c is not None and c.alignment.complete else None for c in comparisons]
        large = next((c.large for c in known if c is not None), asked)
        last = last_spatial_layer(asked, large, self.address)
        shown = {id(c): self._asked_view() if c is None else _large_view(c) for c in known}
        views = [shown[id(c)] for c in known]
        shape = asked.shapes[self.address]
        try:
            return output_axes(
                views,
                self.axes,
                self.address,
                shape,
                fixed_size=None in known,
                last_spatial=last,
            )
        except NoSpatialAxesError:
            # An output of fixed size has axes of its own that no larger trace shows.
            views = [self._asked_view()] * len(self.axes)
            return output_axes(
                views, self.axes, self.address, shape, fixed_size=True, last_spatial=last
            )

    def _asked_view(self) -> OutputView:
        """The output at the asked size, where nothing tells which axes are elastic."""
        moving = tuple(dim for dim, n in enumerate(self.small_shape) if n > 1)
        walker = Walker(self.traces.asked.graph)
        return OutputView(walker, self.small, moving, self._carrying_position())

    def _carrying_position(self) -> Elastic:
        if self._carrying is None:
            walker = Walker(self.traces.asked.graph)
            self._carrying = elastic_by_probing(walker, self.small, self.axes)
        return self._carrying

    def axis(self, axis: int) -> AxisField:
        """The field along one axis.

        Raises:
            TruncatedFieldError: Only part of it can be seen at any size the model takes.
            IrregularFieldError: No law explains it.
        """
        comparison = None
        growths = list(self.growths)
        while growths:
            growth = growths.pop(0)
            comparison = self.traces.compare(self.address, growth, axis)
            if comparison is None or not comparison.alignment.complete:
                break
            try:
                found = self._from_larger(comparison, axis)
            except MaskTooLargeError:
                # Merged axes (tokens) grow with the square of the size.
                found = None
                growths = [smaller for smaller in self.modest if smaller < growth][:1]
                self.ties_axes |= comparison.usable and not growths
            if found is not None:
                return found
            if not comparison.usable or self.ties_axes or axis in self.drifting:
                break
        usable = comparison is not None and comparison.usable
        if self.ties_axes and usable and len(self.axes) > 1:
            # Rows see everything because axes are tied; points decide at the end.
            self.open_axes.add(axis)
            return AxisField(*self._size(axis), None, None)
        return self._from_asked(axis, comparison)

    def _from_larger(self, comparison: Comparison, axis: int) -> AxisField | None:
        """The field as the larger trace shows it; None where that one does not tell."""
        alignment = comparison.alignment
        probed = self._probed(comparison.large.graph, comparison.node, alignment.elastic)
        max_period = comparison.longest_period(self.dims[axis])
        indices = window_and_far(probed.count(axis), max_period)
        watch = Watch(comparison.large.graph, alignment.elastic)
        sightings = probed.rows(axis, indices, watch)
        self.ties_axes |= watch.ties_axes and comparison.usable
        if not sightings:
            raise IndependentOutputError(self.address, self._because_cut())
        refuse_blind(sightings, indices, probed, self.address, axis)
        law = find_law(sightings, max_period) if comparison.usable else None
        if law is not None and unsteady_op(probed, axis):
            # Its taps drift: what holds where was looked need not hold in between.
            self.drifting.add(axis)
        elif law is not None and comparison.moves_as_shapes_do(
            self.dims[axis], law.period, law.shift
        ):
            if law.shift < 0:
                # Mirrored maps count from the high border, which lies further off here.
                law = law.moved(-comparison.growth)
            return self._accepted(law, axis, watch, alignment.elastic_small)
        found = self._global(probed, axis, sightings, max_period, alignment.elastic, watch)
        if found is None and comparison.usable and in_clear_sight(sightings) >= 3:
            self._refuse_irregular(probed, axis, sightings, max_period)
        return found

    @property
    def small_shape(self) -> tuple[int, ...]:
        return self.traces.asked.graph.nodes[self.small].shape

    def _probed(self, graph: Graph, node: int, elastic: Elastic) -> ProbedOutput:
        cut: frozenset[int] = frozenset()
        if self.ignore_global:
            cut = self._noted(graph, ignored_ops(graph, node, elastic))
        return ProbedOutput(Walker(graph, elastic, cut), node, self.axes, self.dims)

    def _noted(self, graph: Graph, cut: frozenset[int]) -> frozenset[int]:
        if cut:
            self.notes.append(f"{PATHS_LEFT_OUT}, the first through {graph.nodes[min(cut)].label}")
        return cut

    def _because_cut(self) -> str:
        return " once global paths are cut" if self.ignore_global else ""

    def _size(self, axis: int) -> tuple[int, int]:
        dim = self.dims[axis]
        count = 1 if dim is None else self.small_shape[dim]
        return self.traces.spec.spatial_shape[axis], count

    def _accepted(self, law: Law, axis: int, watch: Watch, elastic: Elastic) -> AxisField | None:
        """The law at the asked size, unless what is seen there contradicts it."""
        found = law.axis_field(*self._size(axis))
        probed = self._probed(self.traces.asked.graph, self.small, elastic)
        count = probed.count(axis)
        # A single output is all border: it neither confirms nor contradicts a law.
        sample = sorted({round(i * (count - 1) / 8) for i in range(9)}) if count > 1 else []
        for index, seen in probed.rows(axis, sample).items():
            low, high = found.interval(index)
            in_sight = seen.low is not None and seen.high is not None
            if in_sight and (seen.first, seen.last + 1) != (low, high):
                return None
        self._listen(watch)
        return found

    def _listen(self, watch: Watch) -> None:
        self.notes += watch.notes()
        self.exact &= watch.exact()
        self.ties_axes |= watch.ties_axes

    def _global(
        self,
        probed: ProbedOutput,
        axis: int,
        sightings: Mapping[int, Sighting],
        max_period: int,
        elastic: Elastic,
        watch: Watch,
    ) -> AxisField | None:
        """The field, if ops that reduce a whole axis take it to one border or both."""
        ops = global_ops(probed.walker.graph, probed.node, elastic)
        candidates = [op for op in ops if op in watch.visited]
        if not candidates:
            return None
        reach = global_reach(probed, axis, sightings, candidates)
        if reach is None:
            return None
        low, high = reach.low, reach.high
        law = Law(None, None, 1, 0, Fraction(1))
        if not (low and high):
            known = find_law(sightings, max_period, low=not low, high=not high)
            mirrored = known is not None and known.shift < 0
            # Counted from the high border, positions are those of one size alone.
            larger = probed.walker.graph is not self.traces.asked.graph
            if known is None or (larger and (mirrored or unsteady_op(probed, axis))):
                return None
            law = known

        op = probed.walker.graph.nodes[reach.op]
        extent = "all of it" if low and high else "its low end" if low else "its high end"
        self.notes.append(
            f"axis {axis}: every output sees {extent}, because of {op.label}; "
            'global_paths="ignore" leaves such paths out'
        )
        for end, reaches, unseen in zip(("first", "last"), (low, high), reach.unseen, strict=True):
            if reaches and unseen:
                self.notes.append(
                    f"axis {axis}: the {end} {unseen} of its pixels are {UNSEEN}, for strides or "
                    "crops leave them over"
                )
        self._listen(watch)
        return law.axis_field(*self._size(axis))

    def _from_asked(self, axis: int, comparison: Comparison | None) -> AxisField:
        """The field as the asked size alone shows it, all outputs together."""
        graph = self.traces.asked.graph
        complete = comparison is not None and comparison.alignment.complete
        elastic = self._carrying_position()
        if comparison is not None and complete:
            elastic = comparison.alignment.elastic_small
        cut: frozenset[int] = frozenset()
        if self.ignore_global:
            cut = self._noted(graph, ignored_ops(graph, self.small, elastic))
        # With several axes a row is clipped by the borders of all; points tell whose it is.
        known = elastic if complete and len(self.axes) == 1 else {}
        probed = ProbedOutput(Walker(graph, known, cut), self.small, self.axes, self.dims)
        count = probed.count(axis)
        watch = Watch(graph, known)
        sightings = probed.rows(axis, range(count), watch)
        if not sightings:
            raise IndependentOutputError(self.address, self._because_cut())
        refuse_blind(sightings, range(count), probed, self.address, axis)
        max_period = max(1, count // 3)
        law = find_law(sightings, max_period, per_phase=3)
        if law is not None:
            self._listen(watch)
            return law.axis_field(*self._size(axis))
        if not complete:
            found = self._global(probed, axis, sightings, max_period, elastic, watch)
            if found is not None:
                return found
        usable = comparison is not None and comparison.usable
        clear = in_clear_sight(sightings)
        if clear >= 3 and (usable or 2 * clear > len(sightings)):
            self._refuse_irregular(probed, axis, sightings, max_period)
        raise self._truncated(axis, comparison)

    def _refuse_irregular(
        self,
        probed: ProbedOutput,
        axis: int,
        sightings: Mapping[int, Sighting],
        max_period: int,
    ) -> None:
        """Says why no law explains the sightings, unless one does.

        Raises:
            IrregularFieldError: None does.
        """
        op = "" if find_law(sightings, max_period) else unsteady_op(probed, axis)
        if op:
            detail = f"{op} reads at no fixed stride, as a resize with aligned corners does"
            raise IrregularFieldError(self.address, axis, detail)
        law_of(sightings, max_period, self.address, axis)

    def _truncated(self, axis: int, comparison: Comparison | None) -> TruncatedFieldError:
        probed = self._probed(self.traces.asked.graph, self.small, {})
        return truncated(
            self.traces,
            self.address,
            axis,
            comparison,
            growth=self.growths[-1],
            unsteady=unsteady_op(probed, axis),
        )

    def _confirm_global(self, axes: Sequence[AxisField]) -> None:
        """Refuses what only whole rows see: products of a map with its transpose, for one.

        Raises:
            IrregularFieldError: A single output does not see the axis that its row sees.
        """
        shape = self.traces.spec.spatial_shape
        if len(axes) == 1 or math.prod(shape) > LARGEST_AREA:
            return
        graph = self.traces.asked.graph
        probed = ProbedOutput(Walker(graph), self.small, self.axes, self.dims)
        for number, axis in enumerate(axes):
            if not axis.is_global or number in self.open_axes:
                continue
            middle = [axis.output_size // 2]
            others = [a.output_size // 2 for i, a in enumerate(axes) if i != number]
            everything = probed.everything(number)
            for seen in probed.points(number, middle, [others]).values():
                reaches = (seen.first, seen.last)
                if everything and reaches != (everything.first, everything.last):
                    detail = "a row of outputs sees all of it, a single output does not"
                    raise IrregularFieldError(self.address, number, detail)

    def finish(self, axes: tuple[AxisField, ...]) -> ReceptiveField:
        """The result, with points where rows cannot tell axes apart."""
        if not self.ignore_global:
            self._confirm_global(axes)
        if self.ties_axes and len(axes) > 1:
            first = self.traces.compare(self.address, self.growths[0], 0)
            unit = 1 if first is None else first.alignment.period
            axes, tight = refine_by_points(
                self.traces, self.address, self.dims, axes, self._probed, unit, self.open_axes
            )
            if not tight and self.open_axes:
                raise self._truncated(min(self.open_axes), first)
            if not tight:
                self.exact = False
                self.notes.append(
                    "spatial axes are tied together and too large to probe point by point: "
                    "the field is an upper bound"
                )
        return ReceptiveField(axes, self.exact, tuple(dict.fromkeys(self.notes)))


def _node(index: int | None) -> int:
    assert index is not None
    return index


def _large_view(comparison: Comparison) -> OutputView:
    elastic = comparison.alignment.elastic
    moving = tuple(d for d, flag in enumerate(elastic[comparison.node]) if flag)
    walker = Walker(comparison.large.graph, elastic)
    return OutputView(walker, comparison.node, moving, elastic)

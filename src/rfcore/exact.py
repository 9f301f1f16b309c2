"""The exact field of any traced output: two traces, row probes, and a law that explains them.

The model is traced at the asked input size and at a much larger one. Where both traces have
the same structure, rows of the larger one are probed far from its borders, so that nothing is
clipped, and the law found there is checked against the asked size. Where they differ, or the
model takes no other size, the asked size must be enough, or the answer is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from rfcore.errors import (
    IndependentOutputError,
    IrregularFieldError,
    NoSpatialAxesError,
    TruncatedFieldError,
)
from rfcore.field import AxisField, ReceptiveField
from rfcore.fit import Law, Sighting, find_law, law_of
from rfcore.global_paths import elastic_by_probing, first_global_op, global_ops, ignored_ops
from rfcore.graph import Graph, Mask
from rfcore.output_axes import OutputView, last_spatial_layer, output_axes
from rfcore.points import refine_by_points
from rfcore.rows import ProbedOutput
from rfcore.traces import Comparison, TraceSet
from rfcore.walk import Elastic, MaskTooLargeError, Walker

__all__ = ["exact_field"]


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
    address = traces.address(output)
    if traces.asked.values[address] is None:
        raise IndependentOutputError(address)
    measurement = _Measurement(traces, address, ignore_global)
    axes = tuple(measurement.axis(axis) for axis in range(len(traces.spec.axes)))
    return measurement.finish(axes)


@dataclass(slots=True)
class _Watch:
    """Listens to a walk: which nodes it passes, and whether it ties spatial axes together."""

    graph: Graph
    elastic: Elastic
    visited: set[int] = field(default_factory=set)
    ties_axes: bool = False

    def __call__(self, index: int, mask: Mask) -> None:
        self.visited.add(index)
        flags = self.elastic.get(index, ())
        full = sum(flag and n > 1 for flag, n in zip(flags, mask.shape[1:], strict=False))
        self.ties_axes |= full > 1

    def notes(self) -> list[str]:
        nodes = (self.graph.nodes[index] for index in sorted(self.visited))
        return list(dict.fromkeys(node.note for node in nodes if node.note))

    def exact(self) -> bool:
        return all(self.graph.nodes[index].exact for index in self.visited)


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
        self._carrying: Elastic | None = None
        generous, modest = traces.growths(address)
        first = self._compared(generous[0])
        self.growths = generous
        if not all(c is not None and c.usable for c in first):
            again = self._compared(modest[0])
            if all(c is not None and c.alignment.complete for c in again):
                first, self.growths = again, modest
        self.dims = self._output_axes(first)

    def _compared(self, growth: int) -> list[Comparison | None]:
        return [self.traces.compare(self.address, growth, a) for a in range(len(self.axes))]

    def _output_axes(self, comparisons: Sequence[Comparison | None]) -> tuple[int | None, ...]:
        asked = self.traces.asked
        known = [c if c is not None and c.alignment.complete else None for c in comparisons]
        large = next((c.large for c in known if c is not None), asked)
        last = last_spatial_layer(asked, large, self.address)
        views = [self._asked_view() if c is None else _large_view(c) for c in known]
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
        for growth in self.growths:
            comparison = self.traces.compare(self.address, growth, axis)
            if comparison is None or not comparison.alignment.complete:
                break
            try:
                found = self._from_larger(comparison, axis)
            except MaskTooLargeError:
                self.ties_axes = True
                found = None
            if found is not None:
                return found
            if not comparison.usable or self.ties_axes:
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
        max_period = _longest_period(comparison, self.dims[axis], self.small_shape)
        indices = _window_and_far(probed.count(axis), max_period)
        watch = _Watch(comparison.large.graph, alignment.elastic)
        sightings = probed.rows(axis, indices, watch)
        self.ties_axes |= watch.ties_axes
        if not sightings:
            raise IndependentOutputError(self.address, self._because_cut())
        _refuse_blind(sightings, indices, self.address, axis)
        law = find_law(sightings, max_period) if comparison.usable else None
        if law is not None and _moves_as_shapes_do(law, comparison, self.dims[axis], self.small_shape):
            return self._accepted(law, axis, watch, alignment.elastic_small)
        found = self._global(probed, axis, sightings, max_period, alignment.elastic, watch)
        if found is None and comparison.usable and _clear(sightings) >= 3:
            law_of(sightings, max_period, self.address, axis)
        return found

    @property
    def small_shape(self) -> tuple[int, ...]:
        return self.traces.asked.graph.nodes[self.small].shape

    def _probed(self, graph: Graph, node: int, elastic: Elastic) -> ProbedOutput:
        cut: frozenset[int] = frozenset()
        if self.ignore_global:
            cut = ignored_ops(graph, node, elastic)
        return ProbedOutput(Walker(graph, elastic, cut), node, self.axes, self.dims)

    def _because_cut(self) -> str:
        return " once global paths are cut" if self.ignore_global else ""

    def _size(self, axis: int) -> tuple[int, int]:
        dim = self.dims[axis]
        count = 1 if dim is None else self.small_shape[dim]
        return self.traces.spec.spatial_shape[axis], count

    def _accepted(self, law: Law, axis: int, watch: _Watch, elastic: Elastic) -> AxisField | None:
        """The law at the asked size, unless what is seen there contradicts it."""
        found = law.axis_field(*self._size(axis))
        probed = self._probed(self.traces.asked.graph, self.small, elastic)
        count = probed.count(axis)
        sample = sorted({round(i * (count - 1) / 8) for i in range(9)})
        for index, seen in probed.rows(axis, sample).items():
            low, high = found.interval(index)
            in_sight = seen.low is not None and seen.high is not None
            if in_sight and (seen.first, seen.last + 1) != (low, high):
                return None
        self._listen(watch)
        return found

    def _listen(self, watch: _Watch) -> None:
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
        watch: _Watch,
    ) -> AxisField | None:
        """The field, if ops that reduce a whole axis take it to one border or both."""
        indices = list(sightings)
        candidates = [
            op for op in global_ops(probed.walker.graph, probed.node, elastic)
            if op in watch.visited
        ]
        if not candidates:
            return None
        local = probed.cutting(candidates).rows(axis, indices)
        reach = probed.everything(axis)
        assert reach is not None  # there are sightings
        low = all(s.first == reach.first for s in sightings.values()) and (
            not local or any(s.low is not None for s in local.values())
        )
        high = all(s.last == reach.last for s in sightings.values()) and (
            not local or any(s.high is not None for s in local.values())
        )
        if not low and not high:
            return None
        law = Law(None, None, 1, 0, Fraction(1))
        if not (low and high):
            known = find_law(sightings, max_period, low=not low, high=not high)
            if known is None:
                return None
            law = known

        def still_global(cut: frozenset[int]) -> bool:
            rows = probed.cutting(cut).rows(axis, indices[:1])
            return any(
                (not low or s.first == reach.first) and (not high or s.last == reach.last)
                for s in rows.values()
            )

        op = probed.walker.graph.nodes[first_global_op(candidates, still_global)]
        extent = "all of it" if low and high else "its low end" if low else "its high end"
        self.notes.append(
            f"axis {axis}: every output sees {extent}, because of {op.label}; "
            'global_paths="ignore" leaves such paths out'
        )
        self._listen(watch)
        return law.axis_field(*self._size(axis))

    def _from_asked(self, axis: int, comparison: Comparison | None) -> AxisField:
        """The field as the asked size alone shows it, all outputs together."""
        graph = self.traces.asked.graph
        complete = comparison is not None and comparison.alignment.complete
        elastic: Elastic = {}
        if comparison is not None and complete:
            elastic = comparison.alignment.elastic_small
        probed = self._probed(graph, self.small, elastic)
        if self.ignore_global and not complete:
            probed = probed.cutting(ignored_ops(graph, self.small, self._carrying_position()))
        count = probed.count(axis)
        watch = _Watch(graph, elastic)
        sightings = probed.rows(axis, range(count), watch)
        if not sightings:
            raise IndependentOutputError(self.address, self._because_cut())
        _refuse_blind(sightings, range(count), self.address, axis)
        max_period = max(1, count // 2)
        law = find_law(sightings, max_period)
        if law is not None:
            self._listen(watch)
            return law.axis_field(*self._size(axis))
        if not complete:
            carrying = self._carrying_position()
            found = self._global(probed, axis, sightings, max_period, carrying, watch)
            if found is not None:
                return found
        usable = comparison is not None and comparison.usable
        clear = _clear(sightings)
        if clear >= 3 and (usable or 2 * clear > len(sightings)):
            law_of(sightings, max_period, self.address, axis)
        raise self._truncated(axis, comparison)

    def _truncated(self, axis: int, comparison: Comparison | None) -> TruncatedFieldError:
        size = self.traces.spec.spatial_shape[axis]
        errors = [trace.error for trace in self.traces.larger_ones() if trace.error is not None]
        cause: Exception | None = None
        if comparison is None:
            why = "the model takes no larger input"
            hint = (
                "give a model that takes larger inputs (see the cause above), "
                'or measure an earlier layer with output="…".'
            )
            cause = errors[0] if errors else None
        elif not comparison.usable:
            op = comparison.alignment.difference or "its striding"
            why = f"at a larger size it is another network, beginning with {op}"
            hint = "measure a layer before that op, or ask at a larger input_shape."
        else:
            why = f"even with {self.growths[-1]} pixels more it is clipped on both sides"
            hint = "measure an earlier layer."
        error = TruncatedFieldError(self.address, axis, size, why, hint)
        error.__cause__ = cause
        return error

    def finish(self, axes: tuple[AxisField, ...]) -> ReceptiveField:
        """The result, with points where rows cannot tell axes apart."""
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


def _stride_of_shapes(
    comparison: Comparison, dim: int | None, small: Sequence[int]
) -> Fraction | None:
    """Input pixels per output, as the lengths of the two traces tell."""
    if dim is None:
        return None
    more = comparison.large.graph.nodes[comparison.node].shape[dim] - small[dim]
    return Fraction(comparison.growth, more) if more > 0 else None


def _longest_period(comparison: Comparison, dim: int | None, small: Sequence[int]) -> int:
    """Outputs after which the whole network repeats."""
    stride = _stride_of_shapes(comparison, dim, small)
    if stride is None or not comparison.usable:
        return 1
    return max(1, int(comparison.alignment.period / stride))


def _moves_as_shapes_do(
    law: Law, comparison: Comparison, dim: int | None, small: Sequence[int]
) -> bool:
    stride = _stride_of_shapes(comparison, dim, small)
    return stride is not None and abs(Fraction(law.shift, law.period)) == stride


def _window_and_far(count: int, period: int) -> list[int]:
    """Two periods in the middle, and some outputs far from it."""
    middle = count // 2
    window = range(max(0, middle - period), min(count, middle + period + 1))
    far = (count // 4, count // 3, (3 * count) // 4)
    return sorted({*window, *far})


def _clear(sightings: Mapping[int, Sighting]) -> int:
    """How many outputs have no edge hidden by a border."""
    return sum(s.low is not None and s.high is not None for s in sightings.values())


def _refuse_blind(
    sightings: Mapping[int, Sighting], indices: Iterable[int], output: str, axis: int
) -> None:
    """Outputs between others that see nothing have no interval, and no law can be stated."""
    blind = [j for j in indices if j not in sightings and min(sightings) < j < max(sightings)]
    if blind:
        detail = f"outputs {', '.join(map(str, blind[:4]))} see nothing of the input"
        raise IrregularFieldError(output, axis, detail)


def _large_view(comparison: Comparison) -> OutputView:
    elastic = comparison.alignment.elastic
    moving = tuple(d for d, flag in enumerate(elastic[comparison.node]) if flag)
    walker = Walker(comparison.large.graph, elastic)
    return OutputView(walker, comparison.node, moving, elastic)

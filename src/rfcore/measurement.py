"""One output under measurement: where it is in the traces, its axes, and what was noticed so far.

`exact.py` tells the story; the parts of it that look at a larger size, at the asked one, or at
what makes an axis global, all begin from this record.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from rfcore.ahead import Ahead
from rfcore.errors import IrregularFieldError, NoSpatialAxesError, TruncatedFieldError
from rfcore.evidence import Watch
from rfcore.global_paths import ignored_ops
from rfcore.graph import Graph
from rfcore.laws import Law, Sighting, find_law, law_of
from rfcore.notes import PATHS_LEFT_OUT
from rfcore.output_axes import OutputView, last_spatial_layer, output_axes
from rfcore.rows import ProbedOutput
from rfcore.traces import Comparison, TraceSet
from rfcore.truncation import truncated
from rfcore.unsteady import unsteady_op
from rfcore.walk import Elastic, MaskTooLargeError, Walker

__all__ = ["Findings", "Measurement", "begin"]

LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Findings:
    """What is noticed on the way to a field, over all its axes.

    Attributes:
        notes: What a reader should know.
        exact: Whether all that was passed has a rule that gives the true dependence.
        ties_axes: Whether spatial axes are tied together, so that rows are an upper bound.
        open_axes: Axes whose rows see everything for that reason alone; points decide.
        drifting: Axes along which some op reads at no fixed stride.
        too_large: By axis, what was needed to follow a larger size and was more than may be.
    """

    notes: list[str] = field(default_factory=list)
    exact: bool = True
    ties_axes: bool = False
    open_axes: set[int] = field(default_factory=set)
    drifting: set[int] = field(default_factory=set)
    too_large: dict[int, MaskTooLargeError] = field(default_factory=dict)

    def listen(self, watch: Watch) -> None:
        """Takes in what a walk passed whose result is used."""
        self.notes += watch.notes()
        self.exact &= watch.exact()
        self.ties_axes |= watch.ties_axes


@dataclass(frozen=True, slots=True)
class Measurement:
    """One output, about to be measured axis by axis.

    Attributes:
        traces: The model's traces.
        address: The output.
        node: Where it is in the trace at the asked size.
        ignore_global: Whether paths through reductions over whole spatial axes are cut.
        axes: The spatial axes of the input.
        dims: For each of them the output's axis that moves along it, if there is one.
        growths: Pixels that larger sizes have more, from few to many.
        modest: Fewer of them, for what takes much memory.
        findings: What is noticed on the way.
    """

    traces: TraceSet
    address: str
    node: int
    ignore_global: bool
    axes: tuple[int, ...]
    dims: tuple[int | None, ...]
    growths: Sequence[int]
    modest: Sequence[int]
    findings: Findings

    def log_law(
        self, axis: int, growth: int, sightings: Mapping[int, Sighting], law: Law | None
    ) -> None:
        """Shows, to those who listen, what was seen along an axis and the law that explains it."""
        LOG.debug(
            "output %r, axis %d with %d pixels more: %d outputs probed, number %d as %r; %r",
            self.address,
            axis,
            growth,
            len(sightings),
            *next(iter(sightings.items())),
            law,
        )

    def size(self, axis: int) -> tuple[int, int]:
        """Positions of the input and of the output along a spatial axis, at the asked size."""
        dim = self.dims[axis]
        count = 1 if dim is None else self.traces.asked.graph.nodes[self.node].shape[dim]
        return self.traces.spec.spatial_shape[axis], count

    def probed(self, graph: Graph, node: int, elastic: Elastic) -> ProbedOutput:
        """The output in one of the traces, with what is to be ignored cut."""
        cut = self.cut(graph, node, elastic)
        walker = Walker(graph, elastic, cut)
        return ProbedOutput(walker, node, self.axes, self.dims, self.traces.ahead)

    def cut(self, graph: Graph, node: int, elastic: Elastic) -> frozenset[int]:
        """The ops that are left out, of which a note tells the first."""
        cut = ignored_ops(graph, node, elastic) if self.ignore_global else frozenset()
        if cut:
            first = graph.nodes[min(cut)].label
            self.findings.notes.append(f"{PATHS_LEFT_OUT}, the first through {first}")
        return cut

    @property
    def because_cut(self) -> str:
        """For messages: what an output may have stopped depending on the input for."""
        return " once global paths are cut" if self.ignore_global else ""

    def refuse_irregular(
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

    def truncated(self, axis: int, comparison: Comparison | None) -> TruncatedFieldError:
        """The error that says why no size shows the whole field along an axis."""
        probed = self.probed(self.traces.asked.graph, self.node, {})
        return truncated(
            self.traces,
            self.address,
            axis,
            comparison,
            growth=self.growths[-1],
            unsteady=unsteady_op(probed, axis),
            too_large=self.findings.too_large.get(axis),
        )


def begin(traces: TraceSet, address: str, *, ignore_global: bool) -> Measurement:
    """Finds the output's axes, and the larger sizes at which the model is the same network.

    Args:
        traces: The model's traces.
        address: The output; it depends on the input.
        ignore_global: Whether to cut paths through reductions over whole spatial axes.

    Raises:
        RfcoreError: No axis of the output tells positions of the input apart, or a loop is too
            long to be looked through for what is to be cut.
    """
    node = traces.asked.values[address]
    assert node is not None
    if ignore_global and traces.too_long_to_probe(address):
        raise truncated(traces, address, min(traces.unrolled(address)), None)
    generous, modest = traces.growths(address)
    growths, first = generous, _compared(traces, address, generous[0])
    if not all(c is not None and c.usable for c in first):
        again = _compared(traces, address, modest[0])
        if all(c is not None and c.alignment.complete for c in again):
            growths, first = modest, again
    try:
        dims = _output_axes(traces, address, node, first)
    except MaskTooLargeError:
        growths = modest
        dims = _output_axes(traces, address, node, _compared(traces, address, modest[0]))
    findings = Findings([*traces.asked.warnings], not traces.asked.warnings)
    axes = traces.spec.axes
    return Measurement(traces, address, node, ignore_global, axes, dims, growths, modest, findings)


def _compared(traces: TraceSet, address: str, growth: int) -> list[Comparison | None]:
    return [traces.compare(address, growth, axis) for axis in range(len(traces.spec.axes))]


def _output_axes(
    traces: TraceSet, address: str, node: int, comparisons: Sequence[Comparison | None]
) -> tuple[int | None, ...]:
    asked, axes = traces.asked, traces.spec.axes
    known = [c if c is not None and c.alignment.complete else None for c in comparisons]
    large = next((c.large for c in known if c is not None), asked)
    last = partial(last_spatial_layer, asked, large, address)
    shown = {
        id(c): _asked_view(traces, address, node) if c is None else _large_view(c, traces.ahead)
        for c in known
    }
    views = [shown[id(c)] for c in known]
    shape = asked.shapes[address]
    try:
        return output_axes(views, axes, address, shape, fixed_size=None in known, last_spatial=last)
    except NoSpatialAxesError:
        # An output of fixed size has axes of its own that no larger trace shows.
        views = [_asked_view(traces, address, node)] * len(axes)
        return output_axes(views, axes, address, shape, fixed_size=True, last_spatial=last)


def _asked_view(traces: TraceSet, address: str, node: int) -> OutputView:
    """The output at the asked size, where nothing tells which axes are elastic."""
    graph = traces.asked.graph
    moving = tuple(dim for dim, n in enumerate(graph.nodes[node].shape) if n > 1)
    elastic = traces.carrying_position(address)
    return OutputView(Walker(graph), node, moving, elastic, traces.ahead)


def _large_view(comparison: Comparison, ahead: Ahead | None) -> OutputView:
    elastic = comparison.alignment.elastic
    moving = tuple(d for d, flag in enumerate(elastic[comparison.node]) if flag)
    walker = Walker(comparison.large.graph, elastic)
    return OutputView(walker, comparison.node, moving, elastic, ahead)

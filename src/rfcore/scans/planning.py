"""What the measurements of many layers will ask, so that their rows can be walked together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rfcore.ahead import Ahead, Question
from rfcore.errors import RfcoreError
from rfcore.evidence import spread_out, window_and_far
from rfcore.global_paths import ignored_ops
from rfcore.graph import Graph
from rfcore.traces import Comparison, TraceSet
from rfcore.walk import Elastic, Walker

__all__ = ["walk_ahead"]


def walk_ahead(traces: TraceSet, addresses: Iterable[str], *, ignore_global: bool) -> None:
    """Walks the rows that `exact_field` will ask for; a wrong guess costs time and nothing else.

    Args:
        traces: The model's traces.
        addresses: The outputs that will be measured.
        ignore_global: Whether global paths will be cut.
    """
    addresses, ahead = list(addresses), Ahead()
    questions = (
        question
        for address in addresses
        for question in _questions(traces, address, ignore_global=ignore_global)
    )
    ahead.ask(questions)
    traces.ahead = ahead
    fixed = [address for address in addresses if _of_fixed_size(traces, address)]
    if fixed:
        # The last one has most of the ops before it, and they are best probed together.
        traces.carrying_position(fixed[-1])
        ahead.ask(q for address in fixed for q in _about_fixed_axes(traces, address))


def _of_fixed_size(traces: TraceSet, address: str) -> bool:
    """Whether no axis of an output follows the input's size, as those behind a mean over all."""
    comparison = _first_compared(traces, address, 0)
    return (
        comparison is not None
        and comparison.alignment.complete
        and not any(comparison.alignment.elastic[comparison.node])
    )


def _first_compared(traces: TraceSet, address: str, axis: int) -> Comparison | None:
    """The asked trace beside the larger one that is looked at first, if there is one."""
    try:
        return traces.compare(address, traces.growths(address)[0][0], axis)
    except RfcoreError:
        return None


def _about_fixed_axes(traces: TraceSet, address: str) -> Iterator[Question]:
    node, graph = traces.asked.values[address], traces.asked.graph
    assert node is not None
    shape = graph.nodes[node].shape
    yield from _what_axes_tell(Walker(graph), node, [dim for dim, n in enumerate(shape) if n > 1])


def _what_axes_tell(walker: Walker, node: int, dims: Iterable[int]) -> Iterator[Question]:
    """What `tells_apart` asks: the middle of some axes of an output, and all of it."""
    yield Question(walker, node, None, (0,))
    for dim in dims:
        yield Question(walker, node, dim, (walker.graph.nodes[node].shape[dim] // 2,))


def _questions(traces: TraceSet, address: str, *, ignore_global: bool) -> Iterator[Question]:
    small = traces.asked.values[address]
    if small is None or 0 in traces.asked.shapes[address]:
        return
    for number, axis in enumerate(traces.spec.axes):
        comparison = _first_compared(traces, address, number)
        if comparison is None or not comparison.usable:
            return
        alignment, graph = comparison.alignment, comparison.large.graph
        if number == 0:
            yield from _about_axes(comparison)
        if not _keeps_layout(comparison, traces):
            return
        count = graph.nodes[comparison.node].shape[axis]
        rows = window_and_far(count, comparison.longest_period(axis))
        walker = _walker(graph, comparison.node, alignment.elastic, ignore_global=ignore_global)
        yield Question(walker, comparison.node, axis, tuple(rows))
        asked = traces.asked.graph
        walker = _walker(asked, small, alignment.elastic_small, ignore_global=ignore_global)
        yield Question(walker, small, axis, tuple(spread_out(asked.nodes[small].shape[axis])))


def _about_axes(comparison: Comparison) -> Iterator[Question]:
    """Which axis of the output moves along which of the input, where ops may have moved them."""
    graph, node = comparison.large.graph, comparison.node
    if graph.keeps_axes_in_place(node):
        return
    walker = Walker(graph, comparison.alignment.elastic)
    flags = comparison.alignment.elastic[node]
    yield from _what_axes_tell(walker, node, [dim for dim, flag in enumerate(flags) if flag])


def _keeps_layout(comparison: Comparison, traces: TraceSet) -> bool:
    """Whether the axes that follow the input's size are where they are in the input."""
    flags = comparison.alignment.elastic[comparison.node]
    moving = tuple(dim for dim, flag in enumerate(flags) if flag)
    return len(flags) == len(traces.spec.shape) and moving == traces.spec.axes


def _walker(graph: Graph, node: int, elastic: Elastic, *, ignore_global: bool) -> Walker:
    cut = ignored_ops(graph, node, elastic) if ignore_global else frozenset()
    return Walker(graph, elastic, cut)

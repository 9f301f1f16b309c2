"""What the measurements of many layers will ask, so that their rows can be walked together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rfcore.errors import RfcoreError
from rfcore.evidence import spread_out, window_and_far
from rfcore.global_paths import global_ops, ignored_ops
from rfcore.graph import Graph
from rfcore.questions import Question
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
    addresses, ahead = list(addresses), traces.ahead
    questions = (
        question
        for address in addresses
        for question in _questions(traces, address, ignore_global=ignore_global)
    )
    ahead.ask(questions)
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
    dims = [dim for dim, n in enumerate(graph.nodes[node].shape) if n > 1]
    ops = global_ops(graph, node, traces.carrying_position(address))
    yield from _what_axes_tell(Walker(graph), node, dims, ops)


def _what_axes_tell(
    walker: Walker, node: int, dims: Sequence[int], ops: Sequence[int]
) -> Iterator[Question]:
    """What `tells_apart` asks: the middle of some axes of an output, and all of it.

    Behind ops that see a whole axis it asks again, for only the local paths tell there.
    """
    local = [replace(walker, cut=frozenset(ops))] if ops else []
    for one in (walker, *local):
        yield Question.whole(one, node)
        yield from (Question.middle(one, node, dim) for dim in dims)


def _questions(traces: TraceSet, address: str, *, ignore_global: bool) -> Iterator[Question]:
    small = traces.asked.values[address]
    if small is None or 0 in traces.asked.shapes[address]:
        return
    ops: Sequence[int] = ()
    for number, axis in enumerate(traces.spec.axes):
        comparison = _first_compared(traces, address, number)
        if comparison is None or not comparison.usable:
            return
        alignment, graph, node = comparison.alignment, comparison.large.graph, comparison.node
        if number == 0:
            ops = global_ops(graph, node, alignment.elastic)
            yield from _about_axes(comparison, ops)
        if not _keeps_layout(comparison, traces):
            return
        rows = window_and_far(graph.nodes[node].shape[axis], comparison.longest_period(axis))
        walker = _walker(graph, node, alignment.elastic, ignore_global=ignore_global)
        yield Question.rows(walker, node, axis, rows)
        asked = traces.asked.graph
        if ops and not ignore_global:
            yield from _about_global_axis(walker, node, axis, rows, ops)
            # What `confirm_global` asks.
            yield Question.every(Walker(asked), small, axis)
        else:
            walker = _walker(asked, small, alignment.elastic_small, ignore_global=ignore_global)
            yield Question.rows(walker, small, axis, spread_out(asked.nodes[small].shape[axis]))


def _about_axes(comparison: Comparison, ops: Sequence[int]) -> Iterator[Question]:
    """Which axis of the output moves along which of the input, where ops may have moved them."""
    graph, node = comparison.large.graph, comparison.node
    if graph.keeps_axes_in_place(node):
        return
    elastic = comparison.alignment.elastic
    dims = [dim for dim, flag in enumerate(elastic[node]) if flag]
    yield from _what_axes_tell(Walker(graph, elastic), node, dims, ops)


def _about_global_axis(
    walker: Walker, node: int, axis: int, rows: Sequence[int], ops: Sequence[int]
) -> Iterator[Question]:
    """What `global_reach` asks of an output behind ops that see a whole axis."""
    yield Question.every(walker, node, axis)
    yield Question.rows(replace(walker, cut=frozenset(ops)), node, axis, rows)
    yield Question.rows(replace(walker, cut=frozenset(ops[1:])), node, axis, rows[:1])


def _keeps_layout(comparison: Comparison, traces: TraceSet) -> bool:
    """Whether the axes that follow the input's size are where they are in the input."""
    flags = comparison.alignment.elastic[comparison.node]
    moving = tuple(dim for dim, flag in enumerate(flags) if flag)
    return len(flags) == len(traces.spec.shape) and moving == traces.spec.axes


def _walker(graph: Graph, node: int, elastic: Elastic, *, ignore_global: bool) -> Walker:
    cut = ignored_ops(graph, node, elastic) if ignore_global else frozenset()
    return Walker(graph, elastic, cut)

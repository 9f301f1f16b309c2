"""Rows of many outputs walked together tell what a walk of each tells, to the last flag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from op_cases import booleans
from rfcore.ahead import Ahead
from rfcore.evidence import Watch
from rfcore.graph import Elementwise, Graph, GraphBuilder, Window, WindowAxis
from rfcore.questions import Question
from rfcore.walk import Elastic, Walker
from test_walk import graphs, whole


@st.composite
def questions(draw: st.DrawFn, walker: Walker) -> Question:
    """Some probes of some node, all of it, or every position along an axis; some nodes are cut."""
    last = len(walker.graph.nodes) - 1
    node = draw(st.integers(1, last))
    # What hands masks on as they are is skipped, and never one of the ops that are cut.
    able = [n for n, origin in enumerate(walker.graph.origins()) if n == origin and n]
    cut = draw(st.sets(st.sampled_from(able), max_size=2)) if able else ()
    walker = replace(walker, cut=frozenset(cut))
    shape = walker.graph.nodes[node].shape
    dims = tuple(sorted(draw(st.sets(st.integers(0, len(shape) - 1), max_size=2)))) if shape else ()
    if not dims:
        return Question.whole(walker, node)
    if draw(st.booleans()):
        return Question.every(walker, node, dims[0])
    places = st.tuples(*(st.integers(0, shape[dim] - 1) for dim in dims))
    probe = st.lists(places, min_size=1, max_size=2).map(tuple)
    return Question(walker, node, dims, tuple(draw(st.lists(probe, min_size=1, max_size=3))))


@st.composite
def elastic_axes(draw: st.DrawFn, graph: Graph) -> Elastic:
    flags = [draw(booleans((len(node.shape),))) for node in graph.nodes]
    # A value that hands masks on has the shape of where it is from at any size.
    return {index: tuple(flags[origin].tolist()) for index, origin in enumerate(graph.origins())}


def assert_as_alone(ahead: Ahead, question: Question) -> tuple[Watch, Watch]:
    """What is told equals what a walk of its own tells; returns who heard the one and the other."""
    walker = question.walker
    graph = walker.graph
    heard, alone = Watch(graph, walker.elastic), Watch(graph, walker.elastic)
    told = ahead.told(question, heard)
    assert told is not None
    known = walker.influence(question.node, question.mask(), alone)
    np.testing.assert_array_equal(whole(told.mask, graph, 0), whole(known.mask, graph, 0))
    if walker.elastic:
        # Where nobody knows which axes are elastic, points tell what is hidden, and not rows.
        np.testing.assert_array_equal(told.lost, known.lost)
    assert heard.ties_axes == alone.ties_axes
    assert (heard.notes(), heard.exact()) == (alone.notes(), alone.exact())
    return heard, alone


def assert_told_as_alone(graph: Graph, asked: Sequence[Question]) -> None:
    ahead = Ahead()
    ahead.ask(asked)
    # Nodes that hand masks on as they are get skipped, and say nothing.
    skipped = {n for n, origin in enumerate(graph.origins()) if n != origin}
    for question in asked:
        heard, alone = assert_as_alone(ahead, question)
        assert alone.visited - skipped <= heard.visited


@settings(max_examples=300)
@given(data=st.data())
def test_rows_walked_together_tell_what_each_tells_alone(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    assume(len(graph.nodes) > 1)
    elastic = data.draw(st.just({}) | elastic_axes(graph))
    asked = data.draw(st.lists(questions(Walker(graph, elastic)), min_size=1, max_size=5))
    assert_told_as_alone(graph, asked)


def test_rows_behind_a_mirror_are_flagged_at_both_borders() -> None:
    builder = GraphBuilder((1, 6))
    value = builder.window(0, Window((WindowAxis(1, 3, low=1),)), (1, 6), "blur")
    mirrored = builder.axis_map(value, 1, np.arange(6)[::-1], "flip")
    graph, elastic = builder.finish(), dict.fromkeys(range(3), (False, True))
    walker = Walker(graph, elastic)
    asked = [Question.rows(walker, node, 1, (0, 3)) for node in (value, mirrored)]
    assert_told_as_alone(graph, asked)
    ahead = Ahead()
    ahead.ask(asked)
    flags = [ahead.told(question) for question in asked]
    assert [known.lost.tolist() for known in flags if known is not None] == [
        [[True, False], [False, False]],
        [[True, True], [False, False]],
    ]


def test_a_mask_that_ties_two_axes_is_heard_of_by_whoever_asked_for_it() -> None:
    builder = GraphBuilder((1, 4, 4))
    turned = builder.transpose(0, (0, 2, 1), "turn")
    cross = builder.elementwise((0, turned), (1, 4, 4), "add")
    again = builder.add(Elementwise((None, None)), (cross, 0), (1, 4, 4), "add")
    spread = builder.transpose(again, (0, 2, 1), "turn")
    both = builder.elementwise((again, spread), (1, 4, 4), "add")
    graph, elastic = builder.finish(), dict.fromkeys(range(6), (False, True, True))
    walker = Walker(graph, elastic)
    asked = [Question.rows(walker, node, 1, [2]) for node in (turned, both)]
    assert_told_as_alone(graph, asked)
    heard = [Watch(graph, elastic) for _ in asked]
    ahead = Ahead()
    ahead.ask(asked)
    for question, watch in zip(asked, heard, strict=True):
        ahead.told(question, watch)
    assert [watch.ties_axes for watch in heard] == [False, True]


def test_what_one_output_asks_for_does_not_sharpen_what_another_sees() -> None:
    # Who asks for all of the crop sees all of the input, as a row that stays uniform does.
    builder = GraphBuilder((1, 6))
    crop = builder.axis_map(0, 1, np.arange(1, 5), "crop")
    square = builder.reshape(crop, (1, 2, 2), "view")
    both = builder.axis_map(square, 1, np.array([[0, 1]]), "both")
    first = builder.axis_map(square, 1, np.array([[0]]), "first")
    graph = builder.finish()
    elastic = dict.fromkeys((0, crop), (False, True))
    elastic |= dict.fromkeys((square, both, first), (False, True, False))
    walker = Walker(graph, elastic)
    asked = [Question.whole(walker, node) for node in (both, first)]
    assert_told_as_alone(graph, asked)
    ahead = Ahead()
    ahead.ask(asked)
    told = [ahead.told(question) for question in asked]
    assert [int(whole(t.mask, graph, 0).sum()) for t in told if t is not None] == [6, 2]

"""A graph is told to be impossible just where an op does not fit the shapes around it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import op_cases
from op_cases import Case
from rfcore.consistency import contradiction
from rfcore.graph import (
    AxisMap,
    Concatenate,
    Contract,
    Cumulative,
    Elementwise,
    Gather,
    Graph,
    Input,
    Node,
    Op,
    Opaque,
    Overwrite,
    Reduce,
    Reshape,
    Transpose,
    Window,
    WindowAxis,
)

Shape = tuple[int, ...]


KINDS = (
    op_cases.elementwise,
    op_cases.window,
    op_cases.reduce,
    op_cases.cumulative,
    op_cases.axis_map,
    op_cases.reshape,
    op_cases.transpose,
    op_cases.concatenate,
    op_cases.contract,
    op_cases.gather,
    op_cases.overwrite,
)


def graph_of(op: Op, result: Any, *operands: Any) -> Graph:
    """One op, each operand of it a value that is computed from the whole input."""
    nodes = [Node(Input(), (), (1,), "input")]
    nodes += [Node(Opaque(lambda mask: ()), (0,), shape, "source") for shape in operands]
    sources = tuple(range(1, len(nodes)))
    return Graph((*nodes, Node(op, sources, result, "op", "block.layer")))


@settings(max_examples=200, deadline=None)
@given(st.one_of([kind() for kind in KINDS]))
def test_every_op_that_fits_is_possible(case: Case) -> None:
    assert contradiction(graph_of(case.op, case.result, *case.operands)) is None


def taps(*rows: Any) -> Any:
    return np.array(rows)


IMPOSSIBLE: dict[str, tuple[Op, Shape, tuple[Shape, ...], str]] = {
    "broadcast": (Elementwise(), (4, 5), ((4, 3),), r"cannot broadcast \(4, 3\) to \(4, 5\)"),
    "broadcast down": (Elementwise(), (5,), ((4, 5),), "cannot broadcast"),
    "gates": (Elementwise((None, None)), (4,), ((4,),), "2 gates for 1 operands"),
    "no operands": (Elementwise(), (4,), (), "has no operands"),
    "two operands": (Reshape(), (4,), ((4,), (4,)), "2 operands where its kind has one"),
    "no window": (Window((WindowAxis(0, 0),)), (4,), ((4,),), "impossible window"),
    "no stride": (Window((WindowAxis(0, 3, stride=0),)), (4,), ((4,),), "impossible window"),
    "window axis": (Window((WindowAxis(1, 3),)), (4,), ((4,),), r"windows on the axes \[1\]"),
    "window twice": (Window((WindowAxis(0, 3),) * 2), (4,), ((4,),), "windows on the axes"),
    "channels kept": (Window((WindowAxis(1, 3),)), (4, 9), ((3, 9),), "changes axis 0 from 3 to 4"),
    "groups": (Window((WindowAxis(1, 3),), 0, 3), (6, 9), ((4, 9),), "group 4 to 6 channels by 3"),
    "reduced axis": (Reduce((2,)), (1, 1), ((4, 5),), r"reduces the axes \(2,\)"),
    "reduced shape": (Reduce((1,), keepdims=False), (5,), ((4, 5),), r"\(4,\) follows"),
    "running axis": (Cumulative(-1), (4,), ((4,),), "accumulates along axis -1"),
    "running shape": (Cumulative(0), (5,), ((4,),), r"where \(4,\) follows"),
    "mapped axis": (AxisMap(1, taps([0])), (1,), ((4,),), "maps axis 1"),
    "mapped rank": (AxisMap(0, taps([0])), (1, 1), ((4,),), "maps axis 0"),
    "other axis": (AxisMap(0, taps([0])), (1, 3), ((4, 2),), "changes axis 1 from 2 to 3"),
    "tap too high": (AxisMap(0, taps([4])), (1,), ((4,),), "taps from 4 to 4 of 4 inputs"),
    "tap too low": (AxisMap(0, taps([-2])), (1,), ((4,),), "taps from -2 to -2"),
    "taps of others": (AxisMap(0, taps([0], [1])), (3,), ((4,),), "taps for 2 of 3 outputs"),
    "fractional taps": (AxisMap(0, taps([0.5])), (1,), ((4,),), "no array of integers"),
    "flat taps": (AxisMap(0, taps(0)), (1,), ((4,),), "with two axes"),
    "gathered": (Gather(taps([4])), (1,), ((2, 2),), "taps from 4 to 4 of 4 inputs"),
    "gathered shape": (Gather(taps([0])), (2, 2), ((2, 2),), "taps for 1 of 4 outputs"),
    "reshape": (Reshape(), (5,), ((2, 2),), r"cannot reshape \(2, 2\) to \(5,\)"),
    "order": (Transpose((0, 0)), (2, 2), ((2, 2),), r"in the order \(0, 0\)"),
    "ordered shape": (Transpose((1, 0)), (2, 3), ((2, 3),), r"\(3, 2\) follows"),
    "starts": (Concatenate(0, (0,)), (4,), ((2,), (2,)), "joins 2 operands"),
    "overlap": (Concatenate(0, (0, 1)), (4,), ((2,), (2,)), "overlap or reach out"),
    "too far": (Concatenate(0, (3,)), (4,), ((2,),), "overlap or reach out"),
    "joined axis": (Concatenate(0, (0,)), (4, 3), ((4, 2),), "changes axis 1"),
    "joined rank": (Concatenate(0, (0,)), (4, 3), ((4,),), "cannot put"),
    "labels": (Contract(((0, 1),), (0,)), (4,), ((4,),), r"labels the axes of \(4,\)"),
    "label lengths": (Contract(((0,),), (0,)), (5,), ((4,),), "lengths 4 and 5 alike"),
    "label twice": (Contract(((0, 0),), (0,)), (4,), ((4, 4),), "labels the axes"),
    "no labels": (Contract((), (0,)), (4,), ((4,),), "labels for 0 operands"),
    "box": (Overwrite((2,), (3,), (1,), ("base",)), (4,), ((4,),), "writes a box"),
    "box rank": (Overwrite((2,), (1,), (1,), ("base",)), (4, 4), ((4, 4),), "writes a box"),
    "boxed value": (Overwrite((0,), (3,), (1,), ("value",)), (4,), ((4,),), r"\(3,\) follows"),
    "box names": (Overwrite((0,), (4,), (1,), ("new",)), (4,), ((4,),), "operands called"),
    "not callable": (Opaque(None), (4,), ((4,),), "no function"),  # type: ignore[arg-type]
    "no kind": (Op(), (4,), ((4,),), "no kind of op that is known"),
    "no op": ("conv", (4,), ((4,),), "no kind of op that is known"),  # type: ignore[dict-item]
    "second input": (Input(), (4,), (), "node 0 alone"),
    "negative": (Elementwise(), (-4,), ((4,),), "no tuple of lengths"),
    "half": (Elementwise(), (2.5,), ((4,),), "no tuple of lengths"),  # type: ignore[arg-type]
    "list": (Elementwise(), [4], ((4,),), "no tuple of lengths"),  # type: ignore[dict-item]
}


@pytest.mark.parametrize(("op", "result", "operands", "said"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_is_impossible_is_told_with_its_layer(
    op: Op, result: Shape, operands: tuple[Shape, ...], said: str
) -> None:
    problem = contradiction(graph_of(op, result, *operands))
    assert problem is not None
    assert "op in 'block.layer'" in problem
    assert re.search(said, problem), problem


@settings(max_examples=50)
@given(st.integers(1, 3), st.integers(-2, 5))
def test_operands_come_before_what_they_make(index: int, source: int) -> None:
    nodes = [Node(Input(), (), (4,))] + [Node(Elementwise(), (0,), (4,))] * 3
    nodes[index] = Node(Elementwise(), (source,), (4,))
    assert (contradiction(Graph(tuple(nodes))) is None) == (0 <= source < index)


def test_a_graph_begins_with_its_input() -> None:
    problem = contradiction(Graph((Node(Elementwise(), (), (4,), "relu"),)))
    assert problem == "node 0 (relu) is not the input"

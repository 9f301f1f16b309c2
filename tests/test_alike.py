"""What a walk along one axis tells about another is what a walk along that one tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from op_cases import booleans
from rfcore.ahead import Ahead
from rfcore.graph import (
    Concatenate,
    Contract,
    Elementwise,
    Graph,
    GraphBuilder,
    Mask,
    Overwrite,
    Pattern,
    Window,
    WindowAxis,
)
from rfcore.questions import Question
from rfcore.rows import ProbedOutput
from rfcore.walk import Elastic, Walker
from test_ahead import assert_as_alone

LARGEST = 200


@dataclass
class Square:
    """A random network over a square image, most of whose ops do the same along both axes.

    Attributes:
        draw: What draws.
        builder: The graph.
        places: For each value where it has the two axes and the channels; it may be of another
            kind, and is left alone then.
    """

    draw: st.DrawFn
    builder: GraphBuilder
    places: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def seldom(self) -> bool:
        return self.draw(st.integers(0, 5)) == 0

    def shape(self, value: int) -> tuple[int, ...]:
        return self.builder.shape(value)

    def keep(self, value: int, places: tuple[int, int, int]) -> None:
        if np.prod(self.shape(value)) <= LARGEST:
            self.places[value] = places


def zeros(draw: st.DrawFn, shape: Sequence[int]) -> Pattern | None:
    """No zeros, a few, or many, that were read or were not."""
    kind = draw(st.sampled_from(("none", "one", "many", "same", "open")))
    mask = np.ones(shape, bool)
    if kind == "none":
        return None
    if kind == "one":
        mask.flat[draw(st.integers(0, mask.size - 1))] = False
    elif kind == "many":
        mask = draw(booleans(shape))
    elif kind == "same":
        mask = mask & draw(booleans(shape[-2:]))
    return Pattern(lambda: mask)


def convolve(net: Square, value: int) -> None:
    draw, (one, other, channel) = net.draw, net.places[value]
    first = draw(window_axes(one))
    second = draw(window_axes(other)) if net.seldom() else replace(first, dim=other)
    shape, inside = list(net.shape(value)), net.shape(value)[channel]
    groups = draw(st.sampled_from([n for n in (1, 2, inside) if inside % n == 0]))
    shape[channel] = groups * draw(st.integers(1, 2))
    for axis in (first, second):
        wide = (net.shape(value)[axis.dim] - 1) * axis.base_dilation + 1 + 2 * axis.low
        reach = (axis.kernel_size - 1) * axis.dilation + 1
        if wide < reach:
            return
        shape[axis.dim] = (wide - reach) // axis.stride + 1
    kernel = (shape[channel], inside // groups, first.kernel_size, second.kernel_size)
    ordered = (first, second) if draw(st.booleans()) else (second, first)
    taps = tuple(axis.kernel_size for axis in ordered)
    if draw(st.booleans()):
        op = Window(ordered, channel, groups, zeros(draw, (*kernel[:2], *taps)))
    else:
        shape[channel] = inside
        op = Window(ordered, None, 1, zeros(draw, (1, 1, *taps)))
    net.keep(net.builder.window(value, op, shape, "conv"), (one, other, channel))


def window_axes(dim: int) -> st.SearchStrategy[WindowAxis]:
    small = st.integers(1, 2)
    return st.builds(WindowAxis, st.just(dim), st.integers(1, 3), small, small, small, small)


def map_both(net: Square, value: int) -> None:
    """A map along one axis, nearly always followed by the same along the other."""
    draw, places = net.draw, net.places[value]
    one, other = places[:2] if draw(st.booleans()) else places[1::-1]
    length = net.shape(value)[one]
    table = (draw(st.integers(1, 5)), draw(st.integers(1, 2)))
    taps = draw(arrays(np.int64, table, elements=st.integers(-1, length - 1)))
    mapped = net.builder.axis_map(value, one, taps, "map")
    if net.seldom():
        net.keep(mapped, places)
        return
    if net.seldom():
        taps = draw(arrays(np.int64, table, elements=st.integers(-1, length - 1)))
    if net.shape(value)[other] == length:
        net.keep(net.builder.axis_map(mapped, other, taps, "map"), places)


def map_channels(net: Square, value: int) -> None:
    channel = net.places[value][2]
    count = net.shape(value)[channel]
    taps = net.draw(st.lists(st.integers(-1, count - 1), min_size=1, max_size=3))
    net.keep(net.builder.axis_map(value, channel, np.array(taps), "pick"), net.places[value])


def turn(net: Square, value: int) -> None:
    order = net.draw(st.permutations(range(len(net.shape(value)))))
    one, other, channel = (order.index(dim) for dim in net.places[value])
    turned = net.builder.transpose(value, order, "turn")
    net.keep(turned, (one, other, channel) if net.draw(st.booleans()) else (other, one, channel))


def squeeze(net: Square, value: int) -> None:
    """A mean over both axes, seldom over one, spread out again over what it was taken of."""
    draw, builder, places = net.draw, net.builder, net.places[value]
    shape = net.shape(value)
    dims = places[:1] if net.seldom() else places[:2]
    mean = builder.reduce(value, sorted(dims), draw(st.booleans()), "mean")
    kept = [1 if dim in dims else n for dim, n in enumerate(shape)]
    if len(net.shape(mean)) < len(shape):
        mean = builder.reshape(mean, kept, "view")
    if draw(st.booleans()):
        mean = builder.elementwise((mean,), kept, "sigmoid")
    net.keep(builder.elementwise((value, mean), shape, "mul"), places)


def add(net: Square, value: int) -> None:
    draw, shape, places = net.draw, net.shape(value), net.places[value]
    fitting = [other for other in net.places if net.shape(other) == shape]
    other = draw(st.sampled_from(fitting))
    one, two, channel = places
    narrow = [n if dim == channel else 1 for dim, n in enumerate(shape)]
    gates = (zeros(draw, draw(st.sampled_from((shape, tuple(narrow))))), None)
    op = Elementwise(gates) if draw(st.booleans()) else Elementwise()
    net.keep(net.builder.add(op, (value, other), shape, "add"), (one, two, channel))


def join(net: Square, value: int) -> None:
    dim = net.places[value][0 if net.seldom() else 2]
    shape = list(net.shape(value))
    start = shape[dim]
    shape[dim] *= 2
    joined = net.builder.add(Concatenate(dim, (0, start)), (value, value), shape, "concat")
    net.keep(joined, net.places[value])


def mix(net: Square, value: int) -> None:
    """A product with a constant matrix, over the channels or seldom over one of the axes."""
    draw, places = net.draw, net.places[value]
    dim = places[0 if net.seldom() else 2]
    shape = list(net.shape(value))
    labels, rank = list(range(len(shape))), len(shape)
    result = [rank if label == dim else label for label in labels]
    inside, shape[dim] = shape[dim], draw(st.integers(1, 3))
    pattern = zeros(draw, (inside, shape[dim]))
    op = Contract((tuple(labels),), tuple(result), (dim, rank), pattern)
    net.keep(net.builder.add(op, (value,), shape, "dense"), places)


def overwrite(net: Square, value: int) -> None:
    shape = net.shape(value)
    op = Overwrite((0,) * len(shape), shape, (1,) * len(shape), ("base", "value"))
    net.keep(net.builder.add(op, (value, value), shape, "write"), net.places[value])


STEPS: Sequence[Callable[[Square, int], None]] = (
    *(convolve,) * 4,
    *(map_both,) * 3,
    map_channels,
    turn,
    squeeze,
    add,
    join,
    mix,
    overwrite,
)


@st.composite
def squares(draw: st.DrawFn) -> Square:
    length = draw(st.integers(2, 5))
    net = Square(draw, GraphBuilder((1, draw(st.integers(1, 2)), length, length)))
    net.places[0] = (2, 3, 1)
    for _ in range(draw(st.integers(1, 5))):
        draw(st.sampled_from(STEPS))(net, draw(st.sampled_from([*net.places])))
    return net


@st.composite
def elastic_axes(draw: st.DrawFn, net: Square, graph: Graph) -> Elastic:
    """Nothing, the two axes of every value, or any."""
    kind = draw(st.sampled_from(("unknown", "axes", "any")))
    if kind == "unknown":
        return {}
    elastic = {}
    for index, node in enumerate(graph.nodes):
        places = net.places.get(index, (2, 3))[:2]
        flags = [dim in places for dim in range(len(node.shape))]
        if kind == "any" and draw(st.integers(0, 9)) == 0:
            flags = draw(booleans((len(flags),))).tolist()
        elastic[index] = tuple(flags)
    # A value that hands masks on has the shape of where it is from at any size.
    return {index: elastic[origin] for index, origin in enumerate(graph.origins())}


@settings(max_examples=200)
@given(data=st.data())
def test_the_other_axis_sees_what_it_is_said_to(data: st.DataObject) -> None:
    net = data.draw(squares())
    graph = net.builder.finish()
    elastic = data.draw(elastic_axes(net, graph))
    # As in `test_ahead.py`: what hands masks on as they are is never cut.
    able = [n for n, origin in enumerate(graph.origins()) if n == origin and n]
    cut = data.draw(st.frozensets(st.sampled_from(able), max_size=1)) if able else frozenset()
    walker, ahead = Walker(graph, elastic, cut), Ahead()
    for node in reversed(net.places):
        one, other, _ = net.places[node]
        count = min(graph.nodes[node].shape[dim] for dim in (one, other))
        indices = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=2))
        questions = [Question.rows(walker, node, dim, indices) for dim in (one, other)]
        if data.draw(st.booleans()):
            questions = [Question.every(walker, node, dim) for dim in (one, other)]
        ahead.ask(questions)
        for question in questions:
            assert_as_alone(ahead, question)


Build = Callable[[GraphBuilder], int]

SPATIAL = (False, False, True, True)


def answers(build: Build, flags: Sequence[bool] = SPATIAL) -> bool:
    """Whether walks along one axis of a (1, 2, 6, 6) answer for the other one.

    Args:
        build: Adds nodes; the last one is asked about, after all others.
        flags: Which axes follow the input's size; none if it is not known.
    """
    builder = GraphBuilder((1, 2, 6, 6))
    node = build(builder)
    graph = builder.finish()
    known = {n: tuple(flags[: len(v.shape)]) for n, v in enumerate(graph.nodes)} if flags else {}
    walker, ahead = Walker(graph, known), Ahead()
    ahead.ask(Question.rows(walker, n, 2, [1, 2]) for n in range(1, node + 1) if _is_map(graph, n))
    question = Question.rows(walker, node, 3, [1, 2])
    if ahead.told(question) is None:
        return False
    assert_as_alone(ahead, question)
    return True


def _is_map(graph: Graph, node: int) -> bool:
    shape = graph.nodes[node].shape
    return len(shape) == 4 and shape[2] > 2


def conv(pattern: Mask | None = None, second: WindowAxis | None = None) -> Window:
    axes = (WindowAxis(2, 3, low=1), second or WindowAxis(3, 3, low=1))
    return Window(axes, 1, 1, None if pattern is None else Pattern(lambda: pattern))


def convolved(op: Window, shape: Sequence[int] = (1, 2, 6, 6)) -> Build:
    return lambda builder: builder.window(0, op, shape, "conv")


def mapped(*steps: tuple[int, Sequence[int]]) -> Build:
    def build(builder: GraphBuilder) -> int:
        value = 0
        for dim, taps in steps:
            value = builder.axis_map(value, dim, np.array(taps), "map")
        return value

    return build


def contracted(op: Contract, operands: int = 1) -> Build:
    return lambda builder: builder.add(op, (0,) * operands, (1, 2, 6, 6), "einsum")


def with_zeros(shape: Sequence[int], *where: slice | int) -> Pattern:
    mask = np.ones(shape, bool)
    mask[where] = False
    return Pattern(lambda: mask)


def excited(builder: GraphBuilder) -> int:
    mean = builder.reduce(0, (2, 3), True, "mean")
    flat = builder.reshape(mean, (1, 2), "view")
    dense = builder.add(Contract(((0, 1),), (0, 2), (1, 2)), (flat,), (1, 2), "dense")
    back = builder.reshape(dense, (1, 2, 1, 1), "view")
    return builder.elementwise((0, back), (1, 2, 6, 6), "mul")


def with_a_map_of_its_mean(builder: GraphBuilder) -> int:
    mean = builder.reduce(0, (2, 3), False, "mean")
    dense = builder.add(Contract(((0, 1),), (0, 2, 3, 4)), (mean,), (1, 2, 6, 6), "dense")
    return builder.elementwise((0, dense), (1, 2, 6, 6), "add")


def with_the_mean_of_its_first_row(builder: GraphBuilder) -> int:
    flat = builder.reshape(0, (1, 2, 36), "view")
    row = builder.axis_map(flat, 2, np.arange(6), "slice")
    mean = builder.reshape(builder.reduce(row, (2,), True, "mean"), (1, 2, 1, 1), "view")
    return builder.elementwise((0, mean), (1, 2, 6, 6), "sub")


def with_its_transpose(op: Elementwise | Concatenate, channels: int) -> Build:
    def build(builder: GraphBuilder) -> int:
        turned = builder.transpose(0, (0, 1, 3, 2), "turn")
        return builder.add(op, (0, turned), (1, channels, 6, 6), "both")

    return build


def of_one_channel(before: Build, after: Build) -> Build:
    """A kernel with a hole in its second output channel, of which only that one is asked for."""
    pattern = np.ones((2, 2, 3, 3), bool)
    pattern[1, :, 0, :] = False

    def build(builder: GraphBuilder) -> int:
        both = builder.window(before(builder), conv(pattern), (1, 2, 6, 6), "conv")
        builder.elementwise((both,), (1, 2, 6, 6), "relu")
        return after(builder)

    return build


def second_channel_picked(builder: GraphBuilder) -> int:
    return builder.axis_map(1, 1, np.array([1]), "pick")


def second_channel_alone_in_a_product(builder: GraphBuilder) -> int:
    op = Contract(((0, 1, 2, 3),), (0, 4, 2, 3), (1, 4), with_zeros((2, 2), 0))
    return builder.add(op, (1,), (1, 2, 6, 6), "dense")


def itself(builder: GraphBuilder) -> int:
    return 0


ONE_ZERO, ASLANT = np.ones((2, 2, 3, 3), bool), np.ones((2, 2, 3, 3), bool)
ONE_ZERO[0, 0, 0, 1], ASLANT[:, :, 0, 1] = False, False
SHIFT, CUT, NOTHING = (-1, 0, 1, 2, 3, 4), (0, 1, 2, 3, 4), (-1, -1, -1)
SAME = (0, 1, 2, 3)

ALIKE: dict[str, Build] = {
    "dense kernel": convolved(conv()),
    "a zero by accident": convolved(conv(ONE_ZERO)),
    "padding on both": mapped((3, SHIFT), (2, SHIFT)),
    "squeezed and excited": excited,
    "channels mixed": contracted(Contract((SAME,), (0, 4, 2, 3), (1, 4))),
    "channels joined": lambda builder: builder.add(
        Concatenate(1, (0, 2)), (0, 0), (1, 4, 6, 6), "concat"
    ),
}

NOT_ALIKE: dict[str, Build] = {
    "another window": convolved(conv(second=WindowAxis(3, 3, low=2))),
    "holes on one side": convolved(conv(ASLANT)),
    "other lengths": convolved(conv(), (1, 2, 6, 5)),
    "channels along an axis": convolved(Window((), 3)),
    "padding of one axis": mapped((3, SHIFT)),
    "one axis padded twice": mapped((3, SHIFT), (3, SHIFT)),
    "other padding": mapped((3, SHIFT), (2, SHIFT[::-1])),
    "nothing that is seen": mapped((3, NOTHING), (2, NOTHING)),
    "gates on one side": lambda builder: builder.add(
        Elementwise((with_zeros((6, 6), 0),)), (0,), (1, 2, 6, 6), "mask"
    ),
    "joined along an axis": lambda builder: builder.add(
        Concatenate(2, (0, 6)), (0, 0), (1, 2, 12, 6), "concat"
    ),
    "both axes joined along": lambda builder: builder.window(
        builder.add(Concatenate(2, (0, 6)), (0, 0), (1, 2, 12, 6), "concat"),
        Window((WindowAxis(2, 2, 2),)),
        (1, 2, 6, 6),
        "pool",
    ),
    "added to its transpose": with_its_transpose(Elementwise(), 2),
    "joined with its transpose": with_its_transpose(Concatenate(1, (0, 2)), 4),
    "multiplied with its transpose": contracted(Contract((SAME, (0, 1, 3, 2)), SAME), 2),
    "scaled along an axis": contracted(Contract((SAME,), SAME, (2,), with_zeros((6,), 0))),
    "its mean as a map": with_a_map_of_its_mean,
    "a mean over one axis": lambda builder: builder.elementwise(
        (0, builder.reduce(0, (2,), True, "mean")), (1, 2, 6, 6), "sub"
    ),
    "a mean that loses one axis": lambda builder: builder.elementwise(
        (0, builder.reduce(0, (2,), False, "mean")), (1, 2, 6, 6), "sub"
    ),
    "the mean of its first row": with_the_mean_of_its_first_row,
    "in other shapes": lambda builder: builder.reshape(
        builder.reshape(0, (1, 36, 2), "view"), (1, 2, 6, 6), "view"
    ),
    "a hole in the channel that is picked": of_one_channel(itself, second_channel_picked),
    "a hole in the channel that is used": of_one_channel(itself, second_channel_alone_in_a_product),
}


@pytest.mark.parametrize("flags", [SPATIAL, ()], ids=["elastic", "unknown"])
@pytest.mark.parametrize("build", ALIKE.values(), ids=ALIKE)
def test_one_walk_tells_about_both_axes(build: Build, flags: Sequence[bool]) -> None:
    assert answers(build, flags)


def test_axes_are_followed_to_other_places() -> None:
    def build(builder: GraphBuilder) -> int:
        last = builder.transpose(0, (0, 2, 3, 1), "turn")
        windows = (WindowAxis(1, 3, low=1), WindowAxis(2, 3, low=1))
        blurred = builder.window(last, Window(windows, 3), (1, 6, 6, 2), "conv")
        return builder.transpose(blurred, (0, 3, 1, 2), "back")

    assert answers(build, ())


@pytest.mark.parametrize("build", NOT_ALIKE.values(), ids=NOT_ALIKE)
def test_an_axis_that_is_treated_otherwise_takes_its_own_walk(build: Build) -> None:
    assert not answers(build)


@pytest.mark.parametrize(("length", "one_walk"), [(400, True), (400_000, False)])
def test_rows_that_take_several_walks_are_not_kept(length: int, one_walk: bool) -> None:
    builder = GraphBuilder((1, 2, length, length))
    node = convolved(conv(), (1, 2, length, length))(builder)
    graph, ahead = builder.finish(), Ahead()
    walker = Walker(graph, dict.fromkeys(range(len(graph.nodes)), SPATIAL))
    probed = ProbedOutput(walker, node, (2, 3), (2, 3), ahead)
    indices = range(100, 140)
    seen = [probed.rows(axis, indices) for axis in (0, 1)]
    assert seen[0] == seen[1]
    assert [(s.first, s.last) for s in seen[0].values()] == [(j - 1, j + 1) for j in indices]
    assert (ahead.told(Question.rows(walker, node, 2, indices)) is not None) == one_walk


def test_an_axis_that_does_not_follow_the_size_takes_its_own_walk() -> None:
    assert not answers(convolved(conv()), (False, False, True, False))


def test_half_of_the_padding_may_be_cut() -> None:
    builder = GraphBuilder((1, 2, 6, 6))
    node = mapped((3, SHIFT), (2, SHIFT))(builder)
    walker, ahead = Walker(builder.finish(), {}, frozenset({1})), Ahead()
    ahead.ask([Question.rows(walker, node, 2, [1])])
    assert ahead.told(Question.rows(walker, node, 3, [1])) is None


def test_padding_that_follows_the_size_half_takes_its_own_walk() -> None:
    builder = GraphBuilder((1, 2, 6, 6))
    node = mapped((3, SHIFT), (2, SHIFT))(builder)
    elastic = {0: SPATIAL, 1: (False,) * 4, 2: SPATIAL}
    walker, ahead = Walker(builder.finish(), elastic), Ahead()
    ahead.ask([Question.rows(walker, node, 2, [1])])
    assert ahead.told(Question.rows(walker, node, 3, [1])) is None

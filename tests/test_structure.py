"""Two traces of one model at two sizes, built by hand: are they one network?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rfcore.graph import (
    Concatenate,
    Contract,
    Cumulative,
    Elementwise,
    Gather,
    Graph,
    GraphBuilder,
    Opaque,
    Overwrite,
    Pattern,
    Window,
    WindowAxis,
)
from rfcore.structure import Alignment, align

Build = Callable[[GraphBuilder, int], int]

SMALL, LARGE = 12, 72


def aligned(build: Build, small: int = SMALL, large: int = LARGE) -> Alignment:
    graphs: list[Graph] = []
    outputs = []
    for length in (small, large):
        builder = GraphBuilder((1, 3, length))
        outputs.append(build(builder, length))
        graphs.append(builder.finish())
    return align(graphs[0], outputs[0], graphs[1], outputs[1])


def pooled(builder: GraphBuilder, value: int, stride: int, kernel: int = 2) -> int:
    *rest, length = builder.shape(value)
    window = Window((WindowAxis(2, kernel, stride),))
    return builder.window(value, window, (*rest, (length - kernel) // stride + 1), "max_pool1d")


def sampled(builder: GraphBuilder, value: int, taps: list[int], name: str) -> int:
    return builder.axis_map(value, 2, np.array(taps), name)


def adaptive(builder: GraphBuilder, value: int, count: int) -> int:
    """Pools everything into `count` windows, as long as they have to be."""
    length = builder.shape(value)[2]
    width = length // count
    taps = np.arange(length).reshape(count, width)
    return builder.axis_map(value, 2, taps, "adaptive_avg_pool1d")


def upsampled(builder: GraphBuilder, value: int, factor: int) -> int:
    length = builder.shape(value)[2]
    return sampled(builder, value, [j // factor for j in range(factor * length)], "upsample")


def padded(builder: GraphBuilder, value: int, low: int, high: int, mode: str) -> int:
    length = builder.shape(value)[2]
    taps = np.pad(np.arange(length), (low, high), mode=mode)  # type: ignore[call-overload]
    return sampled(builder, value, taps.tolist(), f"pad_{mode}")


def residual(builder: GraphBuilder, n: int) -> int:
    shape = builder.shape(0)
    left = builder.window(0, Window((WindowAxis(2, 3, low=1),), 1), shape, "conv1d")
    right = builder.mix(0, (2,), shape, "softmax")
    return builder.elementwise((left, right), shape, "add")


def gated(builder: GraphBuilder, n: int) -> int:
    keep = Pattern(lambda: np.arange(n) > 2)
    return builder.add(Elementwise((keep,)), (0,), (1, 3, n), "mul")


def joined(builder: GraphBuilder, n: int) -> int:
    op = Concatenate(2, (0, n))
    return builder.add(op, (0, 0), (1, 3, 2 * n), "cat")


def attention(builder: GraphBuilder, n: int) -> int:
    op = Contract(((0, 1, 2), (0, 1, 3)), (0, 2, 3))
    return builder.add(op, (0, 0), (1, n, n), "bmm")


def windows_of_four(builder: GraphBuilder, n: int) -> int:
    return builder.reshape(0, (1, 3, n // 4, 4), "view")


def four_pieces(builder: GraphBuilder, n: int) -> int:
    return builder.reshape(0, (1, 3, 4, n // 4), "view")


def tokens(builder: GraphBuilder, n: int) -> int:
    return builder.reshape(builder.transpose(0, (0, 2, 1), "permute"), (1, 3 * n), "flatten")


def middle_written(builder: GraphBuilder, n: int) -> int:
    inner = sampled(builder, 0, list(range(1, n - 1)), "slice")
    op = Overwrite((0, 0, 1), (1, 3, n - 2), (1, 1, 1), ("base", "value"))
    return builder.add(op, (0, inner), (1, 3, n), "copy_")


def opaque(shape: Callable[[int], tuple[int, ...]], name: str = "cdist") -> Build:
    return lambda builder, n: builder.add(Opaque(lambda mask: [mask]), (0,), shape(n), name)


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda b, n: 0, id="the input itself"),
        pytest.param(residual, id="residual block"),
        pytest.param(lambda b, n: pooled(b, pooled(b, 0, 2), 3), id="pooling"),
        pytest.param(lambda b, n: b.reduce(0, (2,), True, "mean"), id="global pooling"),
        pytest.param(lambda b, n: b.add(Cumulative(2), (0,), (1, 3, n), "cumsum"), id="cumulative"),
        pytest.param(lambda b, n: upsampled(b, 0, 2), id="upsampling by a factor"),
        pytest.param(lambda b, n: padded(b, 0, 2, 3, "reflect"), id="reflection"),
        pytest.param(lambda b, n: padded(b, 0, 3, 1, "edge"), id="replication"),
        pytest.param(lambda b, n: padded(b, 0, 2, 2, "wrap"), id="wrapping"),
        pytest.param(lambda b, n: sampled(b, 0, [-1] * 9 + [*range(n)], "pad"), id="long low pad"),
        pytest.param(
            lambda b, n: sampled(b, 0, [*range(n)] + [-1] * 99, "pad"), id="long high pad"
        ),
        pytest.param(lambda b, n: sampled(b, 0, list(range(3, n - 2)), "slice"), id="crop"),
        pytest.param(lambda b, n: sampled(b, 0, list(range(0, n, 3)), "slice"), id="every third"),
        pytest.param(lambda b, n: sampled(b, 0, list(range(n))[::-1], "flip"), id="flip"),
        pytest.param(lambda b, n: b.axis_map(0, 1, np.array([2, 0]), "index"), id="channels"),
        pytest.param(gated, id="gates of another length"),
        pytest.param(joined, id="concatenation along the length"),
        pytest.param(attention, id="attention"),
        pytest.param(windows_of_four, id="windows of a fixed length"),
        pytest.param(lambda b, n: b.reshape(0, (1, 3, 1, n), "unsqueeze"), id="an axis of one"),
        pytest.param(tokens, id="tokens"),
        pytest.param(middle_written, id="a write that spares the borders"),
        pytest.param(opaque(lambda n: (1, 3, n)), id="opaque"),
    ],
)
def test_one_structure_at_two_lengths(build: Build) -> None:
    found = aligned(build)
    assert found.difference == ""
    assert found.complete


@pytest.mark.parametrize(
    ("build", "difference"),
    [
        pytest.param(lambda b, n: adaptive(b, 0, 4), "adaptive_avg_pool1d", id="fixed grid"),
        pytest.param(
            lambda b, n: sampled(b, 0, [j * n // 24 for j in range(24)], "interpolate"),
            "interpolate",
            id="resize to a fixed size",
        ),
        pytest.param(
            lambda b, n: sampled(b, 0, np.roll(range(n), n // 2).tolist(), "fftshift"),
            "fftshift",
            id="shift by half of the size",
        ),
        pytest.param(
            lambda b, n: sampled(b, 0, list(range(5)), "slice"), "slice", id="first five only"
        ),
        pytest.param(four_pieces, "view", id="a fixed number of pieces"),
        pytest.param(
            lambda b, n: pooled(b, 0, 2 if n == SMALL else 3), "max_pool1d", id="other stride"
        ),
        pytest.param(
            lambda b, n: b.axis_map(0, 1, np.array([0 if n == SMALL else 1]), "select"),
            "select",
            id="other channel",
        ),
        pytest.param(
            lambda b, n: b.reduce(0, (1,) if n == SMALL else (2,), True, "mean"),
            "mean",
            id="other axis",
        ),
        pytest.param(
            lambda b, n: (
                b.add(Gather(np.arange(6)[:, None] % n), (0,), (6,), "take")
                if n == SMALL
                else b.add(Gather(np.arange(6)[:, None] + 1), (0,), (6,), "take")
            ),
            "take",
            id="other positions",
        ),
        pytest.param(opaque(lambda n: (1, 3, 4)), "cdist", id="opaque onto a fixed grid"),
    ],
)
def test_another_network_at_another_size(build: Build, difference: str) -> None:
    found = aligned(build)
    assert found.difference == difference


def test_a_piece_of_length_one_at_the_small_size_does_not_hide_the_split() -> None:
    assert aligned(four_pieces, 4, 24).difference == "view"


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(
            lambda b, n: pooled(b, 0, 2) if n > SMALL else b.reduce(0, (2,), True, "mean"),
            id="a branch on the size",
        ),
        pytest.param(
            lambda b, n: b.elementwise((0,) * (1 + (n > SMALL)), (1, 3, n), "add"),
            id="more operands",
        ),
        pytest.param(
            lambda b, n: opaque(lambda m: (1, 3, m), f"op{n}")(b, n), id="other opaque op"
        ),
    ],
)
def test_a_branch_on_the_size_makes_the_pairs_incomplete(build: Build) -> None:
    found = aligned(build)
    assert not found.complete
    assert found.difference


def test_one_node_that_stands_for_two_is_incomplete() -> None:
    """At the larger size both operands are one value: shared, not just alike."""

    def build(builder: GraphBuilder, n: int) -> int:
        left = builder.elementwise((0,), (1, 3, n), "relu")
        right = left if n > SMALL else builder.elementwise((0,), (1, 3, n), "relu")
        return builder.elementwise((left, right), (1, 3, n), "add")

    assert not aligned(build).complete


def test_the_first_difference_in_execution_order_is_named() -> None:
    def build(builder: GraphBuilder, n: int) -> int:
        builder.layer = "pool1"
        first = adaptive(builder, 0, 4)
        builder.layer = "pool2"
        return adaptive(builder, first, 2 if n > SMALL else 4)

    assert aligned(build).difference == "adaptive_avg_pool1d in 'pool1'"


def test_axes_of_another_length_are_elastic() -> None:
    def build(builder: GraphBuilder, n: int) -> int:
        half = pooled(builder, 0, 2)
        moved = builder.transpose(half, (2, 0, 1), "permute")
        return builder.reduce(moved, (0,), True, "mean")

    found = aligned(build)
    by_shape = [(False, False, True), (False, False, True), (True, False, False), (False,) * 3]
    assert found.elastic == dict(enumerate(by_shape))
    assert found.elastic_small == dict(enumerate(by_shape))
    assert found.pairs == {0: 0, 1: 1, 2: 2, 3: 3}


def test_nodes_are_paired_even_where_dead_code_shifts_their_numbers() -> None:
    def build(builder: GraphBuilder, n: int) -> int:
        if n > SMALL:
            builder.reduce(0, (2,), True, "unused")
        return pooled(builder, 0, 2)

    found = aligned(build)
    assert found.pairs == {2: 1, 0: 0}
    assert found.elastic == {2: (False, False, True), 0: (False, False, True)}
    assert found.elastic_small == {1: (False, False, True), 0: (False, False, True)}


@pytest.mark.parametrize(
    ("strides", "period"),
    [((), 1), ((2,), 2), ((2, 2), 4), ((3, 2), 6), ((2, 3, 2), 12)],
    ids=str,
)
def test_the_period_is_the_product_of_a_chain_of_strides(
    strides: tuple[int, ...], period: int
) -> None:
    def build(builder: GraphBuilder, n: int) -> int:
        value = 0
        for stride in strides:
            value = pooled(builder, value, stride, kernel=stride)
        return value

    assert aligned(build, 24, 24 + 120).period == period


def test_the_period_is_the_least_common_multiple_of_parallel_strides() -> None:
    """Paths of stride 4 and 6, both brought back to full size and added: they meet every 12."""

    def build(builder: GraphBuilder, n: int) -> int:
        four = upsampled(builder, pooled(builder, 0, 4, kernel=4), 4)
        six = upsampled(builder, pooled(builder, 0, 6, kernel=6), 6)
        return builder.elementwise((four, six), (1, 3, n), "add")

    assert aligned(build, 24, 24 + 120).period == 12


def test_reshapes_of_values_with_other_ranks_are_another_network():
    def build(builder: GraphBuilder, length: int) -> int:
        # As where padding to whole blocks is needed at one size only.
        flat = (3 * length,) if length == SMALL else (3, length)
        return builder.reshape(builder.reshape(0, flat, "blocks"), (1, length, 3), "merge")

    alignment = aligned(build)
    assert not alignment.complete
    assert alignment.difference == "merge"

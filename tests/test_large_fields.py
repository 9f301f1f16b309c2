"""Fields of thousands of pixels and more, in the memory of a laptop.

Sizes are 1 + sum (k - 1) d J throughout. Only numpy's memory counts here: `tracemalloc` hears of
every array.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import rfcore
from rfcore.layers import (
    Branches,
    Convolution,
    Identity,
    Layer,
    Padding,
    Pooling,
    TransposedConvolution,
)

GIGABYTE = 1 << 30


@contextmanager
def within(bytes_at_once: int) -> Iterator[None]:
    """Fails where arrays took more memory at once than they may."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < bytes_at_once


def residual(*body: Layer) -> Branches:
    return Branches(((Identity(),), body))


def splice_ai() -> tuple[Layer, ...]:
    """Source: Jaganathan et al., Cell 2019: 5000 bases on each side."""
    groups = ((11, 1), (11, 4), (21, 10), (41, 25))
    return tuple(
        residual(*2 * (Convolution(k, dilation=d, padding=d * (k - 1) // 2),))
        for k, d in groups
        for _ in range(4)
    )


def wavenets(cycles: int, depth: int) -> tuple[Layer, ...]:
    """Causal kernels of two taps whose dilations double: each cycle adds 2^depth - 1."""
    return tuple(
        residual(Padding(2**level, 0), Convolution(2, dilation=2**level))
        for _ in range(cycles)
        for level in range(depth)
    )


def bottlenecks(per_stage: int, stages: int) -> tuple[Layer, ...]:
    """Bottlenecks of which the first of each later stage strides in its 3-tap kernel."""
    layers: list[Layer] = []
    for stage in range(stages):
        for number in range(per_stage):
            stride = 2 if stage and not number else 1
            body = (Convolution(1), Convolution(3, stride=stride, padding=1), Convolution(1))
            short = (Convolution(1, stride=stride),) if stride > 1 else (Identity(),)
            layers.append(Branches((short, body)))
    return tuple(layers)


def dense_layers(counts: tuple[int, ...]) -> tuple[Layer, ...]:
    """The windows of a DenseNet: along its longest path it is a chain."""
    layers: list[Layer] = [Convolution(7, stride=2, padding=3), Pooling(3, stride=2, padding=1)]
    for number, count in enumerate(counts):
        layers += [Pooling(2, kind="average")] if number else []
        layers += count * [
            Branches(((Identity(),), (Convolution(1), Convolution(3, padding=1))), "concatenate")
        ]
    return tuple(layers)


def v_net(depth: int, kernel_size: int) -> tuple[Layer, ...]:
    """An encoder and decoder with two convolutions per level, skips by addition."""
    pair = 2 * (Convolution(kernel_size, padding=kernel_size // 2),)
    inner: tuple[Layer, ...] = pair
    for _ in range(depth):
        down, up = Pooling(2), TransposedConvolution(2, stride=2)
        inner = (*pair, Branches(((Identity(),), (down, *inner, up))), *pair)
    return inner


@pytest.mark.parametrize(
    ("layers", "input_shape", "size", "stride"),
    [
        pytest.param(splice_ai(), (15_000,), 10_001, 1, id="splice-ai-10k"),
        # 7 (2^14 - 1) steps of the past.
        pytest.param(wavenets(7, 14), (16_000,), 114_682, 1, id="wavenets"),
        pytest.param(
            tuple(Convolution(3, dilation=3**i, padding=3**i) for i in range(11)),
            (1000,),
            3**11,
            1,
            id="powers-of-three",
        ),
        # A first one of a stage reaches 2 J with the J before it, all others 2 J with their own:
        # 111 · 2 at J = 1, 2 at 1 and 110 · 2 at 2, 2 at 2 and 110 · 2 at 4.
        pytest.param(
            bottlenecks(111, 3), (224, 224), 1 + 222 + 2 + 440 + 4 + 880, 4, id="resnet-1001"
        ),
        # 7 and 3 taps at 1 and 2; dense layers of 2 J at 4, 8, 16, 32; poolings of J between.
        pytest.param(
            dense_layers((6, 12, 64, 48)),
            (224, 224),
            1 + 6 + 4 + 6 * 8 + 4 + 12 * 16 + 8 + 64 * 32 + 16 + 48 * 64,
            32,
            id="densenet-264",
        ),
        pytest.param(
            dense_layers((6, 12, 64, 96)),
            (224, 224),
            1 + 6 + 4 + 6 * 8 + 4 + 12 * 16 + 8 + 64 * 32 + 16 + 96 * 64,
            32,
            id="densenet-360",
        ),
        pytest.param(
            (
                Convolution(7, stride=2, padding=3),
                Pooling(3, stride=2, padding=1),
                *bottlenecks(36, 4),
            ),
            (64, 112, 112),
            # 6 at 1, 2 at 2, 36 · 2 at 4, then 2 at J and 35 · 2 at 2 J for J = 4, 8, 16.
            1 + 6 + 4 + 36 * 8 + 28 * 2 + 35 * 2 * (8 + 16 + 32),
            32,
            id="deep-3d-resnet",
        ),
    ],
)
def test_chains_of_any_depth(
    layers: tuple[Layer, ...], input_shape: tuple[int, ...], size: int, stride: int
) -> None:
    with within(GIGABYTE):
        field = rfcore.estimate(layers, input_shape=input_shape)
    assert field.size == (size,) * len(input_shape)
    assert field.stride == (stride,) * len(input_shape)
    assert field.exact


@pytest.mark.parametrize(("depth", "kernel_size"), [(5, 5), (6, 3)])
def test_volumes_of_v_nets(depth: int, kernel_size: int) -> None:
    """Each level adds two pairs' halo k - 1 at its stride, plus what blocks of 2^depth share.

    For a block of outputs aligned to 2^depth the halo on either side is (k - 1) (2^i + 2^i) for
    each level above the bottom and (k - 1) 2^depth for it, widened to whole cells on the way up.
    """
    halo = kernel_size // 2 * 2
    low, high = 0, 2**depth
    for level in range(depth):
        # The decoder's pair, then down to whole cells of the next level.
        low, high = low - halo * 2**level, high + halo * 2**level
        cell = 2 ** (level + 1)
        low, high = low // cell * cell, -(-high // cell) * cell
    low, high = low - halo * 2**depth, high + halo * 2**depth
    for level in range(depth):
        low, high = low - halo * 2**level, high + halo * 2**level
    with within(GIGABYTE):
        field = rfcore.estimate(v_net(depth, kernel_size), input_shape=(128, 128, 128))
    for axis in field.axes:
        assert axis.stride == 1
        assert 2**depth % axis.period == 0
        block = [axis.interval(j) for j in range(2**depth)]
        assert min(lo for lo, _ in block) == low
        assert max(hi for _, hi in block) == high
        assert axis.size > 500

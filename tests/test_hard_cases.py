"""Networks on which fields are told wrongly with ease: long periods, decoders, paths that meet."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

import rfcore
from rfcore.errors import IrregularFieldError
from rfcore.graph import AxisMap
from rfcore.layers import (
    Branches,
    Convolution,
    Cropping,
    Identity,
    Layer,
    Normalization,
    Padding,
    Pooling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.masks import Site
from rfcore.pullback import pull
from rfcore.testing.walking import EndlessWalk, along_axis

COPRIME = tuple(TransposedConvolution(s + 1, stride=s) for s in (2, 3, 5, 7))


def causal_up(*factors: int) -> tuple[Layer, ...]:
    """The decoder of a streaming audio codec: what a later step would add is cut off."""
    layers: list[Layer] = [Padding(6, 0), Convolution(7)]
    for factor in factors:
        layers += [TransposedConvolution(2 * factor, stride=factor), Cropping(0, factor)]
        layers += [Padding(2, 0), Convolution(3)]
    return (*layers, Padding(6, 0), Convolution(7))


def decoder(depth: int, up: Layer, *, taps: int = 3) -> tuple[Layer, ...]:
    """A U-Net of any depth with one convolution per level and side."""
    inner: tuple[Layer, ...] = (Convolution(taps, padding=taps // 2),)
    for _ in range(depth):
        conv = Convolution(taps, padding=taps // 2)
        inner = (conv, Branches(((Identity(),), (Pooling(2), *inner, up))), conv)
    return inner


PERIODIC: dict[str, tuple[tuple[Layer, ...], int, Fraction]] = {
    "kernel not a multiple of the stride": (
        (TransposedConvolution(5, stride=3),), 40, Fraction(1, 3),
    ),
    "kernel smaller than the stride, filled in": (
        (TransposedConvolution(2, stride=3), Convolution(3, padding=1)), 40, Fraction(1, 3),
    ),
    "coprime factors": (COPRIME, 8, Fraction(1, 210)),
    "coprime factors down and up": (
        (
            Convolution(5, stride=3, padding=2),
            TransposedConvolution(3, stride=2),
            Convolution(5, stride=5),
            TransposedConvolution(5, stride=3),
        ),
        300,
        Fraction(5, 2),
    ),
    "linear by three and four": (
        (Upsampling(3, mode="linear"), Convolution(3, padding=1), Upsampling(4, mode="linear")),
        12,
        Fraction(1, 12),
    ),
    "super-resolution by eight": (
        (Convolution(9, padding=4), *3 * (Upsampling(2), Convolution(3, padding=1))),
        24,
        Fraction(1, 8),
    ),
    "a latent of one position": (
        tuple(TransposedConvolution(4, stride=2, padding=1) for _ in range(5)), 1, Fraction(1, 32),
    ),
    "audio from frames": (causal_up(8, 5, 4, 2), 75, Fraction(1, 320)),
    "U-Net of depth 5, nearest": (decoder(5, Upsampling(2)), 224, Fraction(1)),
    "U-Net of depth 5, linear": (decoder(5, Upsampling(2, mode="linear")), 224, Fraction(1)),
    "U-Net of depth 5, transposed 3": (
        decoder(5, TransposedConvolution(3, stride=2, padding=1, output_padding=1)),
        224,
        Fraction(1),
    ),
    "U-Net of depth 3, transposed 5": (
        decoder(3, TransposedConvolution(5, stride=2, padding=2, output_padding=1), taps=5),
        224,
        Fraction(1),
    ),
    "two decoders of different factors": (
        (
            Branches(
                (
                    (Convolution(5, stride=4, padding=2), Upsampling(4)),
                    (Convolution(3, stride=6, padding=1), Upsampling(6)),
                )
            ),
        ),
        96,
        Fraction(1),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "n", "stride"), PERIODIC.values(), ids=PERIODIC)
def test_every_phase_is_what_walking_the_taps_finds(
    layers: tuple[Layer, ...], n: int, stride: Fraction
) -> None:
    [axis] = rfcore.estimate(layers, input_shape=(n,)).axes
    assert axis.stride == stride
    walk = EndlessWalk(along_axis(layers, 0), n)
    for j in [*range(-2, axis.period + 2), 7 * axis.period + 3]:
        seen = walk.seen(j)
        assert axis.interval(j) == (min(seen), max(seen) + 1)


def test_a_square_of_coprime_factors() -> None:
    field = rfcore.estimate(COPRIME[:3], input_shape=(6, 5))
    walk = EndlessWalk(along_axis(COPRIME[:3], 0), 6)
    for axis in field.axes:
        assert axis.stride == Fraction(1, 30)
        for j in range(31):
            seen = walk.seen(j)
            assert axis.interval(j) == (min(seen), max(seen) + 1)


@pytest.mark.parametrize("n", [40, 64, 100])
def test_paths_of_strides_two_and_three_never_meet(n: int) -> None:
    # As many outputs on both paths at this size alone; their edges move by 2 and by 3.
    outputs = math.ceil(n / 3)
    paths = Branches(
        ((Convolution(1, stride=3, padding="same"),), (Convolution(1, stride=2, padding="same"),
          Cropping(0, math.ceil(n / 2) - outputs)))
    )  # fmt: skip
    with pytest.raises(IrregularFieldError) as caught:
        rfcore.estimate((paths,), input_shape=(n,))
    assert caught.value.axis == 0


# What stands in for pixels past a border

REFLECTED = AxisMap(0, np.array([2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 6, 5])[:, None])
ROLLED = AxisMap(0, np.roll(np.arange(12), 3)[:, None])


@pytest.mark.parametrize(
    ("op", "length", "asked", "low", "high"),
    [
        pytest.param(REFLECTED, 8, [5], False, False, id="inside"),
        pytest.param(REFLECTED, 8, [0], True, True, id="reflected-alone"),
        pytest.param(REFLECTED, 8, [0, 6], True, False, id="reflected-and-more-above"),
        pytest.param(REFLECTED, 8, [0, 3], True, True, id="reflected-and-less-above"),
        pytest.param(REFLECTED, 8, [11, 5], False, True, id="reflected-at-the-high-border"),
        pytest.param(ROLLED, 12, [0, 8], True, True, id="rolled-from-the-other-end"),
    ],
)
def test_pixels_that_stand_in_hide_only_edges_beyond_all_others(
    op: AxisMap, length: int, asked: list[int], low: bool, high: bool
) -> None:
    mask = np.zeros((1, 12), bool)
    mask[0, asked] = True
    lost = np.zeros((1, 2), bool)
    pull(op, mask, Site((12,), ((length,),), (True,), lost))
    assert lost.tolist() == [[low, high]]


@pytest.mark.parametrize("size", [100, 101, 104, 105])
def test_pixels_that_strides_leave_over_keep_no_field_from_being_global(size: int) -> None:
    layers = (Convolution(10, stride=5), Normalization(statistics="instance"), Convolution(3))
    field = rfcore.estimate(layers, input_shape=(size,))
    # The last of the windows at 0, 5, 10, … that fit ends at the last pixel that is seen.
    left = (size - 10) % 5
    assert field.is_global == (True,)
    assert field.exact
    assert any(f"the last {left} of its pixels" in note for note in field.notes) is (left > 0)

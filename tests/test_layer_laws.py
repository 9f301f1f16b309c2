"""Laws of random networks, checked by walking their taps back one by one."""

import math
from dataclasses import fields
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

import rfcore
from rfcore.layers import (
    Branches,
    Convolution,
    Cropping,
    Layer,
    LayersBackend,
    Padding,
    Pooling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing.walking import EndlessWalk, along_axis

BACKEND = LayersBackend()
SMALL = st.integers(1, 3)
EVEN_PATH = st.lists(
    st.builds(
        lambda half, d: Convolution(2 * half + 1, padding=half * d, dilation=d),
        st.integers(0, 2),
        SMALL,
    ),
    max_size=2,
)
# Where stride and dilation share a factor, or the kernel is below the stride, outputs see nothing.
TRANSPOSED = st.builds(
    lambda s, more, p, d: TransposedConvolution(s + more, s, p, d),
    SMALL,
    st.integers(0, 3),
    st.integers(0, 1),
    SMALL,
).filter(lambda layer: math.gcd(layer.stride, layer.dilation) == 1)
KINDS = (
    st.builds(Convolution, st.integers(1, 5), SMALL, st.integers(0, 3), SMALL),
    st.builds(
        Pooling, st.integers(1, 4), st.none() | SMALL, st.integers(0, 1), SMALL, st.booleans()
    ),
    TRANSPOSED,
    st.builds(Upsampling, SMALL, st.sampled_from(["nearest", "linear"])),
    st.builds(Padding, st.integers(0, 3), st.integers(0, 3)),
    st.builds(Cropping, st.integers(0, 3), st.integers(0, 3)),
)
BRANCHES = st.builds(lambda *paths: Branches(paths), EVEN_PATH, EVEN_PATH)
NETWORK = st.lists(st.one_of(*KINDS, BRANCHES), min_size=1, max_size=5)


def walked(layers, n, outputs):
    """The positions that each of the first outputs sees, by walking."""
    walk = EndlessWalk(along_axis(layers, 0), n)
    seen = [walk.seen(j) for j in range(outputs)]
    assume(all(seen))
    return seen


def intervals(seen):
    return [(min(positions), max(positions) + 1) for positions in seen]


def assume_it_runs(layers, input_shape):
    """Leaves out networks that are too deep for the input, down to single positions."""
    trace = BACKEND.trace(layers, BACKEND.input_spec(layers, input_shape, None, None))
    assume(trace.error is None)
    assume(all(n > 1 for shape in trace.shapes.values() for n in shape[1:]))


@given(NETWORK, st.integers(40, 80))
def test_field_of_a_network_agrees_with_walking_its_taps(layers, n):
    assume_it_runs(layers, (n,))
    seen = walked(layers, n, 60)
    axis = rfcore.estimate(layers, input_shape=(n,)).axes[0]
    assert [axis.interval(j) for j in range(60)] == intervals(seen)
    if axis.period <= 60:
        shares = [
            Fraction(len(positions), max(positions) + 1 - min(positions)) for positions in seen
        ]
        assert axis.density == sum(shares[: axis.period]) / axis.period


def beside(one: Layer, other: Layer) -> Layer | None:
    """One layer with the lengths of two, one per axis; None where they differ in more."""
    values = {}
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        lengths = type(a) is type(b) is int
        if a != b and not lengths:
            return None
        values[field.name] = (a, b) if a != b else a
    return type(one)(**values)


PAIR = st.one_of([st.tuples(kind, kind) for kind in KINDS]).filter(lambda pair: beside(*pair))


@given(st.lists(PAIR, min_size=1, max_size=4), st.integers(40, 60), st.integers(40, 60))
def test_axes_of_a_network_agree_with_walking_each_alone(pairs, height, width):
    layers = [beside(*pair) for pair in pairs]
    assume_it_runs(layers, (height, width))
    axes = zip(zip(*pairs, strict=True), (height, width), strict=True)
    expected = [intervals(walked(along, n, 40)) for along, n in axes]
    field = rfcore.estimate(layers, input_shape=(height, width))
    assert [[axis.interval(j) for j in range(40)] for axis in field.axes] == expected

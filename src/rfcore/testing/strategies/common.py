"""Random networks that every framework can be expected to write."""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from rfcore.layers import (
    Activation,
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
from rfcore.testing.case import Case

__all__ = ["random_cases"]

SMALL = st.integers(1, 3)
# Frameworks refuse strides together with dilation, and pooling of the padding alone.
CONVOLUTION = st.one_of(
    st.builds(Convolution, st.integers(1, 5), SMALL, st.integers(0, 2) | st.just("same")),
    st.builds(
        lambda taps, dilation, padding: Convolution(taps, dilation=dilation, padding=padding),
        st.integers(2, 3),
        st.integers(2, 4),
        st.integers(0, 3) | st.just("same"),
    ),
)
POOLING = st.builds(
    lambda taps, stride, padding, kind: Pooling(taps, stride, padding, kind=kind),
    st.integers(2, 3),
    SMALL,
    st.sampled_from([0, "same"]),
    st.sampled_from(["max", "average"]),
)
TRANSPOSED = st.builds(
    lambda stride, more: TransposedConvolution(stride + more, stride),
    st.integers(2, 3),
    st.integers(0, 2),
)
EVEN = st.builds(
    lambda half, dilation: Convolution(2 * half + 1, padding=half * dilation, dilation=dilation),
    st.integers(0, 2),
    SMALL,
)
EVEN_PATH = st.lists(EVEN | st.just(Activation()), max_size=2).map(tuple)
BRANCHES = st.builds(
    lambda one, other, join: Branches((one, other), join=join),
    EVEN_PATH,
    EVEN_PATH,
    st.sampled_from(["add", "multiply", "concatenate"]),
)
LAYER: st.SearchStrategy[Layer] = st.one_of(
    CONVOLUTION,
    CONVOLUTION,
    POOLING,
    BRANCHES,
    TRANSPOSED,
    st.builds(Upsampling, st.integers(2, 3)),
    st.builds(Padding, st.integers(0, 3), st.integers(0, 3)),
    st.builds(Cropping, st.integers(0, 2), st.integers(0, 2)),
    st.just(Activation()),
)


@st.composite
def random_cases(draw: st.DrawFn) -> Case:
    """A chain of up to five layers and branches, on one or two axes, that runs at its size."""
    layers: list[Layer] = []
    for layer in draw(st.lists(LAYER, min_size=1, max_size=5)):
        layers.append(layer)
        if isinstance(layer, Branches) and layer.join == "concatenate":
            # Back to as many channels as everywhere, so that what follows can be added.
            layers.append(Convolution(1))
    rank = draw(st.integers(1, 2))
    input_shape = tuple(draw(st.integers(24, 40)) for _ in range(rank))
    case = Case(
        name="random", layers=tuple(layers), input_shape=input_shape, source="written-out layers"
    )
    backend = LayersBackend()
    trace = backend.trace(case.layers, backend.input_spec(case.layers, input_shape, None, None))
    assume(trace.error is None)
    assume(all(n > 1 for shape in trace.shapes.values() for n in shape[1:]))
    return case

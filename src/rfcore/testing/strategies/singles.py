"""Single layers with parameters of every kind, one number for all axes or one for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

from rfcore.layer_base import Sizes, per_axis
from rfcore.layers import (
    Activation,
    Convolution,
    Cropping,
    DepthToSpace,
    Flip,
    Layer,
    Normalization,
    Padding,
    Pooling,
    Roll,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)

__all__ = ["Place", "single_layers"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a network a layer is drawn for.

    Attributes:
        lengths: Positions along each axis.
        groups: Numbers of groups into which the channels can be put.
    """

    lengths: tuple[int, ...]
    groups: tuple[int, ...]

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.lengths)

    def sizes(self, *choices: int) -> st.SearchStrategy[Sizes]:
        """One of some numbers for all axes, sometimes one for each."""
        one = st.sampled_from(choices)
        if self.rank == 1:
            return one
        return st.one_of(one, one, st.tuples(*(one,) * self.rank))


@st.composite
def single_layers(draw: st.DrawFn, place: Place) -> Layer:
    """One layer for a place; frameworks may still be unable to write it."""
    return draw(draw(st.sampled_from(_WEIGHTED))(place))


@st.composite
def _convolutions(draw: st.DrawFn, place: Place) -> Layer:
    size = draw(place.sizes(1, 2, 3, 3, 4, 5, 7))
    # Frameworks refuse strides together with dilation.
    strided = draw(st.booleans())
    stride = draw(place.sizes(1, 2, 2, 3)) if strided else 1
    dilation = 1 if strided else draw(place.sizes(1, 1, 2, 3, 4))
    padding: Any = draw(st.one_of(place.sizes(0, 1, 1, 2, 3), st.just("same")))
    return Convolution(size, stride, padding, dilation, draw(st.sampled_from(place.groups)))


@st.composite
def _strided_and_dilated(draw: st.DrawFn, place: Place) -> Layer:
    return Convolution(
        draw(place.sizes(2, 3)), draw(place.sizes(2, 3)), draw(place.sizes(0, 1, 2)), 2
    )


@st.composite
def _poolings(draw: st.DrawFn, place: Place) -> Layer:
    size = draw(place.sizes(2, 2, 3, 4))
    stride = draw(st.one_of(st.none(), place.sizes(1, 2, 3)))
    smallest = min(per_axis(size, place.rank))
    kind: Literal["max", "average"] = draw(st.sampled_from(["max", "average"]))
    counts = draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        return Pooling(size, stride, "same", kind=kind, count_include_pad=counts)
    padding = draw(place.sizes(*range(smallest // 2 + 1)))
    dilation = draw(st.sampled_from([1, 1, 1, 2])) if kind == "max" else 1
    ceil = draw(st.booleans())
    return Pooling(size, stride, padding, dilation, ceil, kind, counts)


@st.composite
def _transposed(draw: st.DrawFn, place: Place) -> Layer:
    stride = draw(st.sampled_from([1, 2, 2, 3]))
    size = draw(place.sizes(*range(stride, stride + 4)))
    padding = draw(st.integers(0, min(per_axis(size, place.rank)) // 2))
    more = draw(st.integers(0, stride - 1))
    dilation = draw(st.sampled_from([1, 1, 1, 2])) if stride in (1, 3) else 1
    return TransposedConvolution(size, stride, padding, dilation, more)


@st.composite
def _upsamplings(draw: st.DrawFn, place: Place) -> Layer:
    modes = ("nearest", "nearest", "linear", "linear", "cubic", "aligned")
    mode: Any = draw(st.sampled_from(modes))
    return Upsampling(draw(place.sizes(1, 2, 2, 3)), mode)


@st.composite
def _paddings(draw: st.DrawFn, place: Place) -> Layer:
    mode: Any = draw(st.sampled_from(["zeros", "zeros", "reflect", "edge", "circular"]))
    return Padding(draw(place.sizes(0, 1, 2, 3)), draw(place.sizes(0, 1, 2)), mode)


@st.composite
def _croppings(draw: st.DrawFn, place: Place) -> Layer:
    return Cropping(draw(place.sizes(0, 1, 2, 3)), draw(place.sizes(0, 1, 2)))


@st.composite
def _subsamplings(draw: st.DrawFn, place: Place) -> Layer:
    return Subsampling(draw(place.sizes(1, 2, 2, 3)), draw(place.sizes(0, 1, 2)))


@st.composite
def _rolls(draw: st.DrawFn, place: Place) -> Layer:
    # Where more than a quarter of an axis comes around its end, its middle is not the rule.
    few = (shift for shift in (1, 2, 5) if 4 * shift < min(place.lengths))
    return Roll(draw(place.sizes(0, *few)))


@st.composite
def _flips(draw: st.DrawFn, place: Place) -> Layer:
    return Flip(draw(place.sizes(0, 1)))


@st.composite
def _shuffles(draw: st.DrawFn, place: Place) -> Layer:
    return DepthToSpace(draw(place.sizes(2, 2, 3) if place.rank < 3 else place.sizes(1, 2)))


@st.composite
def _unshuffles(draw: st.DrawFn, place: Place) -> Layer:
    divisors = [tuple(s for s in (1, 2, 3) if n % s == 0) for n in place.lengths]
    return SpaceToDepth(tuple(draw(st.sampled_from(fits)) for fits in divisors))


@st.composite
def _pointwise(draw: st.DrawFn, place: Place) -> Layer:
    choices: Sequence[Layer] = (Activation(), Activation("sigmoid"), Normalization())
    return draw(st.sampled_from(choices))


_WEIGHTED: tuple[Callable[[Place], st.SearchStrategy[Layer]], ...] = (
    *4 * (_convolutions,),
    _strided_and_dilated,
    *2 * (_poolings,),
    *2 * (_transposed,),
    *2 * (_upsamplings,),
    *2 * (_paddings,),
    _croppings,
    _subsamplings,
    _rolls,
    _flips,
    _shuffles,
    _unshuffles,
    _pointwise,
)

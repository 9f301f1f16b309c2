"""Layers that move, repeat or leave out positions, with no weights of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rfcore.layer_base import Layer, Sizes, at_least, one_of

__all__ = [
    "Cropping",
    "DepthToSpace",
    "Flip",
    "Padding",
    "Roll",
    "SpaceToDepth",
    "Subsampling",
    "Upsampling",
]


@dataclass(frozen=True, slots=True)
class Upsampling(Layer):
    """A resize by a whole factor.

    Attributes:
        scale: Outputs per input.
        mode: "nearest", "linear" (bilinear in two dimensions) or "cubic", all sampled at
            half-pixel centres, or "aligned" for linear with the outermost centres aligned.
    """

    scale: Sizes
    mode: Literal["nearest", "linear", "cubic", "aligned"] = "nearest"

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        at_least(self, 1, "scale")
        one_of(self, "mode", ("nearest", "linear", "cubic", "aligned"))


@dataclass(frozen=True, slots=True)
class Padding(Layer):
    """Positions put before and after.

    Attributes:
        low: How many before.
        high: How many after.
        mode: What they hold: "zeros"; "reflect" for the positions inside, mirrored at the
            border's own; "edge" for the border's value; "circular" for the other end.
    """

    low: Sizes = 0
    high: Sizes = 0
    mode: Literal["zeros", "reflect", "edge", "circular"] = "zeros"

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        at_least(self, 0, "low", "high")
        one_of(self, "mode", ("zeros", "reflect", "edge", "circular"))


@dataclass(frozen=True, slots=True)
class Cropping(Layer):
    """Positions left out at the low and at the high end."""

    low: Sizes = 0
    high: Sizes = 0

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        at_least(self, 0, "low", "high")


@dataclass(frozen=True, slots=True)
class Subsampling(Layer):
    """Strided slicing: every `step`-th position, beginning with `start`."""

    step: Sizes
    start: Sizes = 0

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        at_least(self, 1, "step")
        at_least(self, 0, "start")


@dataclass(frozen=True, slots=True)
class Roll(Layer):
    """Positions moved up by `shift`; those past the end come in again at the beginning."""

    shift: Sizes

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        at_least(self, 0, "shift")


@dataclass(frozen=True, slots=True)
class Flip(Layer):
    """Positions in reverse order.

    Attributes:
        axes: For each axis, or for all, 1 to reverse it and 0 to leave it as it is.
    """

    axes: Sizes = 1

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        at_least(self, 0, "axes")


@dataclass(frozen=True, slots=True)
class DepthToSpace(Layer):
    """Channels spread over `scale` times the positions ("pixel shuffle").

    A convolution of single positions makes that many channels first.
    """

    scale: Sizes

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        at_least(self, 1, "scale")


@dataclass(frozen=True, slots=True)
class SpaceToDepth(Layer):
    """Blocks of `scale` positions stacked as channels ("pixel unshuffle", "patch merging").

    A convolution of single positions mixes them; `scale` has to divide the lengths.
    """

    scale: Sizes

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        at_least(self, 1, "scale")

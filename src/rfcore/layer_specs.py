"""What a layer is: one frozen record per kind, checked when made, with no weights and no framework.

Every length is an int, or a tuple with one int per spatial axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Literal

from rfcore.layer_base import (
    Layer,
    Sizes,
    at_least,
    checked_path,
    one_of,
    per_axis,
    refused,
)
from rfcore.layer_moves import (
    Cropping,
    DepthToSpace,
    Flip,
    Padding,
    Roll,
    SpaceToDepth,
    Subsampling,
    Upsampling,
)

__all__ = [
    "Activation",
    "Branches",
    "Convolution",
    "Cropping",
    "DepthToSpace",
    "Flip",
    "GlobalPooling",
    "Identity",
    "Layer",
    "Normalization",
    "Padding",
    "Pooling",
    "Roll",
    "Sizes",
    "SpaceToDepth",
    "Subsampling",
    "TransposedConvolution",
    "Upsampling",
    "checked_path",
    "longest_parameter",
    "per_axis",
]

PoolingKind = Literal["max", "average"]
POOLINGS = ("max", "average")


@dataclass(frozen=True, slots=True)
class Convolution(Layer):
    """A convolution over all channels, or over groups of them.

    Attributes:
        kernel_size: Taps.
        stride: Input positions per output step.
        padding: Zeros on either side, or "same" for TensorFlow's rule, by which
            ceil(n / stride) outputs come out of n inputs. For two different sides put a
            `Padding` before the layer.
        dilation: Input positions from one tap to the next.
        groups: Groups of channels that are kept apart; together they see the same.
    """

    kernel_size: Sizes
    stride: Sizes = 1
    padding: Sizes | Literal["same"] = 0
    dilation: Sizes = 1
    groups: int = 1

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        at_least(self, 1, "kernel_size", "stride", "dilation", "groups")
        if isinstance(self.groups, tuple):
            raise refused(self, f"groups={self.groups!r} is not one int", "groups=2")
        if self.padding != "same":
            at_least(self, 0, "padding")


@dataclass(frozen=True, slots=True)
class Pooling(Layer):
    """A maximum or an average over windows.

    Attributes:
        kernel_size: Taps.
        stride: Input positions per output step; None for the kernel's size.
        padding: As for `Convolution`.
        dilation: Input positions from one tap to the next.
        ceil_mode: Whether a last window that is only partly filled counts.
        kind: "max" or "average"; both see the same.
        count_include_pad: Whether an average counts the zeros of the padding, which changes its
            value and not what it sees.
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | Literal["same"] = 0
    dilation: Sizes = 1
    ceil_mode: bool = False
    kind: PoolingKind = "max"
    count_include_pad: bool = True

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        one_of(self, "kind", POOLINGS)
        at_least(self, 1, "kernel_size", "dilation")
        if self.stride is not None:
            at_least(self, 1, "stride")
        if self.padding != "same":
            at_least(self, 0, "padding")


@dataclass(frozen=True, slots=True)
class TransposedConvolution(Layer):
    """A transposed convolution ("deconvolution"): the gradient of a convolution.

    Attributes:
        kernel_size: Taps.
        stride: Output positions per input step.
        padding: Outputs that are left out on either side.
        dilation: Output positions from one tap to the next.
        output_padding: Outputs that are added at the high end.
    """

    kernel_size: Sizes
    stride: Sizes = 1
    padding: Sizes = 0
    dilation: Sizes = 1
    output_padding: Sizes = 0

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        at_least(self, 1, "kernel_size", "stride", "dilation")
        at_least(self, 0, "padding", "output_padding")


@dataclass(frozen=True, slots=True)
class GlobalPooling(Layer):
    """A maximum or an average over all positions; every axis keeps the length 1."""

    kind: PoolingKind = "average"

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        one_of(self, "kind", POOLINGS)


@dataclass(frozen=True, slots=True)
class Identity(Layer):
    """Nothing at all, such as a skip connection; it stands for any function of single positions."""


@dataclass(frozen=True, slots=True)
class Activation(Layer):
    """A function of single values."""

    function: Literal["relu", "sigmoid"] = "relu"

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        one_of(self, "function", ("relu", "sigmoid"))


@dataclass(frozen=True, slots=True)
class Normalization(Layer):
    """A normalization at inference.

    Attributes:
        statistics: "batch" takes mean and variance from training, so that positions stay
            apart; "instance" takes them over all positions of its own input.
    """

    statistics: Literal["batch", "instance"] = "batch"

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        one_of(self, "statistics", ("batch", "instance"))


@dataclass(frozen=True, slots=True)
class Branches(Layer):
    """Paths that start from one value and are joined again.

    Attributes:
        paths: One sequence of layers per path; an empty one is a skip connection.
        join: "add" or "multiply", for which axes of length 1 are broadcast, or "concatenate"
            (along channels).
    """

    paths: tuple[tuple[Layer, ...], ...]
    join: Literal["add", "multiply", "concatenate"] = "add"

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        if not isinstance(self.paths, tuple | list) or len(self.paths) < 2:
            raise refused(self, "there are fewer than two paths", "paths=((), (Convolution(3),))")
        one_of(self, "join", ("add", "multiply", "concatenate"))
        object.__setattr__(self, "paths", tuple(checked_path(path) for path in self.paths))


def longest_parameter(layers: Iterable[Layer]) -> int:
    """The number of axes that the layers' own parameters are for; 1 where they are for any."""
    return max((len(value) for value in _tuples(layers)), default=1)


def _tuples(layers: Iterable[Layer]) -> Iterator[tuple[int, ...]]:
    for layer in layers:
        if isinstance(layer, Branches):
            for path in layer.paths:
                yield from _tuples(path)
        else:
            values = (getattr(layer, field.name) for field in fields(layer))
            yield from (value for value in values if isinstance(value, tuple))

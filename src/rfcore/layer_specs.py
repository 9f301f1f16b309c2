"""What a layer is: one frozen record per kind, checked when made, with no weights and no framework.

Every length is an int, or a tuple with one int per spatial axis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Literal

from rfcore.errors import LayerSpecError

__all__ = [
    "Branches",
    "Convolution",
    "Cropping",
    "GlobalPooling",
    "Identity",
    "Layer",
    "Padding",
    "Pooling",
    "Sizes",
    "TransposedConvolution",
    "Upsampling",
    "checked_path",
    "longest_parameter",
    "per_axis",
]

Sizes = int | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Base of the layers.

    Attributes:
        name: What the layer is addressed by, an identifier; empty for its number.
    """

    name: str = ""

    def __post_init__(self) -> None:
        if self.name and not self.name.isidentifier():
            raise _refused(self, f"the name {self.name!r} is not an identifier", "name='conv1'")


@dataclass(frozen=True, slots=True)
class Convolution(Layer):
    """A convolution over all channels.

    Attributes:
        kernel_size: Taps.
        stride: Input positions per output step.
        padding: Zeros on either side, or "same" for TensorFlow's rule, by which
            ceil(n / stride) outputs come out of n inputs. For two different sides put a
            `Padding` before the layer.
        dilation: Input positions from one tap to the next.
    """

    kernel_size: Sizes
    stride: Sizes = 1
    padding: Sizes | Literal["same"] = 0
    dilation: Sizes = 1

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        _at_least(self, 1, "kernel_size", "stride", "dilation")
        if self.padding != "same":
            _at_least(self, 0, "padding")


@dataclass(frozen=True, slots=True)
class Pooling(Layer):
    """A maximum or an average over windows.

    Attributes:
        kernel_size: Taps.
        stride: Input positions per output step; None for the kernel's size.
        padding: As for `Convolution`.
        dilation: Input positions from one tap to the next.
        ceil_mode: Whether a last window that is only partly filled counts.
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | Literal["same"] = 0
    dilation: Sizes = 1
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        _at_least(self, 1, "kernel_size", "dilation")
        if self.stride is not None:
            _at_least(self, 1, "stride")
        if self.padding != "same":
            _at_least(self, 0, "padding")


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
        _at_least(self, 1, "kernel_size", "stride", "dilation")
        _at_least(self, 0, "padding", "output_padding")


@dataclass(frozen=True, slots=True)
class Upsampling(Layer):
    """A resize by a whole factor, sampled at half-pixel centres.

    Attributes:
        scale: Outputs per input.
        mode: "nearest", or "linear" (bilinear in two dimensions).
    """

    scale: Sizes
    mode: Literal["nearest", "linear"] = "nearest"

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        _at_least(self, 1, "scale")
        if self.mode not in ("nearest", "linear"):
            raise _refused(self, f"mode={self.mode!r} is not known", "mode='nearest' or 'linear'")


@dataclass(frozen=True, slots=True)
class Padding(Layer):
    """Zeros before and after."""

    low: Sizes = 0
    high: Sizes = 0

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        _at_least(self, 0, "low", "high")


@dataclass(frozen=True, slots=True)
class Cropping(Layer):
    """Positions left out at the low and at the high end."""

    low: Sizes = 0
    high: Sizes = 0

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        _at_least(self, 0, "low", "high")


@dataclass(frozen=True, slots=True)
class GlobalPooling(Layer):
    """A maximum or an average over all positions; every axis keeps the length 1."""


@dataclass(frozen=True, slots=True)
class Identity(Layer):
    """Any function of single positions: an activation, an inference norm, a skip connection."""


@dataclass(frozen=True, slots=True)
class Branches(Layer):
    """Paths that start from one value and are joined again.

    Attributes:
        paths: One sequence of layers per path; an empty one is a skip connection.
        join: "add", for which axes of length 1 are broadcast, or "concatenate" (along channels).
    """

    paths: tuple[tuple[Layer, ...], ...]
    join: Literal["add", "concatenate"] = "add"

    def __post_init__(self) -> None:
        Layer.__post_init__(self)
        if not isinstance(self.paths, tuple | list) or len(self.paths) < 2:
            raise _refused(self, "there are fewer than two paths", "paths=((), (Convolution(3),))")
        if self.join not in ("add", "concatenate"):
            raise _refused(self, f"join={self.join!r} is not known", "join='add' or 'concatenate'")
        object.__setattr__(self, "paths", tuple(checked_path(path) for path in self.paths))


def checked_path(layers: object) -> tuple[Layer, ...]:
    """A sequence of layers as a tuple.

    Raises:
        LayerSpecError: It is something else, or two layers have one name.
    """
    path = tuple(layers) if isinstance(layers, Iterable) else (layers,)
    for layer in path:
        if not isinstance(layer, Layer):
            raise LayerSpecError(
                repr(layer), "it is not a layer", "use rfcore.layers, for example Convolution(3)."
            )
    named = Counter(layer.name for layer in path if isinstance(layer, Layer) and layer.name)
    for name, count in named.items():
        if count > 1:
            raise LayerSpecError(name, f"{count} layers have this name", "give each its own name.")
    return path


def per_axis(value: Sizes, rank: int) -> tuple[int, ...]:
    """One int per axis.

    Raises:
        LayerSpecError: The tuple is for another number of axes.
    """
    if isinstance(value, int):
        return (value,) * rank
    if len(value) != rank:
        raise LayerSpecError(
            "x".join(map(str, value)),
            f"it is for {len(value)} axes, the input has {rank}",
            f"give one number for all axes, or an input_shape of {len(value)} axes.",
        )
    return value


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


def _at_least(layer: Layer, least: int, *names: str) -> None:
    for name in names:
        value = getattr(layer, name)
        numbers = value if isinstance(value, tuple) and value else (value,)
        if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
            problem = f"{name}={value!r} is neither an int nor a tuple of one int per axis"
            raise _refused(layer, problem, f"{name}=3 or {name}=(3, 5)")
        if min(numbers) < least:
            raise _refused(layer, f"{name}={value!r} is below {least}", f"{name}={least}")


def _refused(layer: Layer, problem: str, example: str) -> LayerSpecError:
    return LayerSpecError(type(layer).__name__, problem, f"write for example {example}.")

"""A network in neutral form, and what is known of its field beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from rfcore.errors import RfcoreError
from rfcore.layers import (
    Branches,
    Convolution,
    Cropping,
    DepthToSpace,
    Flip,
    GlobalPooling,
    Identity,
    Layer,
    Padding,
    Pooling,
    Roll,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)

__all__ = ["Case", "Expected", "Unbuildable", "same_padding"]


class Unbuildable(NotImplementedError):  # noqa: N818
    """A builder's word for what its framework cannot write: "no dilation in pooling"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a source says about a field; None where it says nothing.

    A plain number holds for every axis, a tuple has one entry per axis.

    Attributes:
        size: hi - lo in pixels, the largest over phases.
        stride: Pixels per output step.
        padding: -lo(0) in pixels.
        outputs: Number of outputs along the axis.
        phases: The sizes that occur among the phases.
        density: Share of the interval that is seen.
        is_global: Whether each output sees the whole axis.
    """

    size: int | tuple[int, ...] | None = None
    stride: int | Fraction | tuple[int | Fraction, ...] | None = None
    padding: int | tuple[int, ...] | None = None
    outputs: int | tuple[int, ...] | None = None
    phases: frozenset[int] | None = None
    density: Fraction | None = None
    is_global: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A network, an input size, and the field or the error that is right for them.

    Layers carry no channels. A model that is built from them takes `channels` of them, every
    (transposed) convolution mixes all that come in (within each of its groups) and puts out
    `channels`, as do the convolutions within `DepthToSpace` and `SpaceToDepth`; a concatenation
    puts out those of all its paths, and all other layers keep them.

    Attributes:
        name: What the case is called in test ids and in `BackendConformance.cannot`.
        layers: The network.
        input_shape: Spatial shape of the input; its length is the number of spatial axes.
        source: Where the expected values come from.
        expected: The field's values.
        error: The error that is right instead.
        output: Neutral name of the measured layer, as the layers backend spells it; None for
            the output of the network.
        global_paths: As in `rfcore.estimate`.
        visible_shape: A size at which enough of the field is seen for a gradient to show it
            whole; None where no gradient does.
        channels: Channels of the input and of every convolution.
        weights: "positive" asks for positive kernels without bias, so that gradients cannot
            cancel; "random" for the framework's usual initialisation.
    """

    name: str
    layers: tuple[Layer, ...]
    input_shape: tuple[int, ...]
    source: str
    expected: Expected = Expected()
    error: type[RfcoreError] | None = None
    output: str | None = None
    global_paths: Literal["follow", "ignore"] = "follow"
    visible_shape: tuple[int, ...] | None = None
    channels: int = 2
    weights: Literal["positive", "random"] = "positive"

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input_shape)

    @property
    def gradient_is_whole(self) -> bool:
        """Whether a gradient misses nothing, for the network is linear with positive weights."""
        return self.weights == "positive" and all(map(_is_linear, _all_layers(self.layers)))

    def __str__(self) -> str:
        return self.name


def same_padding(
    length: int, kernel_size: int, stride: int = 1, dilation: int = 1
) -> tuple[int, int]:
    """Zeros before and after an axis that `padding="same"` stands for.

    Args:
        length: Positions along the axis.
        kernel_size: Taps.
        stride: Positions per output step.
        dilation: Positions from one tap to the next.

    Source: TensorFlow's SAME rule, ceil(length / stride) outputs, the odd zero at the high end.
    """
    extent = dilation * (kernel_size - 1) + 1
    total = max((-(-length // stride) - 1) * stride + extent - length, 0)
    return total // 2, total - total // 2


def _all_layers(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        yield layer
        if isinstance(layer, Branches):
            for path in layer.paths:
                yield from _all_layers(path)


def _is_linear(layer: Layer) -> bool:
    match layer:
        case Pooling(kind=kind) | GlobalPooling(kind=kind):
            return kind == "average"
        case Branches(join=join):
            return join != "multiply"
        case Convolution(groups=groups):
            # A sum over one group only may cancel what the whole would show.
            return groups == 1
        case Upsampling(mode=mode):
            # Cubic weights are negative here and there.
            return mode != "cubic"
    moves = Padding | Cropping | Subsampling | Roll | Flip | DepthToSpace | SpaceToDepth
    return isinstance(layer, Identity | TransposedConvolution | moves)

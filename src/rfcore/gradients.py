"""What is asked of a measured output: cotangents of chosen units, the probe of a field, an input.

Backends offer the signed derivative of a whole output. Masks, channels and magnitudes are the same
in every framework, and are here.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import NoSpatialAxesError, OutputChannelsError, OutputIndexError
from rfcore.hookspecs import MeasuredOutput, Probe
from rfcore.inputs import InputSpec

__all__ = [
    "batch_axis",
    "grid_shape",
    "middle_index",
    "output_cotangent",
    "probe",
    "random_input",
]

SEED = 0


def random_input(measured: MeasuredOutput, spec: InputSpec) -> NDArray[Any]:
    """The input of `estimate(method="gradient")`: uniform between 0 and 1, always the same."""
    return np.random.default_rng(SEED).random(spec.shape).astype(measured.dtype)


def batch_axis(measured: MeasuredOutput, spec: InputSpec) -> int | None:
    """Where an output has its batch: where the input has it, if such an axis is free."""
    axis = spec.layout.index("N")
    taken = axis >= len(measured.shape) or axis in (measured.axes or ())
    return None if taken else axis


def grid_shape(measured: MeasuredOutput) -> tuple[int, ...] | None:
    """Number of outputs along each spatial axis of the input; None where they are no grid."""
    if measured.axes is None:
        return None
    return tuple(1 if axis is None else measured.shape[axis] for axis in measured.axes)


def middle_index(measured: MeasuredOutput) -> tuple[int, ...]:
    """The output in the middle of the grid; all of the output where there is none."""
    return tuple(n // 2 for n in grid_shape(measured) or ())


def output_cotangent(
    measured: MeasuredOutput,
    spec: InputSpec,
    index: Sequence[int],
    channels: Sequence[int] | None = None,
) -> NDArray[Any]:
    """Ones at chosen units of an output and zeros elsewhere, of the output's full shape.

    Args:
        measured: The output.
        spec: The measured input.
        index: One number per spatial axis of the input where the outputs are a grid over it;
            else one per axis of the output after the batch, leading ones first, and the rest is
            summed: (98,) is token 98 of (1, 197, 768), () is everything. Negative ones count
            from the end.
        channels: Which indices of the one axis that is neither batch nor in `index`; None
            for all.

    Raises:
        OutputIndexError: The output has no such place.
        OutputChannelsError: The output has no such channels, or not one axis of channels.
    """
    shape, batch = measured.shape, batch_axis(measured, spec)
    free = [axis for axis in range(len(shape)) if axis != batch]
    grid = measured.axes
    lengths = grid_shape(measured) or tuple(shape[axis] for axis in free[: len(index)])
    places = _places(index, lengths, measured)
    indexed = tuple(free[: len(index)]) if grid is None else grid
    chosen: list[Any] = [slice(None)] * len(shape)
    for number, place in zip(indexed, places, strict=True):
        if number is not None:
            chosen[number] = slice(place, place + 1)
    if channels is not None:
        rest = [axis for axis in free if axis not in indexed]
        axis = _channel_axis(channels, rest, shape)
        chosen[axis] = _checked(channels, shape[axis], shape)
    cotangent = np.zeros(shape, measured.dtype)
    cotangent[tuple(chosen)] = 1
    return cotangent


def probe(
    measured: MeasuredOutput, spec: InputSpec, image: NDArray[Any], output: str = ""
) -> Probe:
    """The probe of `fit` at one input: from a mask over the grid of outputs to |gradient|.

    All channels of an output go in, and magnitudes are summed over all but the spatial axes of the
    input. The forward runs once.

    Args:
        measured: The output.
        spec: The measured input.
        image: The input, of the spec's full shape.
        output: What the output is called, for messages.

    Raises:
        NoSpatialAxesError: The outputs are no grid over the input.
    """
    if measured.axes is None:
        raise NoSpatialAxesError(output, measured.shape, None)
    axes = [axis for axis in measured.axes if axis is not None]
    squeezed = tuple(0 if axis is None else slice(None) for axis in measured.axes)
    others = tuple(d for d in range(len(measured.shape)) if d not in axes)
    summed = tuple(d for d in range(len(spec.shape)) if d not in spec.axes)
    linear = measured.at(image)

    def probed(mask: NDArray[Any]) -> NDArray[Any]:
        wide = np.transpose(mask[squeezed], np.argsort(axes))
        cotangent = np.broadcast_to(np.expand_dims(wide, others), measured.shape)
        (gradient,) = linear.pull(cotangent[None].astype(measured.dtype))
        # Sums of float16 overflow.
        magnitudes: NDArray[Any] = np.abs(gradient.astype(np.float64)).sum(axis=summed)
        return magnitudes

    return probed


def _places(
    index: Sequence[int], lengths: Sequence[int], measured: MeasuredOutput
) -> tuple[int, ...]:
    if len(index) != len(lengths):
        wanted = (
            f"at most {len(lengths)} numbers, one per axis after the batch"
            if measured.axes is None
            else f"one number per spatial axis, as in index={middle_index(measured)}"
        )
        raise OutputIndexError(
            index, measured.shape, f"has {len(index)} numbers", f"write {wanted}."
        )
    places = []
    for given, length in zip(index, lengths, strict=True):
        try:
            place = operator.index(given)
        except TypeError:
            problem, hint = "is not made of whole numbers", "write whole numbers, as in index=(3,)."
            raise OutputIndexError(index, measured.shape, problem, hint) from None
        if not -length <= place < length:
            raise OutputIndexError(
                index,
                measured.shape,
                f"asks for place {place} of an axis of length {length}",
                f"write a number from {-length} to {length - 1}.",
            )
        places.append(place % length)
    return tuple(places)


def _channel_axis(channels: Sequence[int], rest: Sequence[int], shape: tuple[int, ...]) -> int:
    """The one axis that channels can be on."""
    if len(rest) == 1:
        return rest[0]
    if not rest:
        hint = "leave channels=None: the index names single values already."
        raise OutputChannelsError(channels, shape, "names channels, and no axis holds them", hint)
    problem = f"could be along any of its axes {tuple(rest)}"
    hint = "leave channels=None, or name more axes in index."
    raise OutputChannelsError(channels, shape, problem, hint)


def _checked(channels: Sequence[int], count: int, shape: tuple[int, ...]) -> list[int]:
    try:
        numbers = [operator.index(channel) for channel in channels]
    except TypeError:
        hint = f"write numbers from 0 to {count - 1}, as in channels=[0]."
        raise OutputChannelsError(channels, shape, "is no list of whole numbers", hint) from None
    if not numbers:
        problem, hint = "names no channel", "leave channels=None for all of them."
        raise OutputChannelsError(channels, shape, problem, hint)
    if not all(-count <= number < count for number in numbers):
        hint = f"write numbers from {-count} to {count - 1}."
        raise OutputChannelsError(channels, shape, f"goes beyond its {count} channels", hint)
    return numbers

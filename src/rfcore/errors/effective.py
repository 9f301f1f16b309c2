"""Exceptions about the effective receptive field: its inputs, its measures, its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rfcore.errors.base import RfcoreError

__all__ = [
    "CancelledGradientError",
    "DeadGradientError",
    "EffectiveFormatError",
    "MeasureError",
    "MeasurementInterrupted",
    "NoInputsError",
    "NonFiniteError",
    "NumberError",
    "ResumeMismatchError",
    "SavePathError",
    "TooFewInputsError",
    "UnfitInputError",
]


class NumberError(RfcoreError):
    """An argument is no number, or one out of its range."""

    def __init__(self, argument: str, value: object, wanted: str, example: object) -> None:
        self.argument, self.value = argument, value
        super().__init__(
            f"{argument}={value!r:.60} is not {wanted}.", f"write for example {argument}={example}."
        )


class NoInputsError(RfcoreError):
    """There is no input to measure on."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"There is nothing to measure on: {problem}.", hint)


class TooFewInputsError(RfcoreError):
    """The inputs ended before as many as were asked for."""

    def __init__(self, asked: int, found: int) -> None:
        self.asked, self.found = asked, found
        super().__init__(
            f"count={asked} inputs were asked for, and there are {found}.",
            f"write count={found}, or leave count=None, which takes all that there are.",
        )


class UnfitInputError(RfcoreError):
    """One of the given inputs is not an array of numbers of the asked shape."""

    def __init__(self, index: int, problem: str, hint: str) -> None:
        self.index, self.problem = index, problem
        super().__init__(f"Input {index} {problem}.", hint)


class NonFiniteError(RfcoreError):
    """An input, or the gradient at it, holds NaN or infinities."""

    def __init__(
        self, index: int, what: str, count: int | None = None, name: str | None = None
    ) -> None:
        self.index, self.what, self.count, self.name = index, what, count, name
        called = str(index) if name is None else f"{index}, {name!r},"
        subject = f"Input {called}" if what == "input" else f"The gradient at input {called}"
        values = "" if count is None else f" ({count} of its values)"
        super().__init__(
            f"{subject} holds NaN or infinities{values}.",
            'repair it, or leave such inputs out: on_nan="skip".',
        )


class CancelledGradientError(RfcoreError):
    """The gradients of a unit's values cancel in their sum, so that only rounding is left of it."""

    def __init__(self, values: int, ratio: float) -> None:
        self.values, self.ratio = values, ratio
        super().__init__(
            f"The gradients of the unit's {values} values cancel: that of their sum is {ratio:.1e} "
            "of what they give with signs drawn at random, and nothing but rounding.",
            "a sum behind a layer-norm or a softmax is the same for every input: measure single "
            "channels, as in channels=[0], or the layer before it.",
        )


class DeadGradientError(RfcoreError):
    """The gradient is zero everywhere, at every input."""

    def __init__(self, count: int, aggregate: str) -> None:
        self.count, self.aggregate = count, aggregate
        super().__init__(
            f"The gradient is zero at every pixel of {_inputs(count)} (aggregate={aggregate!r}): "
            "the unit is dead there, or the gradient too small for its floating type.",
            "choose another unit (index=, channels=) or other inputs; the sum of all channels "
            "behind a layer-norm or a softmax is constant, a single one, channels=[0], is not.",
        )


class MeasureError(RfcoreError):
    """A map has no such measure."""

    def __init__(self, measure: str, problem: str, hint: str) -> None:
        self.measure, self.problem = measure, problem
        super().__init__(f"This map has no {measure}: {problem}.", hint)


class SavePathError(RfcoreError):
    """A result cannot be written where it was asked to be."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(
            f"Nothing can be saved as {str(path)!r}: {problem}.",
            'name a file in a folder that exists and may be written, as in save="erf.npz".',
        )


class EffectiveFormatError(RfcoreError):
    """A file or dict is not an effective receptive field that this version can read."""

    def __init__(self, source: str, problem: str, hint: str) -> None:
        self.source, self.problem = source, problem
        super().__init__(
            f"{source} is not an effective receptive field of rfcore: {problem}.", hint
        )


class ResumeMismatchError(RfcoreError):
    """A saved state was measured otherwise than is asked now."""

    def __init__(self, differences: Mapping[str, tuple[object, object]], hint: str = "") -> None:
        self.differences = dict(differences)
        told = "; ".join(
            f"{what} was {then!r:.80} and is {now!r:.80}"
            for what, (then, now) in differences.items()
        )
        super().__init__(
            f"The measurement cannot be continued: {told}.",
            hint or "ask for the same as before, or leave resume=None to begin anew.",
        )


class MeasurementInterrupted(KeyboardInterrupt):
    """A measurement was interrupted; what was measured until then is kept.

    Attributes:
        so_far: The effective receptive field over the inputs until then; None if there was none.
        saved: Where it was saved, if it was.
    """

    def __init__(self, so_far: Any, saved: Path | None) -> None:
        self.so_far, self.saved = so_far, saved
        if so_far is None:
            told = "Interrupted before the first input was measured."
        elif saved is None:
            told = (
                f"Interrupted after {_inputs(so_far.count)}.\n"
                "Hint: the exception holds them: resume=interrupted.so_far goes on from there."
            )
        else:
            told = (
                f"Interrupted after {_inputs(so_far.count)}, saved in {str(saved)!r}.\n"
                f"Hint: resume={str(saved)!r} goes on from there."
            )
        super().__init__(told)


def _inputs(count: int) -> str:
    return f"{count} input{'' if count == 1 else 's'}"


def shape_problem(index: int, shape: Sequence[int], wanted: Sequence[int]) -> UnfitInputError:
    """The error for an input of another shape than was asked for."""
    shape, wanted = tuple(shape), tuple(wanted)
    same_lengths = sorted(shape) == sorted(wanted)
    hint = (
        "its axes seem to be in another order: transpose it, or say layout= as your arrays have it."
        if same_lengths
        else "inputs are neither resized nor cropped: bring them to that shape, or ask for "
        f"input_shape={shape}."
    )
    return UnfitInputError(
        index, f"has the shape {shape}, and {wanted} was asked for (without the batch)", hint
    )

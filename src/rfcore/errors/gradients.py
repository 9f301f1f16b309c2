"""Exceptions and the warning about gradients that are measured."""

from __future__ import annotations

from collections.abc import Sequence

from rfcore.errors.base import RfcoreError

__all__ = [
    "GradientFieldWarning",
    "NonFiniteGradientError",
    "OutputChannelsError",
    "OutputIndexError",
]


class GradientFieldWarning(UserWarning):
    """A field that was measured from gradients is smaller than the exact one."""

    def __init__(
        self, output: str, measured: Sequence[int | None], exact: Sequence[int | None]
    ) -> None:
        self.output, self.measured, self.exact = output, tuple(measured), tuple(exact)
        name = f"{output!r}" if output else "the model"
        super().__init__(
            f"The field of {name} measured from gradients is {_sizes(measured)} pixels, and the "
            f"exact one {_sizes(exact)}: some influence has no gradient at this input. Dead ReLUs, "
            "maxima that hide their rivals, values that underflow or cancel and weights that are "
            'zero do that; method="exact" does not need them.'
        )


def _sizes(sizes: Sequence[int | None]) -> str:
    return " x ".join("all" if size is None else str(size) for size in sizes)


class NonFiniteGradientError(RfcoreError):
    """A gradient holds NaN or infinite values."""

    def __init__(self, output: str) -> None:
        self.output = output
        name = f"{output!r}" if output else "the model"
        super().__init__(
            f"The gradient of {name} holds NaN or infinite values at this input.",
            "the model overflows or divides by zero there: measure it in a wider type (float32 "
            'for float16), at another input, or its field with method="exact".',
        )


class OutputIndexError(RfcoreError):
    """An index that names no place of an output."""

    def __init__(self, index: object, shape: Sequence[int], problem: str, hint: str) -> None:
        self.index, self.shape = index, tuple(shape)
        super().__init__(f"index={index!r} {problem}; the output has the shape {self.shape}.", hint)


class OutputChannelsError(RfcoreError):
    """Channels that an output does not have."""

    def __init__(self, channels: object, shape: Sequence[int], problem: str, hint: str) -> None:
        self.channels, self.shape = channels, tuple(shape)
        super().__init__(
            f"channels={channels!r} {problem}; the output has the shape {self.shape}.", hint
        )

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
    """A field that was measured from gradients is not the exact one."""

    def __init__(self, output: str, measured: Sequence[int], exact: Sequence[int]) -> None:
        self.output, self.measured, self.exact = output, tuple(measured), tuple(exact)
        name = f"{output!r}" if output else "the model"
        beyond = any(seen > size for seen, size in zip(measured, exact, strict=True))
        super().__init__(
            f"The field of {name} has the size {self.measured} as gradients show it, and the exact "
            f"size {self.exact}: {_BEYOND if beyond else _HIDDEN}"
        )


_HIDDEN = (
    "dead ReLUs, maxima that hide their rivals, zero weights and values that underflow or cancel "
    'hide influence from a gradient. method="exact" needs none.'
)
_BEYOND = (
    "a gradient never reaches beyond the field, so that one of the two is wrong. Please report it "
    "with the model."
)


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

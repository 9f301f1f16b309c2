"""Why a layer has no field, in the few words that a table has room for."""

from __future__ import annotations

from rfcore.errors import (
    IndependentOutputError,
    InputShapeError,
    IrregularFieldError,
    MergedAxesError,
    NoSpatialAxesError,
    RfcoreError,
    TruncatedFieldError,
    UnsupportedOpError,
)

__all__ = ["in_short"]

_WORDS: dict[type[RfcoreError], str] = {
    IndependentOutputError: "does not depend on the input",
    InputShapeError: "is empty at this size",
    IrregularFieldError: "no single stride",
    MergedAxesError: "spatial axes merged",
    NoSpatialAxesError: "no spatial axes",
    TruncatedFieldError: "clipped by the input",
}


def in_short(error: RfcoreError) -> str:
    """A refusal as a remark."""
    if isinstance(error, UnsupportedOpError):
        return f"op {error.op} cannot be followed"
    for kind, words in _WORDS.items():
        if isinstance(error, kind):
            return words
    return type(error).__name__

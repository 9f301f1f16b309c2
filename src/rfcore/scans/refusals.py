"""Why a layer has no field, in the few words that a table has room for."""

from __future__ import annotations

from typing import NamedTuple

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

__all__ = ["Refusal", "refusal_of"]

_WORDS: dict[type[RfcoreError], str] = {
    IndependentOutputError: "does not depend on the input",
    InputShapeError: "is empty at this size",
    IrregularFieldError: "no single stride",
    MergedAxesError: "spatial axes merged",
    NoSpatialAxesError: "no spatial axes",
    TruncatedFieldError: "clipped by the input",
}


class Refusal(NamedTuple):
    """What is kept of an error: the error itself holds on to all that it was raised in.

    Attributes:
        remark: It in a few words.
        message: Its own.
    """

    remark: str = ""
    message: str = ""


def refusal_of(error: RfcoreError) -> Refusal:
    """An error in words."""
    return Refusal(_in_short(error), error.message)


def _in_short(error: RfcoreError) -> str:
    if isinstance(error, UnsupportedOpError):
        return f"op {error.op} cannot be followed"
    for kind, words in _WORDS.items():
        if isinstance(error, kind):
            return words
    return type(error).__name__

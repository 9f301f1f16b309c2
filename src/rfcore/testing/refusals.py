"""Does what a refusal advises work? What its hint says is typed, and has to be answered.

A hint is worth nothing if following it leads to the next error. Where one holds arguments, as in
`output='layer4'` or `input_shape=(3, 64, 64)`, they are given to `estimate` in turn.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest

import rfcore
from rfcore.errors import PluginFaultError, RfcoreError

__all__ = ["MOST_STEPS", "advised", "refusal", "refusal_with_way_out"]

# A call may be wrong in several arguments, and each refusal tells of one.
MOST_STEPS = 3

_ARGUMENTS = "input_shape|output|layout|global_paths|method|backend|input"
_VALUES = r"'[^']*'|\"[^\"]*\"|\([^()]*\)|None|-?\d+"
_TYPED = re.compile(rf"\b({_ARGUMENTS})=({_VALUES})")


def advised(hint: str) -> Iterator[tuple[str, Any]]:
    """The arguments that a hint says to type, in order, and their values."""
    for argument, value in _TYPED.findall(hint):
        yield argument, ast.literal_eval(value)


def refusal(model: Any, **options: Any) -> RfcoreError:
    """The error that refuses an estimate: a fact, then a hint.

    Raises:
        AssertionError: A fault of the backend refused it.
    """
    with pytest.raises(RfcoreError) as raised:
        rfcore.estimate(model, **options)
    error = raised.value
    assert not isinstance(error, PluginFaultError), str(error)
    fact, _, hint = str(error).partition("\nHint: ")
    assert (fact, hint) == (error.message, error.hint)
    assert fact.strip()
    assert hint.strip()
    return error


def refusal_with_way_out(model: Any, **options: Any) -> RfcoreError:
    """A refusal whose hint holds arguments, the first of which leads to an answer.

    Args:
        model: What is refused.
        options: Of `estimate`.

    Raises:
        AssertionError: It is not refused, its hint holds nothing to type, or that does not help.
    """
    error = first = refusal(model, **options)
    for _ in range(MOST_STEPS):
        typed = next(advised(error.hint), None)
        assert typed is not None, f"nothing to type in: {error.hint}"
        options = {**options, typed[0]: typed[1]}
        try:
            rfcore.estimate(model, **options)
        except RfcoreError as other:
            again = type(other) is type(error)
            error = other
        else:
            return first
        assert not again, f"{typed} is refused again: {error}"
    raise AssertionError(f"{MOST_STEPS} steps do not lead out of: {first}")

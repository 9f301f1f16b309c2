"""Which of PyTorch's ops keep the zeros, or the numbers as good as -inf, of their operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rfcore.fills import Fill
from rfcore.kept_fills import Keeping

__all__ = ["KEEPING", "whole"]


def _names(text: str) -> frozenset[str]:
    return frozenset(f"aten.{name}" for name in text.split())


KEEPING = Keeping(
    zero=_names("mul clone _to_copy expand neg abs relu native_dropout dropout"),
    low=_names("add clone _to_copy expand"),
    zero_of_first=_names("div"),
    low_of_first=_names("sub"),
    zero_of_low=_names("exp sigmoid relu"),
)


def whole(value: Any, test: Callable[[Any], Any]) -> Fill:
    """The fill of a tensor that holds one number, if a test holds of that."""
    holds = not isinstance(value, complex) and bool(test(value))
    return Fill((), lambda: np.array(holds))

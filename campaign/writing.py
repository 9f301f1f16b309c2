"""A network as a line of Python that can be pasted into a table of cases."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from rfcore.layers import Layer
from rfcore.testing import Case


def written(case: Case) -> str:
    """The case's layers, size and channels as Python, defaults left out."""
    return f"layers={_text(case.layers)}, input_shape={case.input_shape}, channels={case.channels}"


def _text(value: Any) -> str:
    if isinstance(value, Layer):
        given = [
            f"{field.name}={_text(getattr(value, field.name))}"
            for field in fields(value)
            if field.default is MISSING or getattr(value, field.name) != field.default
        ]
        return f"{type(value).__name__}({', '.join(given)})"
    if isinstance(value, tuple):
        items = ", ".join(map(_text, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    return repr(value)

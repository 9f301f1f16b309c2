"""For tests: assertions about a model's field, and the conformance suite for authors of backends.

The assertions need nothing else: `assert_receptive_field`, `assert_causal`, `assert_no_leak`.

A backend's own tests subclass `BackendConformance`, write each `Case` as a model of their
framework, and get every law. That needs pytest and hypothesis: `pip install "rfcore[testing]"`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rfcore.testing.assertions import assert_causal, assert_no_leak, assert_receptive_field

if TYPE_CHECKING:
    from rfcore.testing.case import Case, Expected, Unbuildable, same_padding
    from rfcore.testing.cases import CASES
    from rfcore.testing.conformance import BackendConformance
    from rfcore.testing.regressions import REGRESSIONS

__all__ = [
    "CASES",
    "REGRESSIONS",
    "BackendConformance",
    "Case",
    "Expected",
    "Unbuildable",
    "assert_causal",
    "assert_no_leak",
    "assert_receptive_field",
    "same_padding",
]

# Imported when they are asked for: the suite needs pytest and hypothesis, the assertions do not.
_HOMES = {
    "CASES": "cases",
    "REGRESSIONS": "regressions",
    "BackendConformance": "conformance",
    "Case": "case",
    "Expected": "case",
    "Unbuildable": "case",
    "same_padding": "case",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)

"""The conformance suite for authors of backends: networks with known fields, and laws for all.

A backend's own tests subclass `BackendConformance`, write each `Case` as a model of their
framework, and get every law. It needs pytest and hypothesis: `pip install "rfcore[testing]"`.
"""

import pytest

# The laws assert in modules that pytest would otherwise take for plain code.
pytest.register_assert_rewrite("rfcore.testing.laws")

from rfcore.testing.case import Case, Expected, Unbuildable, same_padding  # noqa: E402
from rfcore.testing.cases import CASES  # noqa: E402
from rfcore.testing.conformance import BackendConformance  # noqa: E402
from rfcore.testing.regressions import REGRESSIONS  # noqa: E402

__all__ = [
    "CASES",
    "REGRESSIONS",
    "BackendConformance",
    "Case",
    "Expected",
    "Unbuildable",
    "same_padding",
]

"""Exceptions about comparing networks."""

from __future__ import annotations

from rfcore.errors.base import RfcoreError

__all__ = ["ComparisonError"]


class ComparisonError(RfcoreError):
    """Networks that cannot be compared as asked."""

    def __init__(self, problem: str, hint: str) -> None:
        self.problem = problem
        super().__init__(f"The networks cannot be compared: {problem}.", hint)

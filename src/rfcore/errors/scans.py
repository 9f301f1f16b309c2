"""Exceptions about scans of a whole network."""

from __future__ import annotations

from rfcore.errors.base import RfcoreError

__all__ = ["InputRangeError"]


class InputRangeError(RfcoreError):
    """The input sizes that suit a network cannot be told from its layers."""

    def __init__(self, problem: str, hint: str) -> None:
        self.problem = problem
        super().__init__(f"No range of input sizes can be told: {problem}.", hint)

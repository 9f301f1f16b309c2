"""What every exception of rfcore is made of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["RfcoreError", "listed", "nearest"]


class RfcoreError(Exception):
    """Base of all errors of rfcore: a fact with its values, then a hint with something to type."""

    def __init__(self, message: str, hint: str) -> None:
        self.message = message
        super().__init__(message)
        self.advise(hint)

    def advise(self, hint: str) -> None:
        """Replaces the hint, where more is known than when the error was made."""
        self.hint = hint
        self.args = (f"{self.message}\nHint: {hint}",)

    def __str__(self) -> str:
        # Some errors are errors of Python's own kinds too, which keep a text of their own.
        return str(self.args[0])


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Names for a message: the first few, and how many there are."""
    known = list(names)
    shown = ", ".join(repr(name) for name in known[:limit])
    return shown + (f", … ({len(known)} in all)" if len(known) > limit else "")


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The known names that the user may have meant."""
    candidates = list(known)
    close = difflib.get_close_matches(name, candidates, n=4, cutoff=0.5)
    return close or [other for other in candidates if name and name in other][:4]

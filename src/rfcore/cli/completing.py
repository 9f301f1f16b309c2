"""What the shell offers where an option takes one of a few words."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from rfcore.plugins import backends

__all__ = ["backend_names", "one_of"]

Offer = Callable[[str], list[str]]


def one_of(*words: str) -> Offer:
    """Offers the words that begin as what was typed does."""

    def offer(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return offer


def backend_names(incomplete: str) -> list[str]:
    """Offers the installed backends; no framework is imported to know them."""
    with warnings.catch_warnings():
        # A plugin that is broken has nothing to say while somebody types.
        warnings.simplefilter("ignore")
        names = [backend.name for backend in backends()]
    return one_of(*names)(incomplete)

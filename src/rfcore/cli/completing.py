"""What the shell offers where an option takes one of a few words."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import typer

from rfcore.plugins import backends

__all__ = ["backend_names", "one_of"]


def one_of(*words: str, **options: Any) -> Any:
    """An option that takes one of some words, which help shows and the shell offers."""

    def offer(incomplete: str) -> list[str]:
        return _begun(words, incomplete)

    return typer.Option(metavar="|".join(words), autocompletion=offer, **options)


def _begun(words: Iterable[str], incomplete: str) -> list[str]:
    """The words that begin as what was typed does."""
    return [word for word in words if word.startswith(incomplete)]


def backend_names(incomplete: str) -> list[str]:
    """Offers the installed backends; no framework is imported to know them."""
    with warnings.catch_warnings():
        # A plugin that is broken has nothing to say while somebody types.
        warnings.simplefilter("ignore")
        names = [backend.name for backend in backends()]
    return _begun(names, incomplete)

"""What the user sees beside the answer: errors, warnings and, when it takes long, a spinner."""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Console

from rfcore.errors import RfcoreError

__all__ = ["work"]

PATIENCE_SECONDS = 2.0


@contextlib.contextmanager
def work(doing: str, *, debug: bool) -> Iterator[None]:
    """Surrounds everything that can be slow or fail.

    Prints of the model's code go to stderr, so that stdout holds the answer alone; warnings
    become one line each; an error of rfcore becomes its message and exit code 2.

    Args:
        doing: What the spinner says.
        debug: Raise errors as they are.
    """
    try:
        with (
            contextlib.redirect_stdout(sys.stderr),
            _one_line_warnings(),
            _spinner(doing),
        ):
            yield
    except RfcoreError as error:
        if debug:
            raise
        _say("Error", f"{error.message}\nHint: {_hint(error)}", typer.colors.RED)
        raise typer.Exit(2) from error


def _hint(error: RfcoreError) -> str:
    foreign = error.__cause__ is not None and not isinstance(error.__cause__, RfcoreError)
    return f"{error.hint} (--debug shows what caused it.)" if foreign else error.hint


def _say(kind: str, text: str, color: str) -> None:
    typer.secho(f"{kind}: ", fg=color, bold=True, err=True, nl=False)
    typer.echo(text, err=True)


@contextlib.contextmanager
def _one_line_warnings() -> Iterator[None]:
    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        _say("Warning", " ".join(str(message).split()), typer.colors.YELLOW)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def _spinner(doing: str) -> Iterator[None]:
    """Shows on stderr that it goes on, once it has taken longer than one likes to wait."""
    console = Console(stderr=True)
    if not (sys.__stdout__ and sys.__stdout__.isatty() and console.is_terminal):
        yield
        return
    status = console.status(doing)
    timer = threading.Timer(PATIENCE_SECONDS, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()

"""What the user sees beside the answer: errors, warnings and, when it takes long, a spinner."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Console

from rfcore.erf.progress import PATIENCE_SECONDS, Progress, bar_on_terminal
from rfcore.errors import RfcoreError

__all__ = ["warn", "work"]


@contextlib.contextmanager
def work(doing: str, *, debug: bool) -> Iterator[Progress]:
    """Surrounds everything that can be slow or fail.

    Prints of the model's code go to stderr, so that stdout holds the answer alone; warnings
    become one line each; an error of rfcore becomes its message and exit code 2.

    Args:
        doing: What the spinner says.
        debug: Raise errors as they are.

    Yields:
        What turns the spinner into a bar, called with how much is done of how much.
    """
    try:
        with (
            contextlib.redirect_stdout(sys.stderr),
            _one_line_warnings(),
            _spinner(doing) as report,
        ):
            yield report
    except RfcoreError as error:
        if debug:
            raise
        _say("Error", f"{error.message}\nHint: {_hint(error)}", typer.colors.RED)
        raise typer.Exit(2) from error


def _hint(error: RfcoreError) -> str:
    foreign = error.__cause__ is not None and not isinstance(error.__cause__, RfcoreError)
    return f"{error.hint} (--debug shows what caused it.)" if foreign else error.hint


def warn(text: str) -> None:
    """Says something on stderr that is no error."""
    _say("Warning", text, typer.colors.YELLOW)


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
def _spinner(doing: str) -> Iterator[Progress]:
    """Shows on stderr that it goes on, once it has taken longer than one likes to wait."""
    console = Console(stderr=True)
    if not (sys.__stdout__ and sys.__stdout__.isatty() and console.is_terminal):
        yield lambda done, total: None
        return
    status = console.status(doing)
    began = time.monotonic()
    timer = threading.Timer(PATIENCE_SECONDS, status.start)
    timer.daemon = True
    timer.start()
    bar: Progress | None = None

    def stop() -> None:
        timer.cancel()
        timer.join()
        status.stop()

    with contextlib.ExitStack() as stack:
        stack.callback(stop)

        def report(done: int, total: int | None) -> None:
            nonlocal bar
            if bar is None and time.monotonic() - began >= PATIENCE_SECONDS:
                # One terminal has room for one of them.
                stop()
                bar = stack.enter_context(bar_on_terminal())
            if bar is not None:
                bar(done, total)

        yield report

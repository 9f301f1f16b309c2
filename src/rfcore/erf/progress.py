"""Showing that a long measurement goes on, on a terminal and only there."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

__all__ = ["PATIENCE_SECONDS", "Progress", "bar_on_terminal", "shown_on_terminal"]

Progress = Callable[[int, int | None], object]
"""Called with how many inputs are done, and of how many (None where that is not known)."""

PATIENCE_SECONDS = 2.0
LINE_EVERY_SECONDS = 0.2


@contextmanager
def shown_on_terminal() -> Iterator[Progress]:
    """A bar on stderr if that is a terminal, once it takes longer than one likes to wait.

    It is rich's if that is installed, else a line that is written over.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    began = time.monotonic()
    bar: Progress | None = None
    with ExitStack() as stack:

        def report(done: int, total: int | None) -> None:
            nonlocal bar
            if bar is None and time.monotonic() - began >= PATIENCE_SECONDS:
                bar = stack.enter_context(bar_on_terminal())
            if bar is not None:
                bar(done, total)

        yield report


@contextmanager
def bar_on_terminal() -> Iterator[Progress]:
    """A bar on stderr, at once."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
    except ImportError:
        with _line() as report:
            yield report
        return
    columns = (TextColumn("inputs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("inputs", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


@contextmanager
def _line() -> Iterator[Progress]:
    last = 0.0

    def report(done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LINE_EVERY_SECONDS:
            last = now
            of = "" if total is None else f" of {total}"
            print(f"\r\x1b[Kinputs: {done}{of}", end="", file=sys.stderr, flush=True)

    try:
        yield report
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)

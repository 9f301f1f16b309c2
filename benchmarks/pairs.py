"""Times in alternating pairs, as ratios: absolute times depend on the machine, ratios much less."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.progress import track
from rich.table import Table

__all__ = ["Measurement", "paired", "seconds", "show"]

PAIRS = 9


@dataclass(frozen=True)
class Measurement:
    """Some values of one kind, and the limit that their median should stay below."""

    name: str
    values: Sequence[float]
    limit: float | None = None
    unit: str = "times"


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    gc.collect()
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def paired(
    name: str,
    action: Callable[[], object],
    baseline: Callable[[], object],
    limit: float | None = None,
    *,
    pairs: int = PAIRS,
) -> Measurement:
    """Time of `action` over time of `baseline`, one ratio per alternating pair."""
    # The first run of each pays for imports and caches, which are not what is compared.
    baseline()
    action()
    ratios = []
    for _ in track(range(pairs), name, transient=True):
        reference = seconds(baseline)
        ratios.append(seconds(action) / reference)
    return Measurement(name, ratios, limit)


def show(title: str, measurements: Sequence[Measurement]) -> None:
    """Prints a table."""
    table = Table("what", "median", "min", "max", "limit", "unit", title=title)
    for found in measurements:
        values = (median(found.values), min(found.values), max(found.values))
        limit = "" if found.limit is None else f"{found.limit:g}"
        table.add_row(found.name, *(f"{value:.3g}" for value in values), limit, found.unit)
    Console(width=110).print(table)

"""Measure random networks in every framework, and compare the answers with two dumber methods.

Run by `nox -s fuzz -- --count 1000`. Each network is drawn in neutral form, measured as written-out
layers, walked tap by tap in plain Python, built and measured in every framework, perturbed
position by position on PyTorch's true forward, and, every so often, verified on the forwards of
the others. The exit code is 1 if any two of these differ.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import queue
import resource
import sys
import time
import traceback
import warnings
from collections import Counter
from typing import Any

import frameworks
from checks import Tally, check, digest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as hypothesis_seed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from writing import written

from rfcore.testing import REGRESSIONS, Case
from rfcore.testing.strategies import wide_cases

BATCH = 50
# Batches after which the frameworks' caches are emptied, which takes a second.
FORGETTING = 4
# Seconds.
SHRINKING = 60
# Bytes of address space, of which the frameworks take several gigabytes for themselves.
LARGEST = 16 << 30
QUIET = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def main() -> int:
    """Draws, listens and reports; the exit code."""
    options = _options()
    os.environ.update(QUIET)
    started = time.monotonic()
    deadline = None if options.minutes is None else time.time() + 60 * options.minutes
    batches = None if options.count is None else -(-options.count // BATCH)
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    workers = [
        context.Process(target=_work, args=(number, options, batches, deadline, results))
        for number in range(options.processes)
    ]
    for worker in workers:
        worker.start()
    tally, failures = _listen(workers, results, options)
    for worker in workers:
        worker.join()
    _report(tally, failures, time.monotonic() - started, options)
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--count", type=int, help="networks to draw (default 200)")
    parser.add_argument("--minutes", type=float, help="time to draw for, instead of a count")
    parser.add_argument("--seed", type=int, default=0, help="the same seed draws the same networks")
    parser.add_argument(
        "--backends", nargs="+", choices=list(frameworks.FRAMEWORKS), default=[], metavar="NAME"
    )
    parser.add_argument(
        "--keras", nargs="+", default=["tensorflow", "jax"], help="what Keras runs on, per process"
    )
    parser.add_argument("--processes", type=int, default=2, choices=(1, 2))
    parser.add_argument(
        "--verify-every", type=int, default=10, help="one network in how many; 0 for none"
    )
    options = parser.parse_args()
    if options.count is None and options.minutes is None:
        options.count = 200
    return options


def _work(
    number: int, options: argparse.Namespace, batches: int | None, deadline: float | None, to: Any
) -> None:
    """Draws every second batch; each has a seed of its own, whoever draws it."""
    os.environ["KERAS_BACKEND"] = options.keras[number % len(options.keras)]
    # A network that needs all of memory has to fail by itself, and not whoever is beside it.
    resource.setrlimit(resource.RLIMIT_AS, (LARGEST, resource.getrlimit(resource.RLIMIT_AS)[1]))
    frameworks.find_builders()
    backends = frameworks.installed(options.backends)
    batch = number
    asked: set[bytes] = set()
    try:
        if number == 0:
            to.put(("tally", *_regressions(backends, options.verify_every)))
        while (batches is None or batch < batches) and not _past(deadline):
            tally, failures = _batch(options.seed, batch, backends, options, deadline, asked)
            to.put(("tally", tally, failures))
            asked |= tally.seen
            batch += options.processes
            if batch // options.processes % FORGETTING == 0:
                frameworks.forget(backends)
    except BaseException:
        to.put(("tally", Tally(), [traceback.format_exc()]))
    to.put(("done", None, None))


def _regressions(backends: list[str], verify_every: int) -> tuple[Tally, list[str]]:
    """The networks that failed once, counted apart from the random ones."""
    tally, failures = Tally(), []
    for case in REGRESSIONS:
        try:
            _quietly(case, backends, verify_every, tally)
        except Exception as error:
            failures.append(f"{case.name}:\n{_told(case, error)}")
    done = Tally()
    done.counts["networks that failed once"] = tally.counts["networks"]
    return done, failures


def _quietly(case: Case, backends: list[str], verify_every: int, tally: Tally) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(case, backends, verify_every, tally)


def _told(case: Case, error: Exception) -> str:
    """The network, ready to be pasted, and what is wrong with it in which framework."""
    notes = [note for note in getattr(error, "__notes__", []) if note.startswith("in ")]
    where = notes[0] if notes else "written out"
    return f"{written(case)}\n{where}: {type(error).__name__}: {error}"


def _past(deadline: float | None) -> bool:
    return deadline is not None and time.time() > deadline


def _batch(
    seed: int,
    batch: int,
    backends: list[str],
    options: argparse.Namespace,
    deadline: float | None,
    known: set[bytes],
) -> tuple[Tally, list[str]]:
    """The networks of one batch, until one of them fails; that one is shrunk.

    One in five is drawn more than once; those that passed are not asked again.
    """
    tally, found = Tally(), _Found()
    size = BATCH if options.count is None else min(BATCH, options.count - batch * BATCH)

    @hypothesis_seed(seed * 1_000_003 + batch)
    @settings(
        max_examples=size,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(wide_cases())
    def holds(case: Case) -> None:
        if _past(deadline) or (found.is_small_enough() and case != found.case):
            return
        if digest(case) in known or digest(case) in tally.seen:
            tally.counts["drawn again"] += 1
            return
        # What only shrinks is not counted, and asked where it failed.
        counted, asked = (Tally(), found.backends) if found.case else (tally, backends)
        try:
            _quietly(case, asked, options.verify_every, counted)
        except Exception as error:
            found.note(case, error)
            raise

    try:
        holds()
    except Exception:
        if found.case is None:
            raise
        assert found.error is not None
        return tally, [f"seed {seed}, batch {batch}:\n{_told(found.case, found.error)}"]
    return tally, []


class _Found:
    """The smallest network that failed so far, and how.

    Attributes:
        case: The network.
        error: What it failed with.
        since: When the first one failed.
    """

    case: Case | None = None
    error: Exception | None = None
    since: float = 0.0

    def note(self, case: Case, error: Exception) -> None:
        """Takes in a failure."""
        self.since = self.since or time.time()
        self.case, self.error = case, error

    @property
    def backends(self) -> list[str]:
        """Where it failed; none where the written-out layers did by themselves."""
        where = [note.removeprefix("in ") for note in getattr(self.error, "__notes__", [])]
        return [name for name in where if name in frameworks.FRAMEWORKS]

    def is_small_enough(self) -> bool:
        """Whether shrinking has taken its time."""
        return self.case is not None and time.time() > self.since + SHRINKING


def _listen(
    workers: list[Any], results: Any, options: argparse.Namespace
) -> tuple[Tally, list[str]]:
    console = Console()
    tally, failures, running = Tally(), [], len(workers)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(*columns, console=console) as progress:
        total = None if options.minutes is not None else options.count
        task = progress.add_task("networks", total=total, told="")
        while running:
            try:
                what, part, found = results.get(timeout=1)
            except queue.Empty:
                codes = [worker.exitcode for worker in workers]
                if None not in codes and results.empty():
                    failures.append(f"a process died without a word: exit codes {codes}")
                    console.print(failures[-1])
                    break
                continue
            if what == "done":
                running -= 1
                continue
            tally.add(part)
            failures += found
            for failure in found:
                console.print(failure, markup=False, highlight=False)
            estimates = sum(n for name, n in tally.counts.items() if name.startswith("estimates"))
            told = f"{estimates} estimates, {len(failures)} mismatches"
            progress.update(task, completed=tally.counts["networks"], told=told)
            if not console.is_terminal:
                console.print(f"{tally.counts['networks']} networks, {told}", highlight=False)
    return tally, failures


def _report(tally: Tally, failures: list[str], seconds: float, options: argparse.Namespace) -> None:
    console = Console()
    counts = tally.counts + Counter({"distinct networks": len(tally.seen)})
    counts["layers"] = sum(tally.layers.values())
    counts["in frameworks together"] = sum(
        n for name, n in counts.items() if name.startswith("estimates in")
    )
    counts["refused although there is an answer"] = len(tally.needless)
    for title, counter in (
        ("done", counts),
        ("layers by kind", tally.layers),
        ("refusals by kind", tally.refusals),
        ("could not be written", tally.unbuildable),
    ):
        table = Table("what", "count", title=title, title_justify="left")
        for what, count in sorted(counter.items(), key=lambda item: -item[1]):
            table.add_row(what, str(count))
        console.print(table)
    for told in tally.needless[:20]:
        console.print(f"refused needlessly {told}", markup=False, highlight=False)
    console.print(
        f"{counts['networks']} networks, {counts['in frameworks together']} in frameworks, "
        f"{len(failures)} mismatches, {seconds:.0f} s, seed {options.seed}",
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())

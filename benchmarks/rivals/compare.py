"""rfcore beside the tools that one would otherwise pick, and beside the limits, in pairs.

Run it with `nox -s rivals`; what it finds becomes docs/benchmarks.md. `-- torch` asks with one
framework only, `-- --page` writes the page again from what the last runs found.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import Any

import machine
import page
from contestants import FRAMEWORKS, Contestant, Framework
from environments import HERE, made
from rich.console import Console
from subjects import Subject
from verdicts import judged
from workers import Worker, working

FOUND = Path(__file__).parents[2] / ".nox" / "rivals-tools" / "found"
PAIRS = 5
# Seconds that are enough to spend on the calls of one contestant, and beyond which the first call,
# elsewhere not counted, has to do.
ENOUGH = 10.0
SLOW = 30.0
CONSOLE = Console(highlight=False, soft_wrap=True)


def start(contestant: Contestant) -> AbstractContextManager[Worker]:
    python = made(contestant.environment).python
    assert python is not None
    foreign = contestant.environment != HERE
    # Another environment has no use for the paths of this one.
    kept = {k: v for k, v in os.environ.items() if not (foreign and k.startswith("PYTHON"))}
    return working(python, contestant.key, kept)


def asked_once(contestant: Contestant, subject: Subject, worker: Worker) -> dict[str, Any]:
    pixels = subject.enough if contestant.needs_room else subject.pixels
    failure = worker.load(subject.name, pixels)
    return {"error": failure} if failure else worker.call() | {"pixels": pixels}


def timed(worker: Worker, rfcore: Worker, first: float, pairs: int) -> dict[str, Any]:
    """Medians of alternating calls."""
    seconds, ratios = [], []
    while len(ratios) < pairs and sum(seconds) < ENOUGH:
        reference = rfcore.call()["seconds"]
        reply = {"seconds": first} if first > SLOW else worker.call()
        if "error" in reply:
            return reply
        seconds.append(reply["seconds"])
        ratios.append(seconds[-1] / reference)
    return {"seconds": median(seconds), "ratio": median(ratios), "calls": len(ratios)}


def compared(
    framework: Framework, subject: Subject, pairs: int
) -> Iterator[tuple[Contestant, dict[str, Any]]]:
    """One network, a process for each contestant, each beside that of rfcore."""
    first, *others = framework.contestants
    with start(first) as rfcore:
        reply = asked_once(first, subject, rfcore)
        if "error" in reply:
            raise RuntimeError(f"rfcore on {subject.name}: {reply['error']}")
        reply["seconds"] = median(rfcore.call()["seconds"] for _ in range(pairs))
        yield first, reply | {"calls": pairs}
        for contestant in others:
            if not contestant.asked(subject):
                continue
            if (failure := made(contestant.environment).failure) is not None:
                yield contestant, {"error": failure, "environment": True}
                continue
            with start(contestant) as worker:
                reply = asked_once(contestant, subject, worker)
                if "error" not in reply:
                    reply |= timed(worker, rfcore, reply["seconds"], pairs)
            yield contestant, reply


def questioned(
    contestant: Contestant, subjects: Iterable[Subject]
) -> Iterator[tuple[Subject, dict[str, Any]]]:
    """Small networks one after the other, in one process as long as it lives."""
    remaining = deque(subject for subject in subjects if contestant.asked(subject))
    failure = made(contestant.environment).failure
    while remaining and failure is not None:
        yield remaining.popleft(), {"error": failure, "environment": True}
    while remaining:
        with start(contestant) as worker:
            while remaining and not worker.ended:
                subject = remaining.popleft()
                yield subject, asked_once(contestant, subject, worker)


def everything(
    framework: Framework, pairs: int
) -> Iterator[tuple[Contestant, Subject, dict[str, Any]]]:
    """The small networks first, for they are soon done."""
    small = [subject for subject in framework.subjects if subject.small]
    for contestant in framework.contestants:
        for subject, reply in questioned(contestant, small):
            yield contestant, subject, reply
    for subject in framework.subjects:
        if not subject.small:
            for contestant, reply in compared(framework, subject, pairs):
                yield contestant, subject, reply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frameworks", nargs="*", help=f"any of {', '.join(FRAMEWORKS)}")
    parser.add_argument("--page", action="store_true", help="write the page from what was found")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="calls of each (%(default)s)")
    options = parser.parse_args()
    if not options.page:
        for name in options.frameworks or FRAMEWORKS:
            # Whatever stops a run, what it has found by then is not lost.
            for run in running(FRAMEWORKS[name], options.pairs):
                FOUND.mkdir(parents=True, exist_ok=True)
                (FOUND / f"{name}.json").write_text(json.dumps(run, indent=1))
    files = {name: FOUND / f"{name}.json" for name in FRAMEWORKS}
    page.write({name: json.loads(f.read_text()) for name, f in files.items() if f.exists()})


def running(framework: Framework, pairs: int) -> Iterator[dict[str, Any]]:
    """The run as far as it has come, after each reply."""
    found: dict[str, dict[str, Any]] = {one.title: {} for one in framework.contestants}
    run = {
        "date": machine.today(),
        "machine": machine.described(),
        "installed": {
            contestant.environment.name: installation(contestant)
            for contestant in framework.contestants
        },
        "loads": [machine.load()],
        "found": found,
    }
    for contestant, subject, reply in everything(framework, pairs):
        found[contestant.title][subject.name] = reply
        run["loads"].append(machine.load())
        told = [judged(subject, reply)] if contestant.answers else []
        times = [f"{key} {reply[key]:.3g}" for key in ("seconds", "ratio") if key in reply]
        CONSOLE.print(f"{framework.title}, {subject.name}, {contestant.title}:", *told, *times)
        yield run


def installation(contestant: Contestant) -> dict[str, Any]:
    place = made(contestant.environment)
    return {key: getattr(place, key) for key in ("versions", "refusal", "failure")}


if __name__ == "__main__":
    main()

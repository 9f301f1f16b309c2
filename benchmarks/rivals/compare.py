"""rfcore beside the tools that one would otherwise pick, and beside the limits, in pairs.

Run it with `nox -s rivals`; what it finds becomes docs/benchmarks.md. `-- torch` asks with one
framework only, `-- --page` writes the page again from what the last runs found.
"""

from __future__ import annotations

import argparse
import json
import os
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

FOUND = Path(__file__).parents[2] / ".nox" / "rivals-tools" / "found.json"
PAIRS = 5
# A call this slow is not repeated: the first one is what is told, beside one of rfcore's.
SLOW = 8.0
CONSOLE = Console(highlight=False)


def variables(contestant: Contestant) -> dict[str, str]:
    """Those of this process; another environment has no use for the paths of this one."""
    foreign = contestant.environment != HERE
    return {k: v for k, v in os.environ.items() if not (foreign and k.startswith("PYTHON"))}


def outcome(contestant: Contestant, subject: Subject, rfcore: Worker | None) -> dict[str, Any]:
    """What one contestant says about one network, and its time beside that of rfcore."""
    place = made(contestant.environment)
    if place.python is None:
        return {"error": place.failure, "environment": True}
    pixels = subject.enough if contestant.needs_room else subject.pixels
    start = (place.python, contestant.key, subject.name, pixels, variables(contestant))
    with working(*start) as (worker, failure):
        if failure is not None:
            return {"error": failure}
        reply = worker.call() | {"pixels": pixels}
        if "error" not in reply and not subject.small:
            reply |= timed(worker, rfcore, reply["seconds"])
    return reply


def timed(worker: Worker, rfcore: Worker | None, first: float) -> dict[str, Any]:
    """Medians of alternating calls."""
    seconds, ratios = [], []
    for _ in range(1 if first > SLOW else PAIRS):
        reference = rfcore.call()["seconds"] if rfcore else None
        seconds.append(first if first > SLOW else worker.call()["seconds"])
        if reference:
            ratios.append(seconds[-1] / reference)
    return {
        "seconds": median(seconds),
        "ratio": median(ratios) if ratios else None,
        "calls": len(seconds),
    }


def asked(framework: Framework) -> dict[str, dict[str, Any]]:
    """Title of the contestant, then name of the network: what came of it."""
    found: dict[str, dict[str, Any]] = {
        contestant.title: {} for contestant in framework.contestants
    }
    first, *others = framework.contestants
    for subject in framework.subjects:
        start = (made(HERE).python, first.key, subject.name, subject.pixels, variables(first))
        with working(*start) as (rfcore, failure):
            assert failure is None, failure
            rfcore.call()
            for contestant in (first, *others):
                if not contestant.asked(subject):
                    continue
                reply = outcome(contestant, subject, None if contestant is first else rfcore)
                if contestant.answers:
                    verdict = judged(subject, reply)
                    reply |= {"verdict": verdict.kind, "text": verdict.text}
                found[contestant.title][subject.name] = reply
                told = [str(reply.get(key, "")) for key in ("verdict", "text", "seconds", "ratio")]
                CONSOLE.print(f"{framework.title}, {subject.name}, {contestant.title}:", *told)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frameworks", nargs="*", help=f"any of {', '.join(FRAMEWORKS)}")
    parser.add_argument("--page", action="store_true", help="write the page from what was found")
    options = parser.parse_args()
    everything = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    if not options.page:
        for name in options.frameworks or FRAMEWORKS:
            framework = FRAMEWORKS[name]
            before = machine.load()
            results = asked(framework)
            load = (before, machine.load())
            installed = {
                contestant.environment.name: installation(contestant)
                for contestant in framework.contestants
            }
            everything[name] = {
                **{"date": machine.today(), "machine": machine.described(), "load": load},
                **{"found": results, "installed": installed},
            }
            FOUND.parent.mkdir(parents=True, exist_ok=True)
            FOUND.write_text(json.dumps(everything, indent=1))
    page.write(everything)


def installation(contestant: Contestant) -> dict[str, Any]:
    place = made(contestant.environment)
    return {key: getattr(place, key) for key in ("versions", "refusal", "failure")}


if __name__ == "__main__":
    main()

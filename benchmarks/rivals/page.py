"""docs/benchmarks.md, from what was found."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from claims import CLAIMS, Claim
from contestants import FRAMEWORKS, Contestant, Framework
from environments import Environment
from verdicts import judged, shown
from workers import DEADLINE, GIBIBYTES

__all__ = ["write"]

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
TEMPLATE = Path(__file__).with_name("page.md")
SIGNS = {"right": "✓", "wrong": "✗", "nothing": "✗", "refused": "—"}

Found = dict[str, dict[str, Any]]


def write(everything: dict[str, Any]) -> None:
    for name, run in everything.items():
        judge(FRAMEWORKS[name], run["found"])
    parts = {
        "claims": claims(everything),
        "score": score(everything),
        "deadline": str(DEADLINE),
        "memory": str(GIBIBYTES),
        "installed": installed(everything),
        "results": "\n\n".join(section(FRAMEWORKS[name], run) for name, run in everything.items()),
    }
    text = TEMPLATE.read_text()
    for name, value in parts.items():
        text = text.replace("{{" + name + "}}", value)
    PAGE.write_text(text)


def judge(framework: Framework, found: Found) -> None:
    """Puts the verdicts beside the answers; what was found stays as it is."""
    for contestant in framework.contestants:
        for subject in framework.subjects:
            reply = found[contestant.title].get(subject.name)
            if contestant.answers and reply is not None:
                verdict = judged(subject, reply)
                reply |= {"verdict": verdict.kind, "text": verdict.text}


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def section(framework: Framework, run: dict[str, Any]) -> str:
    loads = [load for load in run["loads"] if load is not None]
    load = f" Load average {min(loads):.1f} to {max(loads):.1f} meanwhile." if loads else ""
    versions = run["installed"]["rfcore"]["versions"]
    beside = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "pip")
    return "\n\n".join(
        (
            f"### {framework.title}",
            f"{run['date']}, {run['machine']}, one thread, {beside}.{load}",
            answers(framework, run["found"]),
            refusals(run["found"]),
            costs(framework, run["found"]),
        )
    )


def answers(framework: Framework, found: Found) -> str:
    titles = [contestant.title for contestant in framework.contestants if contestant.answers]
    rows = []
    for subject in framework.subjects:
        expected = " / ".join(shown(v) for v in (subject.size, subject.stride, subject.padding))
        cells = [cell(found[title].get(subject.name)) for title in titles]
        rows.append([subject.name, expected if subject.size else "global", *cells])
    return table(["size / stride / padding", "expected", *titles], rows)


def cell(reply: dict[str, Any] | None) -> str:
    if reply is None:
        return "not asked"
    text = "no answer" if reply["verdict"] == "refused" else reply["text"]
    return f"{SIGNS[reply['verdict']]} {text}"


def refusals(found: Found) -> str:
    """Why there was no answer, in the tools' own words, the same words told once."""
    told: dict[tuple[str, str], list[str]] = {}
    for title, replies in found.items():
        for network, reply in replies.items():
            if "error" in reply:
                told.setdefault((title, reply["error"]), []).append(network)
    lines = [
        f"- {title} on {', '.join(networks)}: `{error}`"
        for (title, error), networks in told.items()
    ]
    return "\n".join(["No answer, in the tools' own words:", "", *lines]) if lines else ""


def costs(framework: Framework, found: Found) -> str:
    rows = []
    for subject in framework.subjects:
        for contestant in framework.contestants:
            reply = found[contestant.title].get(subject.name, {})
            if "seconds" not in reply or "error" in reply or subject.small:
                continue
            rows.append([subject.name, *cost(contestant, reply)])
    head = ["network", "what", "pixels", "s", "times rfcore", "calls", "peak memory, MiB"]
    return table(head, rows)


def cost(contestant: Contestant, reply: dict[str, Any]) -> list[str]:
    sign = f" ({SIGNS[reply['verdict']]})" if contestant.answers else ""
    ratio, memory = reply.get("ratio"), reply["memory"]
    return [
        contestant.title + sign,
        str(reply["pixels"]),
        f"{reply['seconds']:.3g}",
        "1" if ratio is None else f"{ratio:.2g}" if ratio < 99.5 else f"{ratio:.0f}",
        str(reply["calls"]),
        "·" if memory is None else str(memory),
    ]


def score(everything: dict[str, Any]) -> str:
    rows = []
    for name, run in everything.items():
        framework = FRAMEWORKS[name]
        for contestant in framework.contestants:
            if not contestant.answers:
                continue
            verdicts = [reply["verdict"] for reply in run["found"][contestant.title].values()]
            counts = [str(verdicts.count(kind)) for kind in SIGNS]
            rows.append([contestant.title, framework.title, str(len(verdicts)), *counts])
    head = ["tool", "networks of", "asked", "right", "wrong", "nothing (NaN or 0)", "no answer"]
    return table(head, rows)


def installed(everything: dict[str, Any]) -> str:
    known = {
        contestant.environment.name: contestant.environment
        for framework in FRAMEWORKS.values()
        for contestant in framework.contestants
    }
    rows = {}
    for run in everything.values():
        for name, place in run["installed"].items():
            versions = ", ".join(f"{key} {value}" for key, value in place["versions"].items())
            rows[name] = [name, place["failure"] or versions, how(known[name], place)]
    return table(["tool", "ran with", "how it installs"], list(rows.values()))


def how(environment: Environment, place: dict[str, Any]) -> str:
    if not environment.plainly:
        return "this checkout"
    plain = f"`pip install {shlex.join(environment.plainly)}`"
    if place["refusal"] is None:
        return plain
    steps = ", then ".join(f"`pip install {shlex.join(step)}`" for step in environment.around)
    python = f" on Python {environment.python}" if environment.python else ""
    return f"{plain} is refused: “{place['refusal']}”. Done instead{python}: {steps}"


def claims(everything: dict[str, Any]) -> str:
    """The sentences on each tool, none of which may outlive what it rests on."""
    lines: list[str] = []
    for claim in CLAIMS:
        if holds(claim, everything):
            if claim.title not in lines:
                lines += ["", claim.title, ""]
            lines.append(f"- {claim.sentence}")
    return "\n".join(lines).strip()


def holds(claim: Claim, everything: dict[str, Any]) -> bool:
    """False where a tool was not asked; an error where it answered otherwise than is claimed."""
    for network in claim.networks:
        reply = everything.get(claim.framework, {}).get("found", {})
        reply = reply.get(claim.contestant, {}).get(network)
        if reply is None or reply.get("environment"):
            return False
        verdict, text = reply.get("verdict", ""), reply.get("text", "")
        if verdict != claim.verdict or claim.text not in text:
            told = f"{verdict}, {text}"
            raise AssertionError(f"{claim.contestant} on {network} is {told}: {claim.sentence}")
        low, high = claim.times
        if not low <= reply.get("ratio", low) <= high:
            told = f"{reply['ratio']:.2g} times rfcore's time"
            raise AssertionError(f"{claim.contestant} on {network} took {told}: {claim.sentence}")
    return True

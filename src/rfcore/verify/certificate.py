"""What came out of a check of a field: what held, what did not, and what could not be shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, NoReturn

from rfcore.errors import CertificateTruthError
from rfcore.field import ReceptiveField

__all__ = ["Certificate", "Check", "Edge", "Method", "Unchecked", "Verdict", "Witness"]

SCHEMA = "rfcore.certificate/1"

Edge = Literal["low", "high"]
Method = Literal["nan", "finite", "both"]
Verdict = Literal["held", "quiet", "leak", "unseen", "border"]
METHODS: tuple[Method, ...] = ("nan", "finite", "both")
EDGES: tuple[Edge, Edge] = ("low", "high")
WAYS = {"nan": "NaN", "finite": "noise", "both": "NaN and noise"}
SAYS = {
    "held": "sees its {edge} edge, pixel {pixel}, and nothing beyond",
    "quiet": "sees nothing beyond its {edge} edge, pixel {pixel}",
    "leak": "sees pixel {reach}, beyond its {edge} edge at pixel {pixel}",
    "unseen": "does not show its {edge} edge, pixel {pixel}",
    "border": "sees pixel {reach} through the border, beyond its {edge} edge at pixel {pixel}",
}


@dataclass(frozen=True, slots=True)
class Witness:
    """One value of the output and one pixel outside of its box that changes it.

    Attributes:
        output: Index into the output as the framework has it, batch and channels included.
        input: Position of the pixel, one integer per spatial axis.
    """

    output: tuple[int, ...]
    input: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One edge of what one output sees along one axis, put to the test.

    Attributes:
        axis: The spatial axis.
        edge: Which end of the interval.
        output: Index of the output along the axis.
        pixel: The outermost pixel that the field says the output sees.
        input_shape: Spatial shape of the input on which it was tested.
        method: What the input was spoiled with: "nan", "finite" noise, or "both", where the edge
            shows by either.
        verdict: "held" if the output notices that pixel and none beyond it; "quiet" if it
            notices none beyond, near a border where the pixel itself need not be seen; "leak"
            if it notices one beyond; "unseen" if nothing that was tried shows the pixel;
            "border" if it notices one beyond by way of padding that copies the input.
        reach: The outermost pixel that it does notice, where that is not `pixel`.
        witness: For a leak, two positions that show it.
    """

    axis: int
    edge: Edge
    output: int
    pixel: int
    input_shape: tuple[int, ...]
    method: Method
    verdict: Verdict
    reach: int | None = None
    witness: Witness | None = None

    def __str__(self) -> str:
        says = SAYS[self.verdict].format(edge=self.edge, pixel=self.pixel, reach=self.reach)
        text = f"axis {self.axis}, input {self.input_shape}: output {self.output} {says}"
        if self.verdict == "unseen" and self.reach is not None:
            text += f"; the outermost that it shows is {self.reach}"
        if self.witness is not None:
            text += f" (input {self.witness.input} changes output {self.witness.output})"
        return f"{text} [{WAYS[self.method]}]"

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types."""
        return {
            "axis": self.axis,
            "edge": self.edge,
            "output": self.output,
            "pixel": self.pixel,
            "input_shape": list(self.input_shape),
            "method": self.method,
            "verdict": self.verdict,
            "reach": self.reach,
            "witness": self.witness
            and {"output": list(self.witness.output), "input": list(self.witness.input)},
        }


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Something that the field claims and that could not be shown, and why."""

    axis: int
    edge: Edge
    why: str

    def __str__(self) -> str:
        return f"axis {self.axis}, {self.edge} edge: {self.why}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """The outcome of a check of a field on the model's own forward.

    Attributes:
        field: The field that was checked.
        checks: Every edge that was put to the test.
        unchecked: What could not be shown.
        notes: What a reader should know about how it was checked.
        forwards: How many times the model ran.
    """

    field: ReceptiveField
    checks: tuple[Check, ...]
    unchecked: tuple[Unchecked, ...] = ()
    notes: tuple[str, ...] = ()
    forwards: int = 0

    def __bool__(self) -> NoReturn:
        raise CertificateTruthError

    @property
    def leaks(self) -> tuple[Check, ...]:
        """Outputs that see what the field says they do not."""
        return self._with("leak")

    @property
    def unseen(self) -> tuple[Check, ...]:
        """Edges that could have been seen and were not."""
        return self._with("unseen")

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the field.

        A leak always does. An edge that does not show speaks against an exact field; one that
        says it is not exact may be too large.
        """
        return not self.leaks and not (self.field.exact and self.unseen)

    @property
    def complete(self) -> bool:
        """Whether it passed and every edge that the field claims was shown."""
        return self.passed and not self.unseen and not self.unchecked

    @property
    def methods(self) -> tuple[Method, ...]:
        """What the verdicts on edges that held rest on."""
        used = {check.method for check in self.checks if check.verdict in ("held", "quiet")}
        return tuple(method for method in METHODS if method in used)

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Spatial shapes of the inputs on which it was checked."""
        return tuple(dict.fromkeys(check.input_shape for check in self.checks))

    def _with(self, verdict: Verdict) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.verdict == verdict)

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types."""
        return {
            "schema": SCHEMA,
            "passed": self.passed,
            "complete": self.complete,
            "methods": list(self.methods),
            "forwards": self.forwards,
            "checks": [check.to_dict() for check in self.checks],
            "unchecked": [
                {"axis": item.axis, "edge": item.edge, "why": item.why} for item in self.unchecked
            ],
            "notes": list(self.notes),
            "field": self.field.to_dict(),
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    def __repr__(self) -> str:
        parts = [f"passed={self.passed}", f"complete={self.complete}"]
        parts += [f"checks={len(self.checks)}", f"methods={self.methods}"]
        if not self.passed:
            parts.append(f"leaks={len(self.leaks)}, unseen={len(self.unseen)}")
        return f"Certificate({', '.join(parts)})"

    def __str__(self) -> str:
        return "\n".join([self.summary(), *self.lines()])

    def summary(self) -> str:
        """The outcome in one line."""
        if not self.passed:
            problems = []
            if self.leaks:
                problems.append(f"{_counted(self.leaks, 'leak')} out of the box")
            if self.unseen:
                problems.append(f"{_counted(self.unseen, 'edge')} that nothing shows")
            return f"failed: {' and '.join(problems)}"
        return "passed" if self.complete else "passed as far as it could be shown"

    def lines(self) -> list[str]:
        """What was checked, what failed and what could not be shown, one line each."""
        lines = []
        good = [check for check in self.checks if check.verdict in ("held", "quiet")]
        for axis, edge in product(range(len(self.field.axes)), EDGES):
            shown = [check for check in good if (check.axis, check.edge) == (axis, edge)]
            held = [check for check in shown if check.verdict == "held"]
            if shown:
                sizes = ", ".join(str(n) for n in dict.fromkeys(c.input_shape for c in shown))
                ways = " or ".join(dict.fromkeys(WAYS[check.method] for check in shown))
                lines.append(
                    f"axis {axis}, {edge} edge: seen by {_counted(held, 'output')}, nothing beyond "
                    f"it by {_counted(shown, 'output')} (input {sizes}, by {ways})"
                )
        for verdict in ("leak", "unseen", "border"):
            lines += self._few(verdict)
        lines += [f"not shown: {item}" for item in self.unchecked]
        return lines + [f"note: {note}" for note in self.notes]

    def _few(self, verdict: Verdict) -> list[str]:
        """The first of the checks with a verdict at each edge, and how many more there are."""
        lines = []
        for axis, edge in product(range(len(self.field.axes)), EDGES):
            found = [
                check for check in self._with(verdict) if (check.axis, check.edge) == (axis, edge)
            ]
            if found:
                more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
                lines.append(f"{verdict}: {found[0]}{more}")
        return lines


def _counted(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"

"""Whether an answer is right: every value that a tool tells has to be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from subjects import Subject, Values

__all__ = ["Verdict", "judged"]


@dataclass(frozen=True)
class Verdict:
    """`kind` is right, wrong, nothing (a NaN, or a size of 0) or refused; `text` what was told."""

    kind: str
    text: str


def judged(subject: Subject, reply: dict[str, Any]) -> Verdict:
    if "error" in reply:
        return Verdict("refused", reply["error"])
    answer = reply["answer"]
    # Infinite is how a tool may call a field that is the whole input, or it tells the input's size.
    if answer["size"] == ["global"] or all(map(math.isinf, answer["size"])):
        return Verdict("wrong" if subject.size else "right", "global")
    if not subject.size and set(answer["size"]) == {subject.pixels}:
        return Verdict("right", shown(answer["size"]))
    told = dict(answer)
    if "offset" in told:
        told["padding"] = [
            told["size"][i] / 2 - told["offset"][i] for i in range(len(told["offset"]))
        ]
    text = " / ".join(shown(told.get(key)) for key in ("size", "stride", "padding"))
    values = [*told["size"], *told.get("stride", ())]
    if any(math.isnan(value) for value in values) or not all(told["size"]):
        return Verdict("nothing", text)
    right = bool(subject.size) and all(
        same(told[key], getattr(subject, key))
        for key in ("size", "stride", "padding")
        if key in told
    )
    return Verdict("right" if right else "wrong", text)


def same(told: list[float], expected: Values) -> bool:
    """A tool that tells one number for all axes means each of them."""
    told = told * len(expected) if len(told) == 1 else told
    return len(told) == len(expected) and all(
        math.isclose(told[i], expected[i]) for i in range(len(expected))
    )


def shown(values: list[float] | Values | None) -> str:
    if values is None:
        return "·"
    texts = [f"{float(value):g}" for value in values]
    return texts[0] if len(set(texts)) == 1 else " × ".join(texts)

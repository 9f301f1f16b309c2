"""What the page says about each tool, and the outcomes that every sentence rests on."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLAIMS", "Claim"]


@dataclass(frozen=True)
class Claim:
    """A sentence that holds if a tool came to this verdict on all of these networks."""

    tool: str
    framework: str
    contestant: str
    verdict: str
    networks: tuple[str, ...]
    sentence: str
    text: str = ""

    @property
    def title(self) -> str:
        return f"**{self.tool}**"


CLAIMS: tuple[Claim, ...] = ()

"""The values that pages and notebooks promise in comments beside their code."""

from __future__ import annotations

import ast
import re

__all__ = ["promise"]

VALUE = re.compile(r"(-?\d|True\b|False\b|None\b|[\[({\"']|Fraction\()")


def promise(line: str) -> str | None:
    """The value that the comment on a line begins with, as Python; None where it has none."""
    comment = line.partition("  # ")[2]
    if not VALUE.match(comment):
        return None
    for end in (len(comment), *(found.start() for found in re.finditer(r"[:,;] ", comment))):
        try:
            ast.parse(comment[:end], mode="eval")
        except SyntaxError:
            continue
        return comment[:end]
    return None

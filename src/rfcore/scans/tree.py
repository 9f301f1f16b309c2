"""Layers as a tree by their names, indented line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rfcore.scans.names import parts_of, separator_of
from rfcore.scans.row import ScanRow

__all__ = ["Line", "tree_of"]

INDENT = "  "


class Line(NamedTuple):
    """One line: the last step of a name, indented, and its row where it has one."""

    text: str
    row: ScanRow | None


@dataclass(slots=True)
class _Branch:
    row: ScanRow | None = None
    below: dict[str, _Branch] = field(default_factory=dict)


def tree_of(rows: Sequence[ScanRow], depth: int | None) -> list[Line]:
    """Every layer below the one that holds it, in the order in which they run first.

    Args:
        rows: The layers.
        depth: How deep layers may be nested; None for all.
    """
    separator = separator_of(row.name for row in rows)
    root = _Branch()
    for row in rows:
        branch = root
        for step in parts_of(row.name, separator):
            branch = branch.below.setdefault(step, _Branch())
        branch.row = row
    return [*_own(root), *_lines(root, 0 if root.row is None else 1, depth)]


def _own(root: _Branch) -> Iterator[Line]:
    if root.row is not None:
        yield Line("(output)", root.row)


def _lines(branch: _Branch, level: int, depth: int | None, below: int = 0) -> Iterator[Line]:
    if depth is not None and below >= depth:
        return
    for name, inner in branch.below.items():
        yield Line(f"{INDENT * level}{name}", inner.row)
        yield from _lines(inner, level + 1, depth, below + 1)

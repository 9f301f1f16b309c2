"""How a scan looks: an indented table of text, HTML, and flat records for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from rfcore.errors import OptionError
from rfcore.scans.row import ScanRow
from rfcore.scans.tree import tree_of

if TYPE_CHECKING:
    from rfcore.scans.result import Scan

__all__ = ["COLUMNS", "csv_of", "html_of", "records_of", "table_of", "text_of"]


def joined(values: Iterable[object]) -> str:
    """A value per axis as one text: a single one where all axes agree."""
    texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _size(row: ScanRow) -> str:
    if row.field is None:
        return row.refusal
    return joined("global" if axis.is_global else axis.size for axis in row.field.axes)


def _of_field(read: Callable[[Any], Iterable[object]]) -> Callable[[ScanRow], str]:
    return lambda row: "" if row.field is None else joined(read(row.field))


def _paths(row: ScanRow) -> str:
    return joined("–" if n is None else n for n in row.shortest) if row.shortest else ""


COLUMNS: Mapping[str, Callable[[ScanRow], str]] = {
    "type": lambda row: row.type,
    "output": lambda row: "×".join(map(str, row.shape[1:])),
    "size": _size,
    "stride": _of_field(lambda field: field.stride),
    "offset": _of_field(lambda field: field.offset),
    "padding": _of_field(lambda field: field.padding),
    "density": _of_field(lambda field: [f"{float(d):.3g}" for d in field.density]),
    "growth": lambda row: "" if row.growth is None else joined(f"{n:+}" for n in row.growth),
    "shortest": _paths,
    "global": lambda row: row.global_because,
}
LEFT_ALIGNED = frozenset(("layer", "type", "global"))
# What is left out first where there is no room.
DISPENSABLE = ("type", "output", "growth", "density", "global", "shortest", "offset")
ALWAYS = ("type", "output", "size", "stride", "offset", "padding")
NARROWEST = 12


def table_of(
    scan: Scan, columns: Sequence[str] | None, depth: int | None
) -> tuple[list[str], list[list[str]]]:
    """The heads of the columns, and the cells of each line.

    Raises:
        OptionError: A column is not known.
    """
    lines = tree_of(scan.rows, depth)
    chosen = _telling(scan) if columns is None else list(columns)
    for column in chosen:
        if column not in COLUMNS:
            raise OptionError("columns", column, tuple(COLUMNS))
    cells = [
        [line.text, *("" if line.row is None else COLUMNS[c](line.row) for c in chosen)]
        for line in lines
    ]
    return ["layer", *chosen], cells


def _telling(scan: Scan) -> list[str]:
    """The columns in which something is said."""
    fields = [row.field for row in scan.rows if row.field is not None]
    more = []
    if any(density != 1 for field in fields for density in field.density):
        more.append("density")
    if scan.first_global is not None:
        more.append("global")
    return [*ALWAYS, *more]


def text_of(
    scan: Scan, columns: Sequence[str] | None, *, depth: int | None, width: int | None
) -> str:
    """The table as text, with its notes below."""
    heads, cells = table_of(scan, columns, depth)
    for name in DISPENSABLE if columns is None and width is not None else ():
        if name in heads and sum(_widths(heads, cells)) + 2 * len(heads) - 2 > (width or 0):
            place = heads.index(name)
            heads.pop(place)
            for line in cells:
                line.pop(place)
    if width is not None:
        _shorten(heads, cells, width)
    widths = _widths(heads, cells)
    left = [head in LEFT_ALIGNED for head in heads]
    lines = [_line(row, widths, left) for row in (heads, *cells)]
    lines += [f"note: {note}" for note in _notes(scan)]
    return "\n".join(lines)


def _notes(scan: Scan) -> list[str]:
    inexact = sum(row.field is not None and not row.field.exact for row in scan.rows)
    told = f"{inexact} of {len(scan.rows)} layers are not exact: see their notes"
    return [*scan.notes, *([told] if inexact else [])]


def _shorten(heads: Sequence[str], cells: list[list[str]], width: int) -> None:
    """Cuts names of layers where even the columns that are left do not fit."""
    widths = _widths(heads, cells)
    room = max(width - sum(widths[1:]) - 2 * (len(heads) - 1), NARROWEST)
    for line in cells:
        if len(line[0]) > room:
            line[0] = f"{line[0][: room - 1]}…"


def _widths(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(heads, *cells, strict=True)]


def _line(texts: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    parts = [
        text.ljust(width) if flag else text.rjust(width)
        for text, width, flag in zip(texts, widths, left, strict=True)
    ]
    return "  ".join(parts).rstrip()


def html_of(scan: Scan) -> str:
    """The table for a notebook."""
    heads, cells = table_of(scan, None, None)
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td{_style(n)}>{escape(t)}</td>" for n, t in enumerate(row)) + "</tr>"
        for row in cells
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in _notes(scan))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


def _style(column: int) -> str:
    return ' style="text-align:left;white-space:pre"' if column == 0 else ""


def records_of(scan: Scan) -> list[dict[str, Any]]:
    """Flat dicts of plain values, a column per axis for what an axis has."""
    return [_record(row, len(scan.input_shape)) for row in scan.rows]


def _record(row: ScanRow, rank: int) -> dict[str, Any]:
    axes: Sequence[Any] = (None,) * rank if row.field is None else row.field.axes
    flat: dict[str, Any] = {"name": row.name, "type": row.type}
    flat["output"] = "×".join(map(str, row.shape[1:]))
    for number, axis in enumerate(axes):
        known = axis is not None
        flat[f"size_{number}"] = axis.size if known else None
        flat[f"stride_{number}"] = str(axis.stride) if known else None
        flat[f"offset_{number}"] = axis.offset if known else None
        flat[f"padding_{number}"] = axis.padding if known else None
        flat[f"density_{number}"] = float(axis.density) if known else None
        flat[f"global_{number}"] = axis.is_global if known else None
        flat[f"shortest_{number}"] = row.shortest[number] if row.shortest else None
        flat[f"growth_{number}"] = None if row.growth is None else row.growth[number]
    flat["global_because"] = row.global_because
    flat["exact"] = None if row.field is None else row.field.exact
    flat["refusal"] = row.refusal
    return flat


def csv_of(scan: Scan) -> str:
    """The records as CSV."""
    records = records_of(scan)
    if not records:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()

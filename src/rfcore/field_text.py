"""Fields as text: one line, a table, HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rfcore.field import ReceptiveField

__all__ = ["html", "one_line", "rows", "table"]


def rows(field: ReceptiveField) -> list[dict[str, str]]:
    """One row of text per axis."""
    return [
        {
            "axis": str(number),
            "size": f"global ({axis.size})" if axis.is_global else str(axis.size),
            "stride": str(axis.stride),
            "offset": f"{axis.offset:g}",
            "padding": str(axis.padding),
            "density": f"{float(axis.density):.3g}",
            "period": str(axis.period),
            "input": str(axis.input_size),
            "output": str(axis.output_size),
        }
        for number, axis in enumerate(field.axes)
    ]


def one_line(field: ReceptiveField) -> str:
    """What tells fields apart, as an expression."""
    parts = {
        "size": _tuple_text("global" if a.is_global else a.size for a in field.axes),
        "stride": _tuple_text(field.stride),
        "offset": _tuple_text(f"{value:g}" for value in field.offset),
        "input_shape": _tuple_text(field.input_shape),
    }
    if not field.exact:
        parts["exact"] = "False"
    return f"ReceptiveField({', '.join(f'{key}={text}' for key, text in parts.items())})"


def table(field: ReceptiveField) -> str:
    """The rows under their names, then the notes."""
    cells = rows(field)
    widths = {key: max(len(key), *(len(row[key]) for row in cells)) for key in cells[0]}
    lines = ["  ".join(key.rjust(width) for key, width in widths.items())]
    lines += ["  ".join(row[key].rjust(widths[key]) for key in widths) for row in cells]
    lines += [f"note: {note}" for note in field.notes]
    if not field.exact:
        lines.append("not exact: see the notes")
    return "\n".join(lines)


def html(field: ReceptiveField) -> str:
    """The same for notebooks."""
    cells = rows(field)
    head = "".join(f"<th>{escape(key)}</th>" for key in cells[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row.values()) + "</tr>"
        for row in cells
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in field.notes)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


def _tuple_text(values: Any) -> str:
    items = [str(value) for value in values]
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"

"""How results look: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rfcore.erf import EffectiveReceptiveField
from rfcore.erf.showing import area_rows, axis_rows, lines, title
from rfcore.field import ReceptiveField
from rfcore.plugins import BackendInfo
from rfcore.verify import Certificate

__all__ = ["print_backends", "print_certificates", "print_effective", "print_fields", "print_json"]


def print_json(value: Any) -> None:
    """Prints JSON alone, on stdout."""
    print(json.dumps(value, indent=2))


def print_fields(fields: Mapping[str, ReceptiveField]) -> None:
    """Prints one table per field, and what a reader should know below it."""
    console = Console()
    for name, field in fields.items():
        console.print(_field_table(name, field))
        for note in field.notes:
            console.print(f"note: {note}", markup=False, highlight=False)
        if not field.exact:
            console.print("not exact: see the notes", style="bold")


def print_certificates(certificates: Mapping[str, Certificate]) -> None:
    """Prints each field with what was found out about it."""
    console = Console()
    for name, certificate in certificates.items():
        console.print(_field_table(name, certificate.field))
        style = "bold green" if certificate.passed else "bold red"
        console.print(certificate.summary(), style=style, highlight=False)
        for line in certificate.lines():
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def print_effective(result: EffectiveReceptiveField) -> None:
    """Prints what was measured, as tables, and what a reader should know below them."""
    console = Console()
    console.print(title(result), markup=False, highlight=False)
    for rows in (axis_rows, area_rows) if result.mass else ():
        console.print(_table(rows(result)))
    for line in lines(result):
        console.print(line, markup=False, highlight=False)


def _table(rows: Sequence[Mapping[str, str]]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for column in rows[0]:
        table.add_column(column, justify="right", overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    return table


def _field_table(name: str, field: ReceptiveField) -> Table:
    rows = field.rows()
    columns = ["axis", "size", "stride", "offset", "padding", "density"]
    # A period is worth a column only where outputs take turns among several intervals.
    if any(axis.period > 1 for axis in field.axes):
        columns.append("period")
    table = Table(title=escape(name), title_justify="left", box=SIMPLE_HEAD)
    for column in [*columns, "input -> output"]:
        # Where there is no room a number is broken, never cut.
        table.add_column(column, justify="right", overflow="fold")
    for row in rows:
        table.add_row(*(row[column] for column in columns), f"{row['input']} -> {row['output']}")
    return table


def print_backends(infos: Sequence[BackendInfo]) -> None:
    """Prints the installed backends, broken ones with their reason."""
    table = Table(box=SIMPLE_HEAD)
    for column in ("backend", "installed by", "state"):
        table.add_column(column, overflow="fold")
    for info in infos:
        state = (
            f"[red]broken[/red]: {escape(info.problem)}" if info.problem else "[green]ok[/green]"
        )
        table.add_row(escape(info.name), escape(info.distribution), state)
    console = Console()
    console.print(table)
    for info in infos:
        for rule in info.rules:
            console.print(f"{info.name}: rule for {rule}", markup=False, highlight=False)

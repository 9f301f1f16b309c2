"""`rfcore scan`: the fields of all layers of a model, as a table."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

import rfcore
from rfcore.cli.options import BackendName, Debug, GlobalPaths, InputShape, Layout, Target, shape_of
from rfcore.cli.reporting import work
from rfcore.cli.targets import load_target
from rfcore.errors import InputRangeError
from rfcore.scans import Scan

__all__ = ["scan"]

Layers = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        metavar="NAME",
        help="A layer, shown with all that is inside of it; * and ? as in a shell. Repeat it for "
        "several.",
        show_default=False,
    ),
]
Depth = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="How deep layers may be nested.", show_default=False),
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,…",
        help="Which columns: type, output, size, stride, offset, padding, density, growth, "
        "shortest, global.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV alone, a column per axis.")]


def scan(
    target: Target,
    input_shape: InputShape = None,
    layer: Layers = None,
    depth: Depth = None,
    columns: Columns = None,
    layout: Layout = None,
    backend: BackendName = None,
    global_paths: GlobalPaths = "follow",
    json: Json = False,
    csv: Csv = False,
    debug: Debug = False,
) -> None:
    """Measure every layer of a model, and show them as an indented table.

    Below the table: the first layer whose field is global, the layers that bring together
    nothing new at this size, and the input sizes that suit the network.

    Example: rfcore scan torchvision.models:resnet50 --input-shape 3,224,224 --depth 2
    """
    with work("Scanning …", debug=debug):
        asked: Any = {"backend": backend, "layout": layout, "global_paths": global_paths}
        model = load_target(target, functions_are_models=backend is not None)
        found = rfcore.scan(model, input_shape=shape_of(input_shape), layers=layer, **asked)
        chosen = None if columns is None else [name.strip() for name in columns.split(",")]
        text = found.table(chosen, depth=depth, width=Console().width)
    if json:
        typer.echo(found.to_json())
    elif csv:
        typer.echo(found.to_csv(), nl=False)
    else:
        typer.echo(text)
        for line in _remarks(found):
            typer.echo(line)


def _remarks(found: Scan) -> list[str]:
    lines = []
    first = found.first_global
    if first is not None:
        name = first.name or "the output"
        lines.append(f"global from {name} on, because of {first.global_because}")
    idle = found.unproductive()
    if idle:
        more = f" and {len(idle) - 3} more" if len(idle) > 3 else ""
        names = ", ".join(row.name for row in idle[:3])
        lines.append(f"unproductive at this size: {names}{more}")
    try:
        smallest, largest = found.input_range()
    except InputRangeError:
        return lines
    ranges = [f"{low} to {high}" for low, high in zip(smallest, largest, strict=True)]
    shown = ranges[0] if len(set(ranges)) == 1 else " × ".join(ranges)
    return [*lines, f"feasible input sizes: {shown} pixels"]

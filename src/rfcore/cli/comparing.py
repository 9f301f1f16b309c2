"""`rfcore compare`: two or more networks, layer beside layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

import rfcore
from rfcore.cli.completing import backend_names, one_of
from rfcore.cli.options import Debug, GlobalPaths, shape_of
from rfcore.cli.reporting import work
from rfcore.cli.targets import load_target
from rfcore.errors import ComparisonError

__all__ = ["compare"]

Targets = Annotated[
    list[str],
    typer.Argument(
        help="The models, as for estimate; NAME=TARGET gives one a name.", show_default=False
    ),
]
Shapes = Annotated[
    list[str] | None,
    typer.Option(
        "--input-shape",
        metavar="N,N,…",
        help="Shape of the input without the batch: one for all models, or repeated, one for "
        "each in order.",
        show_default=False,
    ),
]
Layouts = Annotated[
    list[str] | None,
    typer.Option("--layout", metavar="NCHW", help="Likewise.", show_default=False),
]
Backends = Annotated[
    list[str] | None,
    typer.Option(
        "--backend",
        metavar="NAME",
        help="Likewise.",
        show_default=False,
        autocompletion=backend_names,
    ),
]
Match = Annotated[
    str,
    one_of("order", "name", help="Match layers along the longest path, or by their names."),
]
Pairs = Annotated[
    list[str] | None,
    typer.Option(
        "--pair",
        metavar="A=B",
        help="A layer of the first model and that of the other; repeat it.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]
AllLayers = Annotated[bool, typer.Option("--all", help="Show the layers that agree, too.")]


def compare(
    targets: Targets,
    input_shape: Shapes = None,
    match: Match = "order",
    pair: Pairs = None,
    layout: Layouts = None,
    backend: Backends = None,
    global_paths: GlobalPaths = "follow",
    all_layers: AllLayers = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare models layer by layer: where their fields part, and by how much.

    The exit code is 1 if they differ.

    Example: rfcore compare old=nets.py:before new=nets.py:after --input-shape 3,224,224
    """
    with work("Comparing …", debug=debug):
        named = _named(targets)
        names = list(named)
        shapes = [shape_of(text) for text in input_shape or ()]
        options: Any = {
            "input_shape": _each("--input-shape", names, shapes),
            "layout": _each("--layout", names, layout or ()),
            "backend": _each("--backend", names, backend or ()),
            "match": _pairs(pair) if pair else match,
            "global_paths": global_paths,
        }
        models = {
            name: load_target(target, functions_are_models=bool(backend))
            for name, target in named.items()
        }
        found = rfcore.compare(models, **options)
    if json:
        typer.echo(found.to_json())
    else:
        if all_layers or not found.equal:
            typer.echo(found.table(all_layers=all_layers))
        typer.echo(found.summary())
    if not found.equal:
        raise typer.Exit(1)


def _named(targets: Sequence[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for target in targets:
        name, given, rest = target.partition("=")
        key = name if given else target
        if key in named:
            hint = "give each a name of its own: before=nets.py:build after=nets.py:build."
            raise ComparisonError(f"two of them are called {key!r}", hint)
        named[key] = rest if given else target
    return named


def _each(option: str, names: Sequence[str], values: Sequence[Any]) -> Any:
    """One value for all models, or one for each."""
    if len(values) <= 1:
        return next(iter(values), None)
    if len(values) != len(names):
        raise ComparisonError(
            f"{option} was given {len(values)} times for {len(names)} models",
            f"give {option} once, or once for each model in their order.",
        )
    return dict(zip(names, values, strict=True))


def _pairs(pairs: Sequence[str]) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, str | tuple[str, ...]] = {}
    for text in pairs:
        first, *others = text.split("=")
        if not others:
            hint = "write the layer of the first model and that of the other: --pair conv1=stem."
            raise ComparisonError(f"--pair {text!r} names one layer only", hint)
        found[first] = tuple(others)
    return found

"""The command `rfcore plot`: measure, draw, save."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rfcore.cli.completing import one_of
from rfcore.cli.options import (
    BackendName,
    Debug,
    InputShape,
    Layout,
    Outputs,
    shape_of,
    whole_numbers,
)
from rfcore.cli.reporting import work
from rfcore.cli.targets import load_target
from rfcore.errors import PlotError

__all__ = ["plot"]


def plot(
    target: Annotated[
        str | None,
        typer.Argument(
            help="The model, as for `rfcore estimate`; with --backend layers it may be the layers "
            "themselves, as for `rfcore calc`.",
            show_default=False,
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where the picture goes: .png, .svg or .pdf.", show_default=False
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="grid, timeline, slices or growth of exact fields; gradient, effective or profile "
            "as measured on random inputs. By default that which fits the number of axes.",
            show_default=False,
        ),
    ] = None,
    input_shape: InputShape = None,
    output: Outputs = None,
    index: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,…", help="The output to draw; by default the middle.", show_default=False
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="An image to draw a grid on; 'sample' for one.", show_default=False
        ),
    ] = None,
    naive: Annotated[
        bool, typer.Option("--naive", help="Add the grid that the two sizes alone suggest.")
    ] = False,
    log: Annotated[
        bool, typer.Option("--log", help="A logarithmic scale for what is measured.")
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(metavar="N", help="Inputs to measure on; by default 20.", show_default=False),
    ] = None,
    effective: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A saved effective receptive field, instead of a model.",
            show_default=False,
        ),
    ] = None,
    layout: Layout = None,
    backend: BackendName = None,
    global_paths: Annotated[
        str | None,
        one_of(
            "follow",
            "ignore",
            help="For exact fields: whether paths through whole-axis reductions count.",
            show_default=False,
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Draw what a model sees, and save the picture.

    Example: rfcore plot torchvision.models:resnet50 --input-shape 3,224,224 --output layer3
    --image sample --save layer3.png
    """
    with work("Measuring and drawing …", debug=debug):
        # Only this command needs matplotlib.
        from rfcore.cli.pictures import Asked, check_file, picture_of

        path = check_file(save)
        asked = Asked(
            kind=kind,
            index=None if index is None else _index(index),
            outputs=tuple(output or ()),
            options={
                "image": image,
                "naive": naive or None,
                "log": log or None,
                "count": count,
                "global_paths": global_paths,
            },
            shape={"input_shape": shape_of(input_shape), "layout": layout, "backend": backend},
        )
        figure = picture_of(asked, target, _loaded(target, effective, backend), effective)
        try:
            figure.savefig(path)
        except OSError as error:
            raise PlotError(
                f"The picture cannot be written to {str(path)!r}.", "write --save elsewhere.png."
            ) from error
    typer.echo(f"The picture is {path}.")


def _loaded(target: str | None, effective: Path | None, backend: str | None) -> Any:
    if (target is None) == (effective is None):
        raise PlotError(
            "There is nothing to draw." if target is None else "There are two things to draw.",
            "name a model, package.module:attribute, or a measured field, --effective FILE.",
        )
    if target is None or (backend == "layers" and ":" not in target):
        return target
    return load_target(target, functions_are_models=backend is not None)


def _index(text: str) -> tuple[int, ...]:
    try:
        return whole_numbers(text)
    except ValueError as error:
        raise PlotError(
            f"The index {text!r} is not a list of whole numbers.",
            "write one number per axis: --index 3,0.",
        ) from error

"""The options that several commands have, and how their text is read."""

from __future__ import annotations

from typing import Annotated

import typer

from rfcore.cli.completing import backend_names, one_of
from rfcore.errors import InputShapeError

__all__ = [
    "BackendName",
    "CertificateJson",
    "Debug",
    "GlobalPaths",
    "InputShape",
    "Json",
    "Layout",
    "Method",
    "Outputs",
    "Target",
    "shape_of",
    "whole_numbers",
]

InputShape = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,…",
        help="Shape of the input without the batch, in the framework's own order.",
        show_default=False,
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="NAME",
        help="A layer or an output of the model; repeat it for several.",
        show_default=False,
    ),
]
Target = Annotated[
    str,
    typer.Argument(
        help="The model, or a class or function that makes it: package.module:attribute or "
        "path/file.py:attribute.",
        show_default=False,
    ),
]
Layout = Annotated[
    str | None, typer.Option(metavar="NCHW", help="One letter per axis, batch included.")
]
BackendName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="One of `rfcore backends`.", autocompletion=backend_names),
]
Method = Annotated[
    str,
    one_of("exact", "gradient", help="Trace the model, or measure gradients (a lower bound)."),
]
GlobalPaths = Annotated[
    str,
    one_of("follow", "ignore", help="Whether paths through whole-axis reductions count."),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print JSON alone: one field, or fields by name where --output is given."
    ),
]
CertificateJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON alone: one certificate, or certificates by name where --output is given.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def shape_of(text: str | None) -> tuple[int, ...] | None:
    """The numbers of --input-shape.

    Raises:
        InputShapeError: They are none.
    """
    if text is None:
        return None
    try:
        return whole_numbers(text)
    except ValueError as error:
        raise InputShapeError(
            text,
            "is not a list of whole numbers",
            "put commas between the lengths and leave the batch out: --input-shape 3,224,224.",
        ) from error


def whole_numbers(text: str) -> tuple[int, ...]:
    """The numbers of "3,224,224", with or without brackets.

    Raises:
        ValueError: They are not whole, or not there.
    """
    return tuple(int(part) for part in text.strip("()[] ").rstrip(",").split(","))

"""The commands of `rfcore`: read the arguments, ask rfcore, show the answer."""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module, metadata
from typing import Annotated, Any

import typer

import rfcore
from rfcore.cli.comparing import compare
from rfcore.cli.effective import effective
from rfcore.cli.options import (
    BackendName,
    CertificateJson,
    Debug,
    GlobalPaths,
    InputShape,
    Json,
    Layout,
    Method,
    Outputs,
    Target,
    shape_of,
)
from rfcore.cli.plotting import plot
from rfcore.cli.reporting import work
from rfcore.cli.scanning import scan
from rfcore.cli.showing import print_backends, print_certificates, print_fields, print_json
from rfcore.cli.targets import load_target

__all__ = ["app"]

app = typer.Typer(
    help="Which pixels of its input can a unit of a neural network see?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"rfcore {metadata.version('rfcore')}")
        except metadata.PackageNotFoundError:
            typer.echo("rfcore (not installed, run from its source)")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    pass


@app.command(no_args_is_help=True)
def estimate(
    target: Target,
    input_shape: InputShape = None,
    output: Outputs = None,
    layout: Layout = None,
    backend: BackendName = None,
    method: Method = "exact",
    global_paths: GlobalPaths = "follow",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure a model where you would import it from.

    Example: rfcore estimate torchvision.models:resnet50 --input-shape 3,224,224 --output layer4
    """
    with work("Measuring …", debug=debug):
        options: Any = {
            "backend": backend,
            "input_shape": shape_of(input_shape),
            "layout": layout,
            "method": method,
            "global_paths": global_paths,
        }
        model = load_target(target, functions_are_models=backend is not None)
        found = rfcore.estimate(model, output=output or None, **options)
    _show(found, target, json=json)


@app.command(no_args_is_help=True)
def verify(
    target: Target,
    input_shape: InputShape = None,
    output: Outputs = None,
    layout: Layout = None,
    backend: BackendName = None,
    method: Method = "exact",
    global_paths: GlobalPaths = "follow",
    json: CertificateJson = False,
    debug: Debug = False,
) -> None:
    """Measure a model, then check the answer on its own forward with NaN and noise.

    The exit code is 1 if anything speaks against the answer.

    Example: rfcore verify torchvision.models:resnet50 --input-shape 3,224,224 --output layer4
    """
    with work("Verifying …", debug=debug):
        asked: Any = {"backend": backend, "input_shape": shape_of(input_shape), "layout": layout}
        model = load_target(target, functions_are_models=backend is not None)
        options: Any = asked | {"method": method, "global_paths": global_paths}
        names: list[Any] = output or [None]
        fields = rfcore.estimate(model, output=names, **options)
        found = {
            str(name or target): fields[name].verify(model, output=name, **asked) for name in names
        }
    if json and output:
        print_json({name: certificate.to_dict() for name, certificate in found.items()})
    elif json:
        print_json(found[target].to_dict())
    else:
        print_certificates(found)
    if not all(certificate.passed for certificate in found.values()):
        raise typer.Exit(1)


app.command(no_args_is_help=True)(scan)
app.command(no_args_is_help=True)(compare)


@app.command(no_args_is_help=True)
def calc(
    text: Annotated[
        str,
        typer.Argument(
            help='Layers with commas between them, such as "conv 7 s2 p3, maxpool 3 s2 p1, '
            '[skip | conv 3 same]+, up 2".',
            show_default=False,
        ),
    ],
    input_shape: InputShape = None,
    output: Outputs = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Calculate the field of layers that you write out, without any framework.

    Layers: conv, deconv, maxpool, avgpool, up, pad, crop, globalpool, relu, skip.
    Arguments: the kernel size first, then s2 stride, p1 padding (or same), d2 dilation.
    """
    with work("Calculating …", debug=debug):
        found: Any = rfcore.estimate(
            text, backend="layers", input_shape=shape_of(input_shape), output=output or None
        )
    _show(found, text, json=json)


app.command(no_args_is_help=True)(effective)
app.command(no_args_is_help=True)(plot)


@app.command()
def backends(
    rules: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE",
            help="A module that registers rules for ops of its own, to be listed too; repeat it "
            "for several.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the installed backends, broken ones with the reason, and users' own rules."""
    with work("Looking for plugins …", debug=debug):
        for module in rules or ():
            import_module(module)
        found = rfcore.backends()
    if json:
        print_json([asdict(info) for info in found])
    else:
        print_backends(found)


def _show(found: Any, subject: str, *, json: bool) -> None:
    several = isinstance(found, dict)
    if json:
        print_json(
            {name: field.to_dict() for name, field in found.items()} if several else found.to_dict()
        )
    else:
        print_fields(found if several else {subject: found})

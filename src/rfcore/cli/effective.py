"""The command `rfcore effective`: measure gradients on inputs, show, save and go on later."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import rfcore
from rfcore.cli.completing import one_of
from rfcore.cli.given import GivenInputs
from rfcore.cli.options import BackendName, Debug, InputShape, Layout, Target, shape_of
from rfcore.cli.options import whole_numbers as read_whole_numbers
from rfcore.cli.reporting import warn, work
from rfcore.cli.showing import print_effective, print_json
from rfcore.cli.targets import load_target
from rfcore.errors import MeasurementInterrupted, NonFiniteError, NumberError
from rfcore.guard import ask_input_spec
from rfcore.plugins import find_backend

__all__ = ["effective"]

DRAWN = {"random": "normal", "normal": "normal", "uniform": "uniform"}
# What shells give for a process that Ctrl-C has ended.
INTERRUPTED = 130


def effective(
    target: Target,
    input_shape: InputShape = None,
    inputs: Annotated[
        str,
        typer.Option(
            metavar="SOURCE",
            help="random (or normal), uniform, an npy or npz file, or a folder of pictures, which "
            "become values from 0 to 1 and are neither resized nor normalised.",
        ),
    ] = "random",
    count: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="How many inputs; 20 random ones, or all.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="For random inputs.")] = 0,
    index: Annotated[
        str | None,
        typer.Option(metavar="N,N,…", help="The unit; the middle one.", show_default=False),
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option(metavar="N,N,…", help="Its channels; all of them.", show_default=False),
    ] = None,
    aggregate: Annotated[
        str,
        one_of("abs", "square", "positive", help="What is made of gradients."),
    ] = "abs",
    output: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The layer or output that holds the unit.", show_default=False
        ),
    ] = None,
    layout: Layout = None,
    backend: BackendName = None,
    skip_nan: Annotated[
        bool, typer.Option("--skip-nan", help="Leave out inputs that hold NaN, and count them.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the result goes, an npz; what was measured is there after Ctrl-C too.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A saved result to go on from.", show_default=False),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON alone: all but the map, which --save keeps.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Measure how strongly a unit depends on which pixel, on real or random inputs.

    Example: rfcore effective torchvision.models:resnet50 --input-shape 3,224,224 --inputs photos/
    --output layer4 --save erf.npz
    """
    try:
        with work("Measuring …", debug=debug) as report:
            model = load_target(target, functions_are_models=backend is not None)
            options: Any = {
                "backend": backend,
                "input_shape": shape_of(input_shape),
                "layout": layout,
            }
            given = _given(model, inputs, **options)
            known = given.count if isinstance(given, GivenInputs) else None
            try:
                found = rfcore.effective(
                    model,
                    inputs=given,
                    count=count,
                    seed=seed,
                    index=_numbers("--index", index),
                    channels=_numbers("--channels", channels),
                    aggregate=aggregate,
                    output=output,
                    on_nan="skip" if skip_nan else "raise",
                    save=save,
                    resume=resume,
                    progress=lambda done, total: report(done, total or known),
                    **options,
                )
            except NonFiniteError as error:
                raise _named(error, given) from error
    except MeasurementInterrupted as interrupt:
        _show_interrupted(interrupt, json=json)
        raise typer.Exit(INTERRUPTED) from interrupt
    _show(found, json=json)


def _given(model: Any, inputs: str, **options: Any) -> Any:
    """What `rfcore.effective` takes for --inputs."""
    if inputs in DRAWN:
        return DRAWN[inputs]
    chosen = find_backend(model, options["backend"])
    spec = ask_input_spec(chosen, model, options["input_shape"], options["layout"], None)
    return GivenInputs(Path(inputs), spec)


def _numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return read_whole_numbers(text)
    except ValueError as error:
        raise NumberError(option, text, "a list of whole numbers", "3,4") from error


def _named(error: NonFiniteError, given: Any) -> NonFiniteError:
    """The same error, which says where the input is from and how this command skips it."""
    name = given.names[error.index] if isinstance(given, GivenInputs) else None
    named = NonFiniteError(error.index, error.what, error.count, name)
    named.advise("repair it, or leave such inputs out with --skip-nan.")
    return named


def _show_interrupted(interrupt: MeasurementInterrupted, *, json: bool) -> None:
    so_far = interrupt.so_far
    if so_far is None:
        warn("interrupted before the first input was measured.")
        return
    _show(so_far, json=json)
    ways = (
        "--save FILE would have kept it to go on from."
        if interrupt.saved is None
        else f"the same command with --resume {interrupt.saved} goes on from here."
    )
    warn(f"interrupted after {so_far.count} inputs; {ways}")


def _show(found: rfcore.EffectiveReceptiveField, *, json: bool) -> None:
    if json:
        print_json(found.about() | {"measures": found.measures()})
    else:
        print_effective(found)

"""Which picture `rfcore plot` draws, and of what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfcore
from rfcore import EffectiveReceptiveField, ReceptiveField, plot
from rfcore.errors import OptionError, PlotError
from rfcore.plot.canvas import formats
from rfcore.plot.words import counted, meaning

__all__ = ["Asked", "check_file", "picture_of"]

FIELD_KINDS = ("grid", "timeline", "slices", "growth")
MEASURED_KINDS = ("gradient", "effective", "profile")
KINDS = (*FIELD_KINDS, *MEASURED_KINDS)
# The kind of picture that an exact field has, by its number of axes.
USUAL = {1: "timeline", 2: "grid", 3: "slices"}
GOES_WITH = {
    "image": ("grid",),
    "naive": ("grid",),
    "log": MEASURED_KINDS,
    "count": ("effective", "profile"),
    "global_paths": FIELD_KINDS,
}
SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user typed.

    Attributes:
        kind: One of `KINDS`, or None.
        index: The output to draw, or None.
        outputs: Names of layers.
        options: What goes with some kinds only, None where it was not given.
        shape: What every measurement takes.
    """

    kind: str | None
    index: tuple[int, ...] | None
    outputs: tuple[str, ...]
    options: Mapping[str, Any]
    shape: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.kind is not None:
            self.check(self.kind)

    def check(self, kind: str) -> None:
        """Refuses a kind that there is not, and options that do not go with it."""
        if kind not in KINDS:
            raise OptionError("kind", kind, KINDS)
        for name, kinds in GOES_WITH.items():
            if self.options[name] is not None and kind not in kinds:
                raise PlotError(
                    f"--{name.replace('_', '-')} does not go with --kind {kind}.",
                    f"leave it out, or write --kind {kinds[0]}.",
                )

    def given(self, *names: str) -> dict[str, Any]:
        """Those of some options that were given."""
        return {name: self.options[name] for name in names if self.options[name] is not None}


def check_file(path: Path | None) -> Path:
    """Refuses a place where no picture can be saved, before anything is measured.

    Raises:
        PlotError: There is no such folder, or no such format.
    """
    if path is None:
        raise PlotError("The picture has no place to go to.", "write --save picture.png.")
    if path.suffix.removeprefix(".").lower() not in formats():
        raise PlotError(
            f"{path.name!r} is in no format that pictures have.", "write --save picture.png."
        )
    if not path.parent.is_dir():
        raise PlotError(
            f"The folder {str(path.parent)!r} does not exist.", f"mkdir -p '{path.parent}'"
        )
    return path


def picture_of(asked: Asked, target: str | None, model: Any, effective: Path | None) -> Any:
    """The figure that was asked for.

    Raises:
        RfcoreError: It cannot be measured, or not drawn.
    """
    if effective is not None:
        if asked.index is not None or asked.outputs:
            raise PlotError(
                f"{str(effective)!r} is of one output that was chosen when it was measured.",
                "leave --index and --output out.",
            )
        return _measured(asked, EffectiveReceptiveField.load(effective), effective.stem)
    name = asked.outputs[0] if asked.outputs else str(target)
    if asked.kind in MEASURED_KINDS:
        return _measured(asked, _measure(asked, model), name)
    wanted: Any = list(asked.outputs) or [None]
    found = rfcore.estimate(model, output=wanted, **asked.shape, **asked.given("global_paths"))
    fields = {str(target) if output is None else output: found[output] for output in wanted}
    return _fields(asked, fields)


def _fields(asked: Asked, fields: Mapping[str, ReceptiveField]) -> Any:
    rank = len(next(iter(fields.values())).axes)
    kind = asked.kind or USUAL.get(rank, "growth")
    asked.check(kind)
    if kind == "growth":
        return plot.growth(fields).figure
    if USUAL.get(rank) != kind:
        raise PlotError(
            f"--kind {kind} does not go with a field of {rank} axes.",
            f"write --kind {USUAL.get(rank, 'growth')}.",
        )
    options: dict[str, Any] = asked.given("naive")
    if asked.options["image"] is not None:
        options["image"] = _image(asked.options["image"], next(iter(fields.values())))
    if len(fields) > 1:
        return plot.panels(fields, index=asked.index, **options)
    ((name, field),) = fields.items()
    draw: Callable[..., Any] = getattr(plot, kind)
    # A figure is its own figure.
    return draw(field, index=asked.index, title=name, **options).figure


def _image(path: Path, field: ReceptiveField) -> Any:
    if str(path) == SAMPLE:
        return plot.sample_image(*field.input_shape)
    return plot.read_image(path, *field.input_shape)


def _measure(asked: Asked, model: Any) -> EffectiveReceptiveField:
    if len(asked.outputs) > 1:
        raise PlotError(
            f"{len(asked.outputs)} outputs were named; one is measured at a time.",
            f"write one of them: --output {asked.outputs[0]}.",
        )
    output = asked.outputs[0] if asked.outputs else None
    count = 1 if asked.kind == "gradient" else asked.options["count"]
    return rfcore.effective(model, count=count, index=asked.index, output=output, **asked.shape)


def _measured(asked: Asked, erf: EffectiveReceptiveField, title: str) -> Any:
    kind = asked.kind or ("profile" if erf.map.ndim == 1 else "effective")
    if kind in FIELD_KINDS:
        raise PlotError(
            f"--kind {kind} is drawn from a model, and a file has none.", "write --kind effective."
        )
    asked.check(kind)
    options = {**asked.given("log"), "title": title}
    if kind == "profile" or erf.map.ndim == 1:
        return plot.profile(erf, **options).figure
    if erf.map.ndim == 3:
        return plot.effective_slices(erf, **options)
    if kind == "effective":
        return plot.effective(erf, **options).figure
    # A file may hold the mean over many inputs.
    label = f"{meaning(erf.aggregate)}, {counted([erf.count], 'input')}"
    field = None if erf.box is None else erf.field
    return plot.gradient(erf.map, field, index=erf.index, label=label, **options).figure

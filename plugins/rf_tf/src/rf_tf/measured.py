"""Which input is measured and at which shape: what the user says, checked against the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rf_tf.doors import opened
from rf_tf.errors import InputKindError
from rf_tf.sources import GivenInput, SourceSpec
from rfcore.errors import InputShapeError, LayoutError, OptionError
from rfcore.inputs import CHANNELS_LAST, input_spec

__all__ = ["measured_input"]


def measured_input(
    model: Any, input_shape: Sequence[int] | None, layout: str | None, name: str | int | None
) -> SourceSpec:
    """The measured input of a model.

    Raises:
        InputShapeError: A size stays unknown, or does not fit the model's signature.
        LayoutError: The layout cannot be read, or has not the signature's rank.
        UnknownInputError: The model has no such input.
        InputKindError: The input is not a dense tensor of numbers.
    """
    source = opened(model)
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        raise OptionError("input", name, (None, 0))
    given = source.choose(name)
    if given.kind:
        raise InputKindError(given.name, given.kind)
    batch, lengths = _split(given, layout)
    told = None if lengths is None else [n for n in lengths if n is not None]
    if input_shape is None and (lengths is None or told != [*lengths]):
        told_shape = "any shape" if given.shape is None else f"the shape {given.shape}"
        raise InputShapeError(
            None,
            f"is needed: the input {given.name!r} has {told_shape}, and a size stays unknown",
            "give it without the batch, for example "
            f"input_shape={_example(lengths or (None, None, 3))}.",
        )
    spec = input_spec(
        told if input_shape is None else input_shape,
        layout=layout,
        layouts=CHANNELS_LAST,
        name=given.name,
    )
    where = spec.layout.index("N")
    if input_shape is not None and lengths is not None:
        asked = (*spec.shape[:where], *spec.shape[where + 1 :])
        _check_fits(asked, lengths, given)
    shape = (*spec.shape[:where], batch, *spec.shape[where + 1 :])
    return SourceSpec(shape, spec.axes, spec.layout, spec.name, source)


def _split(given: GivenInput, layout: str | None) -> tuple[int, tuple[int | None, ...] | None]:
    """The length of the batch, and those of the other axes where the model tells the rank."""
    if given.shape is None:
        return 1, None
    where = layout.upper().find("N") if isinstance(layout, str) else 0
    if not 0 <= where < len(given.shape):
        if not given.shape:
            raise InputShapeError(
                (), f"is that of the scalar input {given.name!r}", "name another input."
            )
        where = 0
    if layout is not None and isinstance(layout, str) and len(layout) != len(given.shape):
        raise LayoutError(
            layout,
            f"has {len(layout)} axes, and the input {given.name!r} has the shape {given.shape}",
        )
    return given.shape[where] or 1, (*given.shape[:where], *given.shape[where + 1 :])


def _check_fits(asked: tuple[int, ...], lengths: tuple[int | None, ...], given: GivenInput) -> None:
    fits = len(asked) == len(lengths) and all(
        length in (None, n) for n, length in zip(asked, lengths, strict=True)
    )
    if not fits:
        told = "leave it out" if None not in lengths else f"fit it to {_example(lengths)}"
        raise InputShapeError(
            asked,
            f"does not fit the input {given.name!r}, whose shape with the batch is {given.shape}",
            f"{told}; a model of one fixed size has to be made or exported again for another.",
        )


def _example(lengths: Sequence[int | None]) -> tuple[int, ...]:
    return tuple(224 if n is None else n for n in lengths)

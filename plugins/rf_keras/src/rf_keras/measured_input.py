"""The measured input of a Keras model: its shape, its axes, and the model that is run for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from rf_keras.building import built_copy, built_model, is_builder
from rf_keras.declared import DeclaredInput, declared_inputs
from rfcore.errors import InputShapeError, InputTypeError
from rfcore.inputs import CHANNELS_FIRST, CHANNELS_LAST, InputSpec, input_spec

__all__ = ["KerasInput", "measured_input"]


@dataclass(frozen=True, slots=True)
class KerasInput(InputSpec):
    """The measured input, with what it was asked for.

    Attributes:
        runs: The model that runs: the user's, or one built for the asked size.
        asked: The shape that was asked for; that of larger traces differs.
        built_for: The shape with the batch that the model itself tells, None where it is open.
        builder: What builds the model for other sizes, if there is such a function.
        opened: What the traces of one estimate share, by the identity of the model that runs.
        addresses: Where the outputs are that were asked for, by model and by name.
    """

    runs: Any = None
    asked: tuple[int, ...] = ()
    built_for: tuple[int | None, ...] | None = None
    builder: Any = None
    opened: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)
    addresses: dict[int, dict[str | int | None, str]] = field(
        default_factory=dict, compare=False, repr=False
    )


def measured_input(
    model: Any, input_shape: Sequence[int] | None, layout: str | None, name: str | int | None
) -> KerasInput:
    """Reads what the user said, and for the rest what the model says.

    Args:
        model: A layer, a model, or a builder.
        input_shape: Without the batch; None for the model's own.
        layout: One letter per axis, or None for the model's own.
        name: The input's name or number.

    Raises:
        RfcoreError: One of its kinds, where the input cannot be read.
    """
    if isinstance(model, type) and issubclass(model, keras.Layer):
        raise InputShapeError(
            input_shape,
            f"cannot be given to the class {model.__name__}",
            f"make an instance first: {model.__name__}(…).",
        )
    if isinstance(model, keras.Layer):
        return _of_model(model, input_shape, layout, name)
    if not is_builder(model):
        raise InputShapeError(
            input_shape,
            f"cannot be given to a {type(model).__name__}, which is neither a Keras model nor a "
            "function that builds one",
            "pass a model, or a function of input_shape that returns one.",
        )
    if input_shape is None:
        raise InputShapeError(
            None,
            "is needed: a builder is called with it",
            "give it without the batch, for example input_shape=(224, 224, 3).",
        )
    first = input_spec(
        input_shape, layout=layout, layouts=_layouts(keras.config.image_data_format())
    )
    shape = tuple(n for n, letter in zip(first.shape, first.layout, strict=True) if letter != "N")
    built = built_model(model, shape)
    found = _of_model(built, input_shape, layout, name)
    return replace(found, builder=model)


def _of_model(
    model: Any, input_shape: Sequence[int] | None, layout: str | None, name: str | int | None
) -> KerasInput:
    declared = declared_inputs(model)
    position = declared.position(name)
    measured = declared.inputs[position]
    _refuse_type(measured)
    shape = input_shape if input_shape is not None else _own_shape(measured)
    spec = input_spec(shape, layout=layout, layouts=_layouts(_data_format(model)))
    if spec.layout.startswith("N"):
        _check_shape(spec, measured)
    runs = model
    if isinstance(model, keras.Sequential) and not model.built:
        runs = built_copy(model, spec.shape)
    return KerasInput(
        spec.shape, spec.axes, spec.layout, position or None, runs, spec.shape, measured.shape
    )


def _layouts(data_format: str) -> Mapping[int, str]:
    return CHANNELS_FIRST if data_format == "channels_first" else CHANNELS_LAST


def _data_format(model: Any) -> str:
    """What the model's layers say where they agree, else Keras' own setting."""
    said = {
        layer.data_format
        for layer in _all_layers(model)
        if getattr(layer, "data_format", None) in ("channels_first", "channels_last")
    }
    return str(said.pop()) if len(said) == 1 else str(keras.config.image_data_format())


def _all_layers(model: Any) -> Iterator[Any]:
    yield model
    for layer in model._layers:
        yield from _all_layers(layer)


def _own_shape(measured: DeclaredInput) -> tuple[int, ...]:
    if measured.shape is None:
        raise InputShapeError(
            None,
            "is needed: this model does not tell the shape of its input",
            "give it without the batch, for example input_shape=(224, 224, 3).",
        )
    known = [n for n in measured.shape[1:] if n is not None]
    if len(known) < len(measured.shape) - 1:
        example = tuple(n or 224 for n in measured.shape[1:])
        raise InputShapeError(
            None,
            f"is needed: the model leaves the size of its input {measured.name!r} open, "
            f"{measured.shape[1:]}",
            f"give it without the batch, for example input_shape={example}.",
        )
    return tuple(known)


def _check_shape(spec: InputSpec, measured: DeclaredInput) -> None:
    if measured.shape is None:
        return
    given = spec.shape[1:]
    own = measured.shape[1:]
    hint = f"the model takes {own} without the batch, with other lengths where it is spatial."
    if len(own) != len(given):
        problem = f"has {len(given)} axes; the input {measured.name!r} has {len(own)}"
        raise InputShapeError(given, problem, hint)
    channel = spec.layout.find("C") - 1
    if channel >= 0 and own[channel] not in (None, given[channel]):
        raise InputShapeError(
            given,
            f"has {given[channel]} channels on axis {channel} (layout {spec.layout}); the input "
            f"{measured.name!r} has {own[channel]}",
            hint + ' Where its channels are elsewhere, say so: layout="NCHW".',
        )


def _refuse_type(measured: DeclaredInput) -> None:
    if measured.kind != "dense":
        raise InputTypeError(f"{measured.kind} tensors")
    if measured.dtype == "string":
        raise InputTypeError("strings")

"""Fields as dicts of JSON types, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from rfcore.axis_field import AxisField
from rfcore.errors import FieldFormatError

if TYPE_CHECKING:
    from rfcore.field import ReceptiveField

__all__ = ["loaded", "read", "written"]

SCHEMA = "rfcore.field/1"

Field = TypeVar("Field")


def written(field: ReceptiveField) -> dict[str, Any]:
    """A field as a dict that `read` reads back."""
    return {
        "schema": SCHEMA,
        "exact": field.exact,
        "notes": list(field.notes),
        "axes": [
            {
                "input_size": axis.input_size,
                "output_size": axis.output_size,
                "lows": None if axis.lows is None else list(axis.lows),
                "highs": None if axis.highs is None else list(axis.highs),
                "period": axis.period,
                "shift": axis.shift,
                "density": str(axis.density),
            }
            for axis in field.axes
        ],
        "size": list(field.size),
        "stride": [str(stride) for stride in field.stride],
        "offset": list(field.offset),
        "padding": list(field.padding),
        "global": list(field.is_global),
    }


def read(data: Mapping[str, Any], make: Callable[..., Field]) -> Field:
    """The field that a dict tells of.

    Args:
        data: What `written` returned.
        make: Makes a field of its axes, whether it is exact, and its notes.

    Raises:
        FieldFormatError: Not a field of rfcore, or of another schema version.
    """
    hint = "give the dict that ReceptiveField.to_dict() returned."
    if not isinstance(data, Mapping) or "schema" not in data:
        raise FieldFormatError("it has no 'schema' entry", hint)
    if data["schema"] != SCHEMA:
        raise FieldFormatError(
            f"its schema is {data['schema']!r}, this version reads {SCHEMA!r}",
            "read it with the version of rfcore that wrote it, or measure the model again.",
        )
    try:
        axes = tuple(_axis_from_dict(axis) for axis in data["axes"])
        notes = tuple(_typed(note, str) for note in _typed(data["notes"], list))
        return make(axes, _typed(data["exact"], bool), notes)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise FieldFormatError(problem, hint) from error


def loaded(text: str) -> Any:
    """What a JSON text holds.

    Raises:
        FieldFormatError: It is not JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise FieldFormatError(
            f"it is not JSON ({error})", "give the text that to_json() returned."
        ) from error


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value


def _edges(values: Any) -> tuple[int, ...] | None:
    return None if values is None else tuple(_typed(value, int) for value in values)


def _axis_from_dict(data: Mapping[str, Any]) -> AxisField:
    return AxisField(
        input_size=_typed(data["input_size"], int),
        output_size=_typed(data["output_size"], int),
        lows=_edges(data["lows"]),
        highs=_edges(data["highs"]),
        period=_typed(data["period"], int),
        shift=_typed(data["shift"], int),
        density=Fraction(_typed(data["density"], str)),
    )

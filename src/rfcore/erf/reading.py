"""A result from the dict or the file that it was written to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from rfcore.erf.moments import Map
from rfcore.erf.setting import Setting
from rfcore.errors import EffectiveFormatError, FieldFormatError
from rfcore.field import ReceptiveField

__all__ = ["SCHEMA", "is_inside", "read"]

T = TypeVar("T")

NAME = "rfcore.effective/"
VERSION = 1
SCHEMA = f"{NAME}{VERSION}"


def read(make: Callable[..., T], source: str, data: object, total: Callable[[], Any]) -> T:
    """The result that was written, made and checked.

    Args:
        make: The class of results.
        source: What is read, for messages.
        data: What its `about` wrote.
        total: Gives the map's sum; asked once the rest is known to be of this version.

    Raises:
        EffectiveFormatError: It cannot be read.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("schema"), str):
        raise _refused(source, "it has no 'schema' entry")
    schema = data["schema"]
    if schema != SCHEMA:
        raise EffectiveFormatError(
            source,
            f"its schema is {schema!r}, this version reads {SCHEMA!r}",
            "read it with the version of rfcore that wrote it: pip install --upgrade rfcore."
            if schema.startswith(NAME)
            else "give what EffectiveReceptiveField.save or to_dict wrote.",
        )
    try:
        return make(**_parts(data), total=_map(total()))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _refused(source, _told(error)) from error
    except FieldFormatError as error:
        raise _refused(source, error.message) from error


def is_inside(index: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether an index names a place of a grid."""
    return len(index) == len(shape) and all(-n <= i < n for i, n in zip(index, shape, strict=True))


def _parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but the map."""
    field, first = data["field"], data["first"]
    if first is not None:
        number, mass = _list(first)
        first = (_typed(number, int), _number(mass))
    return {
        "count": _typed(data["count"], int),
        "center": tuple(_number(value) for value in _list(data["center"])),
        "setting": Setting.from_dict(_typed(data["setting"], dict)),
        "field": None if field is None else ReceptiveField.from_dict(field),
        "skipped": _typed(data["skipped"], int),
        "complete": _typed(data["complete"], bool),
        "notes": tuple(_typed(note, str) for note in _list(data["notes"])),
        "digest": _typed(data["digest"], str),
        "first": first,
    }


def _map(values: Any) -> Map:
    total = np.asarray(values)
    if total.dtype != np.float64 or not total.ndim or not total.size:
        raise TypeError(f"its map is {total.dtype} of shape {total.shape}, not float64 over axes")
    return total


def _refused(source: str, problem: str) -> EffectiveFormatError:
    hint = "give what EffectiveReceptiveField.save or to_dict wrote; if it did, measure again."
    return EffectiveFormatError(source, problem, hint)


def _told(error: Exception) -> str:
    return f"it has no {error} entry" if isinstance(error, KeyError) else str(error)


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r:.60} is not of type {kind.__name__}")
    return value


def _list(value: Any) -> list[Any]:
    result: list[Any] = _typed(value, list)
    return result


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r:.60} is not a number")
    return float(value)

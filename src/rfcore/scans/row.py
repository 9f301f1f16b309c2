"""One layer in a scan: its field, or why it has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from rfcore.field import ReceptiveField
from rfcore.notes import global_cause

__all__ = ["PathSizes", "ScanRow"]

PathSizes = tuple[int | None, ...]
"""Pixels per axis along the shortest path from the input; None where there is no such number."""


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One layer.

    Attributes:
        name: What `output=` takes; empty for the model's own output.
        type: The class of the layer or the type of the op; empty where nobody knows.
        shape: Shape of its output, batch included.
        field: Its receptive field, as `estimate` gives it; None where it has none.
        refusal: Why not, in a few words.
        reason: The same in the words of the error that `estimate` raises.
        growth: Pixels per axis that it adds to the widest field of what it reads; None where
            that cannot be told (a layer of layers, a field without a size).
        shortest: Size of its field along the shortest path from the input: the only path, if
            nothing skips a layer.
        read: The smallest such size among the values that it reads; None for a layer of layers.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    field: ReceptiveField | None
    refusal: str = ""
    reason: str = ""
    growth: tuple[int, ...] | None = None
    shortest: PathSizes = ()
    read: PathSizes | None = None

    @property
    def is_global(self) -> bool:
        """Whether some axis is seen whole by every output, however large the input is."""
        return self.field is not None and any(self.field.is_global)

    @property
    def global_because(self) -> str:
        """The op that made it global, with its layer; empty where it is not."""
        notes = self.field.notes if self.field is not None else ()
        return next(filter(None, map(global_cause, notes)), "")

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types that `from_dict` reads back."""
        return {
            "name": self.name,
            "type": self.type,
            "shape": list(self.shape),
            "field": None if self.field is None else self.field.to_dict(),
            "refusal": self.refusal,
            "reason": self.reason,
            "growth": None if self.growth is None else list(self.growth),
            "shortest": list(self.shortest),
            "read": None if self.read is None else list(self.read),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` wrote."""
        field = data["field"]
        return cls(
            name=_text(data["name"]),
            type=_text(data["type"]),
            shape=tuple(map(_whole, data["shape"])),
            field=None if field is None else ReceptiveField.from_dict(field),
            refusal=_text(data["refusal"]),
            reason=_text(data["reason"]),
            growth=None if data["growth"] is None else tuple(map(_whole, data["growth"])),
            shortest=_sizes(data["shortest"]),
            read=None if data["read"] is None else _sizes(data["read"]),
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value


def _sizes(values: Any) -> PathSizes:
    return tuple(None if value is None else _whole(value) for value in values)

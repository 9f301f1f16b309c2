"""What was measured: everything that two halves of one measurement have to agree on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["Setting"]


@dataclass(frozen=True, slots=True)
class Setting:
    """How a map was measured, apart from the weights and from how many inputs were taken.

    Attributes:
        aggregate: The rule that made magnitudes of gradients.
        backend: The backend's name.
        output: What the user called the output.
        input: Which of several inputs of the model was measured.
        input_shape: Full shape of the input, batch included.
        layout: One letter per axis of the input.
        output_shape: Full shape of the output, batch included.
        dtype: Floating type of the input.
        index: The unit, as `rfcore.effective` takes it.
        channels: The unit's channels; None for all.
        inputs: What it was measured on.
    """

    aggregate: str = "abs"
    backend: str = ""
    output: str | int | None = None
    input: str | int | None = None
    input_shape: tuple[int, ...] = ()
    layout: str = ""
    output_shape: tuple[int, ...] = ()
    dtype: str = "float64"
    index: tuple[int, ...] = ()
    channels: tuple[int, ...] | None = None
    inputs: str = "given"

    def differences(self, other: Setting) -> dict[str, tuple[object, object]]:
        """What differs, by name: our value and that of the other."""
        pairs = {f.name: (getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Setting:
        """Reads what `to_dict` wrote.

        Raises:
            KeyError: An entry is missing.
            TypeError: One is of another type.
        """
        values = {f.name: data[f.name] for f in fields(cls)}
        for name in ("aggregate", "backend", "layout", "dtype", "inputs"):
            if not isinstance(values[name], str):
                raise TypeError(f"{name} is {values[name]!r}, not a text")
        for name in ("output", "input"):
            if isinstance(values[name], bool) or not isinstance(values[name], str | int | None):
                raise TypeError(f"{name} is {values[name]!r}, neither a name nor a number")
        for name in ("input_shape", "output_shape", "index", "channels"):
            if name != "channels" or values[name] is not None:
                values[name] = _whole_numbers(name, values[name])
        return cls(**values)


def _whole_numbers(name: str, values: object) -> tuple[int, ...]:
    if not isinstance(values, list) or any(type(value) is not int for value in values):
        raise TypeError(f"{name} is {values!r}, not a list of whole numbers")
    return tuple(values)

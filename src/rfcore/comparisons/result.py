"""The result of a comparison: layers side by side, what differs, and from where on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Self

from rfcore.comparisons.words import sentence
from rfcore.field import AxisField
from rfcore.scans import ScanRow

__all__ = ["ComparedLayer", "Comparison", "Difference"]

Value = int | float | Fraction | str
QUANTITIES = ("size", "stride", "offset", "padding", "density")


@dataclass(frozen=True, slots=True)
class Difference:
    """One quantity that is not the same in all networks.

    Attributes:
        quantity: "size", "stride", "offset", "padding" or "density" in pixels (or a share);
            "phases" where only these differ; "field" where one network has none.
        axis: The spatial axis; None for all of the field.
        values: The value in each network.
    """

    quantity: str
    axis: int | None
    values: tuple[Value, ...]

    @property
    def by(self) -> tuple[float | Fraction, ...]:
        """By how much each other network's value is larger than the first's; empty for words."""
        first, *others = self.values
        if isinstance(first, str):
            return ()
        return tuple(other - first for other in others if not isinstance(other, str))


@dataclass(frozen=True, slots=True)
class ComparedLayer:
    """Layers that belong together.

    Attributes:
        rows: The layer in each network.
        differences: What differs, the axes one after the other.
    """

    rows: tuple[ScanRow, ...]
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        """Whether all networks have the same field here."""
        return not self.differences

    def differs_in(self, quantity: str) -> bool:
        """Whether a quantity is not the same on some axis."""
        return any(each.quantity == quantity for each in self.differences)

    @classmethod
    def of(cls, rows: Sequence[ScanRow]) -> Self:
        """Compares some rows."""
        return cls(tuple(rows), tuple(_differences(rows)))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two or more networks, layer beside layer.

    Attributes:
        names: What the networks are called; the first is what the others are held against.
        layers: The layers that belong together, in the order of the first network.
        unmatched: Layers that have no counterpart, by network.
    """

    names: tuple[str, ...]
    layers: tuple[ComparedLayer, ...]
    unmatched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether every layer has its counterpart, and all fields are the same."""
        return not self.unmatched and all(layer.equal for layer in self.layers)

    @property
    def first(self) -> ComparedLayer | None:
        """The first layer in which the networks differ."""
        return next((layer for layer in self.layers if not layer.equal), None)

    def summary(self) -> str:
        """Where the networks part, in sentences."""
        return "\n".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        if self.equal:
            yield f"All {len(self.layers)} layers have the same field in {_listed(self.names)}."
            return
        told: set[str] = set()
        for place, layer in enumerate(self.layers):
            for text in self._new(layer, told):
                onward = all(later.differs_in(text) for later in self.layers[place:])
                yield sentence(self.names, layer, text, from_here_on=onward)
        for name, left in self.unmatched.items():
            shown = ", ".join(map(repr, left[:3])) + (", …" if len(left) > 3 else "")
            yield f"{len(left)} layers of {name} have no counterpart: {shown}."

    def _new(self, layer: ComparedLayer, told: set[str]) -> Iterator[str]:
        """The quantities that differ here and in no layer before it, the telling ones first."""
        here = list(dict.fromkeys(each.quantity for each in layer.differences))
        fresh = [quantity for quantity in here if quantity not in told]
        told.update(here)
        # A shift shows in offset and padding alike; a new stride or size brings both along.
        for quantity in ("field", "stride", "size", "offset", "padding", "density", "phases"):
            if quantity in fresh:
                yield quantity
                told.update({"offset", "padding"})
                return

    def table(self, *, all_layers: bool = False) -> str:
        """The layers side by side: those that differ, or all of them."""
        shown = [layer for layer in self.layers if all_layers or not layer.equal]
        heads = ["", *(f"{name} {q}" for q in QUANTITIES[:4] for name in self.names)]
        cells = [["" if layer.equal else "≠", *_cells(layer)] for layer in shown]
        names = [[row.name or "(output)" for row in layer.rows] for layer in shown]
        rows = [[mark, *own, *rest] for (mark, *rest), own in zip(cells, names, strict=True)]
        heads = ["", *self.names, *heads[1:]]
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        left = len(self.names) + 1
        return "\n".join(
            "  ".join(
                text.ljust(width) if number < left else text.rjust(width)
                for number, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in (heads, *rows)
        )

    def __str__(self) -> str:
        return self.summary() if self.equal else f"{self.table()}\n{self.summary()}"

    def __repr__(self) -> str:
        differing = sum(not layer.equal for layer in self.layers)
        names = " and ".join(self.names)
        return f"<Comparison of {names}: {differing} of {len(self.layers)} layers differ>"

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types."""
        return {
            "schema": "rfcore.comparison/1",
            "names": list(self.names),
            "equal": self.equal,
            "summary": self.summary(),
            "unmatched": {name: list(layers) for name, layers in self.unmatched.items()},
            "layers": [
                {
                    "layers": dict(zip(self.names, (row.name for row in layer.rows), strict=True)),
                    "equal": layer.equal,
                    "differences": [
                        {
                            "quantity": each.quantity,
                            "axis": each.axis,
                            "values": [_plain(value) for value in each.values],
                        }
                        for each in layer.differences
                    ],
                }
                for layer in self.layers
            ],
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=2)


def _differences(rows: Sequence[ScanRow]) -> Iterator[Difference]:
    fields = [row.field for row in rows]
    known = [each for each in fields if each is not None]
    if not known:
        return
    if len(known) < len(fields) or len({len(each.axes) for each in known}) > 1:
        words = tuple("a field" if row.field else row.refusal for row in rows)
        yield Difference("field", None, words)
        return
    for number, axes in enumerate(zip(*(each.axes for each in known), strict=True)):
        found = [each for q in QUANTITIES if (each := _quantity(q, number, axes)) is not None]
        # The law counts, not how many outputs there are at one size.
        laws = {(a.lows, a.highs, a.period, a.shift) for a in axes}
        if not found and len(laws) > 1:
            found = [Difference("phases", number, tuple(str(a.period) for a in axes))]
        yield from found


def _quantity(name: str, axis: int, axes: Sequence[AxisField]) -> Difference | None:
    values: tuple[Value, ...] = tuple(
        "global" if a.is_global and name == "size" else getattr(a, name) for a in axes
    )
    return Difference(name, axis, values) if len(set(values)) > 1 else None


def _cells(layer: ComparedLayer) -> Iterator[str]:
    for quantity in QUANTITIES[:4]:
        for row in layer.rows:
            yield _cell(row, quantity)


def _cell(row: ScanRow, quantity: str) -> str:
    if row.field is None:
        return row.refusal if quantity == "size" else ""
    texts = [
        "global" if axis.is_global and quantity == "size" else f"{getattr(axis, quantity)}"
        for axis in row.field.axes
    ]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _plain(value: Value) -> int | float | str:
    return str(value) if isinstance(value, Fraction) else value


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"

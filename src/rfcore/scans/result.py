"""The result of a scan: a table of layers that prints itself, and what follows from it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from rfcore.errors import FieldFormatError, InputRangeError, UnknownLayerError
from rfcore.scans import sizes
from rfcore.scans.row import ScanRow
from rfcore.scans.table import csv_of, html_of, records_of, text_of

__all__ = ["Scan"]

SCHEMA = "rfcore.scan/1"


@dataclass(frozen=True, slots=True)
class Scan:
    """The layers of a network with their fields, in the order in which they run.

    Attributes:
        rows: The layers.
        input_shape: Spatial shape of the input that the answers are for.
        backend: The backend that traced the model.
        global_paths: "follow" or "ignore", as it was asked.
        partial: Whether layers were left out, by `layers` or `depth`.
        trunk: The layers with windows along the longest path, by which scans are compared.
        notes: What a reader should know about the scan as a whole.
    """

    rows: tuple[ScanRow, ...]
    input_shape: tuple[int, ...]
    backend: str = ""
    global_paths: str = "follow"
    partial: bool = False
    trunk: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[ScanRow]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> ScanRow:
        """The layer called `name`.

        Raises:
            UnknownLayerError: No row has that name.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise UnknownLayerError(name, [row.name for row in self.rows if row.name])

    @property
    def first_global(self) -> ScanRow | None:
        """The first layer whose field is global, in the order in which layers run."""
        return next((row for row in self.rows if row.is_global), None)

    def unproductive(self, input_size: int | Sequence[int] | None = None) -> list[ScanRow]:
        """The layers that bring together nothing new at an input size.

        Such a layer widens the field, and the smallest field of all that it reads covers the
        whole input already.

        Args:
            input_size: Pixels, of all axes or per axis; None for the size that was scanned.

        Source: Richter et al., "Should You Go Deeper?" (2021), there also border layers.
        """
        return sizes.unproductive(self.rows, self._lengths(input_size))

    def critical(self, input_size: int | Sequence[int] | None = None) -> list[ScanRow]:
        """The layers whose own smallest field is larger than the input.

        Args:
            input_size: Pixels, of all axes or per axis; None for the size that was scanned.

        Source: Richter et al., receptive field analysis toolbox: "critical layers".
        """
        return sizes.critical(self.rows, self._lengths(input_size))

    def input_range(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The feasible input sizes: per axis the smallest and the largest, in pixels.

        Below the smallest, some layer's field along the shortest path does not fit into the
        input; above the largest, no layer sees all of it.

        Raises:
            InputRangeError: A layer in the body of the network is global, or upsamples, or layers
                were left out of the scan.

        Source: Richter et al., receptive field analysis toolbox: 75 to 427 for ResNet-50.
        """
        if self.partial:
            hint = "scan without layers= and depth=; table(depth=…) shows fewer of them."
            raise InputRangeError("layers were left out of the scan", hint)
        return sizes.input_range(self.rows)

    def _lengths(self, input_size: int | Sequence[int] | None) -> tuple[int, ...]:
        return sizes.lengths(input_size, self.input_shape)

    def table(
        self,
        columns: Sequence[str] | None = None,
        *,
        depth: int | None = None,
        width: int | None = None,
    ) -> str:
        """The layers as an indented table.

        Args:
            columns: Which, of "type", "output", "size", "stride", "offset", "padding",
                "density", "growth", "shortest" and "global"; None for those that tell something.
            depth: How deep layers may be nested; None for all.
            width: Characters in a line; columns that do not fit are left out, the type first.

        Raises:
            OptionError: A column is none of these.
        """
        return text_of(self, columns, depth=depth, width=width)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.input_shape))
        return f"<Scan of {len(self.rows)} layers on an input of {shape}>"

    def _repr_html_(self) -> str:
        return html_of(self)

    def records(self) -> list[dict[str, Any]]:
        """A flat dict of plain values per layer, with a column per axis ("size_0", "size_1")."""
        return records_of(self)

    def to_csv(self) -> str:
        """The `records` as CSV text."""
        return csv_of(self)

    def to_pandas(self) -> Any:
        """The `records` as a pandas DataFrame, by name.

        Raises:
            ModuleNotFoundError: pandas is not installed.
        """
        pandas = importlib.import_module("pandas")
        return pandas.DataFrame(self.records()).set_index("name")

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types that `from_dict` reads back."""
        return {
            "schema": SCHEMA,
            "backend": self.backend,
            "input_shape": list(self.input_shape),
            "global_paths": self.global_paths,
            "partial": self.partial,
            "trunk": list(self.trunk),
            "notes": list(self.notes),
            "rows": [row.to_dict() for row in self.rows],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` wrote.

        Raises:
            FieldFormatError: Not a scan of rfcore, or of another schema version.
        """
        hint = "give the dict that Scan.to_dict() returned."
        if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
            schema = data.get("schema") if isinstance(data, Mapping) else None
            raise FieldFormatError(f"its schema is {schema!r}, not {SCHEMA!r}", hint)
        try:
            return cls(
                tuple(ScanRow.from_dict(row) for row in data["rows"]),
                tuple(map(int, data["input_shape"])),
                str(data["backend"]),
                str(data["global_paths"]),
                bool(data["partial"]),
                tuple(map(str, data["trunk"])),
                tuple(map(str, data["notes"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FieldFormatError(f"{type(error).__name__}: {error}", hint) from error

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what `to_json` wrote.

        Raises:
            FieldFormatError: Not JSON, not a scan of rfcore, or of another schema version.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            hint = "give the text that to_json() returned."
            raise FieldFormatError(f"it is not JSON ({error})", hint) from error
        return cls.from_dict(data)

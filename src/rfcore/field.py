"""The result: exact geometry of a receptive field, one record per spatial axis.

Pixel i covers [i, i+1). Output j of an axis sees the input interval [lo(j), hi(j)), unclipped:
it may reach below 0 or past the input, into padding. Intervals repeat with a period:
lo(j + period) = lo(j) + shift, and each of the period's phases has an interval of its own.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from html import escape
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from rfcore.errors import FieldFormatError

if TYPE_CHECKING:
    from rfcore.verify import Certificate

__all__ = ["AxisField", "Interval", "ReceptiveField"]

SCHEMA = "rfcore.field/1"

Interval = tuple[int, int]


def _as_int(value: Fraction) -> int | Fraction:
    return int(value) if value.denominator == 1 else value


@dataclass(frozen=True, slots=True)
class AxisField:
    """The receptive field along one spatial axis.

    Attributes:
        input_size: Input pixels along the axis; the answer is for this size.
        output_size: Outputs along the axis.
        lows: lo(j) of the outputs 0 … period - 1, or None where every output sees down to the
            input's first pixel, however large the input is.
        highs: hi(j) likewise, or None where every output sees up to the input's last pixel.
        period: Outputs after which the intervals repeat.
        shift: Input pixels that the interval moves per period; negative for mirrored maps.
        density: Share of the interval that is seen, averaged over phases; below 1 where
            dilation or striding leaves holes.
    """

    input_size: int
    output_size: int
    lows: tuple[int, ...] | None
    highs: tuple[int, ...] | None
    period: int = 1
    shift: int = 1
    density: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.input_size < 1 or self.output_size < 1 or self.period < 1:
            raise ValueError("sizes and period are at least 1")
        for edge in (self.lows, self.highs):
            if edge is not None and len(edge) != self.period:
                raise ValueError(f"{len(edge)} edges do not fit a period of {self.period}")
        if not 0 < self.density <= 1:
            raise ValueError(f"density {self.density} is not in (0, 1]")
        if any(lo >= hi for lo, hi in map(self.interval, self._one_period())):
            raise ValueError("an interval is empty")

    def _one_period(self) -> range:
        return range(min(self.period, self.output_size))

    @property
    def is_global(self) -> bool:
        """Whether every output sees the whole axis, however large the input is."""
        return self.lows is None and self.highs is None

    def interval(self, index: int) -> Interval:
        """[lo, hi) of output `index`, unclipped; `index` may lie outside the output."""
        cycle, phase = divmod(index, self.period)
        moved = cycle * self.shift
        low = 0 if self.lows is None else self.lows[phase] + moved
        high = self.input_size if self.highs is None else self.highs[phase] + moved
        return low, high

    @property
    def size(self) -> int:
        """hi - lo in pixels, the largest over phases (over all outputs where one edge is fixed)."""
        if (self.lows is None) != (self.highs is None):
            ends = [*self._one_period(), *range(self.output_size)[-self.period :]]
            return max(hi - lo for lo, hi in map(self.interval, ends))
        return max(hi - lo for lo, hi in map(self.interval, self._one_period()))

    @property
    def stride(self) -> int | Fraction:
        """Input pixels that the interval moves per output step; 0 for a global axis."""
        return 0 if self.is_global else _as_int(Fraction(self.shift, self.period))

    @property
    def offset(self) -> float:
        """Centre of output 0's interval in pixels, where pixel i covers [i, i+1)."""
        return self.center(0)

    @property
    def padding(self) -> int:
        """How far the first output's interval begins before the input, -lo(0), in pixels."""
        return -self.interval(0)[0]

    def center(self, index: int) -> float:
        """Centre of the interval of output `index`, in pixels."""
        return sum(self.interval(index)) / 2

    def outputs_seeing(self, pixel: int) -> tuple[int, ...]:
        """The outputs whose interval contains `pixel` (holes inside intervals not counted out)."""
        outputs = np.arange(self.output_size)
        cycle, phase = np.divmod(outputs, self.period)
        low, high = np.zeros_like(outputs), np.full_like(outputs, self.input_size)
        if self.lows is not None:
            low = np.asarray(self.lows)[phase] + cycle * self.shift
        if self.highs is not None:
            high = np.asarray(self.highs)[phase] + cycle * self.shift
        return tuple(int(j) for j in outputs[(low <= pixel) & (pixel < high)])


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """A receptive field: one `AxisField` per spatial axis, in array order.

    Two fields are equal if their geometry is; notes say how it was had and are not compared.

    Attributes:
        axes: The axes, for images (height, width).
        exact: Whether it is the true field; False for a measured lower bound or an
            over-approximation, which the notes explain.
        notes: What a reader should know about how the field was had.
    """

    axes: tuple[AxisField, ...]
    exact: bool = True
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not self.axes:
            raise ValueError("a receptive field has at least one axis")

    @property
    def size(self) -> tuple[int, ...]:
        """Pixels per axis, the largest over phases; the input's size where global."""
        return tuple(axis.size for axis in self.axes)

    @property
    def stride(self) -> tuple[int | Fraction, ...]:
        """Pixels per output step, per axis."""
        return tuple(axis.stride for axis in self.axes)

    @property
    def offset(self) -> tuple[float, ...]:
        """Centre of output 0's interval, per axis, in pixels."""
        return tuple(axis.offset for axis in self.axes)

    @property
    def padding(self) -> tuple[int, ...]:
        """Effective padding -lo(0), per axis, in pixels."""
        return tuple(axis.padding for axis in self.axes)

    @property
    def density(self) -> tuple[Fraction, ...]:
        """Share of the interval that is seen, per axis."""
        return tuple(axis.density for axis in self.axes)

    @property
    def is_global(self) -> tuple[bool, ...]:
        """Whether every output sees all of an axis, however large the input is, per axis."""
        return tuple(axis.is_global for axis in self.axes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Spatial shape of the input that the answer is for."""
        return tuple(axis.input_size for axis in self.axes)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Spatial shape of the output."""
        return tuple(axis.output_size for axis in self.axes)

    def box(self, index: Sequence[int], clip: bool = False) -> tuple[Interval, ...]:
        """The input box that one output position sees.

        Args:
            index: Output position, one integer per axis; negative ones count from the end.
            clip: Cut the box to the input.

        Returns:
            One (lo, hi) per axis, hi exclusive.

        Raises:
            IndexError: The position is not one of the output's.
        """
        box = tuple(
            axis.interval(j) for axis, j in zip(self.axes, self._checked(index), strict=True)
        )
        if not clip:
            return box
        return tuple(
            (min(max(lo, 0), axis.input_size), max(min(hi, axis.input_size), 0))
            for axis, (lo, hi) in zip(self.axes, box, strict=True)
        )

    def center(self, index: Sequence[int]) -> tuple[float, ...]:
        """Centre of the box of one output position, in pixels.

        Raises:
            IndexError: The position is not one of the output's.
        """
        checked = self._checked(index)
        return tuple(axis.center(j) for axis, j in zip(self.axes, checked, strict=True))

    def outputs_seeing(self, pixel: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """Per axis, the outputs whose interval contains the pixel.

        Raises:
            IndexError: The pixel is not one of the input's.
        """
        inside = _inside(pixel, self.input_shape, "pixel", "input")
        return tuple(axis.outputs_seeing(i) for axis, i in zip(self.axes, inside, strict=True))

    def verify(
        self,
        model: Any,
        *,
        backend: str | None = None,
        input_shape: Sequence[int] | None = None,
        output: str | int | None = None,
        input: str | int | None = None,
        layout: str | None = None,
        phases: int | None = 8,
    ) -> Certificate:
        """Checks this field on the model's own forward, with its real weights.

        The input is spoiled with NaN (with large noise where an op swallows NaN, or where
        weights of zero let it through): outside of the box of an output it must not notice, at
        each edge it must. Where the asked input clips the field, a larger one is taken, thin on
        the other axes. Nothing of how the field was had takes part.

        Args:
            model: The model that the field is of.
            backend: As it was given to `estimate`, like all that follow.
            input_shape: Shape of the input without the batch.
            output: The layer or output that the field is of.
            input: Which of several inputs was measured.
            layout: One letter per axis with the batch.
            phases: At most so many phases of a long period are asked at each edge; None for all.

        Returns:
            What held, what did not, and what could not be shown.

        Raises:
            BackendCapabilityError: The backend cannot run its models.
            FieldMismatchError: The field is for another input or output.
            LocalPathsError: The field leaves out global paths, which a forward does not.
            RfcoreError: Another of its kinds, where the model does not run.

        Example:
            >>> import rfcore
            >>> field = rfcore.estimate(model, input_shape=(3, 224, 224))  # doctest: +SKIP
            >>> field.verify(model, input_shape=(3, 224, 224)).passed  # doctest: +SKIP
            True
        """
        # A field is a plain value; only this method needs backends and plugins.
        from rfcore.verify import verify

        return verify(
            self,
            model,
            backend=backend,
            input_shape=input_shape,
            output=output,
            input=input,
            layout=layout,
            phases=phases,
        )

    def _checked(self, index: Sequence[int]) -> tuple[int, ...]:
        return _inside(index, self.output_shape, "index", "output")

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types that `from_dict` reads back."""
        return {
            "schema": SCHEMA,
            "exact": self.exact,
            "notes": list(self.notes),
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
                for axis in self.axes
            ],
            "size": list(self.size),
            "stride": [str(stride) for stride in self.stride],
            "offset": list(self.offset),
            "padding": list(self.padding),
            "global": list(self.is_global),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` wrote.

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
            return cls(axes, _typed(data["exact"], bool), notes)
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            problem = f"{type(error).__name__}: {error}"
            raise FieldFormatError(problem, hint) from error

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what `to_json` wrote.

        Raises:
            FieldFormatError: Not JSON, not a field of rfcore, or of another schema version.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise FieldFormatError(
                f"it is not JSON ({error})", "give the text that to_json() returned."
            ) from error
        return cls.from_dict(data)

    def __repr__(self) -> str:
        parts = {
            "size": _tuple_text("global" if a.is_global else a.size for a in self.axes),
            "stride": _tuple_text(self.stride),
            "offset": _tuple_text(f"{value:g}" for value in self.offset),
            "input_shape": _tuple_text(self.input_shape),
        }
        if not self.exact:
            parts["exact"] = "False"
        return f"ReceptiveField({', '.join(f'{key}={text}' for key, text in parts.items())})"

    def rows(self) -> list[dict[str, str]]:
        """One row of text per axis, as `str()` and the tables of the faces show it."""
        return [
            {
                "axis": str(number),
                "size": f"global ({axis.size})" if axis.is_global else str(axis.size),
                "stride": str(axis.stride),
                "offset": f"{axis.offset:g}",
                "padding": str(axis.padding),
                "density": f"{float(axis.density):.3g}",
                "period": str(axis.period),
                "input": str(axis.input_size),
                "output": str(axis.output_size),
            }
            for number, axis in enumerate(self.axes)
        ]

    def __str__(self) -> str:
        rows = self.rows()
        widths = {key: max(len(key), *(len(row[key]) for row in rows)) for key in rows[0]}
        lines = ["  ".join(key.rjust(width) for key, width in widths.items())]
        lines += ["  ".join(row[key].rjust(widths[key]) for key in widths) for row in rows]
        lines += [f"note: {note}" for note in self.notes]
        if not self.exact:
            lines.append("not exact: see the notes")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = self.rows()
        head = "".join(f"<th>{escape(key)}</th>" for key in rows[0])
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row.values()) + "</tr>"
            for row in rows
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


def _tuple_text(values: Any) -> str:
    items = [str(value) for value in values]
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def _inside(
    position: Sequence[int], shape: tuple[int, ...], what: str, where: str
) -> tuple[int, ...]:
    given = tuple(map(operator.index, position))
    if len(given) != len(shape) or not all(-n <= i < n for i, n in zip(given, shape, strict=False)):
        raise IndexError(f"{what} {given} is not inside the {where} of shape {shape}")
    return tuple(i + n if i < 0 else i for i, n in zip(given, shape, strict=True))


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

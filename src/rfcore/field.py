"""The result: exact geometry of a receptive field, one `AxisField` per spatial axis."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

from rfcore import field_formats, field_text
from rfcore.axis_field import AxisField, Interval

if TYPE_CHECKING:
    from rfcore.verify import Certificate

__all__ = ["AxisField", "Interval", "ReceptiveField"]


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
        return field_formats.written(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` wrote.

        Raises:
            FieldFormatError: Not a field of rfcore, or of another schema version.
        """
        return field_formats.read(data, cls)

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what `to_json` wrote.

        Raises:
            FieldFormatError: Not JSON, not a field of rfcore, or of another schema version.
        """
        return cls.from_dict(field_formats.loaded(text))

    def __repr__(self) -> str:
        return field_text.one_line(self)

    def rows(self) -> list[dict[str, str]]:
        """One row of text per axis, as `str()` and the tables of the faces show it."""
        return field_text.rows(self)

    def __str__(self) -> str:
        return field_text.table(self)

    def _repr_html_(self) -> str:
        return field_text.html(self)


def _inside(
    position: Sequence[int], shape: tuple[int, ...], what: str, where: str
) -> tuple[int, ...]:
    given = tuple(map(operator.index, position))
    if len(given) != len(shape) or not all(-n <= i < n for i, n in zip(given, shape, strict=False)):
        raise IndexError(f"{what} {given} is not inside the {where} of shape {shape}")
    return tuple(i + n if i < 0 else i for i, n in zip(given, shape, strict=True))

"""The unit that is measured: a backend's output at one place, and its gradient as a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import index as as_whole
from typing import Any, Self

import numpy as np

from rfcore.erf.aggregation import aggregated
from rfcore.erf.moments import Map
from rfcore.erf.setting import Setting
from rfcore.erf.sources import Array
from rfcore.errors import NonFiniteGradientError, RfcoreError
from rfcore.estimate import exact_fields
from rfcore.field import ReceptiveField
from rfcore.garbage import old_objects_set_aside
from rfcore.gradients import grid_shape, middle_index, output_cotangent
from rfcore.guard import ask_gradient, ask_input_spec
from rfcore.hookspecs import Backend, Linearization, MeasuredOutput
from rfcore.inputs import InputSpec
from rfcore.plugins import find_backend

__all__ = ["Subject", "Unit"]


@dataclass(frozen=True, slots=True)
class Subject:
    """One output of a model, with its gradient.

    Attributes:
        model: The model.
        backend: Whose it is.
        spec: The measured input.
        output: What the user calls the output.
        measured: The output with its derivative.
    """

    model: Any
    backend: Backend
    spec: InputSpec
    output: str | int | None
    measured: MeasuredOutput

    @classmethod
    def of(
        cls,
        model: Any,
        *,
        backend: str | None,
        input_shape: Sequence[int] | None,
        output: str | int | None,
        input: str | int | None,
        layout: str | None,
    ) -> Self:
        """Asks the backend; the arguments are those of `estimate`."""
        chosen = find_backend(model, backend)
        spec = ask_input_spec(chosen, model, input_shape, layout, input)
        with old_objects_set_aside():
            measured = ask_gradient(chosen, model, spec, output)
        return cls(model, chosen, spec, output, measured)

    def unit(self, index: int | Sequence[int] | None, channels: Sequence[int] | None) -> Unit:
        """The unit at an index, the middle one for None.

        Raises:
            OutputIndexError: There is no such place.
            OutputChannelsError: There are no such channels.
        """
        if index is None:
            place: Sequence[int] = middle_index(self.measured)
        else:
            place = (index,) if isinstance(index, int) else tuple(index)
        picked = None if channels is None else tuple(channels)
        cotangent = output_cotangent(self.measured, self.spec, place, picked)
        # Both are known to be whole numbers now, if numpy's perhaps.
        place = tuple(map(as_whole, place))
        lengths = grid_shape(self.measured)
        if lengths is not None:
            place = tuple(i % n for i, n in zip(place, lengths, strict=True))
        picked = None if picked is None else tuple(map(as_whole, picked))
        return Unit(self, place, picked, cotangent)

    def field(self) -> tuple[ReceptiveField | None, str]:
        """The exact field of the output, or why there is none."""
        try:
            # By the same input: what a backend found out for it need not be found again.
            (found,) = exact_fields(
                self.backend,
                self.model,
                self.spec,
                [self.output],
                ignore=False,
                known=self.measured.trace,
            )
        except RfcoreError as error:
            return None, error.message.splitlines()[0]
        return found, ""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of an output.

    Attributes:
        subject: The output.
        index: Where it is.
        channels: Which of the output's channels it has; None for all.
        cotangent: Ones at its values, zeros elsewhere.
    """

    subject: Subject
    index: tuple[int, ...]
    channels: tuple[int, ...] | None
    cotangent: Array

    def setting(self, aggregate: str, inputs: str) -> Setting:
        """What a measurement of it is of."""
        spec, measured = self.subject.spec, self.subject.measured
        return Setting(
            aggregate=aggregate,
            backend=self.subject.backend.name,
            output=self.subject.output,
            input=spec.name,
            input_shape=spec.shape,
            layout=spec.layout,
            output_shape=measured.shape,
            dtype=str(measured.dtype),
            index=self.index,
            channels=self.channels,
            inputs=inputs,
        )

    def gradient(self, linear: Linearization, cotangent: Array | None = None) -> Array:
        """The signed gradient at one input, of the unit or of another cotangent."""
        asked = self.cotangent if cotangent is None else cotangent
        gradient: Array = linear.pull(asked[None])[0]
        return gradient

    def positive_gradient(self, linear: Linearization) -> Array:
        """The gradient of those of the unit's values that are above zero."""
        value = linear.value()
        if not np.isfinite(value[self.cotangent != 0]).all():
            raise NonFiniteGradientError(str(self.subject.output or ""))
        kept = np.where(value > 0, self.cotangent, 0).astype(self.cotangent.dtype)
        return self.gradient(linear, kept)

    def cancellation(self, linear: Linearization, gradient: Array) -> float | None:
        """How large the gradient of the sum is beside that of a sum with signs drawn at random.

        None where that cannot be told: the unit is one value, or has no gradient at this input.
        """
        places = np.flatnonzero(self.cotangent)
        if len(places) < 2:
            return None
        signs = np.random.default_rng(0).choice([-1.0, 1.0], len(places))
        signs[:2] = 1, -1
        drawn = self.cotangent.copy()
        drawn.flat[places] *= signs
        scale = self.aggregated(self.gradient(linear, drawn), "abs").sum()
        return float(self.aggregated(gradient, "abs").sum() / scale) if scale else None

    def aggregated(self, gradient: Array, aggregate: str) -> Map:
        """The map that a signed gradient makes."""
        spec = self.subject.spec
        # A model of a fixed batch is given the same input several times.
        one = np.take(gradient, [0], axis=spec.layout.index("N"))
        others = tuple(axis for axis in range(len(spec.shape)) if axis not in spec.axes)
        return aggregated(one, aggregate, others)

"""The backend called "keras": what it accepts, and where its parts live."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rfcore.hookspecs import MeasuredOutput, OutputForward, Trace
from rfcore.inputs import InputSpec
from rfcore.requirements import require

__all__ = ["KerasBackend"]

OLDEST = "3.0.5"


class KerasBackend:
    """Measures Keras 3 models and layers, and builders: functions from an input shape to one."""

    name = "keras"

    def accepts(self, model: object) -> bool:
        """Whether `model` is a Keras layer or model; builders have to name the backend."""
        # Whoever holds a Keras model has imported Keras already.
        keras = sys.modules.get("keras")
        layers = getattr(keras, "layers", None)
        return layers is not None and isinstance(model, layers.Layer)

    def input_spec(
        self,
        model: Any,
        input_shape: Sequence[int] | None,
        layout: str | None,
        name: str | int | None,
    ) -> InputSpec:
        """The measured input, from the model's own where it is not given.

        Raises:
            InputShapeError: The shape is missing or does not fit.
            LayoutError: The layout cannot be read.
            OptionError: No input has that name.
            InputTypeError: The input holds strings, or is sparse or ragged.
            FrameworkVersionError: Keras is missing or too old.
        """
        require("keras", OLDEST, or_else=("keras-nightly",))
        from rf_keras.measured_input import measured_input

        return measured_input(model, input_shape, layout, name)

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        """Traces the model through the backend that Keras runs on."""
        from rf_keras.tracing import trace

        return trace(model, spec)

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        """An output and its derivative, by the backend that Keras runs on."""
        from rf_keras.gradient import measured_output

        return measured_output(self, model, spec, output)

    def forward(self, model: Any, spec: InputSpec, output: str | int | None) -> OutputForward:
        """The forward on the model's own weights, by the backend that Keras runs on."""
        from rf_keras.running import output_forward

        return output_forward(self, model, spec, output)

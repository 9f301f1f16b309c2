"""The backend called "torch": what it accepts, and where its ways of measuring live."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rfcore.errors import InputShapeError
from rfcore.hookspecs import MeasuredOutput, OutputForward, Trace
from rfcore.inputs import InputSpec, input_spec
from rfcore.requirements import require

__all__ = ["TorchBackend"]

OLDEST = "2.6"


class TorchBackend:
    """Measures `torch.nn.Module`s, and functions of one tensor when named by the user."""

    name = "torch"

    def accepts(self, model: object) -> bool:
        """Whether `model` is a torch module (and not a Keras layer on Keras' torch backend)."""
        # Whoever holds a torch model has imported torch already.
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(model, torch.nn.Module) and not _is_keras(model)

    def input_spec(
        self,
        model: Any,
        input_shape: Sequence[int] | None,
        layout: str | None,
        name: str | int | None,
    ) -> InputSpec:
        """The measured input; torch models do not tell their input's shape.

        Raises:
            InputShapeError: The shape is missing, or the model is not callable.
            LayoutError: The layout cannot be read.
            FrameworkVersionError: PyTorch is missing or too old.
        """
        if not callable(model):
            raise InputShapeError(
                input_shape,
                f"cannot be given to a {type(model).__name__}, which is not callable",
                "pass an nn.Module or a function of one tensor.",
            )
        if isinstance(model, type):
            raise InputShapeError(
                input_shape,
                f"cannot be given to the class {model.__name__}",
                f"make an instance first: {model.__name__}(…).",
            )
        if name not in (None, 0) and not isinstance(name, str):
            raise InputShapeError(
                input_shape,
                f"is for input={name!r}, and other inputs than the first go by keyword",
                'name it, as in input="pixel_values".',
            )
        spec = input_spec(input_shape, layout=layout, name=name if name != 0 else None)
        require("torch", OLDEST)
        from rf_torch.measured import TorchInput

        return TorchInput.of(spec)

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        """Traces the forward on fake tensors; on real ones where it reads values."""
        from rf_torch.tracing import trace

        return trace(model, spec)

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        """An output and its derivative, on copies of the model's own weights."""
        from rf_torch.gradient import measured_output

        return measured_output(model, spec, output)

    def forward(self, model: Any, spec: InputSpec, output: str | int | None) -> OutputForward:
        """The model's own forward, run on copies of its weights by kernels without tiles."""
        from rf_torch.forward import output_forward

        return output_forward(model, spec, output)


def _is_keras(model: object) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.layers.Layer)

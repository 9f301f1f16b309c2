"""The backend called "jax": what it accepts, and where tracing and gradients live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rf_jax.kinds import Kind, kind_of
from rf_jax.measured import JaxInput
from rfcore.errors import InputShapeError
from rfcore.hookspecs import MeasuredOutput, OutputForward, Trace
from rfcore.inputs import CHANNELS_FIRST, CHANNELS_LAST, InputSpec, input_spec
from rfcore.requirements import require

__all__ = ["JaxBackend"]

OLDEST = "0.5"


class JaxBackend:
    """Measures Flax, Equinox and Haiku models, and functions of one array."""

    name = "jax"

    def accepts(self, model: object) -> bool:
        """Whether `model` is unmistakably JAX's; other functions have to be named as such."""
        return kind_of(model) is not Kind.FUNCTION

    def input_spec(
        self,
        model: Any,
        input_shape: Sequence[int] | None,
        layout: str | None,
        name: str | int | None,
    ) -> InputSpec:
        """The measured input: channels last, but first for Equinox, as its layers have it.

        Raises:
            InputShapeError: The shape is missing, or the model is not callable.
            LayoutError: The layout cannot be read.
        """
        kind = kind_of(model)
        if kind is Kind.FUNCTION and (isinstance(model, type) or not callable(model)):
            problem, hint = (
                (f"the class {model.__name__}", f"make an instance first: {model.__name__}(…).")
                if isinstance(model, type)
                else (
                    f"a {type(model).__name__}, which is not callable",
                    "pass a Flax, Equinox or Haiku model, or a function of one array.",
                )
            )
            raise InputShapeError(input_shape, f"cannot be given to {problem}", hint)
        if name not in (None, 0) and not isinstance(name, str):
            raise InputShapeError(
                input_shape,
                f"is for input={name!r}, and other inputs than the first go by keyword",
                'name it, as in input="image".',
            )
        layouts = CHANNELS_FIRST if kind is Kind.EQUINOX else CHANNELS_LAST
        chosen = name if isinstance(name, str) else None
        return JaxInput.of(input_spec(input_shape, layout=layout, layouts=layouts, name=chosen))

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        """Traces one forward to a jaxpr; nothing is compiled or run."""
        require("jax", OLDEST)
        from rf_jax.tracing import trace

        return trace(model, spec)

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        """An output and its derivative, on the model's own weights."""
        require("jax", OLDEST)
        from rf_jax.gradient import measured_output

        return measured_output(model, spec, output)

    def forward(self, model: Any, spec: InputSpec, output: str | int | None) -> OutputForward:
        """The forward on the model's own weights, compiled for one shape."""
        require("jax", OLDEST)
        from rf_jax.running import output_forward

        return output_forward(model, spec, output)

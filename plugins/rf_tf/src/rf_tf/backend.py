"""The backend called "tf": what it accepts, and where tracing and gradients live."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rfcore.hookspecs import MeasuredOutput, OutputForward, Trace
from rfcore.inputs import InputSpec
from rfcore.requirements import require

__all__ = ["TensorFlowBackend"]

OLDEST = "2.12"
# The main file of a SavedModel; `saved_model.pbtxt` is its text form.
SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")


class TensorFlowBackend:
    """Measures functions, modules, SavedModels and graphs of TensorFlow."""

    name = "tf"

    def accepts(self, model: object) -> bool:
        """Whether `model` is TensorFlow's own kind of object, or the path of a SavedModel.

        Plain functions are measured too, but only when the user names this backend.
        """
        if isinstance(model, str | os.PathLike):
            return _is_saved_model(model)
        # Whoever holds an object of TensorFlow has imported it already.
        tensorflow = sys.modules.get("tensorflow")
        # While TensorFlow is being imported, it has not all its names yet.
        if tensorflow is None or not hasattr(tensorflow, "Module"):
            return False
        from rf_tf.kinds import is_tensorflow

        return is_tensorflow(model)

    def input_spec(
        self,
        model: Any,
        input_shape: Sequence[int] | None,
        layout: str | None,
        name: str | int | None,
    ) -> InputSpec:
        """The measured input, from what the user said and what the model's signature tells.

        Raises:
            InputShapeError: A size stays unknown, or does not fit the model's signature.
            LayoutError: The layout cannot be read.
        """
        _require_tensorflow()
        from rf_tf.measured import measured_input

        return measured_input(model, input_shape, layout, name)

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        """Traces the forward into a graph of TensorFlow's, of which no op is run."""
        _require_tensorflow()
        from rf_tf.tracing import trace

        return trace(model, spec)

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        """An output and its derivative, on the model's own weights."""
        _require_tensorflow()
        from rf_tf.gradient import measured_output

        return measured_output(model, spec, output)

    def forward(self, model: Any, spec: InputSpec, output: str | int | None) -> OutputForward:
        """The forward on the model's own weights, at one shape."""
        _require_tensorflow()
        from rf_tf.running import output_forward

        return output_forward(model, spec, output)


def _require_tensorflow() -> None:
    require(
        "tensorflow",
        OLDEST,
        or_else=("tensorflow-cpu", "tensorflow-macos", "tensorflow-intel", "tf-nightly"),
    )


def _is_saved_model(path: str | os.PathLike[str]) -> bool:
    try:
        folder = Path(path)
        return any((folder / name).is_file() for name in SAVED_MODEL_FILES)
    except (OSError, ValueError):
        # Any text may be asked about, also one that is too long for a path.
        return False

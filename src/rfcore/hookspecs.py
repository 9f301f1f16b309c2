"""What a backend is, and the one hook through which a plugin offers one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pluggy
from numpy.typing import NDArray

from rfcore.graph import Graph
from rfcore.inputs import InputSpec

__all__ = [
    "Backend",
    "ForwardBackend",
    "MeasuredOutput",
    "OutputForward",
    "Probe",
    "Trace",
    "hookimpl",
    "rfcore_backend",
]

PROJECT = "rfcore"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Probe = Callable[[NDArray[Any]], NDArray[Any]]
"""From a mask of shape (*output_spatial) to an influence or gradient (*input_spatial)."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One abstract forward pass, as a graph of what depends on what.

    Attributes:
        graph: The graph.
        values: Node of every addressable tensor, in execution order; None for one that does not
            depend on the input. A layer is addressed by its name, its second tensor or call
            by "name[1]"; the model's own output is "" or, where there are several, "[key]".
        layers: Names of all layers of the model, also of those that did not run.
        shapes: Shape of every addressable tensor.
        error: What stopped the forward before its end, if anything did.
        concrete: Whether the forward had to run on real values; larger inputs then cost memory.
        warnings: Why the graph as a whole may miss something; a result is then not exact.
        layer_types: What layers are, by name: the class of a module or the type of an op; the
            model's own class by "".
    """

    graph: Graph
    values: Mapping[str, int | None]
    shapes: Mapping[str, tuple[int, ...]]
    layers: tuple[str, ...] = ()
    error: Exception | None = None
    concrete: bool = False
    warnings: tuple[str, ...] = ()
    layer_types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MeasuredOutput:
    """The gradient callable for one output of a model.

    Attributes:
        probe: From a mask over the output's spatial axes to |gradient| over the input's.
        input_shape: Spatial shape of the input.
        output_shape: Spatial shape of the output.
        notes: What a reader should know about how the gradient is taken.
    """

    probe: Probe
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class OutputForward:
    """The model's own forward up to one of its outputs, on its real weights.

    Attributes:
        run: From an input of the spec's full shape to the output's value, batch included. The
            same input gives the same value to the last bit, and the model stays as it is.
        dtype: What the input has to be: a floating type, or an integer one for token ids.
        notes: What a reader should know about how the forward is run.
    """

    run: Callable[[NDArray[Any]], NDArray[Any]]
    dtype: np.dtype[Any]
    notes: tuple[str, ...] = field(default=())


@runtime_checkable
class Backend(Protocol):
    """How one framework's models are measured.

    `accepts` must be cheap and must not import the framework: whoever holds one of its models
    has imported it already. A backend that has no tracer of its own raises
    `BackendCapabilityError` from `trace`; the gradient alone is enough to be a backend.
    """

    name: str

    def accepts(self, model: object) -> bool:
        """Whether `model` is this framework's."""

    def input_spec(
        self,
        model: Any,
        input_shape: Sequence[int] | None,
        layout: str | None,
        name: str | int | None,
    ) -> InputSpec:
        """The measured input, from what the user said and what the model tells.

        Raises:
            InputShapeError: The shape is missing or does not fit.
            LayoutError: The layout cannot be read.
        """

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        """Traces one forward pass without running it, the model left as it is.

        A forward that fails is not raised but returned as `Trace.error`, with the graph so far.
        """

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        """The gradient callable on the model's real weights."""


@runtime_checkable
class ForwardBackend(Backend, Protocol):
    """A backend that also runs its models, which `verify` needs; to be one is optional."""

    def forward(self, model: Any, spec: InputSpec, output: str | int | None) -> OutputForward:
        """The forward of `model` at the spec's shape, up to the output that the user names.

        Raises:
            ModelError: The forward failed.
            UnknownLayerError: Nothing has that name.
        """


@hookspec
def rfcore_backend() -> Backend:  # type: ignore[empty-body]
    """Returns the plugin's backend; called once, when backends are first needed."""

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
    "Linearization",
    "MeasuredOutput",
    "OutputForward",
    "Probe",
    "Trace",
    "TracedInput",
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
class TracedInput(InputSpec):
    """The input of a function of one array that another plugin hands on, and has traced already.

    Attributes:
        trace: The trace, whose one value is the function's output; None where there is none.
    """

    trace: Trace | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Linearization:
    """An output at one input, and its derivative there, on the model's real weights.

    Attributes:
        value: Computes the output, of its full shape.
        pull: From cotangents of shape (points, *output shape) to the gradients of the input,
            signed, of shape (points, *input shape). The forward has run once for all of them.
    """

    value: Callable[[], NDArray[Any]]
    pull: Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class MeasuredOutput:
    """One output of a model as a function that has a derivative.

    Attributes:
        at: Runs one forward on an input of the spec's full shape, batch included; any floating
            array is turned into what the model takes. The same input gives the same gradients.
        shape: Full shape of the output, batch included.
        axes: For each spatial axis of the input, the output's axis that moves along it, None for
            one along which every output sees the same; None as a whole where the outputs are no
            grid over the input (tokens, logits).
        dtype: Floating type of the input, float32 where numpy has no name for the model's own.
        notes: What a reader should know about how the gradient is taken.
        trace: The model's trace by the same spec, if one without values was made for this: the
            exact field is told by it too, and need not wait for another.
    """

    at: Callable[[NDArray[Any]], Linearization]
    shape: tuple[int, ...]
    axes: tuple[int | None, ...] | None
    dtype: np.dtype[Any]
    notes: tuple[str, ...] = field(default=())
    trace: Trace | None = None


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
        """An output of the model, on its real weights, and its derivative at any input.

        Raises:
            ModelError: The forward failed.
            UnknownLayerError: Nothing has that name.
            IndependentOutputError: The output does not depend on the input.
        """


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

"""The built-in backend: a network written out as layers, or as text, that needs no framework.

It is also the short example of a backend. One object says which models are its own, reads the
shape of their input and traces a forward pass into a graph; one hook offers it to rfcore.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rfcore.errors import BackendCapabilityError, InputShapeError, LayerSpecError, OptionError
from rfcore.graph import GraphBuilder
from rfcore.hookspecs import Backend, MeasuredOutput, Trace, hookimpl
from rfcore.inputs import InputSpec, input_spec
from rfcore.layer_graph import LayerForward
from rfcore.layer_specs import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    DepthToSpace,
    Flip,
    GlobalPooling,
    Identity,
    Layer,
    Normalization,
    Padding,
    Pooling,
    Roll,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
    checked_path,
    longest_parameter,
)
from rfcore.layer_text import is_layer_text, parse_layers

__all__ = [
    "Activation",
    "Branches",
    "Convolution",
    "Cropping",
    "DepthToSpace",
    "Flip",
    "GlobalPooling",
    "Identity",
    "Layer",
    "LayersBackend",
    "Normalization",
    "Padding",
    "Pooling",
    "Roll",
    "SpaceToDepth",
    "Subsampling",
    "TransposedConvolution",
    "Upsampling",
    "parse_layers",
]

# There are no channels: they would all see the same.
LAYOUTS = {1: "NL", 2: "NHW", 3: "NDHW", 4: "NTDHW"}
DEFAULT_LENGTH = 224


@hookimpl
def rfcore_backend() -> Backend:
    """The backend that this module offers."""
    return LayersBackend()


class LayersBackend:
    """Measures sequences of layers and their text form."""

    name = "layers"

    def accepts(self, model: object) -> bool:
        """Whether `model` is a layer, a non-empty sequence of them, or text that begins as one."""
        if isinstance(model, str):
            return is_layer_text(model)
        if isinstance(model, tuple | list):
            return bool(model) and all(isinstance(layer, Layer) for layer in model)
        return isinstance(model, Layer)

    def input_spec(
        self,
        model: Any,
        input_shape: Sequence[int] | None,
        layout: str | None,
        name: str | int | None,
    ) -> InputSpec:
        """The spatial lengths; where none are given, as many axes as the layers are written for."""
        if name not in (None, 0):
            raise OptionError("input", name, (None, 0))
        if input_shape is None:
            rank = len(layout) - 1 if layout else longest_parameter(_network(model))
            input_shape = (DEFAULT_LENGTH,) * rank
        return input_spec(input_shape, layout=layout, layouts=LAYOUTS)

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        """The network as a graph; a size that it cannot take ends up in `Trace.error`."""
        forward = LayerForward(GraphBuilder(spec.shape), spec.axes)
        error = None
        try:
            forward.values[""] = forward.through(_network(model), 0)
        except InputShapeError as refused:
            error = refused
        shapes = {address: forward.builder.shape(node) for address, node in forward.values.items()}
        graph = forward.builder.finish()
        names, types = tuple(forward.values), forward.types
        return Trace(graph, forward.values, shapes, names, error, layer_types=types)

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        """Refused: without weights there is nothing to differentiate."""
        hint = 'written-out layers have no weights; leave method="exact", which needs none.'
        raise BackendCapabilityError(self.name, "gradients", hint)


def _network(model: Any) -> tuple[Layer, ...]:
    layers = parse_layers(model) if isinstance(model, str) else checked_path(model)
    if not layers:
        raise LayerSpecError("", "there is no layer", 'write for example "conv 3 s2, conv 3".')
    return layers

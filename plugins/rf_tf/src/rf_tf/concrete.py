"""The door for traced functions: a ConcreteFunction as a flat graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.framework.node_def_pb2 import NodeDef

from rf_tf.captured import Captured
from rf_tf.errors import HeldInputError, NotAModelError
from rf_tf.flat import Flat, Variable
from rf_tf.handles import following_assignments, handle_node, value_node
from rf_tf.inlining import inlined, tensor_name
from rf_tf.library import reachable
from rf_tf.shield import eagerly
from rf_tf.sources import GivenInput, chosen_input
from rf_tf.structure import tensors_by_path
from rfcore.inputs import InputSpec

__all__ = ["ConcreteSource", "flattened", "held_lengths"]


class ConcreteSource:
    """A ConcreteFunction; another input size is another import of its graph.

    Args:
        function: The function.
        owner: What holds its variables, to be kept alive with it.
    """

    def __init__(self, function: Any, owner: object = None) -> None:
        self.function, self.owner = function, owner
        self.inputs = tuple(_inputs(function))
        self._flat: dict[str, Flat] = {}

    def choose(self, name: str | int | None) -> GivenInput:
        """The input by its name or number, the first dense one for None."""
        return chosen_input(self.inputs, name)

    def captured(self, spec: InputSpec) -> Captured:
        """The function's graph, with the measured input at the asked shape."""
        measured = self.choose(spec.name).name
        if measured not in self._flat:
            self._flat[measured] = flattened(self.function, measured)
        return self._flat[measured].imported(spec.shape)


def flattened(function: Any, measured: str) -> Flat:
    """The graph of a ConcreteFunction without calls, its variables as handles without values.

    Args:
        function: A ConcreteFunction.
        measured: Name of the placeholder that is the measured input.

    Raises:
        HeldInputError: Another input has no static shape.
    """
    graph = function.graph
    definition = graph.as_graph_def()
    replaced: dict[str, NodeDef] = {}
    variables: dict[str, Variable] = {}
    living = _variables(function)
    for place, outside in _captures(function):
        variable = _variable(outside, living)
        if variable is None:
            continue
        name = place.op.name
        variables[name] = variable
        if place.dtype == tf.resource:
            replaced[name] = handle_node(name, variable)
        else:
            replaced[name] = value_node(name, variable.dtype, variable.shape)
    for place in _own_places(function):
        if place.op.name != measured:
            replaced[place.op.name] = _held(place, measured)
    nodes, results = inlined(definition)
    nodes = [replaced.get(node.name, node) for node in nodes]
    functions = reachable(nodes, definition.library.function)
    handles = [name for name, node in replaced.items() if node.op == "VarHandleOp"]
    nodes = following_assignments(nodes, functions, handles)
    outputs = {
        path: results.get(tensor_name(tensor.name), tensor_name(tensor.name))
        for path, tensor in _outputs(function).items()
    }
    readers = {name: v.read for name, v in variables.items() if v.read is not None}
    made_for = graph.get_tensor_by_name(f"{measured}:0").shape
    return Flat(
        nodes,
        functions,
        definition.versions.producer,
        measured,
        outputs,
        readers,
        made_for=tuple(made_for.as_list()) if made_for.is_fully_defined() else None,
    )


def _own_places(function: Any) -> list[tf.Tensor]:
    """The placeholders of the function's own arguments."""
    places = list(function.graph.inputs)
    return places[: len(places) - len(function.captured_inputs)]


def _captures(function: Any) -> Iterator[tuple[tf.Tensor, Any]]:
    """Placeholders in the graph for what it takes from outside, with what they stand for."""
    outside = function.captured_inputs
    places = list(function.graph.inputs)
    yield from zip(places[len(places) - len(outside) :], outside, strict=True)


def _inputs(function: Any) -> Iterator[GivenInput]:
    signature = function.structured_input_signature
    specs = [
        spec
        for spec in tf.nest.flatten(signature, expand_composites=False)
        if isinstance(spec, tf.TypeSpec)
    ]
    places = iter(_own_places(function))
    for spec in specs:
        components = [next(places) for _ in tf.nest.flatten(spec, expand_composites=True)]
        place = components[0]
        kind = ""
        if not isinstance(spec, tf.TensorSpec):
            kind = f"a {type(spec).__name__.removesuffix('Spec')}"
        elif place.dtype == tf.string:
            kind = "a tensor of strings"
        shape = place.shape
        lengths = None if shape.rank is None else tuple(shape.as_list())
        yield GivenInput(place.op.name, lengths, place.dtype, kind)


def _held(place: tf.Tensor, measured: str) -> NodeDef:
    """An input that is not measured: any value of its shape."""
    shape = place.shape
    lengths = held_lengths(None if shape.rank is None else shape.as_list())
    if lengths is None:
        raise HeldInputError(place.op.name, shape, measured)
    return value_node(place.op.name, place.dtype, tf.TensorShape(lengths))


def held_lengths(shape: Sequence[int | None] | None) -> list[int] | None:
    """The shape of an input that is not measured, with a batch of one; None if it stays open."""
    if shape is None or None in shape[1:]:
        return None
    return [1 if length is None else length for length in shape]


def _variables(function: Any) -> Sequence[Any]:
    try:
        return tuple(function.graph.variables)
    except AssertionError as error:
        hint = (
            "keep what it belongs to: model = tf.saved_model.load(…), then "
            'estimate(model.signatures["serving_default"]).'
        )
        raise NotAModelError(function, "its variables are gone", hint) from error


def _variable(outside: Any, variables: Sequence[Any]) -> Variable | None:
    """What a captured value is; None for tables, iterators and other resources."""
    if outside.dtype != tf.resource:
        return Variable(outside.dtype, outside.shape, _reader(outside))
    for variable in variables:
        if variable.handle is outside:
            return Variable(variable.dtype, variable.shape, _reader(variable))
    told = getattr(outside, "_handle_data", None)
    if told is None or not told.is_set or len(told.shape_and_type) != 1:
        return None
    dtype = tf.as_dtype(told.shape_and_type[0].dtype)

    def read() -> NDArray[Any]:
        with eagerly():
            return np.asarray(tf.raw_ops.ReadVariableOp(resource=outside, dtype=dtype))

    return Variable(dtype, tf.TensorShape(told.shape_and_type[0].shape), read)


def _reader(value: Any) -> Callable[[], NDArray[Any]] | None:
    if not hasattr(value, "numpy"):
        return None

    def read() -> NDArray[Any]:
        # An array of a tensor shares its memory, while `numpy()` would copy it.
        with eagerly():
            return np.asarray(value.read_value() if hasattr(value, "read_value") else value)

    return read


def _outputs(function: Any) -> Mapping[str, tf.Tensor]:
    """The function's results by address."""
    graph = function.graph
    flat = iter(graph.outputs)
    found: dict[str, tf.Tensor] = {}
    for path, leaf in tensors_by_path(function.structured_outputs):
        components = [next(flat) for _ in tf.nest.flatten(leaf, expand_composites=True)]
        if len(components) == 1 and isinstance(leaf, tf.Tensor | tf.TensorSpec):
            found[path] = components[0]
    return found

"""One forward pass as a flat list of nodes, whatever it came from, and for any input size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

from rf_tf.branching import forget_shapes, has_branches, settle_shapes
from rf_tf.captured import Captured
from rf_tf.naming import addresses_of_ops

__all__ = ["Flat", "Variable", "graph_of"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A value from outside of the graph.

    Attributes:
        dtype: Its type.
        shape: Its shape.
        read: Returns its value, or None where it has none now.
    """

    dtype: tf.DType
    shape: tf.TensorShape
    read: Callable[[], NDArray[Any]] | None


@dataclass(frozen=True, slots=True)
class Flat:
    """A graph without calls, to be imported at any size of its input.

    Attributes:
        nodes: Its nodes.
        functions: What the bodies of its control flow call.
        producer: Version of the format that it was written in.
        input: The node of the measured input.
        outputs: The model's own outputs, as tensors by address.
        variables: Readers of values, by name of the node that stands for them.
        layers: The model's layers with their types.
        warnings: What it may miss.
        unread: Placeholders of variables without values.
        made_for: Shape of the input that it was traced at; None where lengths were open.
    """

    nodes: Sequence[NodeDef]
    functions: Sequence[FunctionDef]
    producer: int
    input: str
    outputs: Mapping[str, str]
    variables: Mapping[str, Callable[[], NDArray[Any]]]
    layers: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    unread: frozenset[str] = frozenset()
    made_for: tuple[int, ...] | None = None

    def imported(self, shape: Sequence[int]) -> Captured:
        """Builds a graph with the input at this shape; TensorFlow infers all other shapes.

        Args:
            shape: The full shape of the input, batch included.

        Raises:
            ValueError: TensorFlow's own, where the shapes do not fit.
        """
        definition = GraphDef()
        definition.versions.producer = self.producer
        definition.library.function.extend(self.functions)
        definition.node.extend(self.nodes)
        place = next(node for node in definition.node if node.name == self.input)
        place.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())
        if has_branches(definition) and tuple(shape) != self.made_for:
            forget_shapes(definition)
            settle_shapes(definition, graph_of)
        graph = graph_of(definition)
        image = graph.get_tensor_by_name(f"{self.input}:0")
        own = {
            address: graph.get_tensor_by_name(name if ":" in name else f"{name}:0")
            for address, name in self.outputs.items()
        }
        inner = addresses_of_ops(graph, image, tuple(own.values()))
        given = {address.partition("]")[0][1:] for address in own}
        outputs = {name: tensor for name, tensor in inner.items() if name not in given} | own
        return Captured(
            graph, image, outputs, self.variables, self.layers, self.warnings, self.unread
        )


def graph_of(definition: GraphDef) -> tf.Graph:
    """Builds a graph of its own; TensorFlow infers the shapes."""
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(definition, name="")
    return graph

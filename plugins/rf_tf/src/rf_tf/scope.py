"""One graph during a recording, the main one or a function's body, and what its tensors are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from rf_tf.constants import Constant, Evaluator, UnknownValueError
from rf_tf.folding import Array
from rf_tf.values import Value
from rfcore.graph import GraphBuilder

__all__ = ["Resource", "Scope"]


@dataclass(frozen=True, slots=True)
class Resource:
    """A variable that a handle stands for.

    Attributes:
        handle: The node of the handle, of type VarHandleOp.
        value: The variable's value.
    """

    handle: Any
    value: Constant


class Scope:
    """The values of the tensors of one graph.

    Attributes:
        graph: The graph.
        layer: The layer that its ops belong to beyond their own names.
        values: What is known of tensors, by name: nodes, and what rules have put there.

    Args:
        graph: The graph.
        builder: The graph of dependence that is being built.
        arguments: The values of its placeholders, by tensor name.
        resources: The variables that its placeholders stand for, by tensor name.
        variables: Reads of variables, by the name of the op that stands for one.
        layer: The layer.
    """

    def __init__(
        self,
        graph: tf.Graph,
        builder: GraphBuilder,
        arguments: Mapping[str, Value],
        variables: Mapping[str, Callable[[], Array]],
        resources: Mapping[str, Resource] = MappingProxyType({}),
        layer: str = "",
    ) -> None:
        self.graph, self.layer = graph, layer
        self._resources = resources
        self.values: dict[str, Value] = dict(arguments)
        self.variables = variables
        self._builder = builder
        self._evaluator = Evaluator(self._known, self._shape)

    def value(self, tensor: tf.Tensor) -> Value:
        """What a tensor is; a constant where nothing else is known of it."""
        found = self.values.get(tensor.name)
        return self._evaluator.constant(tensor) if found is None else found

    def constant(self, tensor: tf.Tensor) -> Constant:
        """A tensor as a constant, whose reading fails if it is none."""
        return self._evaluator.constant(tensor)

    def resource(self, tensor: tf.Tensor) -> Resource | None:
        """The variable that a handle stands for; None where it is no variable's."""
        while tensor.op.type in ("Identity", "Enter"):
            tensor = tensor.op.inputs[0]
        given = self._resources.get(tensor.name)
        if given is not None:
            return given
        read = self.variables.get(tensor.op.name)
        value = Constant(read or _unknown)
        if tensor.op.type == "VarHandleOp":
            return Resource(tensor.op.node_def, value)
        return None if read is None else Resource(_handle(read()), value)

    def _shape(self, tensor: tf.Tensor) -> tuple[int, ...] | None:
        found = self.values.get(tensor.name)
        if isinstance(found, int):
            return self._builder.shape(found)
        shape = tensor.shape
        return tuple(shape.as_list()) if shape.is_fully_defined() else None

    def _known(self, tensor: tf.Tensor) -> Constant | str | None:
        found = self.values.get(tensor.name)
        if isinstance(found, Constant):
            return found
        if found is not None:
            return "dependent"
        op = tensor.op
        if op.name in self.variables:
            return Constant(self.variables[op.name])
        if op.type in ("ReadVariableOp", "ResourceGather"):
            return self._variable(op)
        return None

    def _variable(self, op: Any) -> Constant:
        found = self.resource(op.inputs[0])
        table = Constant(_unknown) if found is None else found.value
        if op.type == "ReadVariableOp":
            return table
        rows = self._evaluator.constant(op.inputs[1])
        return Constant(lambda: table.array()[rows.array()], lambda: rows.is_random)


def _handle(value: Array) -> Any:
    """The node of a handle of a variable that holds a value."""
    node = tf.compat.v1.NodeDef(op="VarHandleOp")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["shape"].shape.CopyFrom(tf.TensorShape(value.shape).as_proto())
    return node


def _unknown() -> Array:
    raise UnknownValueError("it is a variable whose value is not known")

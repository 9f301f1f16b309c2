"""One graph during a recording, the main one or a function's body, and what its tensors are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from rf_tf.constants import Constant, Evaluator, UnknownValueError
from rf_tf.folding import Array
from rf_tf.values import Value

__all__ = ["Scope"]


class Scope:
    """The values of the tensors of one graph.

    Attributes:
        graph: The graph.
        layer: The layer that its ops belong to beyond their own names.
        values: What is known of tensors, by name: nodes, and what rules have put there.

    Args:
        graph: The graph.
        arguments: The values of its placeholders, by tensor name.
        variables: Reads of variables, by the name of the op that stands for one.
        layer: The layer.
    """

    def __init__(
        self,
        graph: tf.Graph,
        arguments: Mapping[str, Value],
        variables: Mapping[str, Callable[[], Array]],
        layer: str = "",
    ) -> None:
        self.graph, self.layer = graph, layer
        self.values: dict[str, Value] = dict(arguments)
        self.variables = variables
        self._evaluator = Evaluator(self._known)

    def value(self, tensor: tf.Tensor) -> Value:
        """What a tensor is; a constant where nothing else is known of it."""
        found = self.values.get(tensor.name)
        return self._evaluator.constant(tensor) if found is None else found

    def constant(self, tensor: tf.Tensor) -> Constant:
        """A tensor as a constant, whose reading fails if it is none."""
        return self._evaluator.constant(tensor)

    def resource(self, tensor: tf.Tensor) -> Constant | None:
        """The variable that a resource handle stands for, if it is known."""
        while tensor.op.type in ("Identity", "Enter"):
            tensor = tensor.op.inputs[0]
        found = self.values.get(tensor.name)
        if isinstance(found, Constant):
            return found
        read = self.variables.get(tensor.op.name)
        return None if read is None else Constant(read)

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

    def _variable(self, op: Any) -> Constant | None:
        variable = self.resource(op.inputs[0])
        if op.type == "ReadVariableOp":
            return variable or Constant(_unknown)
        if variable is None:
            return Constant(_unknown)
        rows = self._evaluator.constant(op.inputs[1])
        return Constant(lambda: variable.array()[rows.array()], lambda: rows.is_random)


def _unknown() -> Array:
    raise UnknownValueError("it is a variable whose value is not known")

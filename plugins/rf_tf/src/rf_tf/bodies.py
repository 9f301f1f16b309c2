"""The bodies of functions (branches, loops, calls) as graphs, at the shapes that they run at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

from rf_tf.folding import Array

__all__ = ["Argument", "Bodies", "Body"]


@dataclass(frozen=True, slots=True)
class Argument:
    """What is known of one argument of a function before its body is laid out.

    Attributes:
        shape: Its shape; None where that is not known.
        value: Its value, where shapes in the body may depend on it.
        handle: The node of the variable that it is a handle of.
    """

    shape: tuple[int, ...] | None = None
    value: Array | None = None
    handle: Any = None

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for arguments that give the same body."""
        value = None if self.value is None else (self.value.dtype.str, self.value.tobytes())
        handle = None if self.handle is None else self.handle.SerializeToString()
        return (self.shape, value, handle)


@dataclass(frozen=True, slots=True)
class Body:
    """A function's body.

    Attributes:
        graph: Its graph.
        arguments: The tensors that its arguments are.
        results: The tensors that it returns.
    """

    graph: tf.Graph
    arguments: tuple[tf.Tensor, ...]
    results: tuple[tf.Tensor, ...]


class Bodies:
    """The bodies of the functions of one captured graph, each laid out once per set of shapes."""

    def __init__(self, graph: tf.Graph) -> None:
        self._graph = graph
        self._library: Any = None
        self._functions: dict[str, Any] = {}
        self._made: dict[tuple[Any, ...], Body] = {}

    def body(self, name: str, arguments: Sequence[Argument]) -> Body:
        """The body of a function of the library.

        Args:
            name: Its name.
            arguments: What is known of its arguments.
        """
        key = (name, *(argument.key for argument in arguments))
        if key not in self._made:
            self._made[key] = self._laid_out(name, arguments)
        return self._made[key]

    def _laid_out(self, name: str, arguments: Sequence[Argument]) -> Body:
        if self._library is None:
            self._library = self._graph.as_graph_def().library
            self._functions = {f.signature.name: f for f in self._library.function}
        function = self._functions[name]
        shapes = [
            tf.TensorShape(None if argument.shape is None else argument.shape).as_proto()
            for argument in arguments
        ]
        with self._graph.as_default():
            definition, flat = function_def_to_graph_def(function, shapes)
        names = [argument.name for argument in function.signature.input_arg]
        _settle(definition, dict(zip(names, arguments, strict=True)))
        definition.library.CopyFrom(self._library)
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(definition, name="")
        returned = (flat[function.ret[result.name]] for result in function.signature.output_arg)
        return Body(
            graph,
            tuple(graph.get_tensor_by_name(f"{argument}:0") for argument in names),
            tuple(graph.get_tensor_by_name(result) for result in returned),
        )


def _settle(definition: Any, arguments: dict[str, Argument]) -> None:
    """Puts known values and variables in the place of arguments, and drops control edges."""
    for node in definition.node:
        data = [source for source in node.input if not source.startswith("^")]
        if len(data) < len(node.input):
            del node.input[:]
            node.input.extend(data)
        argument = arguments.get(node.name)
        # It is the name of a Python function, of another process perhaps.
        node.attr.pop("_gradient_op_type", None)
        if argument is None:
            continue
        if argument.handle is not None:
            name = node.name
            node.CopyFrom(argument.handle)
            node.name = name
        elif argument.value is not None:
            node.op = "Const"
            kind = node.attr["dtype"].type
            node.ClearField("attr")
            node.attr["dtype"].type = kind
            node.attr["value"].tensor.CopyFrom(
                tf.make_tensor_proto(np.asarray(argument.value), tf.as_dtype(kind))
            )

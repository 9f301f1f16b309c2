"""Shapes of what branches and loops return, at another size than that of their making.

Such an op carries the shapes that its results had when it was traced, and shape inference
believes it. Here they are taken away and found anew, by laying out the bodies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef

from rf_tf.bodies import Argument, Bodies

__all__ = ["forget_shapes", "has_branches", "settle_shapes"]

# Which attributes hold the bodies, and how many operands stand before their arguments.
BODIES = {
    "If": (("then_branch", "else_branch"), 1),
    "StatelessIf": (("then_branch", "else_branch"), 1),
    "Case": (("branches",), 1),
    "StatelessCase": (("branches",), 1),
    "While": (("body",), 0),
    "StatelessWhile": (("body",), 0),
}


def has_branches(definition: GraphDef) -> bool:
    """Whether there is a branch or a loop."""
    return any(node.op in BODIES for node in definition.node)


def forget_shapes(definition: GraphDef) -> None:
    """Takes away all shapes that branches, loops and their bodies were made with."""
    for function in definition.library.function:
        for attributes in function.arg_attr.values():
            attributes.attr.pop("_output_shapes", None)
    nodes = [*definition.node]
    for function in definition.library.function:
        nodes += function.node_def
    for node in nodes:
        if node.op in BODIES:
            node.attr["output_shapes"].ClearField("value")
            node.attr["output_shapes"].list.SetInParent()


def settle_shapes(definition: GraphDef, imported: Callable[[GraphDef], tf.Graph]) -> None:
    """Gives each branch and loop of the graph the shapes that its bodies return.

    Args:
        definition: The graph, its branches in the order in which they run.
        imported: Builds it.
    """
    for node in definition.node:
        if node.op in BODIES:
            graph = imported(definition)
            shapes = _returned(graph.get_operation_by_name(node.name), Bodies(graph))
            node.attr["output_shapes"].list.shape.extend(shape.as_proto() for shape in shapes)


def _returned(op: tf.Operation, bodies: Bodies) -> Sequence[tf.TensorShape]:
    """The shapes in which all bodies of an op agree."""
    attributes, before = BODIES[op.type]
    names = [
        function.name
        for attribute in attributes
        for function in _functions(op.node_def.attr[attribute])
    ]
    arguments = [_argument(tensor) for tensor in op.inputs[before:]]
    returned = [[t.shape for t in bodies.body(name, arguments).results] for name in names]
    if op.type.endswith("While"):
        returned.append([tensor.shape for tensor in op.inputs])
    return [_common(shapes) for shapes in zip(*returned, strict=True)]


def _functions(value: Any) -> Sequence[Any]:
    return [value.func] if value.HasField("func") else list(value.list.func)


def _argument(tensor: tf.Tensor) -> Argument:
    if tensor.dtype == tf.resource:
        op = tensor.op
        while op.type == "Identity":
            op = op.inputs[0].op
        return Argument((), handle=op.node_def if op.type == "VarHandleOp" else None)
    shape = tensor.shape
    return Argument(tuple(shape.as_list()) if shape.is_fully_defined() else None)


def _common(shapes: Sequence[tf.TensorShape]) -> tf.TensorShape:
    common = shapes[0]
    for shape in shapes[1:]:
        common = common.most_specific_compatible_shape(shape)
    return common

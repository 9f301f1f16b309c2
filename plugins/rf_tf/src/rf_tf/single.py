"""One op copied alone into another graph: to infer its shapes, or to differentiate it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

__all__ = ["copied", "inferred_shape"]


def copied(op: Any, operands: Sequence[tf.Tensor]) -> Any:
    """A copy of an op in the graph of its new operands, the default one.

    Raises:
        ValueError: TensorFlow does not take the operands, or the op needs functions.
    """
    alone = tf.compat.v1.GraphDef()
    node = alone.node.add()
    node.CopyFrom(op.node_def)
    node.name = "alone"
    node.ClearField("device")
    node.ClearField("input")
    given = {f"operand_{i}": operand for i, operand in enumerate(operands)}
    for name, operand in given.items():
        node.input.append(name)
        held = alone.node.add(name=name, op="Placeholder")
        held.attr["dtype"].type = operand.dtype.as_datatype_enum
    feeds = {f"{name}:0": operand for name, operand in given.items()}
    (copy,) = tf.import_graph_def(alone, feeds, ["alone"], name="")
    return copy


def inferred_shape(op: Any, number: int, operands: Sequence[Any]) -> tf.TensorShape:
    """The shape of a result where its op's operands are known better than in their graph.

    Args:
        op: The op.
        number: Which of its results.
        operands: For each operand an array where it is constant, or else its shape.
    """
    with tf.Graph().as_default():
        given = [
            tf.compat.v1.placeholder(tensor.dtype, operand)
            if isinstance(operand, tuple)
            else tf.constant(operand, tensor.dtype)
            for tensor, operand in zip(op.inputs, operands, strict=True)
        ]
        return copied(op, given).outputs[number].shape

"""Max-pooling that passes NaN on.

TensorFlow's kernels on the CPU leave NaN out of a maximum. Behind a pool, only finite traces of
what was spoiled would be left, and in a deep network they fade before they reach the output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from rf_tf.captured import Captured
from rf_tf.flat import graph_of

__all__ = ["passing_nan"]

# Averages over the same windows; both take the same attributes.
AVERAGES = {"MaxPool": "AvgPool", "MaxPool3D": "AvgPool3D"}
WINDOW = ("T", "ksize", "strides", "padding", "data_format")
CHANNELS_LAST = (b"NHWC", b"NDHWC")
NOTE = "max-pooling was made to pass NaN on, which TensorFlow's own kernels leave out"


def passing_nan(captured: Captured) -> Captured:
    """The same graph with an average of zeros, or of NaN where its input is, added to each pool.

    Values without NaN stay as they are. The pools of loops and branches do, too.
    """
    definition = captured.graph.as_graph_def()
    pools = [node for node in definition.node if _can_be_averaged(node)]
    if not pools:
        return captured
    for node in pools:
        definition.node.extend(_beside(node))
        sources = [f"{node.name}/own", f"{node.name}/spoiled"]
        total = NodeDef(name=node.name, op="AddV2", input=sources)
        total.attr["T"].CopyFrom(node.attr["T"])
        node.CopyFrom(total)
    graph = graph_of(definition)
    outputs = {
        address: graph.get_tensor_by_name(tensor.name)
        for address, tensor in captured.outputs.items()
    }
    image = graph.get_tensor_by_name(captured.input.name)
    warnings = (*captured.warnings, NOTE)
    return replace(captured, graph=graph, input=image, outputs=outputs, warnings=warnings)


def _can_be_averaged(node: NodeDef) -> bool:
    """Whether there is an average over a pool's windows: not with explicit margins."""
    return (
        node.op in AVERAGES
        and tf.as_dtype(node.attr["T"].type).is_floating
        and node.attr["padding"].s in (b"SAME", b"VALID")
        and node.attr["data_format"].s in CHANNELS_LAST
    )


def _beside(node: NodeDef) -> Iterator[NodeDef]:
    """The pool itself, and the average of what is zero, or NaN where the pool's input is."""
    own = NodeDef()
    own.CopyFrom(node)
    own.name = f"{node.name}/own"
    yield own
    dtype = tf.as_dtype(node.attr["T"].type)
    for name, value in (("nan", float("nan")), ("zero", 0.0)):
        constant = NodeDef(name=f"{node.name}/{name}", op="Const")
        constant.attr["dtype"].type = dtype.as_datatype_enum
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype, ()))
        yield constant
    where = NodeDef(name=f"{node.name}/where", op="IsNan", input=node.input[:1])
    where.attr["T"].type = dtype.as_datatype_enum
    yield where
    places = [f"{node.name}/{name}" for name in ("where", "nan", "zero")]
    marks = NodeDef(name=f"{node.name}/marks", op="SelectV2", input=places)
    marks.attr["T"].type = dtype.as_datatype_enum
    yield marks
    spoiled = NodeDef(name=f"{node.name}/spoiled", op=AVERAGES[node.op], input=[marks.name])
    for key in WINDOW:
        spoiled.attr[key].CopyFrom(node.attr[key])
    yield spoiled

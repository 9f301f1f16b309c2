"""Graphs that draw random numbers, made to draw the same ones in every new session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

from rf_tf.captured import Captured
from rf_tf.constants import is_random_op
from rf_tf.flat import graph_of

__all__ = ["draws_numbers", "with_seeds"]

# TensorFlow takes two seeds, and both zero for the order to draw others each time.
SEED = 1


def draws_numbers(graph: tf.Graph) -> bool:
    """Whether an op of a graph, or of its functions, gives other numbers each time."""
    return any(is_random_op(node.op) for node in _nodes(graph.as_graph_def()))


def with_seeds(captured: Captured) -> Captured:
    """The same graph where nothing is drawn, else a copy whose ops all have a seed."""
    definition = captured.graph.as_graph_def()
    drawing = [node for node in _nodes(definition) if is_random_op(node.op)]
    unseeded = [node for node in drawing if "seed2" in node.attr and not _has_seed(node)]
    if not unseeded:
        return captured
    for node in unseeded:
        node.attr["seed2"].i = SEED
    graph = graph_of(definition)
    outputs = {
        address: graph.get_tensor_by_name(tensor.name)
        for address, tensor in captured.outputs.items()
    }
    image = graph.get_tensor_by_name(captured.input.name)
    return replace(captured, graph=graph, input=image, outputs=outputs)


def _has_seed(node: NodeDef) -> bool:
    return bool(node.attr["seed"].i or node.attr["seed2"].i)


def _nodes(definition: GraphDef) -> Iterator[NodeDef]:
    yield from definition.node
    for function in definition.library.function:
        yield from function.node_def

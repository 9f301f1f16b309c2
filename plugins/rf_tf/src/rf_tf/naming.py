"""Names of inner tensors: ops by their own name, scopes by the one tensor that leaves them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import tensorflow as tf

__all__ = ["addresses_of_ops"]

# Their results tell of shapes, not of values.
SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank", "VariableShape"})


def addresses_of_ops(
    graph: tf.Graph, image: tf.Tensor, outputs: Collection[tf.Tensor]
) -> dict[str, tf.Tensor]:
    """Everything between the input and the ends of the graph, by the names that users know.

    Args:
        graph: The graph.
        image: The measured input.
        outputs: Tensors that leave the graph.

    Returns:
        Tensors by "op", "op:1" and "scope/of/ops", in execution order. A scope is named only
        where a single tensor that depends on the input leaves it.
    """
    ops = [op for op in _behind(graph, image) if op.type not in SHAPES]
    named: dict[str, tf.Tensor] = {}
    for op in ops:
        for number, tensor in enumerate(op.outputs):
            named[f"{op.name}:{number}"] = tensor
            if number == 0:
                named[op.name] = tensor
    leaving: dict[str, dict[str, tf.Tensor]] = {}
    for op in ops:
        for tensor in op.outputs:
            for scope in _left_by(tensor, graph, outputs):
                leaving.setdefault(scope, {})[tensor.name] = tensor
    for scope, tensors in leaving.items():
        if len(tensors) == 1 and scope not in named:
            named[scope] = next(iter(tensors.values()))
    return named


def _behind(graph: tf.Graph, image: tf.Tensor) -> list[tf.Operation]:
    """The ops that have something of the input among their operands."""
    reached = {image.op}
    waiting = [image.op]
    while waiting:
        for tensor in waiting.pop().outputs:
            for consumer in tensor.consumers():
                if consumer not in reached:
                    reached.add(consumer)
                    if consumer.type not in SHAPES:
                        waiting.append(consumer)
    reached.discard(image.op)
    return [op for op in graph.get_operations() if op in reached]


def _left_by(tensor: tf.Tensor, graph: tf.Graph, outputs: Collection[tf.Tensor]) -> Iterator[str]:
    """The scopes of a tensor's op that the tensor leaves."""
    steps = tensor.op.name.split("/")[:-1]
    scopes = ["/".join(steps[: end + 1]) for end in range(len(steps))]
    users = [op.name for op in tensor.consumers()]
    ends = not users or any(tensor is output for output in outputs)
    for scope in scopes:
        if ends or any(not user.startswith(f"{scope}/") for user in users):
            yield scope

"""Which ops lead to the asked tensors, and in what order they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

__all__ = ["Plan", "plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The ops that some tensors are computed by, each after those that it needs.

    Attributes:
        graph: Their graph, which the plan keeps alive.
        ops: The ops.
    """

    graph: tf.Graph
    ops: tuple[Any, ...]


def plan(graph: tf.Graph, targets: Sequence[tf.Tensor]) -> Plan:
    """The ops that lead to some tensors; loops of TF1 graphs are cut where they turn back."""
    ordered: list[Any] = []
    begun: set[str] = set()
    done: set[str] = set()
    pending = [target.op for target in reversed(targets)]
    while pending:
        op = pending[-1]
        name = op.name
        if name in done:
            pending.pop()
        elif name in begun:
            pending.pop()
            done.add(name)
            ordered.append(op)
        else:
            begun.add(name)
            sources = [tensor.op for tensor in op.inputs]
            pending += [source for source in reversed(sources) if source.name not in begun]
    return Plan(graph, tuple(ordered))

"""What the doors of this backend hand to its engine: one flat graph with static shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray

__all__ = ["Captured"]


@dataclass(frozen=True, slots=True)
class Captured:
    """A forward pass as a graph of TensorFlow ops, for one input size.

    Attributes:
        graph: The ops, calls of functions inlined except in the bodies of control flow. Shapes
            are those that shape inference found at the asked input size. No op was executed.
        input: The measured input, its shape static.
        outputs: Every tensor that can be asked for, by address.
        variables: How to read the value of a variable, by the name of its handle (an op of
            type VarHandleOp) or of the placeholder that stands for it. Reading costs, and
            one that is not here has no value yet.
        layers: Layers of the model with their types, whether they have a tensor here or not.
        warnings: What the graph as a whole may miss.
        unread: Placeholders that stand for variables whose values are nowhere to be read.
    """

    graph: tf.Graph
    input: tf.Tensor
    outputs: Mapping[str, tf.Tensor]
    variables: Mapping[str, Callable[[], NDArray[Any]]]
    layers: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    unread: frozenset[str] = frozenset()

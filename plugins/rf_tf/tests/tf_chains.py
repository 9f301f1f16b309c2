"""One small network in every form that TensorFlow has for it; each has the same field.

3x3 stride 2 SAME, then 5x5 dilation 2 VALID: size 1 + 2 + 2 · 8 = 19, stride 2. SAME puts
nothing before an even axis and one zero before an odd one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["SHAPE", "SIZE", "STRIDE", "Chain", "TracedChain", "kernels", "plain_graph"]

SHAPE = (64, 65, 3)
SIZE, STRIDE, PADDING = (19, 19), (2, 2), (0, 1)


def kernels() -> tuple[Any, Any]:
    """Positive kernels of the two convolutions."""
    generator = np.random.default_rng(0)
    shapes = ((3, 3, 3, 4), (5, 5, 4, 2))
    first, second = (generator.uniform(0.1, 1.0, shape).astype(np.float32) for shape in shapes)
    return first, second


def convolutions(image: Any, first: Any, second: Any) -> Any:
    with tf.name_scope("stem"):
        image = tf.nn.relu(tf.nn.conv2d(image, first, 2, "SAME"))
    with tf.name_scope("head"):
        return tf.nn.conv2d(image, second, 1, "VALID", dilations=2)


class Chain(tf.Module):
    """The network as a module whose call is plain Python."""

    def __init__(self) -> None:
        super().__init__()
        first, second = kernels()
        self.first, self.second = tf.Variable(first), tf.Variable(second)

    def __call__(self, image: Any) -> Any:
        return convolutions(image, self.first, self.second)


class TracedChain(Chain):
    """The network as a module whose call is a `tf.function`."""

    @tf.function
    def __call__(self, image: Any) -> Any:
        return super().__call__(image)


def plain_graph(*, use_resource: bool) -> tf.Graph:
    """The network as a graph of TensorFlow 1, with an op that initialises its variables."""
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3], name="image")
        first, second = (
            tf.compat.v1.get_variable(name, initializer=kernel, use_resource=use_resource)
            for name, kernel in zip(("first", "second"), kernels(), strict=True)
        )
        convolutions(image, first, second)
        tf.compat.v1.global_variables_initializer()
    return graph

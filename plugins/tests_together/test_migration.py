"""The examples of the library `receptivefield` give its numbers, with their ReLUs and max-pools.

Expected values: the outputs that its README shows (version 0.5.0), which it had from networks with
linear activations and average pools.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import rfcore


@dataclass(frozen=True, slots=True)
class Example:
    """A chain of convolutions (their kernel size) and pools (0), and its feature maps.

    Attributes:
        name: What its README calls it.
        layers: Kernel sizes.
        length: Height and width of the input.
        expected: By the layer's number, output length, size, stride and offset.
        padding: Of the convolutions.
    """

    name: str
    layers: tuple[int, ...]
    length: int
    expected: dict[int, tuple[int, int, int, float]]
    padding: str = "valid"


EXAMPLES = (
    Example("keras_detailed", (5, 3, 0, 3, 3, 0, 3, 3), 96, {7: (16, 34, 4, 17)}),
    Example("keras_minimal", (7, 5, 0, 5, 0), 64, {3: (23, 20, 2, 10)}),
    Example(
        "tensorflow_minimal",
        (3, 3, 0, 3, 3, 0, 3, 3, 3, 0, 3, 3, 3, 0, 3, 3, 3),
        288,
        {12: (36, 92, 8, 4), 16: (18, 196, 16, 8)},
        padding="same",
    ),
    Example(
        "pytorch_minimal", (3, 3, 0, 3, 3, 0, 3, 3), 96, {4: (42, 14, 2, 7), 7: (17, 32, 4, 16)}
    ),
)


def keras_fields(example: Example) -> Any:
    import keras

    image = value = keras.Input((example.length, example.length, 3))
    for number, kernel_size in enumerate(example.layers):
        name = f"layer{number}"
        if kernel_size:
            layer = keras.layers.Conv2D(
                2, kernel_size, padding=example.padding, activation="relu", name=name
            )
        else:
            layer = keras.layers.MaxPool2D(name=name)
        value = layer(value)
    model = keras.Model(image, value)
    return rfcore.estimate(model, output=[f"layer{number}" for number in example.expected])


def graph_fields(example: Example) -> Any:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        shape = (1, example.length, example.length, 3)
        value = tf.compat.v1.placeholder(tf.float32, shape, name="image")
        for number, size in enumerate(example.layers):
            if size:
                weights = tf.zeros((size, size, value.shape[-1], 2))
                value = tf.nn.conv2d(value, weights, 1, example.padding.upper())
                value = tf.nn.relu(value, name=f"layer{number}")
            else:
                value = tf.nn.max_pool2d(value, 2, 2, "VALID", name=f"layer{number}")
    outputs = [f"layer{number}" for number in example.expected]
    return rfcore.estimate(graph, input="image", output=outputs)


def torch_fields(example: Example) -> Any:
    from torch import nn

    layers: list[nn.Module] = []
    width = 3
    for size in example.layers:
        if size:
            convolution = nn.Conv2d(width, 2, size, padding=example.padding)
            layers.append(nn.Sequential(convolution, nn.ReLU()))
            width = 2
        else:
            layers.append(nn.MaxPool2d(2))
    model = nn.Sequential(*layers)
    shape = (3, example.length, example.length)
    outputs = [str(number) for number in example.expected]
    return rfcore.estimate(model, input_shape=shape, output=outputs)


@pytest.mark.parametrize("measured", [keras_fields, graph_fields, torch_fields])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_examples_of_receptivefield_give_its_numbers(
    measured: Callable[[Example], Any], example: Example
) -> None:
    fields = measured(example).values()
    found = [(f.output_shape, f.size, f.stride, f.offset, f.exact) for f in fields]
    assert found == [
        (*((value, value) for value in values), True) for values in example.expected.values()
    ]

"""Convolutions with given weights, as a network of any framework and as matrices of numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Layer:
    """A valid convolution without bias.

    Attributes:
        weights: Of shape (*kernel, channels in, channels out).
        stride: On all axes.
        dilation: On all axes.
        residual: Adds what is in the middle of each window, for a stride of 1.
        relu: Whether a ReLU follows.
    """

    weights: Array
    stride: int = 1
    dilation: int = 1
    residual: bool = False
    relu: bool = False

    @property
    def rank(self) -> int:
        return self.weights.ndim - 2

    @property
    def border(self) -> int:
        """Pixels on each side that no window has in its middle."""
        return self.dilation * (self.weights.shape[0] - 1) // 2


def torch_network(layers: Sequence[Layer]) -> Any:
    import torch

    class Block(torch.nn.Module):
        def __init__(self, layer: Layer) -> None:
            super().__init__()
            self.layer = layer
            kind = getattr(torch.nn, f"Conv{layer.rank}d")
            *kernel, entering, leaving = layer.weights.shape
            steps = {"stride": layer.stride, "dilation": layer.dilation}
            self.conv = kind(entering, leaving, tuple(kernel), bias=False, **steps)
            values = np.moveaxis(layer.weights, (-1, -2), (0, 1))
            self.conv.weight.data = torch.tensor(values, dtype=torch.float32)

        def forward(self, x: Any) -> Any:
            y = self.conv(x)
            if self.layer.residual:
                inner = slice(self.layer.border, -self.layer.border)
                y = y + x[(..., *[inner] * self.layer.rank)]
            return torch.relu(y) if self.layer.relu else y

    return torch.nn.Sequential(*map(Block, layers)).eval()


def jax_network(layers: Sequence[Layer]) -> Any:
    import jax
    from jax import lax

    def network(x: Any) -> Any:
        for layer in layers:
            letters = "DHW"[3 - layer.rank :]
            y = lax.conv_general_dilated(
                x,
                np.asarray(layer.weights, np.float32),
                window_strides=(layer.stride,) * layer.rank,
                padding="VALID",
                rhs_dilation=(layer.dilation,) * layer.rank,
                dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
            )
            x = _joined(layer, x, y, jax.nn.relu)
        return x

    return network


def tf_network(layers: Sequence[Layer]) -> Any:
    import tensorflow as tf

    def network(x: Any) -> Any:
        for layer in layers:
            y = tf.nn.convolution(
                x,
                tf.constant(layer.weights, tf.float32),
                strides=layer.stride,
                padding="VALID",
                dilations=layer.dilation,
            )
            x = _joined(layer, x, y, tf.nn.relu)
        return x

    return tf.function(network)


def _joined(layer: Layer, x: Any, y: Any, relu: Callable[[Any], Any]) -> Any:
    if layer.residual:
        inner = slice(layer.border, -layer.border)
        y = y + x[(slice(None), *[inner] * layer.rank)]
    return relu(y) if layer.relu else y


def keras_network(layers: Sequence[Layer]) -> Any:
    import keras

    rank = layers[0].rank
    image = x = keras.Input((None,) * rank + layers[0].weights.shape[-2:-1])
    for layer in layers:
        *kernel, _, leaving = layer.weights.shape
        conv = getattr(keras.layers, f"Conv{rank}D")(
            leaving,
            tuple(kernel),
            strides=layer.stride,
            dilation_rate=layer.dilation,
            use_bias=False,
        )
        y = conv(x)
        conv.set_weights([layer.weights])
        if layer.residual:
            y = y + getattr(keras.layers, f"Cropping{rank}D")(layer.border)(x)
        x = keras.layers.ReLU()(y) if layer.relu else y
    return keras.Model(image, x)


# Framework: the backend's name, its writer, where channels are.
FRAMEWORKS: dict[str, tuple[str, Callable[[Sequence[Layer]], Any], str]] = {
    "torch": ("torch", torch_network, "first"),
    "jax": ("jax", jax_network, "last"),
    "tensorflow": ("tf", tf_network, "last"),
    "keras": ("keras", keras_network, "last"),
}


def matrix(layer: Layer, length: int) -> Array:
    """A layer on one axis, from (pixel, channel) to (output, channel), written out tap by tap."""
    taps, entering, leaving = layer.weights.shape
    count = (length - layer.dilation * (taps - 1) - 1) // layer.stride + 1
    written = np.zeros((count, leaving, length, entering))
    for output in range(count):
        for tap in range(taps):
            pixel = output * layer.stride + tap * layer.dilation
            written[output, :, pixel] += layer.weights[tap].T
        if layer.residual:
            written[output, :, output + layer.border] += np.eye(leaving)
    return written.reshape(count * leaving, length * entering)


def gradient(layers: Sequence[Layer], image: Array, *, above: float = -np.inf) -> Array:
    """Gradient of the sum over channels of the middle output, at an image (pixels, channels).

    Only channels whose value is above a bound are summed.
    """
    value, steps = image.ravel(), []
    length = len(image)
    for layer in layers:
        step = matrix(layer, length)
        value = step @ value
        if layer.relu:
            step = step * (value > 0)[:, None]
            value = np.maximum(value, 0)
        steps.append(step)
        length = len(value) // layer.weights.shape[-1]
    leaving = layers[-1].weights.shape[-1]
    pulled = np.zeros((length, leaving))
    pulled[length // 2] = value.reshape(length, leaving)[length // 2] > above
    pulled = pulled.ravel()
    for step in reversed(steps):
        pulled = pulled @ step
    return pulled.reshape(image.shape)

"""Published networks as plain functions whose layers are name scopes, and a Flax ResNet."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

__all__ = ["ResNet50", "alexnet_v2", "masked_layers", "resnet_v1_50", "vgg_16", "wav2vec2"]

CHANNELS = 2


def convolution(x: Any, size: int, stride: int = 1, padding: Any = "SAME") -> Any:
    """A convolution over the spatial axes of (N, …, C)."""
    rank = x.ndim - 2
    numbers = ("NHWC", "HWIO", "NHWC") if rank == 2 else ("NHC", "HIO", "NHC")
    kernel = np.ones((size,) * rank + (x.shape[-1], CHANNELS), np.float32)
    sides = padding if isinstance(padding, str) else [padding] * rank
    return lax.conv_general_dilated(x, kernel, (stride,) * rank, sides, dimension_numbers=numbers)


def pool(x: Any, size: int, stride: int, padding: str = "VALID") -> Any:
    return nn.max_pool(x, (size, size), (stride, stride), padding)


def alexnet_v2(x: Any) -> Any:
    """As TF-slim has it."""
    layers: dict[str, Any] = {
        "conv1": lambda x: convolution(x, 11, 4, "VALID"),
        "pool1": lambda x: pool(x, 3, 2),
        "conv2": lambda x: convolution(x, 5),
        "pool2": lambda x: pool(x, 3, 2),
        "conv3": lambda x: convolution(x, 3),
        "conv4": lambda x: convolution(x, 3),
        "conv5": lambda x: convolution(x, 3),
        "pool5": lambda x: pool(x, 3, 2),
    }
    with jax.named_scope("alexnet_v2"):
        for name, layer in layers.items():
            with jax.named_scope(name):
                x = layer(x)
    return x


def vgg_16(x: Any) -> Any:
    """As TF-slim has it."""
    with jax.named_scope("vgg_16"):
        for block, count in enumerate((2, 2, 3, 3, 3), start=1):
            for number in range(1, count + 1):
                with jax.named_scope(f"conv{block}"), jax.named_scope(f"conv{block}_{number}"):
                    x = jax.nn.relu(convolution(x, 3))
            with jax.named_scope(f"pool{block}"):
                x = pool(x, 2, 2)
    return x


def resnet_v1_50(x: Any) -> Any:
    """As TF-slim has it: the last unit of a block strides, and pads alike on both sides."""
    with jax.named_scope("resnet_v1_50"):
        x = pool(convolution(x, 7, 2, (3, 3)), 3, 2, "SAME")
        for block, count in enumerate((3, 4, 6, 3), start=1):
            with jax.named_scope(f"block{block}"):
                for unit in range(count):
                    stride = 2 if unit == count - 1 and block < 4 else 1
                    side = convolution(x, 1, stride)
                    y = convolution(jax.nn.relu(convolution(x, 1)), 3, stride, (1, 1))
                    x = jax.nn.relu(side + convolution(y, 1))
    return x


def wav2vec2(x: Any) -> Any:
    """The feature encoder."""
    for size, stride in ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)):
        x = jax.nn.gelu(convolution(x, size, stride, "VALID"))
    return x


def masked_layers(x: Any, layers: int) -> Any:
    """PixelCNN: a 3×3 kernel of kind A, which leaves out the centre, then kernels of kind B."""
    for layer in range(layers):
        kernel = np.zeros((3, 3, 1, 1), np.float32)
        kernel[0], kernel[1, 0] = 1, 1
        kernel[1, 1] = layer > 0
        x = lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
    return x


class Bottleneck(nn.Module):
    """A residual unit that strides in its 3×3 convolution."""

    width: int
    stride: int

    @nn.compact
    def __call__(self, x: Any) -> Any:
        def normed(value: Any) -> Any:
            return nn.BatchNorm(use_running_average=True)(value)

        strides = (self.stride, self.stride)
        y = nn.relu(normed(nn.Conv(self.width, (1, 1), use_bias=False)(x)))
        y = nn.relu(normed(nn.Conv(self.width, (3, 3), strides, 1, use_bias=False)(y)))
        y = normed(nn.Conv(4 * self.width, (1, 1), use_bias=False)(y))
        if x.shape != y.shape:
            x = normed(nn.Conv(4 * self.width, (1, 1), strides, use_bias=False)(x))
        return nn.relu(x + y)


class ResNet50(nn.Module):
    """With PyTorch's padding, alike on both sides."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.relu(nn.Conv(64, (7, 7), (2, 2), 3, use_bias=False, name="stem")(x))
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-jnp.inf)
        x = nn.max_pool(x, (3, 3), (2, 2))
        for stage, count in enumerate((3, 4, 6, 3)):
            for unit in range(count):
                stride = 2 if unit == 0 and stage > 0 else 1
                x = Bottleneck(64 * 2**stage, stride, name=f"stage{stage + 1}_{unit}")(x)
        return x

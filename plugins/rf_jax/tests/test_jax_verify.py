"""Real networks of the JAX family, whose fields are verified on their own forwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox
import haiku
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx

import rfcore
from jax_networks import masked_layers, vgg_16, wav2vec2

KEY = jax.random.PRNGKey(0)
Subject = tuple[Any, tuple[int, ...], str | None]


class Decoder(nnx.Module):
    """Down by two max-poolings, up by a transposed convolution and by repeating."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Conv(3, 4, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.inner = nnx.Conv(4, 4, (3, 3), rngs=rngs)
        self.up = nnx.ConvTranspose(4, 4, (4, 4), (2, 2), rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Conv(8, 2, (3, 3), rngs=rngs)

    def __call__(self, x: Any) -> Any:
        x = nnx.relu(self.norm(self.first(x)))
        below = nnx.max_pool(x, (2, 2), (2, 2))
        lowest = self.drop(self.inner(nnx.max_pool(below, (2, 2), (2, 2))))
        lowest = jnp.repeat(jnp.repeat(lowest, 2, 1), 2, 2)
        return self.last(jnp.concatenate([x, self.up(below + lowest)], -1))


class Equinox(equinox.Module):
    """Grouped and dilated convolutions, pooling, and a sum of two paths."""

    layers: list[Any]
    side: Any

    def __init__(self, key: Any) -> None:
        keys = jax.random.split(key, 3)
        self.layers = [
            equinox.nn.Conv2d(4, 8, 3, 2, 1, groups=4, key=keys[0]),
            equinox.nn.Lambda(jax.nn.relu),
            equinox.nn.Conv2d(8, 8, 3, 1, 4, 4, key=keys[1]),
            equinox.nn.AvgPool2d(3, 1, 1),
        ]
        self.side = equinox.nn.Conv2d(4, 8, 1, 2, key=keys[2])

    def __call__(self, x: Any) -> Any:
        y = x
        for layer in self.layers:
            y = layer(y)
        return y + self.side(x)


def in_haiku() -> Subject:
    def network(x: Any) -> Any:
        net = haiku.nets.MobileNetV1((1, 2, 1), (16, 16, 32), 5, use_bn=False)
        return net(x, is_training=False)

    made = haiku.without_apply_rng(haiku.transform(network))
    parameters = made.init(KEY, jnp.zeros((1, 64, 64, 3)))
    name = "mobile_net_v1/mobile_net_v1_block_2"
    return lambda x: made.apply(parameters, x), (40, 44, 3), name


def half() -> Subject:
    kernel = jnp.ones((5, 5, 3, 4), jnp.bfloat16)

    def model(x: Any) -> Any:
        x = x.astype(jnp.bfloat16)
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    return model, (20, 21, 3), None


def gated() -> Subject:
    kernel = np.random.default_rng(0).standard_normal((3, 3, 3, 4)).astype(np.float32)

    def model(x: Any) -> Any:
        x = jax.lax.conv_general_dilated(
            x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return x * jax.nn.sigmoid(x.mean((1, 2), keepdims=True))

    return model, (40, 41, 3), None


def recurrent() -> Subject:
    module = nn.RNN(nn.GRUCell(4))
    return module.bind(module.init(KEY, jnp.zeros((1, 30, 3)))), (30, 3), None


SUBJECTS: dict[str, Callable[[], Subject]] = {
    "Flax NNX decoder in training mode": lambda: (Decoder(nnx.Rngs(0)), (40, 44, 3), None),
    "Flax recurrent network": recurrent,
    "Equinox": lambda: (Equinox(KEY), (4, 48, 50), None),
    "Haiku MobileNet": in_haiku,
    "VGG-16, a name scope": lambda: (vgg_16, (110, 100, 3), "vgg_16/conv4"),
    "wav2vec 2.0": lambda: (wav2vec2, (16000, 1), None),
    "masked convolutions": lambda: (lambda x: masked_layers(x, 3), (20, 20, 1), None),
    "half precision": half,
    "a gate": gated,
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_field_is_verified(name: str) -> None:
    model, shape, output = SUBJECTS[name]()
    field = rfcore.estimate(model, backend="jax", input_shape=shape, output=output)
    certificate = field.verify(model, backend="jax", input_shape=shape, output=output, phases=2)
    assert certificate.complete, str(certificate)


def test_field_that_is_a_pixel_off_is_caught() -> None:
    model, shape, output = SUBJECTS["Flax NNX decoder in training mode"]()
    field = rfcore.estimate(model, input_shape=shape, output=output)
    axis = field.axes[1]
    assert axis.lows is not None
    for step, kind in ((1, "leaks"), (-1, "unseen")):
        moved = replace(axis, lows=tuple(low + step for low in axis.lows))
        wrong = replace(field, axes=(field.axes[0], moved))
        certificate = wrong.verify(model, input_shape=shape, phases=2)
        assert not certificate.passed
        assert {(check.axis, check.edge) for check in getattr(certificate, kind)} == {(1, "low")}

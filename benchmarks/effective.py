"""How long the effective field of a ResNet-50 takes beside the passes that it cannot do without.

On both sides a framework that compiles does so once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pairs import Measurement, paired

import rfcore

__all__ = ["effective_fields", "keras_resnet50"]

COUNT = 20
LIMIT = 1.3
# Each takes twenty forwards and backwards of a ResNet-50, twice.
FEW_PAIRS = 3
FIRST, LAST = (3, 224, 224), (224, 224, 3)
MAP = (1, 7, 7, 2048)


@dataclass(frozen=True)
class Passes:
    """A network, and twenty passes there and back as the framework's users would write them."""

    name: str
    model: Any
    input_shape: tuple[int, ...]
    bare: Callable[[], None]
    options: dict[str, Any] = field(default_factory=dict)

    def effective(self) -> None:
        """The same by rfcore."""
        found = rfcore.effective(
            self.model, input_shape=self.input_shape, count=COUNT, **self.options
        )
        if found.count != COUNT or not found.map.any():
            raise AssertionError(f"{self.name} gave a map of {found.count} inputs")


def effective_fields(framework: str) -> Iterator[Measurement]:
    """Time of `rfcore.effective` over that of the bare passes, per network."""
    for passes in PASSES[framework]():
        name = f"{passes.name}: effective / {COUNT} bare passes"
        yield paired(name, passes.effective, passes.bare, LIMIT, pairs=FEW_PAIRS)


def torch_passes() -> Iterator[Passes]:
    import torch
    from transformers import ResNetConfig, ResNetModel

    def passing(forward: Callable[[Any], Any], shape: tuple[int, ...]) -> Callable[[], None]:
        def bare() -> None:
            for image in images(shape):
                given = torch.from_numpy(image).requires_grad_()
                result = forward(given)
                cotangent = torch.zeros_like(result)
                cotangent[:, :, 3, 3] = 1
                torch.autograd.grad(result, given, cotangent)

        return bare

    model = ResNetModel(ResNetConfig()).eval()
    bare = passing(lambda image: model(image).last_hidden_state, FIRST)
    yield Passes("transformers", model, FIRST, bare, {"output": "encoder.stages.3"})
    trunk = keras_resnet50()
    bare = passing(lambda image: trunk(image, training=False).movedim(-1, 1), LAST)
    yield Passes("Keras on torch", trunk, LAST, bare)


def jax_passes() -> Iterator[Passes]:
    import haiku as hk
    import jax

    def passing(
        forward: Callable[[Any, Any], Any], weights: Any, cotangent: Any
    ) -> Callable[[], None]:
        def bare() -> None:
            @jax.jit
            def there_and_back(weights: Any, image: Any) -> Any:
                _, pull = jax.vjp(lambda x: forward(weights, x), image)
                return pull(cotangent)[0]

            for image in images(LAST):
                np.asarray(there_and_back(weights, image))

        return bare

    def network(is_training: bool) -> Any:
        return hk.transform_with_state(lambda x: hk.nets.ResNet50(10)(x, is_training))

    # Haiku makes the moving averages of its normalizations in training mode only, and its last
    # weights zero.
    made = network(True).init(jax.random.key(0), np.ones((1, *LAST), np.float32))
    weights = jax.tree.map(lambda leaf: leaf + 0.01, made)

    def forward(weights: Any, x: Any) -> Any:
        return network(False).apply(*weights, None, x)[0]

    bare = passing(forward, weights, np.ones((1, 10), np.float32))
    yield Passes("haiku", lambda x: forward(weights, x), LAST, bare, {"backend": "jax"})
    trunk = keras_resnet50()
    held = (
        [v.value for v in trunk.trainable_variables],
        [v.value for v in trunk.non_trainable_variables],
    )
    bare = passing(
        lambda weights, x: trunk.stateless_call(*weights, x, training=False)[0], held, middle()
    )
    yield Passes("Keras on JAX", trunk, LAST, bare)


def tensorflow_passes() -> Iterator[Passes]:
    import tensorflow as tf

    trunk = keras_resnet50()

    def forward(image: Any) -> Any:
        return trunk(image, training=False)

    def bare() -> None:
        @tf.function
        def there_and_back(image: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(image)
                result = forward(image)
            return tape.gradient(result, image, middle())

        for image in images(LAST):
            there_and_back(tf.constant(image)).numpy()

    yield Passes("Keras on TensorFlow", trunk, LAST, bare)
    signature = [tf.TensorSpec((1, *LAST), tf.float32)]
    function = tf.function(forward, input_signature=signature)
    yield Passes("tf.function", function, LAST, bare)


def images(shape: tuple[int, ...]) -> Iterator[Any]:
    """Random inputs, made while others wait as `rfcore.effective` makes its own."""
    for seed in range(COUNT):
        yield np.random.default_rng(seed).standard_normal((1, *shape)).astype(np.float32)


def middle() -> Any:
    """Ones at the middle of the last map, all channels of it."""
    cotangent = np.zeros(MAP, np.float32)
    cotangent[:, 3, 3] = 1
    return cotangent


def keras_resnet50() -> Any:
    from keras.applications import ResNet50

    return ResNet50(weights=None, include_top=False, input_shape=LAST)


PASSES = {"torch": torch_passes, "jax": jax_passes, "tensorflow": tensorflow_passes}

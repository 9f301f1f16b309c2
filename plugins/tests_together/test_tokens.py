"""A block of a vision transformer, written by hand in each framework, on patches of an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf
import torch

import rfcore

PATCH, FEATURES, SIZE = 8, 16, 32
DRAWN = np.random.default_rng(0)
EMBEDDING = DRAWN.normal(size=(PATCH, PATCH, 3, FEATURES)).astype(np.float32)
WEIGHTS = DRAWN.normal(size=(4, FEATURES, FEATURES)).astype(np.float32)

Block = Callable[..., Any]


def attention(tokens: Any, softmax: Block, transpose: Block, weights: Any) -> Any:
    """One head, and the tokens themselves beside it."""
    query, key, value = (tokens @ weights[i] for i in range(3))
    return tokens + softmax(query @ transpose(key)) @ value @ weights[3]


def dense(tokens: Any, softmax: Block, transpose: Block, weights: Any) -> Any:
    """Two layers on the features of each token, and the tokens themselves beside them."""
    return tokens + softmax(tokens @ weights[0]) @ weights[1]


def in_torch(block: Block, as_map: bool) -> tuple[Any, tuple[int, ...]]:
    kernel, weights = torch.tensor(EMBEDDING).permute(3, 2, 0, 1), torch.tensor(WEIGHTS)

    def forward(image: torch.Tensor) -> torch.Tensor:
        patches = torch.nn.functional.conv2d(image, kernel, stride=PATCH)
        tokens = patches.flatten(2).mT
        tokens = block(tokens, lambda x: x.softmax(-1), lambda x: x.mT, weights)
        return tokens.mT.reshape(patches.shape) if as_map else tokens

    return forward, (3, SIZE, SIZE)


def in_jax(block: Block, as_map: bool) -> tuple[Any, tuple[int, ...]]:
    numbers = ("NHWC", "HWIO", "NHWC")

    def forward(image: jax.Array) -> jax.Array:
        strides = (PATCH, PATCH)
        patches = jax.lax.conv_general_dilated(
            image, EMBEDDING, strides, "VALID", dimension_numbers=numbers
        )
        tokens = patches.reshape(len(image), -1, FEATURES)
        tokens = block(tokens, jax.nn.softmax, lambda x: x.mT, jnp.asarray(WEIGHTS))
        return tokens.reshape(patches.shape) if as_map else tokens

    return forward, (SIZE, SIZE, 3)


def in_tensorflow(block: Block, as_map: bool) -> tuple[Any, tuple[int, ...]]:
    def forward(image: tf.Tensor) -> tf.Tensor:
        patches = tf.nn.conv2d(image, EMBEDDING, PATCH, "VALID")
        tokens = tf.reshape(patches, (1, -1, FEATURES))
        tokens = block(tokens, tf.nn.softmax, tf.linalg.matrix_transpose, tf.constant(WEIGHTS))
        return tf.reshape(tokens, patches.shape) if as_map else tokens

    return tf.function(forward), (SIZE, SIZE, 3)


WRITTEN = {"torch": in_torch, "jax": in_jax, "tf": in_tensorflow}


@pytest.mark.parametrize("backend", WRITTEN)
@pytest.mark.parametrize("as_map", [False, True], ids=["tokens", "map"])
def test_a_token_that_looks_at_all_others_sees_the_whole_image(backend: str, as_map: bool) -> None:
    model, shape = WRITTEN[backend](attention, as_map)
    field = rfcore.estimate(model, backend=backend, input_shape=shape)
    assert field.is_global == (True, True)
    assert field.exact


@pytest.mark.parametrize("backend", WRITTEN)
def test_a_token_by_itself_sees_its_patch(backend: str) -> None:
    model, shape = WRITTEN[backend](dense, True)
    field = rfcore.estimate(model, backend=backend, input_shape=shape)
    assert (field.size, field.stride, field.padding) == ((PATCH,) * 2, (PATCH,) * 2, (0, 0))
    assert field.exact


@pytest.mark.parametrize("backend", WRITTEN)
def test_tokens_by_themselves_run_over_both_axes(backend: str) -> None:
    model, shape = WRITTEN[backend](dense, False)
    with pytest.raises(rfcore.errors.MergedAxesError, match="several spatial axes"):
        rfcore.estimate(model, backend=backend, input_shape=shape)

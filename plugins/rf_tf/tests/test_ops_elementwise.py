"""Elementwise ops of TensorFlow, and those in which a constant hides an operand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tf_dependence import assert_exact, assert_refused, changed, traced

MASK = np.array([[1, 0, 1], [0, 0, 2]], np.float32)
CAUSAL = np.tri(4, dtype=bool)
CASES: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "activations": (
        lambda x: tf.nn.relu(x) + tf.nn.elu(x) + tf.nn.swish(x) + tf.nn.gelu(x),
        (2, 3),
    ),
    "broadcasting": (lambda x: x + tf.reduce_sum(x[:1] * 0.5, 0) * tf.ones((2, 1, 1)), (2, 3)),
    "of two": (lambda x: tf.maximum(x, tf.reverse(x, [0])), (3, 2)),
    "casts": (lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), (2, 3)),
    "clip": (lambda x: tf.clip_by_value(x, -1.0, 1.0), (2, 3)),
    "comparison": (lambda x: x > 0, (2, 3)),
    "stop gradient": (lambda x: tf.stop_gradient(x) * 2.0, (2, 3)),
    "identities": (lambda x: tf.raw_ops.IdentityN(input=[x, tf.ones(2), x + 1])[0:3:2], (2, 2)),
    "times a mask": (lambda x: x * MASK, (2, 3)),
    "times a mask that is all zero": (lambda x: x * tf.zeros((2, 3)) + x, (2, 3)),
    "times a row": (lambda x: MASK[:1] * x, (2, 3)),
    "by a constant choice": (lambda x: tf.where(MASK > 0, x, 5.0), (2, 3)),
    "by a choice of two": (lambda x: tf.where(MASK > 0, x, x[::-1]), (2, 3)),
    "by its own choice": (lambda x: tf.where(x > 0, x, 0.0), (2, 3)),
    "by an old choice": (
        lambda x: tf.raw_ops.Select(condition=[True, False], x=x, y=x[::-1]),
        (2, 3),
    ),
    "to a power": (lambda x: tf.pow(x, MASK), (2, 3)),
    "logical and": (lambda x: tf.logical_and(x > 0, MASK > 0), (2, 3)),
    "above infinity": (lambda x: tf.maximum(x, np.where(MASK > 0, np.inf, -9.0)), (2, 3)),
    "added": (lambda x: tf.add_n([x, x[::-1], tf.ones((2, 3))]), (2, 3)),
    "borrowed shape": (lambda x: tf.zeros_like(x) + tf.cast(tf.size(x), tf.float32), (2, 3)),
    "borrowed ones": (lambda x: x[:1] * tf.ones_like(x), (2, 3)),
    "dropout with a fixed rate": (lambda x: tf.nn.dropout(x, 0.0), (2, 3)),
    "fake quantisation": (
        lambda x: tf.quantization.fake_quant_with_min_max_args(x, -60, 60, 16),
        (2, 3),
    ),
    "quantisation to its own range": (
        lambda x: tf.quantization.quantize_and_dequantize_v2(x, 0.0, 0.0, range_given=False),
        (2, 2),
    ),
    "buckets": (lambda x: tf.raw_ops.Bucketize(input=x, boundaries=[-1.0, 0.0, 1.0]), (2, 3)),
    "search": (lambda x: tf.searchsorted([-1.0, 0.0, 1.0], x[0]), (1, 4)),
    "bits": (lambda x: tf.bitcast(x, tf.uint8), (2, 2)),
    "xlogy": (lambda x: tf.math.xlogy(MASK, tf.abs(x) + 3), (2, 3)),
    "xdivy": (lambda x: tf.math.xdivy(x, [3.0, 0.5, 2.0]), (2, 3)),
    "complex": (lambda x: tf.abs(tf.complex(x, x[::-1]) * 1j), (2, 3)),
    "a mask that a variable holds": (lambda x: x * MASKING, (2, 3)),
    "relu's own gradient": (lambda x: tf.raw_ops.ReluGrad(gradients=x, features=x[::-1]), (2, 3)),
    "a function with its own gradient": (
        tf.custom_gradient(lambda x: (tf.exp(x), lambda upstream: upstream)),
        (2, 2),
    ),
}
MASKING = tf.Variable(MASK)


@pytest.mark.parametrize("case", CASES)
def test_ops_in_place(case: str) -> None:
    function, shape = CASES[case]
    assert_exact(function, shape, steps=(0.3, -0.7, 5.0, -5.0, 40.0), bases=3)


def attention(hide: Callable[[Any], Any], weigh: Callable[[Any], Any] = tf.nn.softmax) -> Any:
    def attended(x: Any) -> Any:
        scores = tf.matmul(x, x, transpose_b=True) / 2.0
        return tf.matmul(weigh(hide(scores)), x)

    return attended


def softmax_by_hand(scores: Any) -> Any:
    weights = tf.exp(scores - tf.reduce_max(scores, -1, keepdims=True))
    return weights / tf.reduce_sum(weights, -1, keepdims=True)


@pytest.mark.parametrize("weigh", [tf.nn.softmax, softmax_by_hand], ids=["softmax", "by hand"])
@pytest.mark.parametrize(
    "hide",
    [
        lambda s: tf.where(CAUSAL, s, -1e9),
        lambda s: tf.where(CAUSAL, s, -np.inf),
        lambda s: s + (1.0 - tf.cast(CAUSAL, tf.float32)) * -1e9,
        lambda s: (s + np.where(CAUSAL, 0, -1e9).astype(np.float32)) * 2.0,
        lambda s: s - tf.where(CAUSAL, 0.0, 1e9),
    ],
    ids=["chosen", "infinite", "added", "added and scaled", "subtracted"],
)
def test_attention_sees_what_its_mask_allows(hide: Any, weigh: Any) -> None:
    function = attention(hide, weigh)
    found = traced(function, (1, 4, 2))
    certain = changed(function, (1, 4, 2), steps=(0.3, -0.7), scale=0.3)
    assert found.exact
    for matrix in (found.matrix, certain):
        tokens = matrix.reshape(4, 2, 4, 2).any(axis=(1, 3))
        np.testing.assert_array_equal(tokens, CAUSAL)


def test_triangle_of_weights_hides_the_rest() -> None:
    def weighed(x: Any) -> Any:
        weights = tf.linalg.band_part(tf.matmul(x, x, transpose_b=True), -1, 0)
        return tf.matmul(weights, x)

    found = assert_exact(weighed, (1, 4, 2))
    tokens = found.matrix.reshape(4, 2, 4, 2).any(axis=(1, 3))
    np.testing.assert_array_equal(tokens, CAUSAL)


def test_random_masks_hide_nothing() -> None:
    found = traced(lambda x: x * tf.floor(tf.random.uniform((2, 3)) + 0.5), (2, 3))
    np.testing.assert_array_equal(found.matrix, np.eye(6, dtype=bool))


def test_random_masks_of_a_generator_hide_nothing() -> None:
    generator = tf.random.Generator.from_seed(1)
    found = traced(lambda x: x * tf.floor(generator.uniform((2, 3)) + 0.5), (2, 3))
    np.testing.assert_array_equal(found.matrix, np.eye(6, dtype=bool))


def test_what_is_random_holds_no_index() -> None:
    assert_refused(
        lambda x: tf.gather(x, tf.random.uniform((2,), 0, 3, tf.int32), axis=0),
        (3, 2),
        "GatherV2",
        "drawn at random",
    )

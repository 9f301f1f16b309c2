"""Products, reductions and mixing ops of TensorFlow against finite changes of every element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tf_dependence import assert_exact

SPARSE = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]], np.float32)
CASES: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "matmul": (lambda x: tf.matmul(x, tf.ones((3, 4))), (2, 3)),
    "matmul by a sparse matrix": (lambda x: tf.matmul(SPARSE, x), (3, 2)),
    "matmul transposed": (lambda x: tf.matmul(x, SPARSE, transpose_a=True), (3, 2)),
    "matmul of both transposed": (
        lambda x: tf.matmul(x, SPARSE, transpose_a=True, transpose_b=True),
        (3, 2),
    ),
    "matmul with itself": (lambda x: tf.matmul(x, x, transpose_b=True), (3, 2)),
    "batched matmul": (lambda x: tf.matmul(x, tf.ones((2, 3, 2))), (2, 2, 3)),
    "batched matmul, broadcast": (lambda x: tf.matmul(x, tf.ones((3, 2))), (2, 2, 3)),
    "batched matmul, broadcast both ways": (
        lambda x: tf.matmul(x[:, None], tf.transpose(x, (0, 2, 1))[None]),
        (2, 2, 3),
    ),
    "batched matmul, adjoint": (lambda x: tf.matmul(x, tf.exp(x), adjoint_b=True), (2, 2, 3)),
    "einsum": (lambda x: tf.einsum("bij,jk->bki", x, SPARSE), (2, 2, 3)),
    "einsum with an ellipsis": (lambda x: tf.einsum("...j,jk->...k", x, SPARSE), (2, 2, 3)),
    "einsum of two": (lambda x: tf.einsum("bqd,bkd->bqk", x, tf.sin(x)), (2, 2, 3)),
    "einsum of one": (lambda x: tf.einsum("bqd->dq", x), (2, 2, 3)),
    "einsum, broadcast ellipsis": (
        lambda x: tf.einsum("...ij,...jk->...ik", x[:1], tf.sin(x)),
        (2, 2, 2),
    ),
    "tensordot": (lambda x: tf.tensordot(x, SPARSE, [[1], [0]]), (2, 3, 2)),
    "dense layer on pixels": (
        lambda x: tf.reshape(tf.matmul(tf.reshape(x, (-1, 3)), SPARSE), (2, 2, 3)) + x,
        (2, 2, 3),
    ),
    "dense layer on merged pixels": (
        lambda x: tf.matmul(tf.reshape(x, (2, 6)), tf.eye(6) + tf.eye(6)[::-1]),
        (2, 2, 3),
    ),
    "cross": (lambda x: tf.linalg.cross(x, tf.roll(x, 1, 0) ** 2), (2, 3)),
    "mean over an axis": (lambda x: tf.reduce_mean(x, 1), (2, 3, 2)),
    "sum over all": (tf.reduce_sum, (2, 3)),
    "maximum, kept": (lambda x: tf.reduce_max(x, (0, 2), keepdims=True), (2, 3, 2)),
    "minimum": (lambda x: tf.reduce_min(x, -1), (2, 3)),
    "product": (lambda x: tf.reduce_prod(x, -1), (2, 3)),
    "norm": (lambda x: tf.norm(x, axis=-1), (2, 3)),
    "variance": (lambda x: tf.math.reduce_variance(x, 0), (3, 2)),
    "logsumexp": (lambda x: tf.reduce_logsumexp(x, 1), (2, 3)),
    "all": (lambda x: tf.reduce_all(x > 0, 1), (2, 2)),
    "argmax": (lambda x: tf.argmax(x, 1), (2, 3)),
    "argmin over the first axis": (lambda x: tf.argmin(x, 0), (3, 2)),
    "softmax": (tf.nn.softmax, (2, 3)),
    "softmax over another axis": (lambda x: tf.nn.softmax(x, 1), (2, 3, 2)),
    "log softmax": (tf.nn.log_softmax, (2, 3)),
    "top k": (lambda x: tf.math.top_k(x, 3), (2, 3)),
    "sort": (tf.sort, (2, 3)),
    "cumsum": (lambda x: tf.cumsum(x, 1), (2, 4)),
    "cumsum, exclusive": (lambda x: tf.cumsum(x, 1, exclusive=True), (2, 4)),
    "cumsum, reversed": (lambda x: tf.cumsum(x, 1, reverse=True), (2, 4)),
    "cumsum, both": (lambda x: tf.cumsum(x, -1, exclusive=True, reverse=True), (2, 4)),
    "cumprod": (lambda x: tf.math.cumprod(x, 0), (4, 2)),
    "fft": (lambda x: tf.signal.rfft(x), (2, 5)),
    "fft in two dimensions": (lambda x: tf.signal.rfft2d(x), (2, 3, 3)),
    "layer norm": (
        lambda x: (
            (x - tf.reduce_mean(x, -1, keepdims=True))
            * tf.math.rsqrt(tf.math.reduce_variance(x, -1, keepdims=True) + 1e-3)
        ),
        (2, 3, 3),
    ),
    "clip by norm": (lambda x: tf.clip_by_norm(x, 0.5, axes=[1]), (2, 3)),
    "cross entropy": (
        lambda x: tf.nn.softmax_cross_entropy_with_logits(tf.ones((2, 3)), x),
        (2, 3),
    ),
    "l2 loss": (tf.nn.l2_loss, (2, 2)),
    "batch norm at inference": (
        lambda x: tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=[1.0, 2.0],
            offset=[0.0, 1.0],
            mean=[0.1, 0.2],
            variance=[1.0, 1.0],
            is_training=False,
        )[0],
        (1, 2, 2, 2),
    ),
    "batch norm by the statistics of the batch": (
        lambda x: tf.raw_ops.FusedBatchNormV3(
            x=x, scale=[1.0, 2.0], offset=[0.0, 1.0], mean=[], variance=[], is_training=True
        )[0],
        (1, 2, 2, 2),
    ),
    "l2 normalisation": (lambda x: tf.nn.l2_normalize(x, -1), (2, 3)),
    "bias add": (lambda x: tf.nn.bias_add(tf.ones((1, 2, 2, 3)), x), (3,)),
    "bias add, channels first": (
        lambda x: tf.nn.bias_add(x, [1.0, 2.0], data_format="NCHW"),
        (1, 2, 2, 2),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_ops_that_mix(case: str) -> None:
    function, shape = CASES[case]
    assert_exact(function, shape, steps=(0.3, -0.7, 5.0, -5.0))


def test_training_batch_norm_whose_statistics_are_kept_says_so() -> None:
    def normalised(x: Any) -> Any:
        y, mean, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=[1.0], offset=[0.0], mean=[], variance=[], is_training=True
        )
        return y, mean + 0.0

    from tf_dependence import traced

    found = traced(normalised, (1, 3, 3, 1))
    assert any("training mode" in note for note in found.notes)
    np.testing.assert_array_equal(found.matrix[:9], np.eye(9, dtype=bool))

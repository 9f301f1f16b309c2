"""Convolutions and pooling of TensorFlow against finite changes of every input element."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_dependence import assert_exact


def weights(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).uniform(0.5, 1.5, shape), tf.float32)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("length", [7, 8])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"), [(3, 1, 1), (3, 2, 1), (2, 3, 1), (3, 1, 2)]
)
def test_convolution(padding: str, length: int, kernel: int, stride: int, dilation: int) -> None:
    assert_exact(
        lambda x: tf.nn.conv2d(
            x, weights(kernel, 2, 2, 3), (stride, 1), padding, dilations=(dilation, 1)
        ),
        (1, length, 4, 2),
        bases=1,
    )


def test_convolution_with_explicit_padding_on_each_side() -> None:
    assert_exact(
        lambda x: tf.nn.conv2d(x, weights(3, 2, 2, 2), 2, [[0, 0], [2, 1], [1, 0], [0, 0]]),
        (1, 6, 5, 2),
    )


def test_grouped_convolution() -> None:
    assert_exact(lambda x: tf.nn.conv2d(x, weights(2, 2, 2, 6), 1, "VALID"), (1, 4, 3, 4))


def test_kernel_with_structural_zeros() -> None:
    kernel = np.ones((3, 3, 2, 2), np.float32)
    kernel[1, 2:], kernel[2:] = 0, 0
    assert_exact(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"), (1, 5, 5, 2))


def test_kernel_with_zeros_that_differ_by_channel() -> None:
    kernel = np.ones((3, 1, 2, 2), np.float32)
    kernel[0, 0, 0, 1] = kernel[2, 0, 1, 0] = kernel[1, 0, 1, 1] = 0
    assert_exact(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"), (1, 5, 2, 2))


def test_grouped_kernel_with_zeros() -> None:
    kernel = np.ones((3, 1, 2, 4), np.float32)
    kernel[0, 0, 0, 1] = kernel[2, 0, 1, 2] = kernel[1, 0, 1, 3] = 0
    assert_exact(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"), (1, 5, 2, 4))


def test_kernel_made_of_the_input() -> None:
    def filtered(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(tf.ones((1, 5, 5, 1)), tf.reshape(x, (2, 2, 1, 1)), 1, "VALID")

    assert_exact(filtered, (1, 2, 2, 1))


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_convolution(multiplier: int) -> None:
    assert_exact(
        lambda x: tf.nn.depthwise_conv2d(x, weights(3, 2, 3, multiplier), (1, 2, 2, 1), "SAME"),
        (1, 6, 5, 3),
        bases=1,
    )


def test_depthwise_kernel_with_zeros() -> None:
    kernel = np.ones((3, 1, 2, 2), np.float32)
    kernel[0, 0, 0, 1] = kernel[2, 0, 1, 0] = 0
    assert_exact(lambda x: tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "SAME"), (1, 5, 2, 2))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_convolution_in_three_dimensions(padding: str) -> None:
    assert_exact(
        lambda x: tf.nn.conv3d(x, weights(2, 3, 2, 1, 2), (1, 2, 1, 2, 1), padding),
        (1, 4, 5, 3, 1),
        bases=1,
    )


def test_convolution_of_a_sequence() -> None:
    assert_exact(lambda x: tf.nn.conv1d(x, weights(3, 2, 2), 2, "SAME", dilations=1), (1, 9, 2))


def test_dilated_convolution_through_the_batch() -> None:
    def dilated(x: tf.Tensor) -> tf.Tensor:
        apart = tf.space_to_batch(x, (2, 2), [[2, 3], [2, 2]])
        return tf.batch_to_space(
            tf.nn.conv2d(apart, weights(3, 2, 1, 1), 1, "VALID"), (2, 2), [[0, 1], [0, 0]]
        )

    assert_exact(dilated, (1, 7, 6, 1), bases=1)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("kernel", "stride", "length"), [(3, 2, 4), (2, 2, 3), (4, 2, 3), (3, 1, 4), (2, 3, 3)]
)
def test_transposed_convolution(padding: str, kernel: int, stride: int, length: int) -> None:
    outputs = length * stride if padding == "SAME" else (length - 1) * stride + kernel
    assert_exact(
        lambda x: tf.nn.conv2d_transpose(
            x, weights(kernel, 1, 2, 2), (1, outputs, 2, 2), (stride, 1), padding
        ),
        (1, length, 2, 2),
        bases=1,
    )


def test_transposed_convolution_to_an_odd_size() -> None:
    assert_exact(
        lambda x: tf.nn.conv2d_transpose(x, weights(3, 3, 1, 1), (1, 7, 7, 1), 2, "SAME"),
        (1, 4, 4, 1),
    )


def test_transposed_kernel_with_zeros() -> None:
    kernel = np.ones((3, 1, 2, 2), np.float32)
    kernel[0, 0, 0, 1] = kernel[2, 0, 1, 0] = 0
    assert_exact(
        lambda x: tf.nn.conv2d_transpose(x, kernel, (1, 8, 1, 2), (2, 1), "SAME"), (1, 4, 1, 2)
    )


def test_transposed_convolution_in_three_dimensions() -> None:
    assert_exact(
        lambda x: tf.nn.conv3d_transpose(
            x, weights(2, 3, 2, 1, 1), (1, 4, 6, 2, 1), (1, 2, 2, 1, 1), "SAME"
        ),
        (1, 2, 3, 2, 1),
        bases=1,
    )


def test_transposed_depthwise_convolution() -> None:
    assert_exact(
        lambda x: tf.nn.depthwise_conv2d_backprop_input(
            (1, 6, 4, 2), weights(3, 2, 2, 2), x, (1, 2, 2, 1), "SAME"
        ),
        (1, 3, 2, 4),
    )


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("kernel", "stride", "length"), [(2, 2, 7), (3, 2, 8), (3, 1, 6), (2, 3, 7)]
)
@pytest.mark.parametrize("kind", ["max", "average"])
def test_pooling(padding: str, kernel: int, stride: int, length: int, kind: str) -> None:
    pool = tf.nn.max_pool2d if kind == "max" else tf.nn.avg_pool2d
    assert_exact(lambda x: pool(x, (kernel, 2), (stride, 1), padding), (1, length, 3, 2), bases=1)


@pytest.mark.parametrize("kind", ["max", "average"])
def test_pooling_in_three_dimensions(kind: str) -> None:
    pool = tf.nn.max_pool3d if kind == "max" else tf.nn.avg_pool3d
    assert_exact(lambda x: pool(x, (2, 3, 1), (2, 2, 1), "SAME"), (1, 4, 5, 2, 1), bases=1)


def test_pooling_with_explicit_padding() -> None:
    assert_exact(
        lambda x: tf.nn.max_pool2d(x, 3, 2, [[0, 0], [1, 0], [1, 1], [0, 0]]), (1, 6, 5, 1)
    )


def test_pooling_over_channels() -> None:
    assert_exact(
        lambda x: tf.raw_ops.MaxPool(
            input=x, ksize=(1, 1, 1, 2), strides=(1, 1, 1, 2), padding="VALID"
        ),
        (1, 2, 2, 4),
    )


def test_pooling_with_windows_as_tensors() -> None:
    assert_exact(
        lambda x: tf.raw_ops.MaxPoolV2(
            input=x, ksize=(1, 2, 2, 1), strides=(1, 2, 1, 1), padding="SAME"
        ),
        (1, 5, 3, 1),
    )


def test_pooling_that_also_tells_where() -> None:
    assert_exact(lambda x: tf.nn.max_pool_with_argmax(x, 2, 2, "SAME"), (1, 4, 5, 1), bases=3)


def test_pooling_over_a_whole_axis_is_a_reduction() -> None:
    found = assert_exact(lambda x: tf.nn.avg_pool2d(x, (4, 5), 1, "VALID"), (1, 4, 5, 2))
    assert found.matrix.sum() == 2 * 20


def test_grayscale_dilation() -> None:
    for padding, stride in itertools.product(("SAME", "VALID"), (1, 2)):
        assert_exact(
            lambda x, padding=padding, stride=stride: tf.nn.dilation2d(
                x, weights(2, 3, 2), (1, stride, 1, 1), padding, "NHWC", (1, 2, 1, 1)
            ),
            (1, 6, 6, 2),
            bases=1,
        )


def test_local_response_normalisation() -> None:
    assert_exact(lambda x: tf.nn.local_response_normalization(x, 1, 1.0, 1.0, 0.5), (1, 2, 2, 5))

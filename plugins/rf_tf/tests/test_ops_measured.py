"""Ops without a rule of their own: measured by their derivative, or refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tf_dependence import assert_bounded, assert_exact, assert_refused


def test_linear_op_is_measured_exactly() -> None:
    assert_exact(lambda x: tf.reverse_sequence(x, [2, 3], 1, 0), (2, 4))


def test_warped_image_is_measured_exactly() -> None:
    def warped(x: Any) -> Any:
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=x,
            transforms=[[1.0, 0.0, 0.5, 0.0, 1.0, 1.0, 0.0, 0.0]],
            output_shape=(4, 4),
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )

    assert_exact(warped, (1, 4, 4, 1))


def test_op_with_a_derivative_alone_says_that_it_was_measured() -> None:
    def determinant(x: Any) -> Any:
        return tf.linalg.det(x + 4.0 * tf.eye(3))

    found = assert_bounded(determinant, (2, 3, 3), "MatrixDeterminant has no rule")
    assert found.matrix.sum() == 18


def test_derivative_of_an_op_of_two_operands() -> None:
    def solved(x: Any) -> Any:
        return tf.linalg.triangular_solve(x[0] + 9.0 * tf.eye(3), x[1])

    found = assert_bounded(solved, (2, 3, 3), "MatrixTriangularSolve has no rule")
    # Row i of the solution needs rows 0 .. i of the lower triangle.
    assert not found.matrix[0, 3:9].any()


def test_op_without_a_derivative_is_refused() -> None:
    assert_refused(
        lambda x: tf.raw_ops.ResizeNearestNeighborGrad(grads=x, size=(2, 2)),
        (1, 4, 4, 1),
        "ResizeNearestNeighborGrad",
        "derivative",
    )


def test_whole_numbers_have_no_derivative() -> None:
    def counted(x: Any) -> Any:
        return tf.raw_ops.DenseBincount(input=tf.cast(x, tf.int32), size=4, weights=[1.0] * 6)

    assert_refused(counted, (6,), "DenseBincount", "int32")


def test_derivative_that_needs_an_unknown_value_is_refused() -> None:
    def reversed_somewhere(x: Any) -> Any:
        return tf.reverse_sequence(x, tf.random.uniform((2,), 0, 3, tf.int32), 1, 0)

    assert_refused(reversed_somewhere, (2, 4), "ReverseSequence", "random")


def test_windows_drawn_at_random_are_refused() -> None:
    assert_refused(
        lambda x: tf.nn.fractional_max_pool(x, 1.5, True)[0],
        (1, 6, 6, 1),
        "FractionalMaxPool",
        "at random",
    )


def test_unknown_lengths_are_refused() -> None:
    assert_refused(lambda x: tf.where(x > 0), (4,), "Where", "")


@pytest.mark.parametrize(
    "adjust",
    [
        lambda x: tf.image.adjust_contrast(x, 2.0),
        lambda x: tf.image.rgb_to_hsv(tf.sigmoid(x)),
        lambda x: tf.image.adjust_saturation(tf.sigmoid(x), 0.5),
    ],
    ids=["contrast", "hsv", "saturation"],
)
def test_colours(adjust: Any) -> None:
    from tf_dependence import changed, traced

    found = traced(adjust, (1, 2, 2, 3))
    certain = changed(adjust, (1, 2, 2, 3), steps=(0.3, -0.7, 4.0, -4.0), bases=3)
    assert not (certain & ~found.matrix).any()
    pixels = (1, 4, 3, 4, 3)
    np.testing.assert_array_equal(
        found.matrix.reshape(pixels).any(axis=(2, 4)), certain.reshape(pixels).any(axis=(2, 4))
    )


def test_one_number_everywhere() -> None:
    assert_exact(lambda x: tf.fill((2, 2), x[1]), (3,))

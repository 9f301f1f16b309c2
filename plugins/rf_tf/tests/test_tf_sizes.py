"""Other input sizes: when a graph is imported again, and when a function is traced again."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf

import rfcore
from rfcore import ReceptiveField
from rfcore.errors import TruncatedFieldError

SIZES: list[int] = []


def blurred(image: Any, times: int) -> Any:
    for _ in range(times):
        image = tf.nn.avg_pool2d(image, 3, 1, "SAME")
    return image


def measured(forward: Any, size: int = 16) -> ReceptiveField:
    SIZES.clear()
    return rfcore.estimate(tf.function(forward), input_shape=(size, size, 1))


def test_function_without_sizes_is_traced_once() -> None:
    def forward(image: Any) -> Any:
        SIZES.append(image.shape[1])
        return blurred(image, 20)

    assert measured(forward).size == (41, 41)
    assert SIZES == [16]


def test_function_that_holds_sizes_is_traced_again() -> None:
    def forward(image: Any) -> Any:
        SIZES.append(image.shape[1])
        height, width = image.shape[1:3]
        image = tf.reshape(image, [1, height * width, 1])
        image = tf.image.resize(tf.reshape(image, [1, height, width, 1]), [2 * height, 2 * width])
        return blurred(image, 20)

    field = measured(forward)
    # 20 blurs see 41 of the doubled pixels; half-pixel bilinear reads one input more.
    assert field.stride == (0.5, 0.5)
    assert field.size == (22, 22)
    assert len(SIZES) > 1


def test_constant_of_one_size_is_made_again() -> None:
    def forward(image: Any) -> Any:
        SIZES.append(image.shape[1])
        return blurred(image * tf.ones(image.shape), 20)

    assert measured(forward).size == (41, 41)
    assert len(SIZES) > 1


def test_function_that_insists_on_one_size_is_imported_at_another() -> None:
    def forward(image: Any) -> Any:
        if image.shape[1] != 16:
            raise ValueError("sixteen, please")
        return tf.roll(blurred(image, 20), 1, axis=3)

    assert measured(forward).size == (41, 41)


def test_position_that_only_one_size_has_truncates() -> None:
    positions = tf.Variable(tf.ones([1, 16, 16, 1]))

    def forward(image: Any) -> Any:
        return blurred(image + positions, 20)

    with pytest.raises(TruncatedFieldError):
        measured(forward)
    assert measured(lambda image: blurred(image + positions, 3)).size == (7, 7)


def test_loop_at_another_size_than_its_signature() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1])])
    def forward(image: Any) -> Any:
        for _ in tf.range(20):
            image = tf.nn.avg_pool2d(image, 3, 1, "SAME")
        return tf.nn.max_pool2d(image, 2, 2, "VALID")

    field = rfcore.estimate(forward, input_shape=(16, 16, 1))
    assert (field.size, field.stride) == ((42, 42), (2, 2))


def test_branch_at_another_size_than_its_signature() -> None:
    @tf.function(input_signature=[tf.TensorSpec([1, 16, 16, 1])])
    def forward(image: Any) -> Any:
        if tf.shape(image)[3] == 1:
            return blurred(image, 20)
        return image

    assert rfcore.estimate(forward).size == (41, 41)


def test_branch_within_a_loop_at_another_size() -> None:
    @tf.function(input_signature=[tf.TensorSpec([1, 16, 16, 1])])
    def forward(image: Any) -> Any:
        for step in tf.range(12):
            if step % 2 == 0:
                image = tf.nn.avg_pool2d(image, 3, 1, "SAME")
            else:
                image = tf.nn.avg_pool2d(image, 5, 1, "SAME")
        return image

    # 6 · 2 + 6 · 4 + 1, more than 16.
    assert rfcore.estimate(forward).size == (37, 37)


@pytest.mark.parametrize(("size", "low"), [(224, 2), (225, 3), (299, 3), (321, 3)])
def test_same_padding_is_that_of_the_asked_size(size: int, low: int) -> None:
    """TensorFlow's rule: total = max((ceil(n / 2) - 1) 2 + 7 - n, 0), the odd zero at the end."""

    @tf.function
    def forward(image: Any) -> Any:
        image = tf.nn.conv2d(image, tf.ones([7, 7, 1, 1]), 2, "SAME")
        for _ in range(80):
            image = tf.nn.conv2d(image, tf.ones([3, 3, 1, 1]), 1, "SAME")
        return image

    field = rfcore.estimate(forward, input_shape=(size, size, 1))
    # 7 + 80 · 2 · 2 = 327, more than each of the inputs.
    assert (field.size, field.stride) == ((327, 327), (2, 2))
    assert field.padding == (low + 160, low + 160)

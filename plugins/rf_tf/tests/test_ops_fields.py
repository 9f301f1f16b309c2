"""Fields of whole functions, where rules of several kinds meet."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf

import rfcore
from rfcore.errors import TruncatedFieldError


def field(function: Any, *shape: int, **options: Any) -> rfcore.ReceptiveField:
    signature = [tf.TensorSpec((1, *[None] * (len(shape) - 1), shape[-1]))]
    compiled = tf.function(function, autograph=False, input_signature=signature)
    return rfcore.estimate(compiled, backend="tf", input_shape=shape, **options)


def test_running_sum_is_open_at_the_low_end() -> None:
    (axis,) = field(lambda x: tf.cumsum(x, 1), 20, 3).axes
    assert (axis.lows, axis.highs, axis.shift) == (None, (1,), 1)


def test_running_sum_from_the_other_end_is_open_at_the_high_end() -> None:
    (axis,) = field(lambda x: tf.reverse(tf.cumsum(tf.reverse(x, [1]), 1), [1]), 20, 3).axes
    assert (axis.lows, axis.highs, axis.shift) == ((0,), None, 1)


def test_running_sum_of_a_mirrored_input_is_no_law_at_any_size() -> None:
    with pytest.raises(TruncatedFieldError):
        field(lambda x: tf.cumsum(tf.reverse(x, [1]), 1), 20, 3)
    with pytest.raises(TruncatedFieldError):
        field(lambda x: tf.cumsum(tf.reverse(x, [1]), 1, reverse=True), 20, 3)


def test_recurrent_layer_after_a_convolution_sees_all_that_came_before() -> None:
    def run(x: Any) -> Any:
        image = tf.nn.conv1d(x, tf.ones((3, 2, 2)), 1, "SAME")
        steps = tf.shape(x)[1]
        given = tf.TensorArray(tf.float32, steps).unstack(tf.transpose(image, (1, 0, 2)))

        def body(i: Any, state: Any, results: Any) -> Any:
            state = tf.tanh(given.read(i) + state @ tf.ones((2, 2)))
            return i + 1, state, results.write(i, state)

        start = (0, tf.zeros((1, 2)), tf.TensorArray(tf.float32, steps))
        results = tf.while_loop(lambda i, *_: i < steps, body, start)[2]
        return tf.transpose(results.stack(), (1, 0, 2))

    found = field(run, 24, 2)
    assert (found.axes[0].lows, found.axes[0].highs) == (None, (2,))
    assert found.exact


def test_channel_attention_is_global_unless_ignored() -> None:
    def squeezed(x: Any) -> Any:
        image = tf.nn.conv2d(x, tf.ones((3, 3, 2, 2)), 1, "SAME")
        return image * tf.sigmoid(tf.reduce_mean(image, (1, 2), keepdims=True))

    assert all(axis.is_global for axis in field(squeezed, 32, 32, 2).axes)
    assert field(squeezed, 32, 32, 2, global_paths="ignore").size == (3, 3)


@pytest.mark.parametrize("rate", [2, 3])
def test_dilation_through_the_batch_equals_dilation_of_the_kernel(rate: int) -> None:
    kernel = tf.ones((3, 3, 2, 2))

    def direct(x: Any) -> Any:
        return tf.nn.conv2d(x, kernel, 1, "VALID", dilations=rate)

    def through_the_batch(x: Any) -> Any:
        length = tf.shape(x)[1]
        missing = -length % rate
        apart = tf.space_to_batch(x, (rate, rate), [[0, missing], [0, missing]])
        filtered = tf.nn.conv2d(apart, kernel, 1, "VALID")
        return tf.batch_to_space(filtered, (rate, rate), [[0, missing], [0, missing]])

    one, other = field(direct, 30, 30, 2), field(through_the_batch, 30, 30, 2)
    assert one.size == other.size == (2 * rate + 1,) * 2
    assert one.offset == other.offset
    assert one.axes[0].density == other.axes[0].density


@pytest.mark.parametrize(
    ("method", "sizes"), [("nearest", {2}), ("bilinear", {3}), ("bicubic", {5})]
)
def test_resized_maps_have_phases(method: str, sizes: set[int]) -> None:
    def doubled(x: Any) -> Any:
        large = tf.image.resize(x, 2 * tf.shape(x)[1:3], method)
        return tf.nn.conv2d(large, tf.ones((3, 3, 1, 1)), 1, "SAME")

    # Of the doubled map pixel 2m comes from m, from m - 1 .. m, or m - 2 .. m + 1, and pixel
    # 2m + 1 from m, m .. m + 1, or m - 1 .. m + 2; any three neighbours unite three of these.
    found = field(doubled, 24, 24, 1)
    axis = found.axes[0]
    assert axis.lows is not None
    assert axis.highs is not None
    assert found.stride == (0.5, 0.5)
    assert {high - low for low, high in zip(axis.lows, axis.highs, strict=True)} == sizes

"""Real networks of TensorFlow, whose fields are verified on their own forwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import rfcore
from slim_networks import graph, node
from tf_chains import SHAPE, TracedChain


class Decoder(tf.Module):
    """Down by max-pooling, up by a transposed convolution and by resizing."""

    def __init__(self) -> None:
        super().__init__()
        generator = np.random.default_rng(0)
        self.kernels = [
            tf.Variable(generator.standard_normal(shape).astype(np.float32))
            for shape in ((3, 3, 3, 1), (3, 3, 3, 4), (4, 4, 4, 4), (3, 3, 7, 2))
        ]

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3])])
    def __call__(self, image: Any) -> Any:
        depthwise, inner, up, last = self.kernels
        x = tf.nn.relu(tf.nn.depthwise_conv2d(image, depthwise, [1, 1, 1, 1], "SAME"))
        below = tf.nn.conv2d(tf.nn.max_pool2d(x, 2, 2, "SAME"), inner, 1, "SAME", dilations=2)
        larger = 2 * tf.shape(below)[1:3]
        shape = tf.stack([tf.shape(x)[0], larger[0], larger[1], 4])
        upper = tf.nn.conv2d_transpose(below, up, shape, 2) + tf.image.resize(below, larger)
        return tf.nn.conv2d(tf.concat([x, upper], -1), last, 1, "SAME")


def test_decoder_is_verified_and_so_is_its_export(tmp_path: Path) -> None:
    model = Decoder()
    field = rfcore.estimate(model, input_shape=(40, 44, 3))
    tf.saved_model.save(model, str(tmp_path))
    for door in (model, str(tmp_path)):
        certificate = field.verify(door, input_shape=(40, 44, 3))
        assert certificate.complete, str(certificate)


@pytest.mark.parametrize(
    ("network", "feature_map", "size"),
    [
        ("alexnet_v2", "alexnet_v2/pool5", 200),
        ("resnet_v1_50", "resnet_v1_50/block2", 97),
    ],
)
def test_graph_of_tensorflow_1_is_verified_in_its_session(
    network: str, feature_map: str, size: int
) -> None:
    model, name = graph(network), node(network, feature_map)
    shape = (size, size, 3)
    field = rfcore.estimate(model, input_shape=shape, output=name)
    before = len(model.get_operations())
    weights = model.get_collection(tf.compat.v1.GraphKeys.GLOBAL_VARIABLES)
    with model.as_default():
        initial = tf.group(*(weight.initializer for weight in weights))
    with tf.compat.v1.Session(graph=model) as session:
        session.run(initial)
        certificate = field.verify(model, input_shape=shape, output=name, phases=2)
    assert certificate.complete, str(certificate)
    assert len(model.get_operations()) == before + 1


def test_zeros_of_a_kernel_are_told_from_nan_by_noise() -> None:
    kernel = np.random.default_rng(0).standard_normal((5, 5, 1, 2)).astype(np.float32)
    kernel[3:] = 0.0
    masked = tf.Variable(kernel)
    model = tf.function(lambda image: tf.nn.conv2d(image, masked, 1, "SAME"))
    field = rfcore.estimate(model, input_shape=(20, 20, 1))
    assert field.size == (3, 5)
    certificate = field.verify(model, input_shape=(20, 20, 1))
    assert certificate.complete, str(certificate)
    assert "finite" in certificate.methods


@pytest.mark.parametrize("dtype", [tf.float64, tf.float16, tf.bfloat16], ids=lambda d: d.name)
def test_other_precisions_are_verified(dtype: tf.DType) -> None:
    kernel = tf.cast(np.random.default_rng(0).standard_normal((3, 3, 2, 2)), dtype)
    signature = [tf.TensorSpec([None, None, None, 2], dtype)]
    model = tf.function(
        lambda image: tf.nn.relu(tf.nn.conv2d(image, kernel, 2, "SAME")), input_signature=signature
    )
    field = rfcore.estimate(model, input_shape=(21, 20, 2))
    certificate = field.verify(model, input_shape=(21, 20, 2))
    assert certificate.complete, str(certificate)


def test_edges_behind_max_pooling_show_through_many_layers() -> None:
    kernel = tf.constant([1e-3, 1.0, 1e-3], shape=(3, 1, 1))

    @tf.function
    def model(x: Any) -> Any:
        x = tf.nn.max_pool1d(x, 3, 2, "VALID")
        for _ in range(20):
            # What is left of finite noise after so many layers is far below any number.
            x = tf.nn.conv1d(x, kernel, 1, "SAME")
        return x

    field = rfcore.estimate(model, input_shape=(201, 1))
    # 3 of the pool, and 20 times two taps of stride 2.
    assert field.size == (83,)
    certificate = field.verify(model, input_shape=(201, 1))
    assert certificate.complete, str(certificate)


def test_whole_numbers_are_spoiled_by_other_ones() -> None:
    signature = [tf.TensorSpec([None, 32, 32, 3], tf.uint8)]
    model = tf.function(
        lambda x: tf.nn.max_pool2d(tf.cast(x, tf.float32) / 255.0, 3, 2, "SAME"),
        input_signature=signature,
    )
    field = rfcore.estimate(model)
    assert field.size == (3, 3)
    certificate = field.verify(model)
    assert certificate.complete, str(certificate)
    assert {check.method for check in certificate.checks if check.verdict == "held"} == {"finite"}


def test_wrong_fields_are_caught() -> None:
    model = TracedChain()
    field = rfcore.estimate(model, input_shape=SHAPE)
    for number, axis in enumerate(field.axes):
        assert axis.lows is not None
        for step, kind in ((1, "leaks"), (-1, "unseen")):
            moved = replace(axis, lows=tuple(low + step for low in axis.lows))
            axes = tuple(moved if n == number else own for n, own in enumerate(field.axes))
            certificate = replace(field, axes=axes).verify(model, input_shape=SHAPE)
            assert not certificate.passed
            found = {(check.axis, check.edge) for check in getattr(certificate, kind)}
            assert found == {(number, "low")}

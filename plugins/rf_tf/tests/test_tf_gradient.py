"""The gradient callable on every kind of model: true derivatives of the real weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import rfcore
from rf_tf.gradient import _derivative
from rf_tf.running import located
from rfcore.errors import IndependentOutputError, NoSpatialAxesError, UnknownLayerError
from rfcore.gradients import grid_shape, probe, random_input
from rfcore.guard import ask_gradient
from rfcore.hookspecs import MeasuredOutput
from rfcore.plugins import find_backend
from tf_chains import PADDING, SHAPE, SIZE, STRIDE, Chain, TracedChain, kernels, plain_graph

SMALL = (24, 25, 3)


def measured(
    model: Any, output: str | None = None, shape: tuple[int, ...] | None = SMALL
) -> MeasuredOutput:
    backend = find_backend(model, "tf")
    return ask_gradient(backend, model, backend.input_spec(model, shape, None, None), output)


def probed(found: MeasuredOutput, mask: Any) -> Any:
    """|gradient| summed over channels, at the random input of the gradient method."""
    spec = find_backend(None, "tf").input_spec(Chain(), SMALL, None, None)
    return probe(found, spec, random_input(found, spec))(mask)


def by_tape(model: Any, mask: Any) -> Any:
    """|gradient| summed over channels, by TensorFlow's own tape at the same random input."""
    image = tf.constant(np.random.default_rng(0).random((1, *SMALL)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(image)
        result = model(image)
    cotangent = tf.broadcast_to(mask[None, :, :, None].astype(np.float32), result.shape)
    return np.abs(tape.gradient(result, image, cotangent).numpy()).sum(axis=(0, 3))


@pytest.mark.parametrize("kind", [Chain, TracedChain])
def test_gradient_is_that_of_the_tape(kind: type[Chain]) -> None:
    model = kind()
    found = measured(model)
    mask = np.zeros(grid_shape(found))
    mask[1, 2] = 1.0
    np.testing.assert_allclose(probed(found, mask), by_tape(model, mask), rtol=1e-5)


def test_gradient_of_a_saved_model_is_that_of_its_weights(tmp_path: Path) -> None:
    model = TracedChain()
    model.__call__.get_concrete_function(tf.TensorSpec([None, None, None, 3]))
    tf.saved_model.save(model, str(tmp_path))
    found = measured(str(tmp_path))
    mask = np.zeros(grid_shape(found))
    mask[2, 2] = 1.0
    np.testing.assert_allclose(probed(found, mask), by_tape(model, mask), rtol=1e-5)


@pytest.mark.parametrize("use_resource", [False, True], ids=["references", "resources"])
def test_gradient_of_a_graph_uses_the_values_of_its_session(use_resource: bool) -> None:
    graph = plain_graph(use_resource=use_resource)
    with tf.compat.v1.Session(graph=graph) as session:
        session.run("init")
        found = measured(graph)
    mask = np.zeros(grid_shape(found))
    mask[1, 1] = 1.0
    np.testing.assert_allclose(probed(found, mask), by_tape(Chain(), mask), rtol=1e-5)


@pytest.mark.parametrize("output", [None, "head", "head/Conv2D"])
def test_field_of_positive_weights_is_seen_whole(output: str | None) -> None:
    field = rfcore.estimate(TracedChain(), input_shape=SHAPE, output=output, method="gradient")
    assert (field.size, field.stride, field.padding) == (SIZE, STRIDE, PADDING)
    assert not field.exact
    assert any("lower bound" in note for note in field.notes)


def test_gradient_of_an_inner_tensor() -> None:
    found = measured(Chain(), "stem")
    assert grid_shape(found) == (12, 13)
    mask = np.zeros((12, 13))
    mask[5, 5] = 1.0
    rows, columns = np.nonzero(probed(found, mask))
    # An even axis is padded after its end only, an odd one on both sides.
    assert (rows.min(), rows.max()) == (10, 12)
    assert (columns.min(), columns.max()) == (9, 11)


def test_gradient_through_a_loop() -> None:
    kernel = tf.Variable(tf.ones([3, 3, 1, 1]))

    @tf.function
    def forward(image: Any) -> Any:
        for _ in tf.range(4):
            image = tf.nn.conv2d(image, kernel, 1, "SAME")
        return image

    field = rfcore.estimate(forward, input_shape=(32, 32, 1), method="gradient")
    assert (field.size, field.padding) == ((9, 9), (4, 4))


def test_dead_units_have_no_gradient_and_no_error() -> None:
    first, _ = kernels()
    found = measured(tf.function(lambda image: tf.nn.relu(tf.nn.conv2d(image, -first, 2, "SAME"))))
    assert not probed(found, np.ones(grid_shape(found))).any()


def test_other_inputs_are_held_and_said_to_be() -> None:
    specs = [tf.TensorSpec([None, 8, 8, 3], name=name) for name in ("image", "gate")]
    model = tf.function(lambda image, gate: image * gate, input_signature=specs)
    field = rfcore.estimate(model, method="gradient")
    assert field.size == (1, 1)
    assert any("'gate' is held at random values" in note for note in field.notes)


def test_output_that_does_not_depend_on_the_input() -> None:
    model = tf.function(lambda image: tf.stop_gradient(image) * 2.0)
    with pytest.raises(IndependentOutputError, match="has a gradient"):
        rfcore.estimate(model, input_shape=SMALL, method="gradient")


KERNEL = np.random.default_rng(5).normal(size=(3, 3, 3, 2)).astype(np.float32)


def convolved(image: Any) -> Any:
    return tf.nn.relu(tf.nn.conv2d(image, tf.constant(KERNEL), 2, "SAME"))


@pytest.mark.parametrize(
    ("model", "shape", "axes"),
    [
        pytest.param(lambda x: tf.reduce_mean(convolved(x), [1, 2]), (1, 2), None, id="logits"),
        pytest.param(
            lambda x: tf.reshape(convolved(x), [1, -1, 2]), (1, 156, 2), None, id="tokens"
        ),
        pytest.param(lambda x: tf.reduce_sum(convolved(x)), (), None, id="a-number"),
        pytest.param(
            lambda x: tf.reduce_mean(convolved(x), 1), (1, 13, 2), (None, 1), id="height-averaged"
        ),
        pytest.param(
            lambda x: tf.transpose(convolved(x), [0, 2, 1, 3]), (1, 13, 12, 2), (2, 1), id="swapped"
        ),
    ],
)
def test_outputs_of_any_rank_have_a_derivative(model: Any, shape: Any, axes: Any) -> None:
    """Every gradient is a row of the dense Jacobian that TensorFlow's tape gives."""
    backend = find_backend(None, "tf")
    spec = backend.input_spec(model, SMALL, None, None)
    found = ask_gradient(backend, model, spec, None)
    assert (found.shape, found.axes) == (shape, axes)
    image = np.random.default_rng(3).normal(size=spec.shape).astype(np.float32)
    given = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = model(given)
    jacobian = tape.jacobian(value, given).numpy()
    linear = found.at(image)
    np.testing.assert_allclose(linear.value(), value, rtol=1e-5, atol=1e-5)
    for place in {(0,) * len(shape), tuple(n - 1 for n in shape)}:
        cotangent = np.zeros((1, *shape), np.float32)
        cotangent[(0, *place)] = -2
        np.testing.assert_allclose(linear.pull(cotangent)[0], -2 * jacobian[place], atol=1e-5)


def test_half_precision() -> None:
    for kind, told in ((tf.float16, np.float16), (tf.bfloat16, np.float32)):
        model = tf.function(
            lambda image: 2 * image, input_signature=[tf.TensorSpec([1, 8, 8, 1], kind)]
        )
        found = measured(model, shape=None)
        assert found.dtype == np.dtype(told)
        linear = found.at(np.ones((1, 8, 8, 1)))
        gradients = linear.pull(np.ones((1, 1, 8, 8, 1), np.float32))
        assert (gradients.dtype, linear.value().dtype) == (found.dtype, found.dtype)
        assert (gradients == 2).all()


def test_the_backward_pass_reads_what_the_forward_left() -> None:
    def model(image: Any) -> Any:
        return tf.sin(tf.exp(image))

    spec = find_backend(None, "tf").input_spec(model, SMALL, None, None)
    captured, address = located(model, spec, None)
    derivative = _derivative(captured, captured.outputs[address])
    assert derivative is not None
    assert {tensor.op.type for tensor in derivative.kept} == {"Exp"}
    gradients = measured(model).at(np.zeros(spec.shape)).pull(np.ones((3, *spec.shape)))
    np.testing.assert_allclose(gradients, np.cos(1), rtol=1e-6)


def test_a_loop_runs_again_for_its_derivative() -> None:
    def model(image: Any) -> Any:
        return tf.while_loop(lambda x: tf.reduce_max(x) < 1e4, lambda x: [2 * x], [image])[0]

    found = measured(tf.function(model))
    (gradient,) = found.at(np.ones((1, *SMALL))).pull(np.ones((1, *found.shape)))
    # Fourteen doublings.
    np.testing.assert_array_equal(gradient, 2**14)


def test_output_without_the_axes_of_the_input() -> None:
    model = tf.function(lambda image: tf.reduce_mean(image, [1, 2]))
    with pytest.raises(NoSpatialAxesError):
        rfcore.estimate(model, input_shape=SMALL, method="gradient")


def test_unknown_output() -> None:
    with pytest.raises(UnknownLayerError) as caught:
        rfcore.estimate(Chain(), input_shape=SMALL, output="stam", method="gradient")
    assert "stem" in caught.value.nearest


def test_double_precision() -> None:
    kernel = tf.Variable(tf.ones([3, 3, 1, 1], tf.float64))

    class Double(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = kernel

        def __call__(self, image: Any) -> Any:
            return tf.nn.conv2d(image, self.kernel, 1, "VALID")

    for method in ("exact", "gradient"):
        field = rfcore.estimate(Double(), input_shape=(16, 16, 1), method=method)  # type: ignore[call-overload]
        assert field.size == (3, 3)

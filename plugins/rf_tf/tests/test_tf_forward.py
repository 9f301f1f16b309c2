"""The forward that checks run: TensorFlow's own values, on the model's own, and nothing moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rfcore.errors import InputShapeError, ModelError, RfcoreError, UnknownLayerError
from rfcore.hookspecs import ForwardBackend, OutputForward
from rfcore.plugins import find_backend
from tf_chains import Chain, TracedChain, kernels, plain_graph
from tf_snapshots import process_state, state

SHAPE = (40, 41, 3)


def forward_of(
    model: Any, shape: tuple[int, ...] | None = SHAPE, output: str | int | None = None, **given: Any
) -> OutputForward:
    backend = find_backend(model, "tf")
    assert isinstance(backend, ForwardBackend)
    spec = backend.input_spec(model, shape, given.get("layout"), given.get("input"))
    return backend.forward(model, spec, output)


def image(*shape: int) -> Any:
    return np.random.default_rng(1).standard_normal((1, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", [SHAPE, (31, 200, 3)], ids=str)
@pytest.mark.parametrize("output", ["stem", "stem/Relu", "head/Conv2D"])
def test_inner_tensors_at_several_sizes(shape: tuple[int, ...], output: str) -> None:
    first, second = kernels()
    stem = tf.nn.relu(tf.nn.conv2d(image(*shape), first, 2, "SAME"))
    expected = stem if "stem" in output else tf.nn.conv2d(stem, second, 1, "VALID", dilations=2)
    found = forward_of(TracedChain(), shape, output).run(image(*shape))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_module_and_the_process_are_left_as_they_were() -> None:
    model = Chain()
    before = state(model), process_state()
    forward = forward_of(model)
    assert forward.run(image(*SHAPE)).shape == (1, 12, 13, 2)
    with pytest.raises(UnknownLayerError):
        forward_of(model, SHAPE, "stam")
    assert (state(model), process_state()) == before


def test_variables_are_read_when_the_forward_is_made() -> None:
    scale = tf.Variable(2.0)
    model = tf.function(lambda x: x * scale)
    forward = forward_of(model)
    scale.assign(3.0)
    np.testing.assert_array_equal(forward.run(image(*SHAPE)), image(*SHAPE) * 2)
    np.testing.assert_array_equal(forward_of(model).run(image(*SHAPE)), image(*SHAPE) * 3)


def test_what_is_written_to_a_variable_stays_in_the_copy() -> None:
    count = tf.Variable(0.0)

    @tf.function
    def counting(x: Any) -> Any:
        count.assign_add(1.0)
        return x + count

    forward = forward_of(counting)
    for _ in range(2):
        np.testing.assert_array_equal(forward.run(image(*SHAPE)), image(*SHAPE) + 1)
    assert float(count) == 0.0


def drawing(x: Any) -> Any:
    return x + tf.random.normal(tf.shape(x))


def dropping(x: Any) -> Any:
    return tf.nn.dropout(x, 0.5)


def with_a_seed(x: Any) -> Any:
    return tf.nn.dropout(x, 0.5, seed=3)


def in_a_loop(x: Any) -> Any:
    return tf.while_loop(lambda _: True, lambda y: (dropping(y),), (x,), maximum_iterations=3)[0]


@pytest.mark.parametrize("model", [drawing, dropping, with_a_seed, in_a_loop])
def test_random_numbers_are_the_same_each_time(model: Any) -> None:
    before = process_state()
    forward = forward_of(tf.function(model))
    first = forward.run(image(*SHAPE))
    assert not np.array_equal(first, image(*SHAPE))
    assert forward.run(image(*SHAPE)).tobytes() == first.tobytes()
    assert process_state() == before


def test_numbers_of_a_generator_are_the_same_each_time() -> None:
    generator = tf.random.Generator.from_seed(1)
    before = generator.state.numpy().tobytes()
    forward = forward_of(tf.function(lambda x: x + generator.normal(tf.shape(x))))
    first = forward.run(image(*SHAPE))
    assert not np.array_equal(first, image(*SHAPE))
    assert forward.run(image(*SHAPE)).tobytes() == first.tobytes()
    assert generator.state.numpy().tobytes() == before


def test_outputs_of_other_types_and_by_key() -> None:
    @tf.function
    def model(x: Any) -> Any:
        return {"best": tf.argmax(x, -1), "half": tf.cast(x, tf.bfloat16), "both": (x > 0, x)}

    x = image(*SHAPE)
    best = forward_of(model, SHAPE, "best").run(x)
    np.testing.assert_array_equal(best, x.argmax(-1))
    half = forward_of(model, SHAPE, "half").run(x)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, x, rtol=1e-2)
    np.testing.assert_array_equal(forward_of(model, SHAPE, "[both][0]").run(x), x > 0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (tf.uint8, np.uint8),
        (tf.int32, np.int32),
        (tf.float64, np.float64),
        (tf.float16, np.float16),
        # Numpy has no such type; what goes in is rounded to it.
        (tf.bfloat16, np.float32),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_input_is_of_the_models_own_type(given: tf.DType, expected: Any) -> None:
    signature = [tf.TensorSpec([None, 8, 8, 3], given)]
    model = tf.function(lambda x: tf.cast(x, tf.float32) + 1.0, input_signature=signature)
    forward = forward_of(model, None)
    assert forward.dtype == expected
    x = np.arange(192).reshape(1, 8, 8, 3).astype(forward.dtype)
    np.testing.assert_array_equal(forward.run(x), x.astype(np.float32) + 1)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_max_pooling_passes_nan_on_and_keeps_all_other_values(rank: int, padding: str) -> None:
    pool = tf.function(lambda x: tf.nn.max_pool(x, 3, 2, padding))
    shape = (9,) * rank + (2,)
    x = image(*shape)
    # No number is lower; as NaN it would come out.
    x[0, 0] = -np.inf
    forward = forward_of(pool, shape)
    assert any("pass NaN on" in note for note in forward.notes)
    assert forward.run(x).tobytes() == np.asarray(pool(x)).tobytes()
    x[(0, *(4,) * rank)] = np.nan
    # Of nine positions, the window of output j holds 2j, 2j + 1, 2j + 2, and one less where padded.
    low = 1 if padding == "SAME" else 0
    seen = [j for j in range(5 if low else 4) if 0 <= 4 - (2 * j - low) < 3]
    expected = np.zeros(forward.run(x).shape, bool)
    expected[(0, *np.ix_(*[seen] * rank))] = True
    np.testing.assert_array_equal(np.isnan(forward.run(x)), expected)


def test_inputs_that_are_not_measured_are_held() -> None:
    specs = [tf.TensorSpec([None, 8, 8, 3], name=name) for name in ("image", "gate")]
    model = tf.function(lambda image, gate: image * gate, input_signature=specs)
    for name, held in (("image", "gate"), ("gate", "image")):
        forward = forward_of(model, None, input=name)
        assert any(f"{held!r} is held at random values" in note for note in forward.notes)
        first = forward.run(image(8, 8, 3))
        assert np.count_nonzero(first) == first.size
        assert forward_of(model, None, input=name).run(image(8, 8, 3)).tobytes() == first.tobytes()


def test_any_node_of_a_graph_can_be_where_it_begins() -> None:
    graph = plain_graph(use_resource=False)
    with tf.compat.v1.Session(graph=graph) as session:
        session.run("init")
        forward = forward_of(graph, (20, 20, 4), input="stem/Relu")
    expected = tf.nn.conv2d(image(20, 20, 4), kernels()[1], 1, "VALID", dilations=2)
    np.testing.assert_allclose(forward.run(image(20, 20, 4)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "output", "error"),
    [
        pytest.param(Chain, "stam", UnknownLayerError, id="unknown layer"),
        pytest.param(
            lambda: tf.function(lambda x: x @ tf.zeros([7, 7])), None, ModelError, id="does not run"
        ),
    ],
)
def test_what_cannot_be_run_is_refused(
    model: Any, output: str | None, error: type[RfcoreError]
) -> None:
    with pytest.raises(error) as caught:
        forward_of(model(), SHAPE, output)
    assert caught.value.hint


def test_an_array_of_another_shape_is_refused() -> None:
    with pytest.raises(InputShapeError, match="was made for"):
        forward_of(Chain()).run(image(40, 40, 3))


def test_an_error_while_it_runs_is_told() -> None:
    @tf.function
    def model(x: Any) -> Any:
        tf.debugging.assert_less(x, -100.0)
        return tf.gather(x, tf.constant([5]) + tf.cast(tf.reduce_max(x) * 1e3, tf.int32), axis=1)

    with pytest.raises(ModelError, match="does not run"):
        forward_of(model).run(image(*SHAPE))

"""Every form in which TensorFlow users hold a model, and the names of what is inside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import rfcore
from rf_tf.errors import NoSessionError
from rfcore import ReceptiveField
from rfcore.hookspecs import ForwardBackend
from rfcore.plugins import find_backend
from tf_chains import (
    PADDING,
    SHAPE,
    SIZE,
    STRIDE,
    Chain,
    TracedChain,
    convolutions,
    kernels,
    plain_graph,
)

BATCH = tf.TensorSpec([None, None, None, 3])


def saved(model: Any, folder: Path, **signatures: Any) -> str:
    tf.saved_model.save(model, str(folder), signatures=signatures or None)
    return str(folder)


def with_signature(folder: Path) -> str:
    model = TracedChain()
    return saved(model, folder, serving_default=model.__call__.get_concrete_function(BATCH))


def without_signature(folder: Path) -> str:
    model = TracedChain()
    model.__call__.get_concrete_function(BATCH)
    return saved(model, folder)


def of_tensorflow_1(folder: Path) -> str:
    graph = plain_graph(use_resource=True)
    with tf.compat.v1.Session(graph=graph) as session:
        session.run("init")
        tf.compat.v1.saved_model.simple_save(
            session,
            str(folder),
            {"image": graph.get_tensor_by_name("image:0")},
            {"features": graph.get_tensor_by_name("head/Conv2D:0")},
        )
    return str(folder)


# A method and a function hold no reference to what their variables belong to.
ALIVE: list[Any] = []


def kept(model: Any) -> Any:
    ALIVE.append(model)
    return model


def keras_3_by_hand() -> Any:
    keras = pytest.importorskip("keras", minversion="3")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras runs on another backend")
    model = _keras_chain(keras)
    return tf.function(lambda image: model(image, training=False))


def keras_2() -> Any:
    return _keras_chain(pytest.importorskip("tf_keras"))


def _keras_chain(keras: Any) -> Any:
    return keras.Sequential(
        [
            keras.layers.InputLayer((None, None, 3)),
            keras.layers.Conv2D(4, 3, 2, "same", activation="relu", name="stem"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Conv2D(2, 5, dilation_rate=2, name="head"),
        ]
    )


DOORS: dict[str, Callable[[Path], Any]] = {
    "a module": lambda _: Chain(),
    "a module with a traced call": lambda _: TracedChain(),
    "a method": lambda _: kept(TracedChain()).__call__,
    "a concrete function": lambda _: kept(TracedChain()).__call__.get_concrete_function(BATCH),
    "a function with a signature": lambda _: tf.function(
        lambda image: convolutions(image, *kernels()), input_signature=[BATCH]
    ),
    "a folder": with_signature,
    "a folder as a path": lambda folder: Path(with_signature(folder)),
    "a loaded model": lambda folder: tf.saved_model.load(with_signature(folder)),
    "a signature": lambda folder: kept(tf.saved_model.load(with_signature(folder))).signatures[
        "serving_default"
    ],
    "a folder without signatures": without_signature,
    "a restored function": lambda folder: (
        kept(tf.saved_model.load(without_signature(folder))).__call__
    ),
    "a folder of TensorFlow 1": of_tensorflow_1,
    "a graph": lambda _: plain_graph(use_resource=False),
    "a graph with resources": lambda _: plain_graph(use_resource=True),
    "a graph as a message": lambda _: plain_graph(use_resource=False).as_graph_def(),
    "a graph message with resources": lambda _: plain_graph(use_resource=True).as_graph_def(),
    "Keras 3 in a function": lambda _: keras_3_by_hand(),
    "Keras 2": lambda _: keras_2(),
}


def assert_the_chain(field: ReceptiveField) -> None:
    assert field.exact
    assert (field.size, field.stride, field.padding) == (SIZE, STRIDE, PADDING)


@pytest.mark.parametrize("door", DOORS)
def test_every_door_leads_to_the_same_field(door: str, tmp_path: Path) -> None:
    model = DOORS[door](tmp_path)
    # Where TensorFlow 1 saves a graph, the inner names stay those of the graph.
    assert_the_chain(rfcore.estimate(model, input_shape=SHAPE))


@pytest.mark.parametrize("door", DOORS)
def test_every_door_runs_on_the_values_of_its_variables(door: str, tmp_path: Path) -> None:
    model = DOORS[door](tmp_path)
    backend = find_backend(model, "tf")
    assert isinstance(backend, ForwardBackend)
    image = np.random.default_rng(0).standard_normal((1, *SHAPE)).astype(np.float32)
    own = model if door.startswith("Keras") else Chain()
    with ExitStack() as stack:
        if isinstance(model, tf.Graph):
            session = stack.enter_context(tf.compat.v1.Session(graph=model))
            session.run("init")
        spec = backend.input_spec(model, SHAPE, None, None)
        if door.startswith("a graph") and "message" in door:
            with pytest.raises(NoSessionError):
                backend.forward(model, spec, None)
            return
        forward = backend.forward(model, spec, None)
        found = forward.run(image)
    np.testing.assert_allclose(found, own(image), rtol=1e-4, atol=1e-4)
    assert forward.run(image).tobytes() == found.tobytes()


def test_plain_function_when_the_backend_is_named() -> None:
    first, second = kernels()
    field = rfcore.estimate(
        lambda image: convolutions(image, first, second), backend="tf", input_shape=SHAPE
    )
    assert_the_chain(field)


def test_function_with_defaults() -> None:
    first, second = kernels()

    @tf.function
    def forward(image: Any, first: Any = first, second: Any = second, repeat: int = 1) -> Any:
        return convolutions(image, first, second)

    assert_the_chain(rfcore.estimate(forward, input_shape=SHAPE))


@pytest.mark.parametrize(
    ("output", "size"),
    [
        ("stem", 3),
        ("head", 19),
        ("stem/Relu", 3),
        ("stem/Conv2D", 3),
        ("stem/Conv2D:0", 3),
        ("head/Conv2D", 19),
    ],
)
def test_inner_tensors_by_scope_and_op(output: str, size: int) -> None:
    for model in (Chain(), TracedChain(), plain_graph(use_resource=False)):
        assert rfcore.estimate(model, input_shape=SHAPE, output=output).size == (size, size)


def test_inner_tensors_of_a_saved_model(tmp_path: Path) -> None:
    fields = rfcore.estimate(
        with_signature(tmp_path), input_shape=SHAPE, output=["stem", "head/Conv2D"]
    )
    assert [field.size for field in fields.values()] == [(3, 3), (19, 19)]


def test_layers_of_keras_2() -> None:
    fields = rfcore.estimate(keras_2(), input_shape=SHAPE, output=["stem", "norm", "head"])
    assert [field.size for field in fields.values()] == [(3, 3), (3, 3), (19, 19)]


def test_structured_outputs() -> None:
    @tf.function
    def forward(image: Any) -> Any:
        once = tf.nn.avg_pool2d(image, 3, 1, "SAME")
        return {
            "pair": (image, once),
            "nothing": None,
            "twice": tf.nn.avg_pool2d(once, 3, 1, "SAME"),
        }

    outputs = ["[pair][0]", "[pair][1]", "twice"]
    fields = rfcore.estimate(forward, input_shape=(32, 32, 3), output=outputs)
    assert [field.size for field in fields.values()] == [(1, 1), (3, 3), (5, 5)]


def test_scope_that_two_tensors_leave_has_no_name_of_its_own() -> None:
    @tf.function
    def forward(image: Any) -> Any:
        with tf.name_scope("two"):
            once = tf.nn.avg_pool2d(image, 3, 1, "SAME")
            twice = tf.nn.avg_pool2d(once, 3, 1, "SAME")
        return once + twice

    with pytest.raises(rfcore.errors.UnknownLayerError, match="'two'") as caught:
        rfcore.estimate(forward, input_shape=(32, 32, 3), output="two")
    assert "two/AvgPool2D" in caught.value.known


def test_any_node_of_a_graph_can_be_the_input() -> None:
    graph = plain_graph(use_resource=False)
    field = rfcore.estimate(graph, input="stem/Relu", input_shape=(40, 40, 4))
    assert (field.size, field.stride) == ((9, 9), (1, 1))


def test_part_of_a_graph_that_is_trained() -> None:
    graph = plain_graph(use_resource=False)
    with graph.as_default():
        loss = tf.reduce_mean(graph.get_tensor_by_name("head/Conv2D:0"))
        tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(loss)
        tf.compat.v1.train.Saver()
    assert_the_chain(rfcore.estimate(graph, input_shape=SHAPE, output="head/Conv2D"))


def test_several_inputs_by_name_and_number() -> None:
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 32, 32, 3], name="image"),
            tf.TensorSpec([None, 16, 16, 3], name="small"),
        ]
    )
    def forward(image: Any, small: Any) -> Any:
        return tf.nn.avg_pool2d(image, 2, 2, "VALID") + tf.nn.avg_pool2d(small, 3, 1, "SAME")

    assert rfcore.estimate(forward).size == (2, 2)
    assert rfcore.estimate(forward, input="image").size == (2, 2)
    for small in ("small", 1):
        field = rfcore.estimate(forward, input=small)
        assert (field.size, field.input_shape) == ((3, 3), (16, 16))


def test_static_batch_of_a_signature() -> None:
    @tf.function(input_signature=[tf.TensorSpec([4, 30, 30, 3])])
    def forward(image: Any) -> Any:
        rows = tf.reshape(image, [4, 30, 90])
        return tf.nn.avg_pool2d(tf.reshape(rows, [4, 30, 30, 3]), 3, 3, "VALID")

    field = rfcore.estimate(forward)
    assert (field.size, field.stride, field.input_shape) == ((3, 3), (3, 3), (30, 30))


def test_whole_numbers_go_in_as_images() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, 32, 32, 3], tf.uint8)])
    def forward(image: Any) -> Any:
        return tf.nn.max_pool2d(tf.cast(image, tf.float32) / 255.0, 3, 2, "VALID")

    assert rfcore.estimate(forward).size == (3, 3)


@pytest.mark.parametrize("variable", ["assigned", "added", "subtracted"])
def test_what_is_written_to_a_variable_is_read_from_it(variable: str) -> None:
    state = tf.Variable(tf.zeros([1, 32, 32, 3]))

    @tf.function
    def forward(image: Any) -> Any:
        blurred = tf.nn.avg_pool2d(image, 3, 1, "SAME")
        write = {
            "assigned": state.assign,
            "added": state.assign_add,
            "subtracted": state.assign_sub,
        }
        write[variable](blurred)
        return tf.identity(state)

    assert rfcore.estimate(forward, input_shape=(32, 32, 3)).size == (3, 3)
    np.testing.assert_array_equal(state.numpy(), 0.0)


def test_what_a_branch_writes_to_a_variable_is_refused() -> None:
    state = tf.Variable(tf.zeros([1, 32, 32, 3]))

    @tf.function
    def forward(image: Any) -> Any:
        if tf.reduce_sum(image) > 0:
            state.assign(image)
        return tf.identity(state)

    with pytest.raises(rfcore.errors.UnsupportedOpError, match="changes the variable"):
        rfcore.estimate(forward, input_shape=(32, 32, 3))


def test_variable_that_a_graph_of_tensorflow_1_writes_and_reads_is_refused() -> None:
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [1, 8, 8, 1], name="image")
        state = tf.compat.v1.get_variable("state", [1, 8, 8, 1], use_resource=True)
        with tf.control_dependencies([state.assign(image, read_value=False)]):
            tf.add(image, state.read_value(), name="sum")
    with pytest.raises(rfcore.errors.UnsupportedOpError, match="'state', which"):
        rfcore.estimate(graph, output="sum")


def test_transposed_convolution_of_one_output_size() -> None:
    """A kernel of 4 at stride 2, padded by 1: output j sees the pixels from ceil(j/2) - 1 on."""
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [1, None, None, 1], name="image")
        kernel = tf.ones([4, 4, 1, 1])
        tf.nn.conv2d_transpose(image, kernel, [1, 32, 32, 1], 2, "SAME", name="up")
    field = rfcore.estimate(graph, output="up", input_shape=(16, 16, 1))
    assert (field.size, field.stride) == ((2, 2), (Fraction(1, 2),) * 2)
    assert field.box((4, 7)) == ((1, 3), (3, 5))
    with pytest.raises(rfcore.errors.UnsupportedOpError, match=r"\(1, 32, 32, 1\) is not what"):
        rfcore.estimate(graph, output="up", input_shape=(24, 24, 1))


def test_kernel_with_zeros_is_structure() -> None:
    kernel = np.ones((3, 3, 1, 1), np.float32)
    kernel[2] = 0.0
    masked = tf.Variable(kernel)
    field = rfcore.estimate(
        tf.function(lambda image: tf.nn.conv2d(image, masked, 1, "SAME")), input_shape=(16, 16, 1)
    )
    assert (field.size, field.padding) == ((2, 3), (1, 1))


def test_signature_whose_model_is_gone(tmp_path: Path) -> None:
    signature = tf.saved_model.load(with_signature(tmp_path)).signatures["serving_default"]
    with pytest.raises(rfcore.errors.RfcoreError, match="variables are gone") as caught:
        rfcore.estimate(signature, input_shape=SHAPE)
    assert "keep" in caught.value.hint


def test_keras_3_export_has_one_program_under_two_names(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", minversion="3")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras runs on another backend")
    _keras_chain(keras).export(str(tmp_path), verbose=False)
    assert sorted(tf.saved_model.load(str(tmp_path)).signatures) == ["serve", "serving_default"]
    assert_the_chain(rfcore.estimate(str(tmp_path), input_shape=SHAPE))


def in_a_fresh_interpreter(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def test_path_is_recognised_without_tensorflow(tmp_path: Path) -> None:
    code = """
import sys
import rf_tf
backend = rf_tf.TensorFlowBackend()
print(backend.accepts(sys.argv[1]), backend.accepts("/nowhere"), backend.accepts(lambda x: x))
print("tensorflow" in sys.modules)
"""
    lines = in_a_fresh_interpreter(code, with_signature(tmp_path)).stdout.split()
    assert lines == ["True", "False", "False", "False"]


def test_graphs_where_eager_execution_is_off() -> None:
    code = """
import tensorflow as tf
tf.compat.v1.disable_eager_execution()
image = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3], name="image")
kernel = tf.compat.v1.get_variable("kernel", [3, 3, 3, 2])
tf.nn.conv2d(image, kernel, 2, "SAME")
graph = tf.compat.v1.get_default_graph()
before = len(graph.get_operations())
import rfcore
print(rfcore.estimate(graph, input_shape=(33, 33, 3)).size)
with tf.compat.v1.Session() as session:
    session.run(kernel.initializer)
    print(rfcore.estimate(graph, input_shape=(33, 33, 3), method="gradient").size)
print(len(graph.get_operations()) - before)
"""
    assert in_a_fresh_interpreter(code).stdout.splitlines() == ["(3, 3)", "(3, 3)", "0"]

"""Measuring leaves a model, and the process around it, exactly as they were."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

import rfcore
from rfcore.errors import RfcoreError
from tf_chains import SHAPE, Chain, TracedChain, plain_graph
from tf_snapshots import process_state, state

HOW: dict[str, Callable[[Any], Any]] = {
    "exact": lambda model: rfcore.estimate(model, input_shape=SHAPE),
    "gradient": lambda model: rfcore.estimate(model, input_shape=SHAPE, method="gradient"),
    "an error": lambda model: rfcore.estimate(model, input_shape=SHAPE, output="nowhere"),
    "a failing forward": lambda model: rfcore.estimate(model, input_shape=(64, 64, 5)),
}


def measure(how: str, model: Any) -> None:
    try:
        HOW[how](model)
    except RfcoreError:
        assert how in ("an error", "a failing forward")


class Restless(Chain):
    """A module that changes something of everything while it is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = tf.Variable(0.0, trainable=False)
        self.calls = 0
        self.history = [0]
        self.by_name: dict[str, int] = {}

    def __call__(self, image: Any) -> Any:
        self.calls += 1
        self.history.append(self.calls)
        self.by_name["last"] = self.calls
        self.last = image
        self.seen.assign_add(1.0)
        noise = np.random.rand() + random.random()
        dropped = tf.nn.dropout(super().__call__(image), 0.5)
        return dropped + noise + tf.random.uniform([])


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", [Chain, TracedChain, Restless])
def test_module_and_process_are_left_as_they_were(how: str, kind: type[Chain]) -> None:
    model = kind()
    before = state(model), process_state()
    measure(how, model)
    assert (state(model), process_state()) == before
    if isinstance(model, Restless):
        assert (model.calls, list(model.history), dict(model.by_name)) == (0, [0], {})
        assert not hasattr(model, "last")


@pytest.mark.parametrize("how", HOW)
def test_function_keeps_its_traces(how: str) -> None:
    model = TracedChain()
    model(tf.zeros([1, 32, 32, 3]))
    before = model.__call__.experimental_get_tracing_count()
    measure(how, model)
    assert model.__call__.experimental_get_tracing_count() == before


@pytest.mark.parametrize("how", HOW)
def test_graph_is_left_as_it_was(how: str) -> None:
    graph = plain_graph(use_resource=True)
    with tf.compat.v1.Session(graph=graph) as session:
        session.run("init")
        before = graph.as_graph_def().SerializeToString(deterministic=True), graph.version
        values = session.run("first/Read/ReadVariableOp:0").tobytes()
        measure(how, graph)
        assert (graph.as_graph_def().SerializeToString(deterministic=True), graph.version) == before
        assert session.run("first/Read/ReadVariableOp:0").tobytes() == values


def test_no_function_stays_registered() -> None:
    model = TracedChain()
    measure("exact", model)
    gc.collect()
    before = set(context.context().list_function_names())
    for how in HOW:
        measure(how, model)
    gc.collect()
    assert set(context.context().list_function_names()) <= before


def test_graph_message_is_left_as_it_was() -> None:
    message = plain_graph(use_resource=False).as_graph_def()
    before = message.SerializeToString(deterministic=True)
    rfcore.estimate(message, input_shape=SHAPE)
    assert message.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("how", HOW)
def test_keras_2_model_is_left_as_it_was(how: str) -> None:
    keras = pytest.importorskip("tf_keras")
    model = keras.Sequential(
        [
            keras.layers.Input((None, None, 3)),
            keras.layers.Conv2D(4, 3, name="stem"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
        ]
    )
    before = [
        (dict(vars(layer)), [weight.tobytes() for weight in layer.get_weights()])
        for layer in model.layers
    ]
    measure(how, model)
    after = [
        (dict(vars(layer)), [weight.tobytes() for weight in layer.get_weights()])
        for layer in model.layers
    ]
    assert [weights for _, weights in after] == [weights for _, weights in before]
    for (now, _), (then, _) in zip(after, before, strict=True):
        assert list(now) == list(then)
        assert all(now[key] is then[key] for key in then)


@pytest.fixture
def own_seed() -> Iterator[None]:
    """Without the global seed afterwards: even asking for that draws from it."""
    yield
    tf.random.set_seed(None)


@pytest.mark.usefixtures("own_seed")
@pytest.mark.parametrize("how", HOW)
def test_random_numbers_go_on_as_if_nothing_had_been_measured(how: str) -> None:
    model = Restless()

    def drawn() -> list[float]:
        return [random.random(), np.random.rand(), float(tf.random.uniform([]))]

    def seeded() -> None:
        random.seed(1)
        np.random.seed(1)
        tf.random.set_seed(1)

    seeded()
    expected = [drawn(), drawn()]
    seeded()
    first = drawn()
    measure(how, model)
    assert [first, drawn()] == expected


def test_loading_a_saved_model_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = Chain()
    forward = tf.function(model, input_signature=[tf.TensorSpec([1, 32, 32, 3])])
    tf.saved_model.save(model, str(tmp_path), signatures=forward.get_concrete_function())
    capfd.readouterr()
    assert rfcore.estimate(tmp_path).size == (19, 19)
    assert capfd.readouterr() == ("", "")


def test_estimate_within_another_graph_leaves_it_empty() -> None:
    model = Chain()
    with tf.Graph().as_default() as graph:
        field = rfcore.estimate(model, input_shape=SHAPE)
        assert not graph.get_operations()
    assert field == rfcore.estimate(model, input_shape=SHAPE)

"""The forward that checks run: Keras' own values, by whatever Keras runs on, and nothing moved."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from keras_snapshots import state
from rf_keras.errors import FixedSizeError
from rfcore.errors import BackendCapabilityError, RfcoreError, UnknownLayerError
from rfcore.hookspecs import ForwardBackend, OutputForward
from rfcore.plugins import find_backend

IMAGE = (24, 20, 3)


def forward_of(
    model: Any,
    shape: tuple[int, ...] | None = None,
    output: str | int | None = None,
    **given: Any,
) -> OutputForward:
    backend = find_backend(model, "keras")
    assert isinstance(backend, ForwardBackend)
    spec = backend.input_spec(model, shape, given.get("layout"), given.get("input"))
    return backend.forward(model, spec, output)


def image(*shape: int) -> Any:
    return np.random.default_rng(1).standard_normal((1, *shape)).astype(np.float32)


def as_numpy(value: Any) -> Any:
    # Keras' own way to numpy warns on torch.
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def steps() -> list[keras.Layer]:
    return [
        layers.Conv2D(4, 3, strides=2, padding="same", name="stem"),
        layers.BatchNormalization(name="norm"),
        layers.Dropout(0.5, name="drop"),
        layers.MaxPooling2D(3, strides=1, name="pool"),
        layers.Conv2D(2, 3, activation="relu", name="head"),
    ]


def functional(size: tuple[int | None, int | None] = (24, 20)) -> keras.Model:
    start = x = keras.Input((*size, 3))
    for layer in steps():
        x = layer(x)
    return keras.Model(start, x)


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.steps = steps()

    def call(self, x: Any) -> Any:
        for step in self.steps:
            x = step(x)
        return {"features": x}


def subclassed() -> keras.Model:
    model = Subclassed()
    model(keras.ops.zeros((1, *IMAGE)))
    return model


MODELS = {
    "functional": functional,
    "sequential": lambda: keras.Sequential([keras.Input(IMAGE), *steps()]),
    "subclassed": subclassed,
    "nested": lambda: keras.Sequential([keras.Input(IMAGE), functional()]),
}


def own(model: Any, x: Any) -> Any:
    value = model(keras.ops.convert_to_tensor(x), training=False)
    return as_numpy(value["features"] if isinstance(value, dict) else value)


@pytest.mark.parametrize("kind", MODELS)
def test_values_are_the_models_own_and_nothing_moves(kind: str) -> None:
    model = MODELS[kind]()
    x = image(*IMAGE)
    expected = own(model, x)
    before = state(model)
    forward = forward_of(model, IMAGE)
    found = forward.run(x)
    assert forward.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert forward.run(x).tobytes() == found.tobytes()
    with pytest.raises(RfcoreError):
        forward_of(model, (4, 4, 3))
    assert state(model) == before


@pytest.mark.parametrize("shape", [(24, 20, 3), (65, 22, 3)], ids=str)
def test_inner_layers_at_sizes_that_the_model_was_not_made_for(shape: tuple[int, ...]) -> None:
    model = functional()
    open_size = functional((None, None))
    for weight, same in zip(open_size.variables, model.variables, strict=True):
        weight.assign(same.value)
    x = image(*shape)
    np.testing.assert_allclose(
        forward_of(model, shape).run(x), own(open_size, x), rtol=1e-4, atol=1e-5
    )
    # A layer of its own, on its own.
    stem = as_numpy(model.get_layer("stem")(keras.ops.convert_to_tensor(x)))
    np.testing.assert_allclose(forward_of(model, shape, "stem").run(x), stem, rtol=1e-4, atol=1e-5)


def test_one_spec_serves_all_sizes() -> None:
    model = functional()
    backend = find_backend(model, "keras")
    assert isinstance(backend, ForwardBackend)
    spec = backend.input_spec(model, IMAGE, None, None)
    for amount in (0, 9, 40):
        larger = spec.grown(amount, (0,))
        found = backend.forward(model, larger, "norm").run(image(*larger.shape[1:]))
        assert found.shape == (1, (24 + amount + 1) // 2, 10, 4)


def test_a_builder_makes_the_model_of_each_size() -> None:
    def build(input_shape: tuple[int, ...]) -> keras.Model:
        start = keras.Input(input_shape)
        x = layers.Conv2D(2, 3, name="conv")(start)
        gate = layers.Dense(2)(layers.Flatten()(x))
        return keras.Model(start, layers.Multiply()([x, layers.Reshape((1, 1, 2))(gate)]))

    backend = find_backend(build, "keras")
    assert isinstance(backend, ForwardBackend)
    spec = backend.input_spec(build, (12, 12, 3), None, None)
    for amount in (0, 5):
        larger = spec.grown(amount)
        for output in (None, "conv"):
            forward = backend.forward(build, larger, output)
            found = forward.run(image(*larger.shape[1:]))
            assert found.shape == (1, 10 + amount, 10 + amount, 2)
            assert forward.run(image(*larger.shape[1:])).tobytes() == found.tobytes()


def test_a_layer_inside_of_what_a_builder_names_anew_each_time() -> None:
    def build(input_shape: tuple[int, ...]) -> keras.Model:
        start = keras.Input(input_shape)
        inner = keras.Sequential([keras.Input(input_shape), layers.Conv2D(2, 3, name="conv")])
        return keras.Model(start, layers.ReLU()(inner(start)))

    backend = find_backend(build, "keras")
    assert isinstance(backend, ForwardBackend)
    spec = backend.input_spec(build, (12, 12, 3), None, None)
    for amount in (0, 5):
        larger = spec.grown(amount)
        forward = backend.forward(build, larger, "conv")
        assert forward.run(image(*larger.shape[1:])).shape == (1, 10 + amount, 10 + amount, 2)


def test_a_head_of_one_size_is_told() -> None:
    start = keras.Input((12, 12, 3))
    x = layers.Conv2D(2, 3, name="conv")(start)
    model = keras.Model(start, layers.Dense(4)(layers.Flatten()(x)))
    assert forward_of(model).run(image(12, 12, 3)).shape == (1, 4)
    with pytest.raises(FixedSizeError, match="does not run at"):
        forward_of(model, (13, 13, 3))
    # What comes before the head runs at any size.
    assert forward_of(model, (13, 13, 3), "conv").run(image(13, 13, 3)).shape == (1, 11, 11, 2)


def test_the_head_is_told_after_a_size_that_ran() -> None:
    start = keras.Input((12, 12, 3))
    model = keras.Model(start, layers.Dense(4)(layers.Flatten()(start)))
    backend = find_backend(model, "keras")
    assert isinstance(backend, ForwardBackend)
    spec = backend.input_spec(model, None, None, None)
    backend.forward(model, spec, None)
    with pytest.raises(FixedSizeError, match="does not run at"):
        backend.forward(model, spec.grown(3), None)


def test_the_other_input_is_held() -> None:
    first, second = keras.Input(IMAGE, name="image"), keras.Input(IMAGE, name="gate")
    model = keras.Model([first, second], layers.Multiply()([first, second]))
    for name, held in (("image", "gate"), ("gate", "image")):
        forward = forward_of(model, input=name)
        assert any(f"{held!r} is held" in note for note in forward.notes)
        found = forward.run(image(*IMAGE))
        assert np.count_nonzero(found) == found.size
        assert forward_of(model, input=name).run(image(*IMAGE)).tobytes() == found.tobytes()


def test_calls_of_a_shared_layer() -> None:
    start = keras.Input(IMAGE)
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    model = keras.Model(start, shared(shared(start)))
    x = image(*IMAGE)
    once = as_numpy(shared(keras.ops.convert_to_tensor(x)))
    twice = as_numpy(shared(keras.ops.convert_to_tensor(once)))
    for output, expected in (("shared[0]", once), ("shared[1]", twice), (None, twice)):
        found = forward_of(model, IMAGE, output).run(x)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_state_and_random_numbers_stay() -> None:
    class Counting(keras.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)
            self.seed = keras.random.SeedGenerator(1)

        def call(self, x: Any) -> Any:
            self.seen.assign_add(1.0)
            return x + keras.random.normal(keras.ops.shape(x), seed=self.seed)

    model = keras.Sequential([keras.Input(IMAGE), Counting()])
    before = state(model)
    forward = forward_of(model)
    found = forward.run(image(*IMAGE))
    assert forward.run(image(*IMAGE)).tobytes() == found.tobytes()
    assert state(model) == before


def test_what_cannot_be_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = functional()
    with pytest.raises(UnknownLayerError) as unknown:
        forward_of(model, IMAGE, "stam")
    assert "stem" in unknown.value.nearest

    class Tracer:
        """A backend that only traces."""

        name = "old"

    monkeypatch.setattr("rf_keras.running.delegate", Tracer)
    with pytest.raises(BackendCapabilityError, match="forwards"):
        forward_of(model, IMAGE)

"""Kinds of Keras models, the names of their layers and inputs, and sizes other than their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import rfcore
from keras_snapshots import state
from rfcore import ReceptiveField
from rfcore.plugins import find_backend

IMAGE = (32, 32, 3)


def chain() -> list[keras.Layer]:
    """Three layers whose field can be told by hand."""
    return [
        layers.Conv2D(4, 3, padding="valid", name="first"),
        layers.Conv2D(4, 3, strides=2, padding="valid", name="second"),
        layers.Conv2D(4, 2, padding="valid", name="third"),
    ]


# 1 + (3-1)·1 + (3-1)·1 + (2-1)·2
CHAIN = ((7, 7), (2, 2), (0, 0))


def geometry(field: ReceptiveField) -> tuple[Any, Any, Any]:
    return field.size, field.stride, field.padding


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.steps = chain()

    def call(self, x: Any) -> Any:
        for step in self.steps:
            x = step(x)
        return x


def functional() -> keras.Model:
    image = x = keras.Input(IMAGE)
    for layer in chain():
        x = layer(x)
    return keras.Model(image, x)


def called_once() -> keras.Model:
    model = Subclassed()
    model(keras.ops.zeros((1, *IMAGE)))
    return model


def with_open_size() -> keras.Model:
    return keras.Sequential([keras.Input((None, None, 3)), *chain()])


MODELS: dict[str, Callable[[], Any]] = {
    "functional": functional,
    "sequential": lambda: keras.Sequential([keras.Input(IMAGE), *chain()]),
    "sequential never built": lambda: keras.Sequential(chain()),
    "sequential of open size": with_open_size,
    "subclassed": called_once,
    "nested": lambda: keras.Sequential([keras.Input(IMAGE), functional()]),
    "nested in a subclassed one": lambda: _wrapped(functional()),
}


def _wrapped(inner: keras.Model) -> keras.Model:
    class Wrapper(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def call(self, x: Any) -> Any:
            return {"features": self.inner(x)}

    model = Wrapper()
    model(keras.ops.zeros((1, *IMAGE)))
    return model


@pytest.mark.parametrize("kind", MODELS)
def test_field_of_every_kind_of_model(kind: str) -> None:
    field = rfcore.estimate(MODELS[kind](), input_shape=IMAGE)
    assert geometry(field) == CHAIN
    assert field.exact
    assert not field.notes


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_of_model_is_left_as_it_was(kind: str) -> None:
    model = MODELS[kind]()
    before = state(model)
    rfcore.estimate(model, input_shape=IMAGE)
    rfcore.estimate(model, input_shape=IMAGE, method="gradient")
    with pytest.raises(rfcore.errors.RfcoreError):
        rfcore.estimate(model, input_shape=(2, 2, 3))
    assert state(model) == before


def test_a_single_layer_is_a_model() -> None:
    layer = layers.Conv2D(4, 5, strides=2)
    layer.build((None, *IMAGE))
    assert geometry(rfcore.estimate(layer)) == ((5, 5), (2, 2), (0, 0))


@pytest.mark.parametrize("kind", ["functional", "sequential", "nested", "subclassed"])
def test_a_models_own_size_is_the_default(kind: str) -> None:
    assert rfcore.estimate(MODELS[kind]()).input_shape == IMAGE[:2]


@pytest.mark.parametrize("size", [20, 33, 64])
def test_a_fixed_size_is_no_obstacle_to_another_one(size: int) -> None:
    field = rfcore.estimate(functional(), input_shape=(size, size, 3))
    assert geometry(field) == CHAIN
    assert field.output_shape == ((size - 5) // 2,) * 2


def test_a_field_larger_than_a_fixed_input() -> None:
    # Eight 3x3 of dilation 8 see 1 + 8·16 = 129 of 32 pixels.
    image = x = keras.Input(IMAGE)
    for _ in range(8):
        x = layers.Conv2D(2, 3, dilation_rate=8, padding="same")(x)
    field = rfcore.estimate(keras.Model(image, x))
    assert geometry(field) == ((129, 129), (1, 1), (64, 64))


def test_reshape_is_resolved_for_the_size_at_hand() -> None:
    image = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3)(image)
    x = layers.Reshape((-1, 30, 4))(x)
    x = layers.Conv2D(4, 3)(x)
    field = rfcore.estimate(keras.Model(image, x))
    assert geometry(field) == ((5, 5), (1, 1), (0, 0))


def test_nested_layers_by_path_and_by_name() -> None:
    image = keras.Input(IMAGE)
    stem = layers.Conv2D(3, 3, name="stem")(image)
    backbone = with_open_size()
    backbone.name = "backbone"
    model = keras.Model(image, backbone(stem))
    # The stem's 3x3 comes before each of them.
    expected = {"stem": 3, "backbone/first": 5, "backbone/second": 7, "backbone": 9}
    fields = rfcore.estimate(model, output=[*expected, "second"])
    assert {name: field.size[0] for name, field in fields.items()} == {**expected, "second": 7}
    measured = rfcore.estimate(model, output=["second", "backbone/second"], method="gradient")
    assert {field.size for field in measured.values()} == {(7, 7)}


def test_a_shared_layer_has_one_address_per_call() -> None:
    image = keras.Input(IMAGE)
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    model = keras.Model(image, shared(shared(image)))
    fields = rfcore.estimate(model, output=["shared[0]", "shared[1]"])
    assert [field.size for field in fields.values()] == [(3, 3), (5, 5)]
    with pytest.raises(rfcore.errors.AmbiguousOutputError, match="stands for 2 tensors"):
        rfcore.estimate(model, output="shared")


def test_a_shared_model_names_the_layers_of_each_call() -> None:
    image = keras.Input(IMAGE)
    inner = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(3, 3, name="conv")], name="inner"
    )
    model = keras.Model(image, inner(inner(image)))
    fields = rfcore.estimate(model, output=["inner/conv[0]", "inner/conv[1]"])
    assert [field.size for field in fields.values()] == [(3, 3), (5, 5)]


def test_operations_on_symbolic_tensors_are_named_too() -> None:
    image = keras.Input(IMAGE)
    x = layers.Conv2D(3, 3, padding="same")(image)
    total = x + image
    model = keras.Model(image, layers.Conv2D(2, 3, name="last")(total))
    name = total._keras_history.operation.name
    fields = rfcore.estimate(model, output=[name, "last"])
    assert [field.size for field in fields.values()] == [(3, 3), (5, 5)]


@pytest.mark.parametrize("as_dict", [False, True], ids=["list", "dict"])
def test_several_outputs_by_key_and_by_layer(as_dict: bool) -> None:
    image = keras.Input(IMAGE)
    fine = layers.Conv2D(2, 3, name="fine")(image)
    coarse = layers.Conv2D(2, 3, strides=2, name="coarse")(fine)
    outputs = {"a": fine, "b": coarse} if as_dict else [fine, coarse]
    model = keras.Model(image, outputs)
    keys: list[Any] = ["a", "b"] if as_dict else [0, 1]
    fields = rfcore.estimate(model, output=[*keys, "fine", "coarse"])
    assert [field.size for field in fields.values()] == [(3, 3), (5, 5), (3, 3), (5, 5)]
    with pytest.raises(rfcore.errors.AmbiguousOutputError, match="returns 2 tensors"):
        rfcore.estimate(model)


def two_inputs(structure: str) -> keras.Model:
    image = keras.Input(IMAGE, name="image")
    mask = keras.Input((16, 16, 1), name="mask")
    down = layers.Conv2D(4, 4, strides=2, padding="same")(image)
    x = layers.Multiply()([down, layers.Conv2D(4, 3, padding="same")(mask)])
    inputs = {"list": [image, mask], "dict": {"image": image, "mask": mask}}[structure]
    return keras.Model(inputs, x)


@pytest.mark.parametrize("structure", ["list", "dict"])
@pytest.mark.parametrize(
    ("name", "size", "stride"),
    [(None, 4, 2), ("image", 4, 2), (0, 4, 2), ("mask", 3, 1), (1, 3, 1), (-1, 3, 1)],
)
def test_one_of_two_inputs_is_measured(
    structure: str, name: str | int | None, size: int, stride: int
) -> None:
    model = two_inputs(structure)
    field = rfcore.estimate(model, input=name)
    assert (field.size, field.stride) == ((size, size), (stride, stride))
    held = "image" if name in ("mask", 1, -1) else "mask"
    assert any(f"{held!r} is held at positive constants" in note for note in field.notes)
    assert field.exact
    measured = rfcore.estimate(model, input=name, method="gradient")
    assert measured.size == field.size
    assert any("held at positive constants" in note for note in measured.notes)


def test_layers_decide_where_channels_are() -> None:
    image = keras.Input((3, 40, 32))
    x = layers.Conv2D(4, (3, 5), data_format="channels_first")(image)
    field = rfcore.estimate(keras.Model(image, x))
    assert (field.input_shape, field.size) == ((40, 32), (3, 5))


def test_masks_and_state_of_layers_are_no_obstacle() -> None:
    class Counting(keras.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x: Any) -> Any:
            self.seen.assign_add(1.0)
            self.last = x
            self.add_loss(keras.ops.sum(x))
            return x

    counting = Counting()
    inputs = [keras.Input(IMAGE), layers.Conv2D(2, 3), counting, layers.Dropout(0.5)]
    model = keras.Sequential(inputs)
    before = state(model)
    assert rfcore.estimate(model).size == (3, 3)
    assert rfcore.estimate(model, method="gradient").size == (3, 3)
    assert state(model) == before
    assert float(np.sum(keras.ops.convert_to_tensor(counting.seen).__array__())) == 0.0


def test_what_runs_inside_a_loop_is_not_told_but_what_comes_out_is() -> None:
    sequence = keras.Input((12, 3))
    x = layers.Conv1D(4, 3, name="conv")(sequence)
    x = layers.GRU(4, return_sequences=True, name="memory")(x)
    model = keras.Model(sequence, x)
    backend = find_backend(model, None)
    trace = backend.trace(model, backend.input_spec(model, None, None, None))
    assert trace.error is None
    assert trace.shapes["memory"] == (1, 10, 4)
    assert trace.values["memory"] is not None
    assert trace.shapes["conv"] == (1, 10, 4)


def test_a_trained_models_zeros_are_structure() -> None:
    layer = layers.Conv2D(1, 3, use_bias=False, padding="same")
    model = keras.Sequential([keras.Input((16, 16, 1)), layer])
    kernel = np.zeros((3, 3, 1, 1), "float32")
    kernel[1, :2] = 1.0
    layer.set_weights([kernel])
    # Row 1 of the kernel, left and middle tap.
    assert rfcore.estimate(model).size == (1, 2)


@pytest.mark.skipif(keras.config.backend() != "torch", reason="others run what they traced")
def test_an_effective_field_takes_no_more_traces_than_an_exact_one() -> None:
    runs: list[tuple[str, tuple[int, ...]]] = []

    class Noted(layers.Conv1D):
        def call(self, x: Any) -> Any:
            runs.append((type(x).__name__, tuple(x.shape)))
            return super().call(x)

    model = keras.Sequential([keras.Input((20, 1)), Noted(1, 3)])
    runs.clear()
    found = rfcore.effective(model, count=1)
    measured, runs[:] = [run for run in runs if run[0] == "FakeTensor"], []
    assert rfcore.estimate(model) == found.field
    assert len(set(runs)) == len(runs) == 2
    assert measured == runs

"""What is said about models, inputs and names that cannot be measured, and about builders."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

import rfcore
from rf_keras.errors import BuilderError, FixedSizeError, UnbuiltLayerError, WeightsTooLargeError
from rfcore.errors import (
    BackendCapabilityError,
    InputShapeError,
    InputTypeError,
    LayerNotRunError,
    LayoutError,
    ModelError,
    NoSpatialAxesError,
    OptionError,
    RfcoreError,
    UnknownBackendError,
    UnknownLayerError,
)
from rfcore.plugins import find_backend
from rfcore.testing.refusals import refusal_with_way_out

IMAGE = (32, 32, 3)


def with_dense_head(input_shape: tuple[int, ...]) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv2D(2, 3, strides=2, name="conv"),
            layers.Flatten(),
            layers.Dense(4, name="head"),
        ]
    )


class Unbuilt(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.conv = layers.Conv2D(2, 3, name="conv")

    def call(self, x: Any) -> Any:
        return self.conv(x)


def test_a_model_that_was_never_built_names_its_layer() -> None:
    model = Unbuilt()
    with pytest.raises(UnbuiltLayerError, match=r"'conv' \(Conv2D\) was never built") as caught:
        rfcore.estimate(model, input_shape=IMAGE)
    assert "model(keras.ops.zeros((1, 32, 32, 3)))" in caught.value.hint
    assert not model.built
    assert not model.conv.built
    assert not model.weights
    model(keras.ops.zeros((1, *IMAGE)))
    assert rfcore.estimate(model, input_shape=IMAGE).size == (3, 3)


def test_an_open_size_is_never_assumed() -> None:
    model = keras.Sequential([keras.Input((None, 24, 3), name="photo"), layers.Conv2D(2, 3)])
    with pytest.raises(InputShapeError, match=r"leaves the size of its input 'photo' open") as err:
        rfcore.estimate(model)
    assert "input_shape=(224, 24, 3)" in err.value.hint


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        pytest.param((32, 32, 4), "has 4 channels on axis 2", id="channels"),
        pytest.param((32, 3), "has 2 axes; the input 'image' has 3", id="rank"),
    ],
)
def test_a_shape_that_does_not_fit(shape: tuple[int, ...], said: str) -> None:
    image = keras.Input(IMAGE, name="image")
    model = keras.Model(image, layers.Conv2D(2, 3)(image))
    with pytest.raises(InputShapeError, match=said) as caught:
        rfcore.estimate(model, input_shape=shape)
    assert "(32, 32, 3)" in caught.value.hint


def test_a_misspelt_layer_and_one_that_does_not_run() -> None:
    image = keras.Input(IMAGE, name="image")
    model = keras.Model(image, layers.Conv2D(2, 3, name="conv1_relu")(image))
    with pytest.raises(UnknownLayerError) as caught:
        rfcore.estimate(model, output="conv1_rel")
    assert caught.value.nearest == ("conv1_relu",)
    with pytest.raises(LayerNotRunError):
        rfcore.estimate(model, output="image")


def test_an_unknown_input_lists_those_there_are() -> None:
    one, other = keras.Input(IMAGE, name="one"), keras.Input(IMAGE, name="other")
    model = keras.Model([one, other], layers.Add()([one, other]))
    for wrong in ("oen", 2, -3, True):
        with pytest.raises(OptionError) as caught:
            rfcore.estimate(model, input=wrong)
        assert caught.value.allowed == ("one", "other", 0, 1)


def test_text_is_no_input_with_positions() -> None:
    words = keras.Input((8,), dtype="string")
    model = keras.Model(words, layers.Identity()(words))
    with pytest.raises(InputTypeError, match="strings"):
        rfcore.estimate(model)


def test_a_dense_head_names_the_last_layer_with_positions() -> None:
    model = with_dense_head(IMAGE)
    with pytest.raises(NoSpatialAxesError) as caught:
        rfcore.estimate(model)
    assert caught.value.last_spatial == "conv"
    assert rfcore.estimate(model, output="conv").size == (3, 3)


def test_a_dense_head_at_another_size_asks_for_a_builder() -> None:
    with pytest.raises(FixedSizeError, match=r"built for an input of shape \(None, 32") as caught:
        rfcore.estimate(with_dense_head(IMAGE), input_shape=(48, 48, 3))
    assert 'rfcore.estimate(build, backend="keras"' in caught.value.hint
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_model_that_does_not_run_says_why() -> None:
    model = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(2, 5), layers.Conv2D(2, 5)]
    )
    # JAX itself would go on with a feature map that is empty.
    with pytest.raises((ModelError, InputShapeError), match=r"\(1, 4, 4, 3\)"):
        rfcore.estimate(model, input_shape=(4, 4, 3))


def test_a_builder_is_called_with_the_shape() -> None:
    asked = []

    def build(input_shape: tuple[int, ...]) -> keras.Model:
        asked.append(input_shape)
        return with_dense_head(input_shape)

    field = rfcore.estimate(build, backend="keras", input_shape=IMAGE, output="conv")
    assert (field.size, field.stride) == ((3, 3), (2, 2))
    assert asked[0] == IMAGE
    assert len(set(asked)) == len(asked)
    measured = rfcore.estimate(
        with_dense_head, backend="keras", input_shape=IMAGE, output="conv", method="gradient"
    )
    assert measured.size == (3, 3)


def test_weights_that_would_fill_the_memory_are_not_made() -> None:
    def build(size: Any) -> keras.Model:
        wide = keras.Sequential([keras.Input(size), layers.Flatten(), layers.Dense(2**20)])
        return wide

    with pytest.raises(WeightsTooLargeError, match="more than 1,073,741,824 weights"):
        rfcore.estimate(build, backend="keras", input_shape=(64, 64, 3))
    add_weight = keras.Layer.add_weight
    assert add_weight.__qualname__ == "Layer.add_weight"


@pytest.mark.parametrize(
    ("build", "said"),
    [
        pytest.param(lambda shape: 3, "returned a int, not a Keras model", id="no-model"),
        pytest.param(lambda shape: 1 / 0, "raised ZeroDivisionError", id="raises"),
        pytest.param(lambda: None, "raised TypeError", id="takes-nothing"),
    ],
)
def test_what_is_no_builder(build: Any, said: str) -> None:
    with pytest.raises(BuilderError, match=said):
        rfcore.estimate(build, backend="keras", input_shape=IMAGE)


def test_neither_a_model_nor_a_builder() -> None:
    with pytest.raises(InputShapeError, match="neither a Keras model nor a function"):
        rfcore.estimate(3, backend="keras", input_shape=IMAGE)
    with pytest.raises(InputShapeError, match="make an instance first"):
        rfcore.estimate(Unbuilt, backend="keras", input_shape=IMAGE)
    with pytest.raises(InputShapeError, match="a builder is called with it"):
        rfcore.estimate(with_dense_head, backend="keras")


def test_an_unbuilt_sequence_of_layers_that_cannot_be_copied() -> None:
    class Secret(keras.Layer):
        def __init__(self, factor: object) -> None:
            super().__init__()
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x

    model = keras.Sequential([layers.Conv2D(2, 3), Secret(object())])
    with pytest.raises(BuilderError) as caught:
        rfcore.estimate(model, input_shape=IMAGE)
    assert caught.value.__cause__ is not None
    assert not model.built


def test_a_missing_plugin_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from rf_keras import delegates

    model = keras.Sequential([keras.Input(IMAGE), layers.Conv2D(2, 3)])
    name = delegates.DELEGATES[keras.config.backend()]

    def absent(model: object, wanted: str) -> Any:
        raise UnknownBackendError(wanted, ("layers", "keras"), {})

    monkeypatch.setattr(delegates, "find_backend", absent)
    with pytest.raises(BackendCapabilityError, match=f"rf-{name} is not installed") as caught:
        rfcore.estimate(model)
    assert f"pip install rf-{name}" in caught.value.hint


def test_a_backend_without_autodiff_says_which_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = keras.Sequential([keras.Input(IMAGE), layers.Conv2D(2, 3)])
    spec = find_backend(model, None).input_spec(model, None, None, None)
    monkeypatch.setattr(keras.config, "backend", lambda: "openvino")
    with pytest.raises(BackendCapabilityError, match="'openvino'") as caught:
        find_backend(model, None).trace(model, spec)
    assert "KERAS_BACKEND" in caught.value.hint


def convolution(input_shape: tuple[int, ...] = IMAGE) -> keras.Model:
    return keras.Sequential([keras.Input(input_shape), layers.Conv2D(2, 3, name="conv")])


WAYS_OUT: dict[str, tuple[Any, dict[str, Any], type[RfcoreError]]] = {
    "misspelt layer": (convolution(), {"output": "covn"}, UnknownLayerError),
    "unknown input": (convolution(), {"input": "image"}, OptionError),
    "open size": (convolution((None, None, 3)), {}, InputShapeError),
    "dense head": (with_dense_head(IMAGE), {}, NoSpatialAxesError),
    "no batch in the layout": (convolution(), {"layout": "HWC"}, LayoutError),
    "unknown backend": (convolution(), {"backend": "kears"}, UnknownBackendError),
}


@pytest.mark.parametrize(("model", "options", "error"), WAYS_OUT.values(), ids=WAYS_OUT)
def test_the_way_out_works_when_it_is_typed(
    model: Any, options: dict[str, Any], error: type[RfcoreError]
) -> None:
    assert type(refusal_with_way_out(model, **options)) is error

"""Keras models whose fields are verified on their own forwards, by whatever Keras runs on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import pytest
from keras import layers

import rfcore
from rfcore.errors import LocalPathsError


def application(name: str, layer: str) -> keras.Model:
    """The first layers of a network, so that only those are run."""
    build = getattr(keras.applications, name)
    whole = build(weights=None, include_top=False, input_shape=(96, 96, 3))
    return keras.Model(whole.input, whole.get_layer(layer).output)


def decoder() -> keras.Model:
    start = keras.Input((40, 44, 3))
    first = layers.SeparableConv2D(4, 3, padding="same", activation="relu")(start)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(first)
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, dilation_rate=2, padding="same")(x))
    x = layers.UpSampling2D(2)(layers.Dropout(0.5)(x))
    return keras.Model(start, layers.Concatenate()([first, x]))


def sequence() -> keras.Model:
    start = keras.Input((64, 3))
    x = layers.Conv1D(4, 5, strides=2, padding="causal", activation="gelu")(start)
    return keras.Model(start, layers.Conv1D(4, 3, dilation_rate=4, padding="causal")(x))


# A model, the layer that is asked for, and whether it sees everything.
MODELS: dict[str, tuple[Callable[[], Any], str | None, bool]] = {
    "ResNet50": (lambda: application("ResNet50", "conv2_block2_out"), "conv2_block1_out", False),
    "MobileNetV2": (lambda: application("MobileNetV2", "block_2_add"), None, False),
    "MobileNetV3Small": (
        lambda: application("MobileNetV3Small", "expanded_conv_project"),
        None,
        True,
    ),
    "a decoder": (decoder, None, False),
    "causal convolutions": (sequence, None, False),
}


@pytest.mark.parametrize("name", MODELS)
def test_field_is_verified(name: str) -> None:
    build, output, is_global = MODELS[name]
    model = build()
    field = rfcore.estimate(model, output=output)
    assert all(found == is_global for found in field.is_global)
    certificate = field.verify(model, output=output, phases=2)
    assert certificate.complete, str(certificate)


def test_field_larger_than_a_fixed_input_is_verified_on_strips() -> None:
    start = x = keras.Input((32, 32, 3))
    for _ in range(4):
        x = layers.Conv2D(2, 3, dilation_rate=6, padding="same")(x)
    model = keras.Model(start, x)
    field = rfcore.estimate(model)
    # 1 + 4 · 2 · 6
    assert field.size == (49, 49)
    certificate = field.verify(model)
    assert certificate.complete, str(certificate)
    assert any(max(shape) > 49 for shape in certificate.input_shapes)


@pytest.mark.parametrize("name", ["image", "gate"])
def test_each_of_two_inputs_is_verified(name: str) -> None:
    image, gate = keras.Input((24, 24, 3), name="image"), keras.Input((12, 12, 1), name="gate")
    down = layers.Conv2D(4, 4, strides=2, padding="same")(image)
    model = keras.Model(
        [image, gate], layers.Multiply()([down, layers.Conv2D(4, 3, padding="same")(gate)])
    )
    field = rfcore.estimate(model, input=name)
    certificate = field.verify(model, input=name)
    assert certificate.complete, str(certificate)
    assert any("is held at positive constants" in note for note in certificate.notes)


def test_a_builder_is_verified_at_sizes_of_its_own() -> None:
    def build(input_shape: tuple[int, ...]) -> keras.Model:
        start = keras.Input(input_shape)
        x = layers.Conv2D(2, 9, padding="same", name="conv")(start)
        return keras.Model(start, layers.Permute((2, 1, 3))(layers.Permute((2, 1, 3))(x)))

    field = rfcore.estimate(build, backend="keras", input_shape=(8, 8, 3))
    assert field.size == (9, 9)
    certificate = field.verify(build, backend="keras", input_shape=(8, 8, 3))
    assert certificate.complete, str(certificate)


def test_wrong_fields_are_caught() -> None:
    model = decoder()
    field = rfcore.estimate(model)
    axis = field.axes[0]
    assert axis.highs is not None
    for step, kind in ((-1, "leaks"), (1, "unseen")):
        moved = replace(axis, highs=tuple(high + step for high in axis.highs))
        wrong = replace(field, axes=(moved, field.axes[1]))
        certificate = wrong.verify(model, phases=2)
        assert not certificate.passed
        assert {(check.axis, check.edge) for check in getattr(certificate, kind)} == {(0, "high")}


def test_a_field_without_its_global_paths_cannot_be_verified() -> None:
    model = application("MobileNetV3Small", "expanded_conv_project")
    field = rfcore.estimate(model, global_paths="ignore")
    with pytest.raises(LocalPathsError):
        field.verify(model)


def test_token_numbers_are_followed_and_checked() -> None:
    tokens = keras.Input((100,), dtype="int32")
    embedded = layers.Embedding(5, 4)(tokens)
    model = keras.Model(tokens, layers.Conv1D(3, 7, strides=2, padding="same")(embedded))
    field = rfcore.estimate(model)
    # 49 · 2 + 7 - 100 = 5 zeros, two of them in front.
    assert (field.size, field.stride, field.padding) == ((7,), (2,), (2,))
    certificate = field.verify(model)
    assert certificate.complete, str(certificate)

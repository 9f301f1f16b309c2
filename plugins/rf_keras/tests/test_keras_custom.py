"""Rules of users for ops inside of Keras' layers: those of the framework that Keras runs on."""

import keras
import numpy as np
import pytest

import rfcore
from rfcore import custom
from rfcore.errors import UnsupportedOpError
from rfcore.graph import AxisMap

RUNS_ON = {"tensorflow": "tf", "jax": "jax", "torch": "torch"}[keras.config.backend()]
NAMES = {"tf": "PyFunc", "jax": "shifted", "torch": "rfcore_keras_tests::shift"}


def shifted(image):
    """Every row moved to the right by 4, zeros in front."""
    image = np.asarray(image)
    moved = np.zeros_like(image)
    moved[:, :, 4:] = image[:, :, :-4]
    return moved


def foreign(x):
    """`shifted`, as each framework lets a foreign function run."""
    if RUNS_ON == "tf":
        import tensorflow as tf

        return tf.ensure_shape(tf.numpy_function(shifted, [x], tf.float32), x.shape)
    if RUNS_ON == "jax":
        import jax

        return jax.pure_callback(shifted, jax.ShapeDtypeStruct(x.shape, x.dtype), x)
    import torch

    return torch.ops.rfcore_keras_tests.shift(x)


if RUNS_ON == "torch":
    import torch

    @torch.library.custom_op(NAMES["torch"], mutates_args=())
    def shift(image: torch.Tensor) -> torch.Tensor:
        """`shifted`, as an op."""
        return torch.from_numpy(shifted(image))

    shift.register_fake(lambda image: torch.empty_like(image))


class Shift(keras.layers.Layer):
    def call(self, x):
        return foreign(x)

    def compute_output_shape(self, shape):
        return shape


@pytest.fixture(autouse=True)
def _only_own_rules(monkeypatch):
    monkeypatch.setattr(custom, "_RULES", {})


def by_table(op):
    taps = np.arange(op.inputs[0][2]) - 4
    return AxisMap(2, np.where(taps < 0, -1, taps)[:, None])


def build(input_shape):
    inputs = keras.Input(input_shape)
    seen = keras.layers.Conv2D(1, 3, padding="same", name="conv")(inputs)
    return keras.Model(inputs, Shift(name="shift")(seen))


def test_a_rule_makes_a_layer_known():
    with pytest.raises(UnsupportedOpError):
        rfcore.estimate(build, backend="keras", input_shape=(32, 32, 1))
    rfcore.rule(RUNS_ON, NAMES[RUNS_ON], shape=lambda op: op.inputs[0])(by_table)
    field = rfcore.estimate(build, backend="keras", input_shape=(32, 32, 1))
    # The convolution's 3 pixels, [j - 1, j + 2), and 4 less on the axis that is shifted.
    assert (field.size, field.padding) == ((3, 3), (1, 5))
    assert "test_keras_custom.by_table" in field.notes[0]

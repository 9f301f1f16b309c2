"""Rules of users for TensorFlow's ops, such as Python code in the graph."""

import numpy as np
import pytest
import tensorflow as tf

import rfcore
from rfcore import custom
from rfcore.errors import UnsupportedOpError
from rfcore.graph import AxisMap


def shifted(image):
    """Every row moved to the right by 4, zeros in front."""
    moved = np.zeros_like(image)
    moved[:, :, 4:] = image[:, :, :-4]
    return moved


@tf.function
def model(x):
    seen = tf.nn.conv2d(x, tf.ones((3, 3, 1, 1)), 1, "SAME")
    return tf.numpy_function(shifted, [seen], tf.float32)


def by_table(op):
    taps = np.arange(op.inputs[0][2]) - 4
    return AxisMap(2, np.where(taps < 0, -1, taps)[:, None])


@pytest.fixture(autouse=True)
def _only_own_rules(monkeypatch):
    monkeypatch.setattr(custom, "_RULES", {})


def test_a_rule_makes_an_op_known():
    with pytest.raises(UnsupportedOpError, match="PyFunc"):
        rfcore.estimate(model, input_shape=(32, 32, 1))
    rfcore.rule("tf", "PyFunc")(by_table)
    with pytest.raises(UnsupportedOpError, match=r"rule\(…, shape=…\) can tell it"):
        rfcore.estimate(model, input_shape=(32, 32, 1))
    rfcore.rule("tf", "PyFunc", shape=lambda op: op.inputs[0])(by_table)
    field = rfcore.estimate(model, input_shape=(32, 32, 1))
    # The convolution's 3 pixels, [j - 1, j + 2), and 4 less on the axis that is shifted.
    assert (field.size, field.padding) == ((3, 3), (1, 5))
    assert "test_tf_custom.by_table" in field.notes[0]

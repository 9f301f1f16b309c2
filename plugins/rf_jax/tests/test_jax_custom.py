"""Rules of users for what JAX cannot look into: callbacks and primitives of their own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rfcore
from rfcore import custom
from rfcore.errors import UnsupportedOpError
from rfcore.graph import AxisMap


def roi_thing(image):
    """Every row moved to the right by 4, zeros in front."""
    moved = np.zeros_like(image)
    moved[:, :, 4:] = image[:, :, :-4]
    return moved


def model(x):
    kernel = jnp.ones((3, 3, 1, 1))
    seen = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return jax.pure_callback(roi_thing, jax.ShapeDtypeStruct(x.shape, x.dtype), seen)


def by_table(op):
    taps = np.arange(op.inputs[0][2]) - 4
    return AxisMap(2, np.where(taps < 0, -1, taps)[:, None])


@pytest.fixture(autouse=True)
def _only_own_rules(monkeypatch):
    monkeypatch.setattr(custom, "_RULES", {})


@pytest.mark.parametrize("name", ["roi_thing", "pure_callback"])
def test_a_rule_makes_a_callback_known(name):
    with pytest.raises(UnsupportedOpError):
        rfcore.estimate(model, backend="jax", input_shape=(32, 32, 1))
    rfcore.rule("jax", name)(by_table)
    field = rfcore.estimate(model, backend="jax", input_shape=(32, 32, 1))
    # The convolution's 3 pixels, [j - 1, j + 2), and 4 less on the axis that is shifted.
    assert (field.size, field.padding) == ((3, 3), (1, 5))
    assert "test_jax_custom.by_table" in field.notes[0]


def test_the_rule_agrees_with_the_forward():
    rfcore.rule("jax", "roi_thing")(by_table)
    field = rfcore.estimate(model, backend="jax", input_shape=(32, 32, 1))
    assert field.verify(model, backend="jax", input_shape=(32, 32, 1)).passed

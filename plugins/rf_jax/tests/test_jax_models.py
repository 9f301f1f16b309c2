"""The libraries of the JAX family: how their models are called, named and left alone."""

from __future__ import annotations

from typing import Any

import equinox
import haiku
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx
from jax import lax

import rfcore
from rfcore.errors import (
    AmbiguousOutputError,
    BackendCapabilityError,
    IndependentOutputError,
    InputShapeError,
    InputTypeError,
    LayoutError,
    ModelError,
    NoBackendError,
    OptionError,
    OutputNameError,
    RfcoreError,
    UnknownLayerError,
    UnsupportedOpError,
)
from rfcore.testing.refusals import refusal_with_way_out

SHAPE = (64, 48, 3)


class Linen(nn.Module):
    """7 = 1 + 2·1 + 2·2 pixels, stride 4."""

    @nn.compact
    def __call__(self, x: Any, train: bool) -> Any:
        x = nn.Conv(4, (3, 3), 2, name="stem")(x)
        x = nn.BatchNorm(use_running_average=not train)(x)
        return nn.Conv(4, (3, 3), 2, name="head")(nn.relu(x))


class Nnx(nnx.Module):
    """The same, with its layers in a dict whose order is not that of the alphabet."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.stem = nnx.Conv(3, 4, (3, 3), 2, rngs=rngs)
        self.layers = nnx.Dict(
            {
                "second": nnx.Conv(4, 4, (3, 3), 2, rngs=rngs),
                "first": nnx.Conv(4, 4, (1, 1), rngs=rngs),
            }
        )

    def __call__(self, x: Any) -> Any:
        x = self.drop(self.norm(self.stem(x)))
        for layer in self.layers.values():
            x = layer(x)
        return x


class Equinox(equinox.Module):
    """The same, channels first."""

    layers: dict[str, Any]

    def __init__(self, key: Any) -> None:
        self.layers = {
            "stem": equinox.nn.Conv2d(3, 4, 3, 2, 1, key=key),
            "drop": equinox.nn.Dropout(0.5),
            "head": equinox.nn.Conv2d(4, 4, 3, 2, 1, key=key),
        }

    def __call__(self, x: Any) -> Any:
        for layer in self.layers.values():
            x = layer(x)
        return x


def in_haiku(x: Any) -> Any:
    layers = haiku.Sequential([haiku.Conv2D(4, 3, 2), jax.nn.relu, haiku.Conv2D(4, 3, 2)])
    return layers(x)


KEY = jax.random.PRNGKey(0)
FAMILIES: dict[str, tuple[Any, tuple[int, ...], str]] = {
    "linen": (Linen(), SHAPE, "stem"),
    "nnx": (Nnx(nnx.Rngs(0)), SHAPE, "stem"),
    "equinox": (Equinox(KEY), (3, 64, 48), "layers.stem"),
    "haiku": (haiku.transform(in_haiku), SHAPE, "conv2_d"),
    "stateful haiku": (haiku.transform_with_state(in_haiku), SHAPE, "conv2_d"),
    "bound linen": (
        nn.Conv(4, (3, 3), 2).bind(nn.Conv(4, (3, 3), 2).init(KEY, jnp.zeros((1, 8, 8, 3)))),
        SHAPE,
        "",
    ),
}


@pytest.mark.parametrize(
    ("model", "shape", "layer"), [pytest.param(*case, id=name) for name, case in FAMILIES.items()]
)
def test_every_family_is_claimed_called_and_named(
    model: Any, shape: tuple[int, ...], layer: str
) -> None:
    if layer:
        fields = rfcore.estimate(model, input_shape=shape, output=[layer, ""])
        assert fields[layer].size == (3, 3)
        assert fields[""].size == (7, 7)
        assert fields[""].stride == (4, 4)
    else:
        assert rfcore.estimate(model, input_shape=shape).size == (3, 3)


def test_jitted_function_is_claimed() -> None:
    field = rfcore.estimate(jax.jit(lambda x: jnp.diff(x, axis=1)), input_shape=(20, 20, 1))
    assert field.size == (2, 1)


@pytest.mark.parametrize("name", ["nnx", "equinox"])
def test_training_mode_is_measured_as_inference_and_said(name: str) -> None:
    model, shape, _ = FAMILIES[name]
    field = rfcore.estimate(model, input_shape=shape)
    assert field.exact
    assert any("training mode" in note for note in field.notes)


def test_random_numbers_of_an_nnx_model_are_left() -> None:
    model = Nnx(nnx.Rngs(0))
    before = jax.tree_util.tree_leaves(nnx.split(model)[1])
    rfcore.estimate(model, input_shape=SHAPE)
    after = jax.tree_util.tree_leaves(nnx.split(model)[1])
    assert all(one is other for one, other in zip(before, after, strict=True))
    assert not model.drop.deterministic


def test_calls_of_a_shared_layer_are_numbered() -> None:
    class Twice(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.conv = nnx.Conv(2, 2, (3,), rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.conv(self.conv(x))

    model = Twice(nnx.Rngs(0))
    fields = rfcore.estimate(model, input_shape=(30, 2), output=["conv[0]", "conv[1]"])
    assert [field.size for field in fields.values()] == [(3,), (5,)]


def test_outputs_are_addressed_by_their_path() -> None:
    def pyramid(x: Any) -> Any:
        fine = jnp.diff(x, axis=1)
        return {"fine": fine, "coarse": (fine[:, ::2], fine[:, 1::4])}

    fields = rfcore.estimate(
        pyramid, backend="jax", input_shape=(40, 1), output=["fine", "[coarse][1]"]
    )
    assert [(f.size, f.stride) for f in fields.values()] == [((2,), (1,)), ((2,), (4,))]


def test_names_that_users_put_are_heard() -> None:
    def named(x: Any) -> Any:
        early = jax.ad_checkpoint.checkpoint_name(jnp.diff(x, axis=1), "early")
        return jnp.diff(early, axis=1)

    assert rfcore.estimate(named, backend="jax", input_shape=(9, 1), output="early").size == (2,)


def test_recurrent_layer_sees_all_of_the_past() -> None:
    model = nnx.RNN(nnx.LSTMCell(3, 8, rngs=nnx.Rngs(0)))
    field = rfcore.estimate(model, input_shape=(30, 3))
    assert field.exact
    assert field.axes[0].lows is None
    assert field.axes[0].interval(9)[1] == 10


def test_bidirectional_layer_is_global() -> None:
    cells = [nnx.RNN(nnx.GRUCell(3, 4, rngs=nnx.Rngs(seed))) for seed in (0, 1)]
    model = nnx.Bidirectional(*cells)
    assert rfcore.estimate(model, input_shape=(30, 3)).axes[0].is_global


def test_gradient_is_inside_the_field() -> None:
    model, shape, _ = FAMILIES["nnx"]
    measured = rfcore.estimate(model, input_shape=shape, method="gradient")
    assert measured.size == (7, 7)
    assert not measured.exact


def test_gradient_of_a_model_without_parameters_is_refused() -> None:
    with pytest.raises(BackendCapabilityError, match="bind"):
        rfcore.estimate(Linen(), input_shape=SHAPE, method="gradient")


def test_callback_refuses_only_what_is_behind_it() -> None:
    def called_back(x: Any) -> Any:
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return jnp.diff(x, axis=1), jax.pure_callback(lambda y: y, shape, x)

    measured = rfcore.estimate(called_back, backend="jax", input_shape=(9, 1), output=0)
    assert measured.size == (2,)
    with pytest.raises(UnsupportedOpError, match="pure_callback"):
        rfcore.estimate(called_back, backend="jax", input_shape=(9, 1), output=1)


def test_value_that_is_needed_is_the_cause() -> None:
    with pytest.raises(ModelError) as caught:
        rfcore.estimate(lambda x: x if x.sum() > 0 else -x, backend="jax", input_shape=(9, 1))
    assert isinstance(caught.value.__cause__, jax.errors.ConcretizationTypeError)


def test_token_numbers_are_looked_up_position_by_position() -> None:
    table = np.random.default_rng(0).standard_normal((10, 4)).astype(np.float32)

    def differences(tokens: Any) -> Any:
        return jnp.diff(jnp.asarray(table)[tokens], n=2, axis=1)

    field = rfcore.estimate(differences, backend="jax", input_shape=(30,))
    assert (field.size, field.padding, field.exact) == ((3,), (0,), True)
    assert field.verify(differences, backend="jax", input_shape=(30,)).complete
    with pytest.raises(InputTypeError, match="integers"):
        rfcore.estimate(differences, backend="jax", input_shape=(30,), method="gradient")


def test_unknown_layer_has_a_nearest_name() -> None:
    with pytest.raises(UnknownLayerError, match="did you mean output='stem'"):
        rfcore.estimate(Linen(), input_shape=SHAPE, output="stem1")


WAYS_OUT: dict[str, tuple[Any, dict[str, Any], type[RfcoreError]]] = {
    "misspelt layer": (Linen(), {"output": "stem1"}, UnknownLayerError),
    "no name": (Linen(), {"output": 2.5}, OutputNameError),
    "no batch in the layout": (Linen(), {"layout": "HWC"}, LayoutError),
    "plain function": (lambda x: x + 1, {}, NoBackendError),
    "several outputs": (lambda x: (x, 2 * x), {"backend": "jax"}, AmbiguousOutputError),
    "whole numbers": (
        lambda x: (x > 0).astype(np.int32),
        {"backend": "jax", "method": "gradient"},
        IndependentOutputError,
    ),
    "misspelt option": (Linen(), {"global_paths": "cut"}, OptionError),
}


@pytest.mark.parametrize(("model", "options", "error"), WAYS_OUT.values(), ids=WAYS_OUT)
def test_the_way_out_works_when_it_is_typed(
    model: Any, options: dict[str, Any], error: type[RfcoreError]
) -> None:
    told = refusal_with_way_out(model, **{"input_shape": SHAPE, **options})
    assert isinstance(told, error)


@pytest.mark.parametrize("model", [Linen, 3], ids=["a class", "a number"])
def test_what_cannot_be_called_is_refused(model: Any) -> None:
    with pytest.raises(InputShapeError):
        rfcore.estimate(model, backend="jax", input_shape=SHAPE)


def test_window_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(InputShapeError, match="too small"):
        rfcore.estimate(nn.Conv(1, (9, 9), padding="VALID"), input_shape=(8, 8, 1))


def test_long_loop_is_refused_by_name() -> None:
    def long(x: Any) -> Any:
        return lax.fori_loop(0, 5000, lambda i, y: jnp.roll(y, 1, 1), x)

    with pytest.raises(UnsupportedOpError, match="5000 steps"):
        rfcore.estimate(long, backend="jax", input_shape=(9, 1))


def test_mutable_reference_is_refused() -> None:
    if not hasattr(jax, "new_ref"):
        pytest.skip("this version of jax has no references")

    def stored(x: Any) -> Any:
        cell = jax.new_ref(jnp.zeros_like(x))
        cell[...] = x
        return cell[...]

    with pytest.raises(UnsupportedOpError, match="reference"):
        rfcore.estimate(stored, backend="jax", input_shape=(9, 1))

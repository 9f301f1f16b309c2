"""The forward that checks run: the model's own values, on its own weights, and nothing moved."""

from __future__ import annotations

from collections.abc import Callable
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
    BackendCapabilityError,
    InputShapeError,
    ModelError,
    RfcoreError,
    UnknownLayerError,
    UnsupportedOpError,
)
from rfcore.hookspecs import ForwardBackend, OutputForward
from rfcore.plugins import find_backend

KEY = jax.random.PRNGKey(0)
SHAPE = (24, 20, 3)
Family = tuple[Any, tuple[int, ...], str, Callable[[Any], Any], Callable[[Any], Any]]


def forward_of(
    model: Any, shape: tuple[int, ...], output: str | int | None = None, **given: Any
) -> OutputForward:
    backend = find_backend(model, "jax")
    assert isinstance(backend, ForwardBackend)
    spec = backend.input_spec(model, shape, given.get("layout"), given.get("input"))
    return backend.forward(model, spec, output)


def image(*shape: int) -> Any:
    return np.random.default_rng(1).standard_normal((1, *shape)).astype(np.float32)


class Linen(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.Conv(4, (3, 3), 2, name="stem")(x)
        return nn.Conv(2, (3, 3), name="head")(nn.relu(x))


class Nnx(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.stem = nnx.Conv(3, 4, (3, 3), 2, rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.head = nnx.Conv(4, 2, (3, 3), rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.head(self.drop(self.norm(self.stem(x))))


class Equinox(equinox.Module):
    stem: Any
    drop: Any
    head: Any

    def __init__(self, key: Any) -> None:
        self.stem = equinox.nn.Conv2d(3, 4, 3, 2, 1, key=key)
        self.drop = equinox.nn.Dropout(0.5)
        self.head = equinox.nn.Conv2d(4, 2, 3, key=key)

    def __call__(self, x: Any) -> Any:
        return self.head(self.drop(self.stem(x)))


def linen() -> Family:
    variables = Linen().init(KEY, jnp.zeros((1, *SHAPE)))
    stem = nn.Conv(4, (3, 3), 2).bind({"params": variables["params"]["stem"]})
    return Linen().bind(variables), SHAPE, "stem", lambda x: Linen().apply(variables, x), stem


def in_nnx() -> Family:
    model = Nnx(nnx.Rngs(0))
    quiet = nnx.clone(model)
    quiet.eval()
    return model, SHAPE, "stem", quiet, quiet.stem


def in_equinox() -> Family:
    model = Equinox(KEY)
    quiet = equinox.nn.inference_mode(model)
    return model, (3, 24, 20), "stem", jax.vmap(quiet), jax.vmap(quiet.stem)


def in_haiku() -> Family:
    def network(x: Any) -> Any:
        return haiku.Conv2D(2, 3, name="head")(haiku.Conv2D(4, 3, 2, name="stem")(x))

    made = haiku.without_apply_rng(haiku.transform(network))
    parameters = made.init(KEY, jnp.zeros((1, *SHAPE)))
    stem = haiku.without_apply_rng(haiku.transform(lambda x: haiku.Conv2D(4, 3, 2, name="stem")(x)))
    return (
        lambda x: made.apply(parameters, x),
        SHAPE,
        "stem",
        lambda x: made.apply(parameters, x),
        lambda x: stem.apply({"stem": parameters["stem"]}, x),
    )


FAMILIES: dict[str, Callable[[], Family]] = {
    "linen": linen,
    "nnx": in_nnx,
    "equinox": in_equinox,
    "haiku": in_haiku,
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("larger", [0, 13])
def test_values_are_the_models_own(family: str, larger: int) -> None:
    model, shape, inner, own, own_inner = FAMILIES[family]()
    shape = tuple(n if n == 3 else n + larger for n in shape)
    x = image(*shape)
    for output, expected in ((None, own(x)), (inner, own_inner(x))):
        forward = forward_of(model, shape, output)
        assert forward.dtype == np.float32
        np.testing.assert_allclose(forward.run(x), expected, rtol=1e-4, atol=1e-5)
        assert forward.run(x).tobytes() == forward.run(x).tobytes()


@pytest.mark.parametrize("family", ["nnx", "equinox"])
def test_training_mode_is_run_as_inference_and_left(family: str) -> None:
    model, shape, *_ = FAMILIES[family]()
    before = jax.tree_util.tree_leaves(model)
    forward = forward_of(model, shape)
    forward.run(image(*shape))
    assert any("training mode" in note for note in forward.notes)
    after = jax.tree_util.tree_leaves(model)
    assert all(one is other for one, other in zip(before, after, strict=True))
    assert getattr(model.drop, "deterministic", getattr(model.drop, "inference", None)) is False


def test_random_numbers_are_the_same_each_time() -> None:
    def noisy(x: Any) -> Any:
        return x + jax.random.normal(jax.random.PRNGKey(3), x.shape)

    forward = forward_of(noisy, SHAPE)
    assert forward.run(image(*SHAPE)).tobytes() == forward.run(image(*SHAPE)).tobytes()


def test_outputs_of_other_types_and_by_key() -> None:
    def model(x: Any) -> Any:
        half = x.astype(jnp.bfloat16)
        return {"best": jnp.argmax(x, -1), "half": half, "both": (x > 0, x[..., 0])}

    x = image(*SHAPE)
    best = forward_of(model, SHAPE, "best").run(x)
    assert best.dtype.kind == "i"
    np.testing.assert_array_equal(best, x.argmax(-1))
    half = forward_of(model, SHAPE, "half").run(x)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, x, rtol=1e-2)
    np.testing.assert_array_equal(forward_of(model, SHAPE, "[both][0]").run(x), x > 0)


def test_the_measured_input_goes_by_its_name() -> None:
    def model(*, image: Any) -> Any:
        return jnp.diff(image, axis=1)

    x = image(*SHAPE)
    np.testing.assert_array_equal(
        forward_of(model, SHAPE, input="image").run(x), np.diff(x, axis=1)
    )


def test_values_inside_of_jitted_and_nested_calls() -> None:
    class Nested(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.conv = nnx.Conv(3, 3, (3, 3), rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return jax.jit(lambda y: jax.checkpoint(lambda z: self.conv(z) + 1)(y) * 2)(x)

    model = Nested(nnx.Rngs(0))
    x = image(*SHAPE)
    inner = forward_of(model, SHAPE, "conv").run(x)
    np.testing.assert_allclose(inner, model.conv(x), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(forward_of(model, SHAPE).run(x), (inner + 1) * 2, rtol=1e-4)


def test_what_is_computed_inside_of_a_loop_cannot_be_asked_for() -> None:
    class Looped(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.conv = nnx.Conv(3, 3, (3, 3), rngs=rngs)

        def __call__(self, x: Any) -> Any:
            step = lambda carry, _: (self.conv(carry), None)  # noqa: E731
            return lax.scan(step, x, None, length=3)[0]

    model = Looped(nnx.Rngs(0))
    x = image(*SHAPE)
    expected = model.conv(model.conv(model.conv(x)))
    np.testing.assert_allclose(forward_of(model, SHAPE).run(x), expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(BackendCapabilityError, match="inside of a loop"):
        forward_of(model, SHAPE, "conv[0]")


@pytest.mark.parametrize(
    ("model", "output", "error", "text"),
    [
        pytest.param(Linen(), None, BackendCapabilityError, "parameters", id="no parameters"),
        pytest.param(lambda x: x, "conv", UnknownLayerError, "conv", id="unknown layer"),
        pytest.param(
            lambda x: x @ jnp.zeros((7, 7)), None, ModelError, "TypeError", id="does not run"
        ),
    ],
)
def test_what_cannot_be_run_is_refused(
    model: Any, output: str | None, error: type[RfcoreError], text: str
) -> None:
    with pytest.raises(error, match=text) as caught:
        forward_of(model, SHAPE, output)
    assert caught.value.hint


def test_an_array_of_another_shape_is_refused() -> None:
    forward = forward_of(lambda x: x * 2, SHAPE)
    with pytest.raises(InputShapeError, match="was made for"):
        forward.run(image(24, 21, 3))


def test_an_error_while_it_runs_is_told() -> None:
    def fail(_: Any) -> Any:
        raise ValueError("no such table")

    def model(x: Any) -> Any:
        return jax.pure_callback(fail, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    forward = forward_of(model, SHAPE)
    with pytest.raises(ModelError, match="does not run"):
        forward.run(image(*SHAPE))


def test_what_cannot_be_traced_can_be_run() -> None:
    def model(x: Any) -> Any:
        counter = jax.new_ref(jnp.zeros(()))
        counter[...] += 1.0
        return x * counter[...]

    with pytest.raises(UnsupportedOpError):
        rfcore.estimate(model, backend="jax", input_shape=SHAPE)
    x = image(*SHAPE)
    np.testing.assert_array_equal(forward_of(model, SHAPE).run(x), x)

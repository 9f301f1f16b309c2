"""The derivative of an output: true for any rank and type, one forward for many cotangents."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import rfcore
from rfcore.guard import ask_gradient
from rfcore.hookspecs import MeasuredOutput
from rfcore.inputs import InputSpec
from rfcore.plugins import find_backend

SHAPE = (24, 25, 3)
KERNEL = np.random.default_rng(5).normal(size=(3, 3, 3, 2)).astype(np.float32)


def convolved(image: Any) -> Any:
    dimensions = ("NHWC", "HWIO", "NHWC")
    kernel = jnp.asarray(KERNEL)
    return jax.nn.relu(
        lax.conv_general_dilated(image, kernel, (2, 2), "SAME", dimension_numbers=dimensions)
    )


def measured(model: Any, output: str | None = None) -> tuple[MeasuredOutput, InputSpec]:
    backend = find_backend(None, "jax")
    spec = backend.input_spec(model, SHAPE, None, None)
    return ask_gradient(backend, model, spec, output), spec


@pytest.mark.parametrize(
    ("model", "shape", "axes"),
    [
        pytest.param(lambda x: convolved(x).mean((1, 2)), (1, 2), None, id="logits"),
        pytest.param(lambda x: convolved(x).reshape(1, -1, 2), (1, 156, 2), None, id="tokens"),
        pytest.param(lambda x: convolved(x).sum(), (), None, id="a-number"),
        pytest.param(lambda x: convolved(x).mean(1), (1, 13, 2), (None, 1), id="height-averaged"),
        pytest.param(
            lambda x: convolved(x).transpose(0, 2, 1, 3), (1, 13, 12, 2), (2, 1), id="swapped"
        ),
    ],
)
def test_outputs_of_any_rank_have_a_derivative(model: Any, shape: Any, axes: Any) -> None:
    """Every gradient is a row of the dense Jacobian that JAX gives in forward mode."""
    found, spec = measured(model)
    assert (found.shape, found.axes) == (shape, axes)
    image = np.random.default_rng(3).normal(size=spec.shape).astype(np.float32)
    jacobian = np.asarray(jax.jacfwd(model)(image))
    linear = found.at(image)
    np.testing.assert_allclose(linear.value(), model(image), rtol=1e-5, atol=1e-5)
    for place in {(0,) * len(shape), tuple(n - 1 for n in shape)}:
        cotangent = np.zeros((1, *shape), np.float32)
        cotangent[(0, *place)] = -2
        np.testing.assert_allclose(linear.pull(cotangent)[0], -2 * jacobian[place], atol=1e-5)


def test_axes_that_moved_are_followed() -> None:
    def model(x: Any) -> Any:
        return lax.reduce_window(x, 0.0, lax.add, (1, 3, 5, 1), (1, 1, 1, 1), "SAME").swapaxes(1, 2)

    exact, field = (
        rfcore.estimate(model, backend="jax", input_shape=SHAPE, method=method)  # type: ignore[call-overload]
        for method in ("exact", "gradient")
    )
    assert field.axes == exact.axes
    assert field.size == (3, 5)


def test_the_backward_pass_does_not_run_the_forward_again() -> None:
    runs = []

    @jax.custom_vjp
    def squared(x: Any) -> Any:
        return jnp.square(x)

    def forward(x: Any) -> Any:
        jax.debug.callback(lambda: runs.append(1))
        return jnp.square(x), x

    squared.defvjp(forward, lambda x, cotangent: (2 * x * cotangent,))
    found, spec = measured(lambda x: squared(x) ** 2)
    linear = found.at(np.full(spec.shape, 2.0))
    # The derivative of x^4 at 2.
    np.testing.assert_array_equal(linear.pull(np.ones((3, *found.shape), np.float32)), 32)
    jax.effects_barrier()
    assert runs == [1]


def test_half_precision_inside() -> None:
    found, spec = measured(lambda x: (2 * x).astype(jnp.bfloat16))
    linear = found.at(np.ones(spec.shape))
    gradients = linear.pull(np.ones((1, *found.shape), np.float32))
    assert found.dtype == gradients.dtype == linear.value().dtype == np.float32
    np.testing.assert_array_equal(gradients, 2)

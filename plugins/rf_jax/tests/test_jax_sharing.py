"""What traces of one estimate share, and what they must not."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rfcore
from rf_jax.measured import JaxInput
from rf_jax.sharing import Sharing
from rf_jax.tracing import trace
from rfcore.addresses import returns_by_address
from rfcore.graph import Elementwise, Graph, Pattern
from rfcore.inputs import input_spec


def gates(graph: Graph) -> list[Pattern | None]:
    return [
        gate for node in graph.nodes if isinstance(node.op, Elementwise) for gate in node.op.gates
    ]


def traced_twice(function: Any) -> tuple[Graph, Graph]:
    spec = JaxInput.of(input_spec((8, 2), layout="NLC"))
    return trace(function, spec).graph, trace(function, spec.grown(8, None)).graph


def test_a_pattern_made_from_weights_is_the_same_one_at_another_size() -> None:
    weight = jnp.array([1.0, 0.0])
    small, large = traced_twice(lambda x: x * jnp.sqrt(weight))
    (one,), (other,) = gates(small), gates(large)
    assert one is other
    assert one is not None
    mask = one.read()
    assert mask is not None
    assert mask.ravel().tolist() == [True, False]


def test_other_weights_and_other_ways_to_compute_are_told_apart() -> None:
    sharing = Sharing({})
    first, second = (sharing.given(jnp.array([1.0, 0.0])) for _ in range(2))
    assert first is not second
    closed = jax.make_jaxpr(lambda a: (jnp.sqrt(a), -a, a.reshape(2, 1), a.reshape(1, 2)))(
        jnp.ones(2)
    )
    equations = [e for e in closed.jaxpr.eqns if e.primitive.name in ("sqrt", "neg", "reshape")]
    made = [
        sharing.computed(e.primitive, e.params, [value], [v.aval for v in e.outvars])[0]
        for value in (first, second)
        for e in equations
    ]
    assert len({id(constant) for constant in made}) == 2 * len(equations) == 8


def test_a_gate_made_from_a_weight_and_a_number_is_the_same_one_at_another_size() -> None:
    """As the scale of a batch-norm is, whose number jax holds as an array of no axes."""
    variance = jnp.array([1.0, 0.0])
    small, large = traced_twice(lambda x: x * jax.lax.sqrt(variance + np.float32(0.0)))
    (one,), (other,) = gates(small), gates(large)
    assert one is other is not None


def test_an_array_of_no_axes_is_shared_by_its_value_when_it_was_met() -> None:
    sharing = Sharing({})
    scale = np.array(2.0, np.float32)
    met = sharing.given(scale)
    scale[()] = 0.0
    assert sharing.given(scale) is not met
    assert sharing.given(np.array(2.0, np.float32)) is met
    assert met.array() == 2.0


@pytest.mark.parametrize(
    "numbers",
    [
        (0.0, -0.0),
        (1, 1.0),
        (True, 1),
        (np.array(0.0), np.array(-0.0)),
        (np.array(1, np.int32), np.array(1, np.int64)),
    ],
    ids=str,
)
def test_literals_that_are_equal_but_not_the_same_are_told_apart(numbers: tuple[Any, Any]) -> None:
    sharing = Sharing({})
    one, other = map(sharing.given, numbers)
    assert one is not other
    assert sharing.given(numbers[0]) is one


def test_weights_that_a_forward_writes_to_are_read_anew() -> None:
    weight = np.array([1.0, 1.0], np.float32)
    sharing = Sharing({})
    assert sharing.given(weight) is not sharing.given(weight)


def test_two_estimates_share_nothing() -> None:
    """A mask along the axis: the second model's is the first's, moved by one."""
    fields = []
    for taps in ([1.0, 0.0, 0.0], [1.0, 1.0, 0.0]):
        kernel = jnp.array(taps).reshape(3, 1, 1)

        def forward(x: Any, kernel: Any = kernel) -> Any:
            return jax.lax.conv_general_dilated(
                x, kernel * 2.0, (1,), [(1, 1)], dimension_numbers=("NWC", "WIO", "NWC")
            )

        found = rfcore.estimate(forward, backend="jax", input_shape=(16, 1), layout="NLC")
        fields.append((found.size, found.padding))
    assert fields == [((1,), (1,)), ((2,), (1,))]


def test_a_function_that_returns_its_layers_is_not_searched_for_others() -> None:
    def forward(x: Any) -> Any:
        with jax.named_scope("stem"):
            y = jnp.sin(x)
        return {"stem": y, "head": jnp.cos(y)}

    spec = JaxInput.of(input_spec((8, 2), layout="NLC"))
    assert set(trace(forward, spec).values) == {"stem", "[stem]", "[head]"}
    assert set(trace(returns_by_address(forward), spec).values) == {"[stem]", "[head]"}

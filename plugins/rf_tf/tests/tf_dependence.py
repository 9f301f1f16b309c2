"""Which elements of the input reach which elements of the output: by the engine, and by trying.

The recorded graph is walked back from every output element. The trial runs the true function
once per input element and amount, and looks which outputs differ to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from rf_tf.captured import Captured
from rf_tf.engine import record
from rfcore.errors import UnsupportedOpError
from rfcore.testing.dependence import Dependence, Matrix, dependence

Function = Callable[[Any], Any]

# Small steps for smooth ops, large ones that win a maximum or pass a threshold.
STEPS = (0.3, -0.7, 40.0, -40.0)
BASES = 2


def captured(function: Function, shape: Sequence[int]) -> Captured:
    """The graph of a function of one tensor, calls and variables left as TensorFlow traced them."""
    compiled = function if isinstance(function, tf.types.experimental.GenericFunction) else None
    concrete = (compiled or tf.function(function, autograph=False)).get_concrete_function(
        tf.TensorSpec(shape, tf.float32)
    )
    readers = {
        inner.op.name: variable.numpy
        for outer, inner in concrete.graph.captures
        for variable in concrete.variables
        if variable.handle is outer
    }
    outputs = {f"[{i}]": tensor for i, tensor in enumerate(concrete.outputs)}
    return Captured(concrete.graph, concrete.inputs[0], outputs, readers)


def traced(function: Function, shape: Sequence[int]) -> Dependence:
    """Records a function and walks back from every element of its outputs."""
    graph = captured(function, shape)
    found = record(graph)
    if found.error is not None:
        raise found.error
    outputs = []
    for address, tensor in graph.outputs.items():
        node = found.values[address]
        result = tuple(tensor.shape) if node is None else found.graph.nodes[node].shape
        assert tensor.shape.is_compatible_with(result)
        outputs.append((node, result))
    return dependence(found.graph, outputs)


def changed(
    function: Function,
    shape: Sequence[int],
    *,
    steps: Sequence[float] = STEPS,
    bases: int = BASES,
    scale: float = 1.0,
) -> Matrix:
    """Which output elements differ after one input element was changed by some step."""
    run = tf.function(function, autograph=False)
    found: Matrix | None = None
    for seed in range(bases):
        clean = np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * scale
        before = _outputs(run, clean)
        for step in steps:
            columns = []
            for element in range(clean.size):
                image = clean.copy()
                image.reshape(-1)[element] += step
                columns.append(_differs(_outputs(run, image), before))
            differences = np.stack(columns, axis=1)
            found = differences if found is None else found | differences
    assert found is not None
    return found


def _outputs(run: Function, image: NDArray[Any]) -> NDArray[Any]:
    results = tf.nest.flatten(run(tf.constant(image)))
    return np.concatenate([np.ravel(result).astype(np.complex128) for result in results])


def _differs(one: NDArray[Any], other: NDArray[Any]) -> Matrix:
    return ~((one == other) | (np.isnan(one) & np.isnan(other)))


def assert_exact(
    function: Function,
    shape: Sequence[int],
    *,
    steps: Sequence[float] = STEPS,
    bases: int = BASES,
    scale: float = 1.0,
) -> Dependence:
    """The engine names just what changes an output."""
    found = traced(function, shape)
    found.assert_equals(changed(function, shape, steps=steps, bases=bases, scale=scale))
    return found


def assert_bounded(
    function: Function, shape: Sequence[int], said: str, *, bases: int = BASES
) -> Dependence:
    """The engine misses nothing, and says by a note why it may name more than there is."""
    found = traced(function, shape)
    found.assert_bounds(changed(function, shape, bases=bases), said)
    return found


def assert_refused(function: Function, shape: Sequence[int], op: str, why: str) -> None:
    """The recording, or the walk over it, ends with an error that names the op."""
    with pytest.raises(UnsupportedOpError) as caught:
        traced(function, shape)
    assert caught.value.op == op
    assert why in caught.value.reason

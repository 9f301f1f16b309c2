"""Which elements of the input reach which elements of the output: by the trace, and by trying.

The trace is walked back from every output element. The trial changes one input element at a
time, by small and by large amounts, on several random inputs, and looks what differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from rfcore.errors import RfcoreError
from rfcore.inputs import InputSpec
from rfcore.plugins import find_backend
from rfcore.testing.dependence import Dependence, Matrix, dependence

__all__ = ["assert_bounded", "assert_traced_exactly", "changed", "refusal", "traced"]

Function = Callable[[Any], Any]

STEPS = (0.37, -0.61, 90.0, -90.0)
BASES = 3
SENSITIVITY = 1e-5


def traced(function: Function, shape: Sequence[int]) -> Dependence:
    """The dependence that the trace of a function shows."""
    spec = InputSpec(tuple(shape), tuple(range(len(shape))), "NHWCDEF"[: len(shape)])
    found = find_backend(function, "jax").trace(function, spec)
    if found.error is not None:
        raise found.error
    outputs = [
        (node, found.shapes[address])
        for address, node in found.values.items()
        if not address or address.startswith("[")
    ]
    return dependence(found.graph, outputs, warnings=found.warnings)


def changed(function: Function, shape: Sequence[int], *, low: float = -1.0) -> Matrix:
    """Which outputs differ after a change of one input element, (outputs, inputs)."""
    size = math.prod(shape)

    def flat(image: Any) -> Any:
        leaves = jax.tree_util.tree_leaves(function(image.reshape(shape)))
        return jax.numpy.concatenate([leaf.ravel().astype(np.float32) for leaf in leaves])

    run = jax.jit(jax.vmap(flat))
    found: Matrix | None = None
    for seed in range(BASES):
        base = np.random.default_rng(seed).uniform(low, 1.0, size).astype(np.float32)
        for step in STEPS:
            moved = base + np.float32(step) * np.eye(size, dtype=np.float32)
            *after, before = np.asarray(run(np.concatenate([moved, base[None]])), np.float64)
            same = np.isclose(after, before, rtol=SENSITIVITY, atol=SENSITIVITY, equal_nan=True)
            differs = ~same.T
            found = differs if found is None else found | differs
    assert found is not None
    return found


def assert_traced_exactly(function: Function, shape: Sequence[int], *, low: float = -1.0) -> None:
    """The trace claims to be exact, and is just what changes an output."""
    traced(function, shape).assert_equals(changed(function, shape, low=low))


def assert_bounded(
    function: Function, shape: Sequence[int], said: str, *, low: float = -1.0
) -> None:
    """The trace misses nothing, and says by a note why it may be more than there is."""
    traced(function, shape).assert_bounds(changed(function, shape, low=low), said)


def refusal(function: Function, shape: Sequence[int]) -> RfcoreError:
    """The error of a trace, or of the walk over it."""
    try:
        traced(function, shape)
    except RfcoreError as error:
        return error
    raise AssertionError("nothing was refused")

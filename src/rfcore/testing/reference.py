"""What the layers backend says about a case: the other side of every comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import rfcore
from rfcore.addresses import resolve
from rfcore.field import ReceptiveField
from rfcore.layers import LayersBackend
from rfcore.testing.case import Case
from rfcore.walk import Walker, one_hot

__all__ = ["reference_field", "reference_influence", "reference_shape"]


def reference_field(
    case: Case, *, output: str | None = None, input_shape: Sequence[int] | None = None
) -> ReceptiveField:
    """The field of a case's written-out layers.

    Args:
        case: The case.
        output: Another layer than the case's.
        input_shape: Another spatial shape than the case's.
    """
    return rfcore.estimate(
        case.layers,
        backend="layers",
        input_shape=case.input_shape if input_shape is None else input_shape,
        output=case.output if output is None else output,
        global_paths=case.global_paths,
    )


def reference_shape(case: Case) -> tuple[int, ...]:
    """Spatial shape of the case's output."""
    walk, node, axes = _walk(case)
    shape = walk.graph.nodes[node].shape
    return tuple(shape[axis] for axis in axes)


def reference_influence(case: Case, index: Sequence[int]) -> NDArray[np.bool_]:
    """Which input positions one output position of a case depends on, all paths followed."""
    walk, node, axes = _walk(case)
    point = one_hot(walk.graph.nodes[node].shape, axes, [index])
    shape = tuple(walk.graph.nodes[0].shape[axis] for axis in axes)
    influence = walk.influence(node, point).mask
    return np.broadcast_to(influence.reshape(influence.shape[2:]), shape)


def _walk(case: Case) -> tuple[Walker, int, tuple[int, ...]]:
    backend = LayersBackend()
    spec = backend.input_spec(case.layers, case.input_shape, None, None)
    trace = backend.trace(case.layers, spec)
    node = trace.values[resolve(trace, case.output)]
    assert node is not None
    return Walker(trace.graph), node, spec.axes

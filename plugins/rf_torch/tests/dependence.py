"""Which elements of the input reach which elements of the output: by the trace, and by trying.

The trace is walked back from every output element. The two trials run the true forward once per
input element: spoiled by NaN, which survives every sum and product (an upper bound where weights
are zero, blind where NaN is swallowed), or changed by finite amounts (a lower bound).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nan_method import plain_kernels
from rf_torch.outputs import tensors_by_path
from rf_torch.tracing import trace
from rfcore.errors import UnsupportedOpError
from rfcore.inputs import InputSpec
from rfcore.testing.dependence import Dependence, Matrix, dependence

Model = Callable[[Tensor], Any]

# Small steps for smooth ops, large ones that win a maximum or pass a threshold.
STEPS = (0.3, -0.7, 40.0, -40.0)
BASES = 3


def traced(model: Model, shape: Sequence[int]) -> Dependence:
    """Walks a trace of the model back from every element of its outputs.

    Args:
        model: A module or function of one tensor.
        shape: Shape of that tensor, batch included.
    """
    found = trace(model, _spec(shape))
    if found.error is not None:
        raise found.error
    outputs = [
        (node, found.shapes[address])
        for address, node in found.values.items()
        if not address or address.startswith("[")
    ]
    return dependence(found.graph, outputs, warnings=found.warnings)


def spoiled(model: Model, shape: Sequence[int]) -> Matrix:
    """Which output elements are NaN after one input element was."""
    run = _runner(model)
    clean = _inputs(shape, seed=0)
    columns = []
    with plain_kernels():
        for element in range(math.prod(shape)):
            image = clean.clone()
            image.view(-1)[element] = torch.nan
            columns.append(np.concatenate([_is_nan(y) for y in run(image)]))
    return np.stack(columns, axis=1)


def changed(
    model: Model,
    shape: Sequence[int],
    *,
    steps: Sequence[float] = STEPS,
    bases: int = BASES,
) -> Matrix:
    """Which output elements differ, to the last bit, after one input element was changed.

    Args:
        model: A module or function of one tensor.
        shape: Shape of that tensor, batch included.
        steps: By how much the element is changed.
        bases: How many inputs are tried; ops that select need many.
    """
    run = _runner(model)
    result: Matrix | None = None
    with plain_kernels():
        for seed in range(bases):
            clean = _inputs(shape, seed=seed)
            before = run(clean)
            for step in steps:
                found = _differences(run, clean, before, step)
                result = found if result is None else result | found
    assert result is not None
    return result


def _differences(
    run: Callable[[Tensor], list[Tensor]], clean: Tensor, before: list[Tensor], step: float
) -> Matrix:
    columns = []
    for element in range(clean.numel()):
        image = clean.clone()
        image.view(-1)[element] += step
        columns.append(
            np.concatenate([_differs(a, b) for a, b in zip(run(image), before, strict=True)])
        )
    return np.stack(columns, axis=1)


def _differs(one: Tensor, other: Tensor) -> Matrix:
    same = (one == other) | (_nan(one) & _nan(other))
    found: Matrix = (~same).reshape(-1).numpy()
    return found


def _is_nan(value: Tensor) -> Matrix:
    found: Matrix = _nan(value).reshape(-1).numpy()
    return found


def _nan(value: Tensor) -> Tensor:
    return value != value


def assert_traced(model: Model, shape: Sequence[int], *, bases: int = BASES) -> Dependence:
    """The trace lies between what changes an output for certain and what may reach it.

    Where the trace says that it is not exact, only the first is asked, and a note.
    """
    found = traced(model, shape)
    certain = changed(model, shape, bases=bases)
    found.assert_contains(certain)
    if found.exact:
        possible = certain | spoiled(model, shape)
        assert not (found.matrix & ~possible).any(), "an influence was made up, and not flagged"
    else:
        assert found.notes
    return found


def assert_traced_exactly(
    model: Model, shape: Sequence[int], *, steps: Sequence[float] = STEPS, bases: int = BASES
) -> None:
    """The trace is just what changes an output: for zeros, through which NaN would leak."""
    found = traced(model, shape)
    found.assert_equals(changed(model, shape, steps=steps, bases=bases))


def assert_bounded(model: Model, shape: Sequence[int], said: str) -> None:
    """The trace misses nothing, and says by a note why it may be more than there is."""
    traced(model, shape).assert_bounds(changed(model, shape), said)


def assert_refused(model: Model, shape: Sequence[int], op: str, why: str) -> None:
    """The trace, or the walk over it, ends with an error that names the op."""
    with pytest.raises(UnsupportedOpError) as caught:
        traced(model, shape)
    assert caught.value.op == op
    assert why in caught.value.reason


def _runner(model: Model) -> Callable[[Tensor], list[Tensor]]:
    """Runs a double-precision copy, the same random numbers each time, nothing kept in between."""

    def run(image: Tensor) -> list[Tensor]:
        network = copy.deepcopy(model).double() if isinstance(model, nn.Module) else model
        with torch.random.fork_rng(devices=[]), _double():
            torch.manual_seed(0)
            return [value.clone() for _, value in tensors_by_path(network(image.clone()))]

    return run


@contextmanager
def _double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _inputs(shape: Sequence[int], *, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _spec(shape: Sequence[int]) -> InputSpec:
    letters = "NCDHW"[: len(shape)] if len(shape) > 4 else "NCHW"[: len(shape)]
    return InputSpec(tuple(shape), tuple(range(2, len(shape))), letters)

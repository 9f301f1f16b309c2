"""What the true forward of a PyTorch network shows: every position spoiled in turn.

NaN survives every sum and product, so an output that turns NaN depends on what was spoiled. Where
a weight of zero would spread it (0 * NaN is NaN), large finite changes take its place; what they
do not change may still be seen, so that they only show what is seen at least. Nor does a path show
along one axis what it sees there, if it reads nothing but padding along another.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nan_method import plain_kernels
from rfcore.layers import Branches, Layer, Upsampling
from rfcore.testing import Case
from rfcore.testing.agreement import all_layers, seen_by_walking
from rfcore.testing.walking import SizedWalk, along_axis

# Doubles in one forward.
LARGEST = 4_000_000


def assert_perturbed(case: Case, model: Any) -> bool:
    """Checks the walked taps of a case against a forward; False where it would be too large."""
    size = case.channels * int(np.prod(case.input_shape)) * max(case.input_shape)
    if size > LARGEST:
        return False
    network = model.double()
    by_nan = all(
        layer.mode == "nearest"
        for layer in all_layers(case.layers)
        if isinstance(layer, Upsampling)
    )
    whole = by_nan and not any(
        _is_blind(along_axis(path, axis), n)
        for path in _single_paths(case.layers)
        for axis, n in enumerate(case.input_shape)
    )
    for axis in range(case.rank):
        walked = seen_by_walking(case, axis)
        found = (_spoiled if by_nan else _changed)(network, case, axis)
        differs = found != walked if whole else found & ~walked
        assert not differs.any(), f"axis {axis}: {_first(differs)}, by {'NaN' if by_nan else 1e3}"
    return True


def _single_paths(layers: Sequence[Layer]) -> Iterator[tuple[Layer, ...]]:
    """Every way through the branches."""
    choices = [
        [path for branch in layer.paths for path in _single_paths(branch)]
        if isinstance(layer, Branches)
        else [(layer,)]
        for layer in layers
    ]
    for chosen in itertools.product(*choices):
        yield tuple(itertools.chain.from_iterable(chosen))


def _is_blind(path: tuple[Layer, ...], n: int) -> bool:
    """Whether no output at the end of a path sees any of `n` positions."""
    walk = SizedWalk(path, n)
    return not any(walk.seen(output) for output in range(walk.lengths[-1]))


def _first(differs: NDArray[np.bool_]) -> str:
    output, position = np.argwhere(differs)[0]
    return f"output {output} and input {position} are not as walked"


def _inputs(case: Case, axis: int) -> tuple[Any, Any]:
    """A batch with one row per position of an axis, and which values are the row's own."""
    n = case.input_shape[axis]
    generator = torch.Generator().manual_seed(0)
    shape = (1, case.channels, *case.input_shape)
    clean = torch.rand(*shape, generator=generator, dtype=torch.float64) + 0.5
    along = [n, 1, *(n if a == axis else 1 for a in range(case.rank))]
    return clean.repeat(n, *(1,) * (case.rank + 1)), torch.eye(n, dtype=torch.bool).reshape(along)


def _spoiled(network: Any, case: Case, axis: int) -> NDArray[np.bool_]:
    rows, own = _inputs(case, axis)
    with plain_kernels():
        return _reached(network(rows.masked_fill(own, torch.nan)).isnan(), axis)


def _changed(network: Any, case: Case, axis: int) -> NDArray[np.bool_]:
    rows, own = _inputs(case, axis)
    with plain_kernels():
        clean, noisy = network(rows), network(torch.where(own, 1e3 * rows, rows))
    return _reached(clean != noisy, axis)


def _reached(flags: Any, axis: int) -> NDArray[np.bool_]:
    """From (positions, channels, *outputs) to (outputs along the axis, positions)."""
    others = [dim for dim in range(1, flags.ndim) if dim != axis + 2]
    found: NDArray[np.bool_] = flags.any(others).T.numpy() if others else flags.T.numpy()
    return found

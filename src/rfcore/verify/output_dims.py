"""Which axis of the output moves along which of the input: told by spoiling parts of the input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import FieldMismatchError
from rfcore.field import AxisField
from rfcore.verify.trial import NAN, Box, Trial
from rfcore.verify.view import largest_along

__all__ = ["dim_along"]


def dim_along(trial: Trial, axis: int, law: AxisField, usual: int | None) -> int | None:
    """The output's axis that moves along one of the input's: told by spoiling halves of it.

    Args:
        trial: The model at one input size.
        axis: The spatial axis of the input.
        law: The field along it, at the trial's size.
        usual: The output's axis that is taken where nothing speaks against it.

    Returns:
        The axis; None where a single output has none.

    Raises:
        FieldMismatchError: No axis has so many outputs, or several could be the one.
    """
    shape, count = trial.shape, law.output_size
    fits = {d for d, n in enumerate(shape) if n == count}
    moving = fits
    for fill in (NAN, trial.finite_fills[0]):
        told = [_moved(trial.changes([box], fill)) for box in _halves(trial, axis)]
        # NaN may pass everywhere through weights of zero; noise may not show everywhere.
        told = [dims for dims in told if dims]
        if told:
            moving = fits & (told[0].intersection(*told) or told[0].union(*told))
            break
    else:
        if usual in fits or (usual is not None and not law.is_global):
            moving = fits & {usual}
    if usual in moving or (usual in fits and not moving):
        # Channels that are dead, or swallow NaN, move by themselves; they speak against nothing.
        return usual
    if len(moving) == 1:
        return moving.pop()
    if count == 1:
        return None
    if told or not moving:
        raise FieldMismatchError(f"{count} outputs along axis {axis}", (count,), shape)
    # Every output sees everything, so that it does not matter which axis is which.
    return min(moving)


def _moved(changes: NDArray[np.float64]) -> set[int]:
    """The axes of the output along which some indices changed and others did not."""
    dims = range(changes.ndim)
    return {d for d in dims if len(np.unique(largest_along(changes, d) > 0)) > 1}


def _halves(trial: Trial, axis: int) -> Iterator[Box]:
    spec = trial.spec
    size = spec.spatial_shape[axis]
    for start, stop in ((size // 2, size), (0, size // 2), (size - 1, size), (0, 1)):
        along = slice(start, stop)
        yield tuple(along if d == spec.axes[axis] else slice(None) for d in range(len(spec.shape)))

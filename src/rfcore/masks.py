"""Boolean masks over a tensor, and the place in a network where one is pulled back.

A mask has one leading axis of independent probes, then the tensor's axes, each either at full
length or at length 1, which means uniform along that axis. Uniform axes are what makes a row
probe cheap: a 2-D network is walked on 1-D arrays.

Axes whose length follows the input's size are called elastic. Along an elastic axis a uniform
mask stays uniform even where a crop or a border would make it partial: a row probe asks for
any position there, and the result is an upper bound. Along all other axes, channels above
all, uniform means every index and is kept exact. An axis of one position is both full and
uniform, and exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rfcore.graph import Mask

__all__ = [
    "MaskTooLargeError",
    "Shape",
    "Site",
    "any_over",
    "collapse",
    "expand",
    "refuse_oversize",
    "ties_axes",
    "uniform_where_constant",
]

Shape = tuple[int, ...]

# Booleans in one mask; a walk that needs more ties whole axes together at a great size.
LARGEST_MASK = 1 << 25


class MaskTooLargeError(Exception):
    """A walk would need more memory than it may have; it is tried at a smaller size then."""

    def __init__(self, op: str, shape: Shape) -> None:
        self.op, self.shape = op, shape
        super().__init__(f"{op} needs a mask of shape {shape}")


@dataclass(frozen=True, slots=True)
class Site:
    """Where an op stands in a walk.

    Attributes:
        shape: Shape of the op's result.
        operands: Shapes of its operands.
        elastic: Which axes of the result are elastic.
        lost: For each probe a flag for the low and one for the high border, shape (probes, 2),
            set by a rule whose mask reaches past that border into padding: what such a probe
            sees of the input is not all that it would see of a larger one.
        known: Whether `elastic` tells the truth; where not, it is all False.
    """

    shape: Shape
    operands: tuple[Shape, ...]
    elastic: tuple[bool, ...]
    lost: Mask
    known: bool = True

    @classmethod
    def rigid(cls, probes: int, shape: Sequence[int], *operands: Sequence[int]) -> Site:
        """A site none of whose axes are elastic: every uniform mask is kept exact."""
        return cls(
            tuple(shape),
            tuple(tuple(operand) for operand in operands),
            (False,) * len(shape),
            np.zeros((probes, 2), bool),
        )

    def loose(self, mask: Mask, dim: int) -> bool:
        """Whether `mask` is uniform along an elastic axis, so that an upper bound will do."""
        return self.elastic[dim] and mask.shape[dim + 1] == 1 and self.shape[dim] > 1

    def bordered(self, mask: Mask, dim: int) -> bool:
        """Whether what lies past the ends of an axis is lost to `mask`.

        It is not where a larger input would not make the axis longer, and not where the mask
        asks for all positions anyway.
        """
        return mask.shape[dim + 1] > 1 and (self.elastic[dim] or not self.known)

    def lose(self, mask: Mask, border: int) -> None:
        """Flags the probes whose part of `mask` (probes, …) fell past a border (0 low, 1 high)."""
        if mask.any():
            self.lost[mask.reshape(len(mask), -1).any(axis=1), border] = True


def ties_axes(mask: Mask, elastic: Sequence[bool]) -> bool:
    """Whether a mask tells positions apart on two elastic axes at once.

    Args:
        mask: Boolean array (probes, *axes of a value).
        elastic: Which axes of the value follow the input's size; empty where unknown.
    """
    lengths = zip(elastic, mask.shape[1:], strict=False)
    return [flag and n > 1 for flag, n in lengths].count(True) > 1


def refuse_oversize(shape: Shape, op: str = "") -> None:
    """Refuses a mask that is better not made.

    Args:
        shape: Its shape.
        op: What needs it; a rule does not know, and the walk says it.

    Raises:
        MaskTooLargeError: It would take more memory than one mask may.
    """
    if math.prod(shape) > LARGEST_MASK:
        raise MaskTooLargeError(op, shape)


def any_over(mask: Mask, dims: int | tuple[int, ...], *, keepdims: bool = False) -> Mask:
    """Whether any position along `dims` is asked for; the axes are dropped or kept at length 1."""
    dims = (dims,) if isinstance(dims, int) else dims
    # Uniform axes are most, and numpy takes its time to reduce an axis of one position.
    full = tuple(dim for dim in dims if mask.shape[dim] > 1)
    reduced = np.asarray(mask.any(axis=full, keepdims=True)) if full else mask
    return reduced if keepdims else reduced.squeeze(dims)


def expand(mask: Mask, dim: int, length: int) -> Mask:
    """A uniform axis written out at full length."""
    shape = list(mask.shape)
    shape[dim] = length
    return np.broadcast_to(mask, shape)


def collapse(mask: Mask, dim: int) -> Mask:
    """A full axis along which the mask does not change is uniform again."""
    if mask.shape[dim] > 1:
        every = np.asarray(mask.all(axis=dim, keepdims=True))
        if bool((every == mask.any(axis=dim, keepdims=True)).all()):
            return every
    return mask


def uniform_where_constant(mask: Mask, shape: Shape) -> Mask:
    """Axes along which a mask does not change become uniform."""
    for dim, length in enumerate(shape, start=1):
        if length > 1 and mask.shape[dim] == length:
            first = mask.take([0], axis=dim)
            if bool((mask == first).all()):
                mask = first
    return mask

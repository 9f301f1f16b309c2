"""Where a value is a known constant although it depends on the input elsewhere: zero, or low.

An attention mask adds, or puts, a number as good as minus infinity where a query may not look.
Its softmax is zero there, and a product with zero is not seen. Causal masks, local attention and
triangular products are structure for that reason alone. `kept_fills.py` follows fills through a
graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rfcore.graph import AxisMap, Mask, Pattern

__all__ = ["LOW", "Fill", "Kind", "is_low", "is_zero"]

Shape = tuple[int, ...]
Kind = Literal["zero", "low"]

# exp(-10000) is zero in every floating-point type.
LOW = -1e4


def is_zero(value: Any) -> Any:
    """Which numbers are zero."""
    return value == 0


def is_low(value: Any) -> Any:
    """Which numbers are as good as minus infinity to a softmax."""
    return value <= LOW


@dataclass(frozen=True, slots=True)
class Fill:
    """Where a value is filled, read when needed.

    Attributes:
        shape: Shape of the mask, of the value's rank, 1 along axes where all is alike.
        load: The mask, True where filled.
    """

    shape: Shape
    load: Callable[[], Mask]

    @classmethod
    def of(cls, shape: Sequence[int], holds: Callable[[], Mask | None]) -> Fill:
        """The fill where `holds` says; nowhere if that is not known."""
        full = tuple(shape)

        def load() -> Mask:
            found = holds()
            return np.zeros(full, bool) if found is None else np.broadcast_to(found, full)

        return cls(full, load)

    @property
    def size(self) -> int:
        """Elements of the mask."""
        return math.prod(self.shape)

    def __or__(self, other: Fill) -> Fill:
        return self._combined(other, np.logical_or)

    def __and__(self, other: Fill) -> Fill:
        return self._combined(other, np.logical_and)

    def __sub__(self, other: Fill) -> Fill:
        return self._combined(other, np.greater)

    def _combined(self, other: Fill, function: Callable[[Mask, Mask], Any]) -> Fill:
        shape = np.broadcast_shapes(self.shape, other.shape)
        return Fill(
            shape, lambda: np.asarray(np.broadcast_to(function(self.load(), other.load()), shape))
        )

    def open(self) -> Pattern:
        """Where it is not filled."""
        return Pattern(lambda: ~self.load())

    def outdone(self, dims: Sequence[int]) -> Fill:
        """Where it is filled and not all else along some axes is too.

        A softmax of low values is zero there, and a maximum does not see them; among nothing but
        low values they count as any others do.
        """

        def load() -> Mask:
            low = self.load()
            return np.asarray(low & ~low.all(axis=tuple(dims), keepdims=True))

        return Fill(self.shape, load)

    def with_rank(self, rank: int) -> Fill:
        """The same of a value that was broadcast to more axes."""
        shape = (1,) * (rank - len(self.shape)) + self.shape
        return self if shape == self.shape else Fill(shape, lambda: self.load().reshape(shape))

    def varying(self) -> tuple[tuple[int, ...], Fill]:
        """The axes along which it varies, and the fill on those alone."""
        dims = tuple(dim for dim, n in enumerate(self.shape) if n > 1)
        shape = tuple(self.shape[dim] for dim in dims)
        return dims, Fill(shape, lambda: self.load().reshape(shape))

    def reduced(self, dims: Sequence[int], *, keepdims: bool) -> Fill:
        """Where all along some axes is filled."""
        kept = [1 if dim in dims else n for dim, n in enumerate(self.shape)]
        shape = kept if keepdims else [n for dim, n in enumerate(kept) if dim not in dims]
        return Fill(
            tuple(shape), lambda: np.asarray(self.load().all(tuple(dims), keepdims=keepdims))
        )

    def reshaped(self, source: Shape, result: Shape) -> Fill:
        """The same of a value that was given another shape."""
        before, after = list(self.shape), [1] * len(result)
        for old, new in _runs(source, result):
            if any(self.shape[dim] != 1 for dim in old):
                before[old.start : old.stop] = source[old.start : old.stop]
                after[new.start : new.stop] = result[new.start : new.stop]
        return Fill(tuple(after), lambda: np.broadcast_to(self.load(), before).reshape(after))

    def transposed(self, order: Sequence[int]) -> Fill:
        """The same of a value whose axes were permuted."""
        shape = tuple(self.shape[dim] for dim in order)
        return Fill(shape, lambda: self.load().transpose(order))

    def taken(self, op: AxisMap) -> Fill | None:
        """The same of positions along an axis, new ones not filled; None where they are mixed."""
        if op.taps.shape[1] != 1:
            return None
        taps, old = op.taps[:, 0], op.taps[:, 0] >= 0
        if self.shape[op.dim] == 1 and bool(old.all()):
            return self
        before, after = self.shape[: op.dim], self.shape[op.dim + 1 :]

        def load() -> Mask:
            uniform = self.shape[op.dim] == 1
            found = self.load().take(np.zeros_like(taps) if uniform else taps, axis=op.dim)
            return found & old.reshape(-1, *(1,) * len(after))

        return Fill((*before, len(taps), *after), load)


def _runs(left: Shape, right: Shape) -> Iterator[tuple[range, range]]:
    """The smallest runs of axes of two shapes that hold the same number of elements."""
    i = j = 0
    if 0 in left:
        yield range(len(left)), range(len(right))
        return
    while i < len(left) or j < len(right):
        start, begin = i, j
        i, j = min(i + 1, len(left)), min(j + 1, len(right))
        while (one := math.prod(left[start:i])) != (other := math.prod(right[begin:j])):
            if one < other:
                i += 1
            else:
                j += 1
        # Axes of length 1 at the end belong to the last run.
        if math.prod(left[i:]) == 1 and math.prod(right[j:]) == 1:
            i, j = len(left), len(right)
        yield range(start, i), range(begin, j)

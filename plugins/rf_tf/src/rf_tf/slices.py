"""TensorFlow's strided slices, as the subscripts that they were written as."""

from __future__ import annotations

from collections.abc import Iterable
from types import EllipsisType
from typing import Any

__all__ = ["Subscript", "strided_slices"]

Subscript = slice | int | EllipsisType | None


def strided_slices(
    begin: Iterable[Any],
    end: Iterable[Any],
    strides: Iterable[Any],
    *,
    begin_mask: int,
    end_mask: int,
    ellipsis_mask: int,
    new_axis_mask: int,
    shrink_axis_mask: int,
) -> tuple[Subscript, ...]:
    """The subscripts of a `StridedSlice`, as numpy reads them.

    Args:
        begin: First index, one per subscript.
        end: One past the last index.
        strides: Steps.
        begin_mask: Bits of the subscripts whose `begin` is left out.
        end_mask: Bits of those whose `end` is left out.
        ellipsis_mask: The bit of the ellipsis.
        new_axis_mask: Bits of new axes.
        shrink_axis_mask: Bits of single indices, whose axis is dropped.
    """
    found: list[Subscript] = []
    for i, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << i
        if ellipsis_mask & bit:
            found.append(...)
        elif new_axis_mask & bit:
            found.append(None)
        elif shrink_axis_mask & bit:
            found.append(int(first))
        else:
            found.append(
                slice(
                    None if begin_mask & bit else int(first),
                    None if end_mask & bit else int(last),
                    int(step),
                )
            )
    if ... not in found:
        found.append(...)
    return tuple(found)

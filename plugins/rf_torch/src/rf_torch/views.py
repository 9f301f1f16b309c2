"""View ops as chains of a few kinds of steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from rf_torch.steps import Pairs, Parts, Permuted, Picked, Reshaped, Shape, Sliced, Spread, Step
from rfcore.errors import UnsupportedOpError

__all__ = ["is_view", "part_steps", "view_steps"]

# The largest as_strided view that is written out position by position.
LARGEST_RESTRIDED = 1 << 24

Arguments = dict[str, Any]


def view_steps(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step] | None:
    """The steps of one view op, or None if `name` is not a view that is known.

    Args:
        name: The op, as in "aten.slice".
        source: Shape of what is viewed.
        result: Shape of the view.
        given: The op's arguments by name.
    """
    maker = _MAKERS.get(_plain(name))
    return None if maker is None else maker(name, source, result, given)


def is_view(name: str) -> bool:
    """Whether an op arranges values as a known view does (it may return a copy)."""
    return _plain(name) in _MAKERS


def _plain(name: str) -> str:
    return name.removeprefix("aten.").removesuffix("_copy")


def part_steps(
    name: str, source: Shape, result: Shape, dim: int, start: int, *, drop: bool
) -> list[Step]:
    """One part of a `split`, `chunk` or `unbind`."""
    dim %= len(source)
    length = 1 if drop else result[dim]
    part = (*source[:dim], length, *source[dim + 1 :])
    steps: list[Step] = [Sliced(name, source, part, dim, start)]
    return [*steps, Reshaped(name, part, result)] if drop else steps


def _reshaped(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    if math.prod(source) != math.prod(result):
        raise UnsupportedOpError(name, "", "it reads bytes of one type as another of another size")
    return [Reshaped(name, source, result)] if source != result else []


def _same(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    return []


def _permute(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    order = tuple(d % len(source) for d in given["dims"])
    return [Permuted(name, source, result, order)]


def _transpose(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    if not source:
        return []
    order = list(range(len(source)))
    a, b = given["dim0"], given["dim1"]
    order[a], order[b] = order[b], order[a]
    return [Permuted(name, source, result, tuple(order))]


def _matrix_transpose(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    return [Permuted(name, source, result, tuple(reversed(range(len(source)))))]


def _slice(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    dim, step = given["dim"] % len(source), given["step"]
    length = source[dim]
    start = 0 if given["start"] is None else int(given["start"])
    start = min(max(start + length if start < 0 else start, 0), length)
    return [Sliced(name, source, result, dim, start, step)]


def _select(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    dim = given["dim"] % len(source)
    return part_steps(name, source, result, dim, int(given["index"]) % source[dim], drop=True)


def _expand(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    return [Spread(name, source, result)]


def _unfold(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    """`Tensor.unfold`: windows of one axis as a new last axis."""
    if not source:
        return [Reshaped(name, source, result)]
    dim, size, step = given["dimension"] % len(source), given["size"], given["step"]
    count = result[dim]
    taps = (step * np.arange(count)[:, None] + np.arange(size)).ravel()
    picked = (*source[:dim], len(taps), *source[dim + 1 :])
    split = (*source[:dim], count, size, *source[dim + 1 :])
    order = (*(d for d in range(len(split)) if d != dim + 1), dim + 1)
    return [
        Picked(name, source, picked, dim, taps),
        Reshaped(name, picked, split),
        Permuted(name, split, result, order),
    ]


def _diagonal(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    a, b = given["dim1"] % len(source), given["dim2"] % len(source)
    rest = [d for d in range(len(source)) if d not in (a, b)]
    rows, columns, offset = source[a], source[b], given["offset"]
    moved = tuple(source[d] for d in rest)
    flat = (*moved, rows * columns)
    i = np.arange(result[-1]) + max(-offset, 0)
    j = np.arange(result[-1]) + max(offset, 0)
    return [
        Permuted(name, source, (*moved, rows, columns), (*rest, a, b)),
        Reshaped(name, (*moved, rows, columns), flat),
        Picked(name, flat, result, len(moved), i * columns + j),
    ]


def _as_strided(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    if math.prod(result) > LARGEST_RESTRIDED:
        raise UnsupportedOpError(name, "", "its result is too large to be followed")
    taps = np.full((1,) * len(result), given["storage_offset"] or 0, np.int64)
    for dim, (length, stride) in enumerate(zip(result, given["stride"], strict=True)):
        shape = [1] * len(result)
        shape[dim] = length
        taps = taps + (np.arange(length) * int(stride)).reshape(shape)
    count = math.prod(source)
    if taps.size and taps.max() >= count:
        raise UnsupportedOpError(name, "", "it reaches past the end of the tensor that it views")
    return [
        Reshaped(name, source, (count,)),
        Picked(name, (count,), (taps.size,), 0, taps.ravel()),
        Reshaped(name, (taps.size,), result),
    ]


def _narrow(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    return _slice(name, source, result, {**given, "step": 1})


def _as_pairs(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    return [Parts(name, source, result)]


def _as_complex(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    return [Pairs(name, source, result)]


_MAKERS: dict[str, Callable[[str, Shape, Shape, Arguments], list[Step]]] = {
    **dict.fromkeys(
        ["view", "_unsafe_view", "_reshape_alias", "reshape", "squeeze", "unsqueeze", "flatten"],
        _reshaped,
    ),
    **dict.fromkeys(["alias", "detach", "lift_fresh", "_conj", "_neg_view", "view_dtype"], _same),
    "permute": _permute,
    "transpose": _transpose,
    "t": _matrix_transpose,
    "slice": _slice,
    "select": _select,
    "narrow": _narrow,
    "expand": _expand,
    "unfold": _unfold,
    "diagonal": _diagonal,
    "as_strided": _as_strided,
    "view_as_real": _as_pairs,
    "view_as_complex": _as_complex,
}

"""View ops as a few kinds of steps, each of which can be taken forwards and backwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rfcore.errors import UnsupportedOpError
from rfcore.graph import GraphBuilder, Overwrite

__all__ = ["Step", "is_view", "part_steps", "view_steps"]

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Base of the steps from a tensor of shape `source` to a view of shape `result`."""

    name: str
    source: Shape
    result: Shape

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """The view's node, from the node of what is viewed."""
        raise UnsupportedOpError(
            self.name, builder.layer, "what it views was written in place, which is not tracked"
        )

    def backward(self, builder: GraphBuilder, base: int | None, value: int | None) -> int | None:
        """The node of what is viewed after `value` was written to the view."""
        raise UnsupportedOpError(
            self.name, builder.layer, "writing in place through such a view is not tracked"
        )


@dataclass(frozen=True, slots=True)
class Reshaped(Step):
    """The same values under another shape."""

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        return builder.reshape(node, self.result, self.name)

    def backward(self, builder: GraphBuilder, base: int | None, value: int | None) -> int | None:
        """See `Step`."""
        return None if value is None else builder.reshape(value, self.source, self.name)


@dataclass(frozen=True, slots=True)
class Permuted(Step):
    """Axes in another order."""

    order: tuple[int, ...]

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        return builder.transpose(node, self.order, self.name)

    def backward(self, builder: GraphBuilder, base: int | None, value: int | None) -> int | None:
        """See `Step`."""
        if value is None:
            return None
        inverse = [int(i) for i in np.argsort(self.order)]
        return builder.transpose(value, inverse, self.name)


@dataclass(frozen=True, slots=True)
class Sliced(Step):
    """A part of one axis."""

    dim: int
    start: int
    step: int = 1

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        if self.source == self.result:
            return node
        taps = self.start + self.step * np.arange(self.result[self.dim])
        return builder.axis_map(node, self.dim, taps, self.name)

    def backward(self, builder: GraphBuilder, base: int | None, value: int | None) -> int | None:
        """See `Step`."""
        if self.source == self.result:
            return value
        operands = {"base": base, "value": value}
        known = {name: node for name, node in operands.items() if node is not None}
        if not known:
            return None
        starts = tuple(self.start if d == self.dim else 0 for d in range(len(self.source)))
        steps = tuple(self.step if d == self.dim else 1 for d in range(len(self.source)))
        op = Overwrite(starts, self.result, steps, tuple(known))
        return builder.add(op, list(known.values()), self.source, self.name)


@dataclass(frozen=True, slots=True)
class Spread(Step):
    """Broadcast to more or longer axes."""

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        if self.source == self.result:
            return node
        return builder.elementwise((node,), self.result, self.name)


@dataclass(frozen=True, slots=True)
class Windows(Step):
    """`Tensor.unfold`: overlapping windows of one axis as a new last axis."""

    dim: int
    size: int
    step: int

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        count = self.result[self.dim]
        taps = (self.step * np.arange(count)[:, None] + np.arange(self.size)).ravel()
        node = builder.axis_map(node, self.dim, taps, self.name)
        split = (*self.source[: self.dim], count, self.size, *self.source[self.dim + 1 :])
        node = builder.reshape(node, split, self.name)
        order = [d for d in range(len(split)) if d != self.dim + 1]
        return builder.transpose(node, [*order, self.dim + 1], self.name)


@dataclass(frozen=True, slots=True)
class Restrided(Step):
    """`as_strided` over a contiguous base: any positions at all."""

    taps: np.ndarray[Any, np.dtype[np.int64]]

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        flat = builder.reshape(node, (math.prod(self.source),), self.name)
        return builder.reshape(
            builder.axis_map(flat, 0, self.taps, self.name), self.result, self.name
        )


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
    dim = given["dimension"] % len(source)
    return [Windows(name, source, result, dim, given["size"], given["step"])]


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
        Picked(name, flat, result, i * columns + j),
    ]


@dataclass(frozen=True, slots=True)
class Picked(Step):
    """Some positions of the last axis."""

    taps: np.ndarray[Any, np.dtype[np.int64]]

    def forward(self, builder: GraphBuilder, node: int) -> int:
        """See `Step`."""
        return builder.axis_map(node, len(self.source) - 1, self.taps, self.name)


def _as_strided(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    if math.prod(result) > LARGEST_RESTRIDED:
        raise UnsupportedOpError(name, "", "its result is too large to be followed")
    taps = np.full((1,) * len(result), given["storage_offset"] or 0, np.int64)
    for dim, (length, stride) in enumerate(zip(result, given["stride"], strict=True)):
        shape = [1] * len(result)
        shape[dim] = length
        taps = taps + (np.arange(length) * int(stride)).reshape(shape)
    return [Restrided(name, source, result, taps.ravel())]


def _as_pairs(name: str, source: Shape, result: Shape, given: Arguments) -> list[Step]:
    """A complex tensor as real pairs along a new last axis."""
    single = (*source, 1)
    return [Reshaped(name, source, single), Spread(name, single, result)]


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
    "narrow": _slice,
    "expand": _expand,
    "unfold": _unfold,
    "diagonal": _diagonal,
    "as_strided": _as_strided,
    "view_as_real": _as_pairs,
}

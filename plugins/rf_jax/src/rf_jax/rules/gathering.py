"""`gather`: reads at indices, in all the generality of its dimension numbers.

The index of each axis varies along some of the result's batch axes. Axes whose indices vary
along different ones are read one by one, as tables of taps; those that vary together are merged
and read as one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rf_jax.call import Call, Rule
from rf_jax.rules.slicing import ANYWHERE
from rf_jax.values import Seen

__all__ = ["RULES", "Group", "grouped", "positions", "starts_in_range"]

Table = NDArray[np.int64]

# Entries in one table of taps.
LARGEST_TABLE = 1 << 25


@dataclass(frozen=True, slots=True)
class Group:
    """Axes of the operand that are read together.

    Attributes:
        dims: The axes.
        batch: The batch axes along which their indices vary.
    """

    dims: tuple[int, ...]
    batch: tuple[int, ...]


def grouped(starts: Mapping[int, Table]) -> list[Group]:
    """Axes by the batch axes that their indices have in common."""
    groups: list[Group] = []
    for dim, table in sorted(starts.items()):
        varying = {
            axis
            for axis in range(table.ndim)
            if table.shape[axis] > 1 and (table != table.take([0], axis=axis)).any()
        }
        meeting = [group for group in groups if varying & set(group.batch)]
        dims = sorted({dim, *(d for group in meeting for d in group.dims)})
        batch = sorted(varying | {axis for group in meeting for axis in group.batch})
        groups = [group for group in groups if group not in meeting]
        groups.append(Group(tuple(dims), tuple(batch)))
    return groups


def positions(start: Table, kept: Sequence[int]) -> Table:
    """A table of starts, shortened to the batch axes along which it varies."""
    whole = tuple(slice(None) if axis in kept else 0 for axis in range(start.ndim))
    return np.asarray(start[whole])


def starts_in_range(
    call: Call, starts: Mapping[int, Table], source: Sequence[int], sizes: Mapping[int, int]
) -> dict[int, Table]:
    """Starts kept inside; those of windows that are dropped or filled are -1."""
    mode = str(call.params.get("mode", "")).rpartition(".")[2].lower()
    filling = "fill" in mode or "drop" in mode
    found = {}
    for dim, table in starts.items():
        last = source[dim] - sizes[dim]
        outside = (table < 0) | (table > last)
        found[dim] = np.where(outside, -1, table) if filling else np.clip(table, 0, last)
    return found


def gather(call: Call) -> int:
    """Windows of an operand at indices."""
    operand, indices = call.operands
    read = _Reading(call)
    table = None if isinstance(indices, Seen) else call.indices(indices)
    if table is None:
        return read.anywhere()
    assert isinstance(operand, Seen)
    return read.at(operand.node, table)


class _Reading:
    """The axes of one gather, by what they are for."""

    def __init__(self, call: Call) -> None:
        self.call = call
        numbers = call.params["dimension_numbers"]
        self.sizes = tuple(call.params["slice_sizes"])
        self.source, self.indices = call.shapes
        self.indexed = tuple(numbers.start_index_map)
        self.batching = tuple(getattr(numbers, "operand_batching_dims", ()))
        self.batch_of = tuple(getattr(numbers, "start_indices_batching_dims", ()))
        gone = {*numbers.collapsed_slice_dims, *self.batching}
        self.offsets = [d for d in range(len(self.source)) if d not in gone]
        self.offset_dims = tuple(numbers.offset_dims)
        rank = len(call.shape)
        self.batch_dims = [d for d in range(rank) if d not in self.offset_dims]

    def at(self, node: int, table: Table) -> int:
        """The result for constant indices."""
        call = self.call
        starts = {dim: table[..., i] for i, dim in enumerate(self.indexed)}
        batch = table.shape[:-1]
        for dim, axis in zip(self.batching, self.batch_of, strict=True):
            along = np.arange(batch[axis]).reshape(
                [-1 if a == axis else 1 for a in range(len(batch))]
            )
            starts[dim] = np.broadcast_to(along, batch)
        sizes = dict(enumerate(self.sizes))
        starts = starts_in_range(call, starts, self.source, sizes)
        for dim, size in sizes.items():
            if dim not in starts:
                node = call.taps(node, dim, np.arange(size))
        groups = grouped(starts)
        rest = [d for d in range(len(self.source)) if d not in starts]
        node = self._merged(node, groups, rest)
        for number, group in enumerate(groups):
            node = call.taps(node, number, self._table(group, starts))
        return self._placed(node, groups, rest)

    def _merged(self, node: int, groups: Sequence[Group], rest: Sequence[int]) -> int:
        """The groups in front, each as one axis."""
        shape = self.call.builder.shape(node)
        order = [*(d for group in groups for d in group.dims), *rest]
        node = self.call.transpose(node, order)
        merged = [math.prod(shape[d] for d in group.dims) for group in groups]
        return self.call.reshape(node, (*merged, *(shape[d] for d in rest)))

    def _table(self, group: Group, starts: Mapping[int, Table]) -> Table:
        """The merged position of each read, batch axes first, then the windows'; -1 for none."""
        windows = [self.sizes[d] for d in group.dims]
        batch = [self.indices[axis] for axis in group.batch]
        if math.prod((*batch, *windows)) > LARGEST_TABLE:
            raise self.call.refused(f"it reads {math.prod((*batch, *windows))} places one by one")
        flat: Table = np.zeros((), np.int64)
        absent = np.zeros((), bool)
        for number, dim in enumerate(group.dims):
            start = positions(starts[dim], group.batch)
            start = start.reshape(*batch, *(1,) * len(windows))
            steps = np.arange(windows[number]).reshape(
                [-1 if i == number else 1 for i in range(len(windows))]
            )
            flat = flat * self.source[dim] + (start + steps)
            absent = absent | (start < 0)
        full = np.broadcast_to(np.where(absent, -1, flat), (*batch, *windows))
        return full.ravel()

    def _placed(self, node: int, groups: Sequence[Group], rest: Sequence[int]) -> int:
        """Batch and window axes where the result has them."""
        labels: list[tuple[str, int]] = []
        for group in groups:
            labels += [("batch", axis) for axis in group.batch]
            labels += [("window", dim) for dim in group.dims]
        labels += [("window", dim) for dim in rest]
        lengths = [
            self.indices[number] if kind == "batch" else self.sizes[number]
            for kind, number in labels
        ]
        node = self.call.reshape(node, lengths)
        wanted = self._wanted()
        order = [labels.index(label) for label in wanted if label in labels]
        dropped = [i for i, label in enumerate(labels) if label not in wanted]
        node = self.call.transpose(node, [*dropped, *order])
        present = {label: lengths[labels.index(label)] for label in wanted if label in labels}
        node = self.call.reshape(node, [present.get(label, 1) for label in wanted])
        return self.call.elementwise((node,), self.call.shape)

    def _wanted(self) -> list[tuple[str, int]]:
        """What each axis of the result is."""
        batches, windows = iter(range(len(self.batch_dims))), iter(self.offsets)
        return [
            ("window", next(windows)) if d in self.offset_dims else ("batch", next(batches))
            for d in range(len(self.call.shape))
        ]

    def anywhere(self) -> int:
        """The result for indices that are not constant: indexed axes are seen whole.

        Rows of a constant table (an embedding) are seen by way of their numbers alone.
        """
        call = self.call
        operand, indices = call.operands
        parts = []
        if isinstance(indices, Seen):
            node = call.reduce(indices.node, [len(self.indices) - 1], keepdims=False)
            column = [1] * len(call.shape)
            for axis, dim in enumerate(self.batch_dims):
                column[dim] = self.indices[axis]
            parts.append(call.elementwise((call.reshape(node, column),), call.shape))
        if not isinstance(operand, Seen):
            return call.elementwise(parts, call.shape)
        parts.append(self._whole(operand.node))
        return call.bounded(call.elementwise(parts, call.shape), ANYWHERE)

    def _whole(self, node: int) -> int:
        call = self.call
        node = call.reduce(node, self.indexed, keepdims=True)
        shape = list(call.builder.shape(node))
        for dim, size in enumerate(self.sizes):
            if dim not in self.indexed and dim not in self.batching:
                node = call.taps(node, dim, np.arange(size))
                shape[dim] = size
        labels: list[tuple[str, int]] = [("window", d) for d in range(len(self.source))]
        for dim, axis in zip(self.batching, self.batch_of, strict=True):
            labels[dim] = ("batch", axis)
        wanted = self._wanted()
        dropped = [i for i, label in enumerate(labels) if label not in wanted]
        order = [labels.index(label) for label in wanted if label in labels]
        node = call.transpose(node, [*dropped, *order])
        column = [shape[labels.index(label)] if label in labels else 1 for label in wanted]
        return call.elementwise((call.reshape(node, column),), call.shape)


RULES: dict[str, Rule] = {"gather": gather}

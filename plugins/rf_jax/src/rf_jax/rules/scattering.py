"""The `scatter` family: writes and sums at indices, in all their generality."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rf_jax.call import Call, Rule
from rf_jax.rules.gathering import starts_in_range
from rf_jax.rules.slicing import ANYWHERE
from rf_jax.values import Seen
from rfcore.graph import Overwrite

__all__ = ["RULES"]

Table = NDArray[np.int64]


def scatter(call: Call) -> int:
    """A base with updates put, added or otherwise combined at indices."""
    indices = call.operands[1]
    table = None if isinstance(indices, Seen) else call.indices(indices)
    if table is None:
        return _anywhere(call)
    return _Writing(call, table).node()


def _anywhere(call: Call) -> int:
    parts = []
    for number, operand in enumerate(call.operands):
        if isinstance(operand, Seen):
            base = number == 0
            parts.append(operand.node if base else call.everything(operand.node, call.shape))
    return call.bounded(call.elementwise(parts, call.shape), ANYWHERE)


class _Writing:
    """One scatter at constant indices."""

    def __init__(self, call: Call, table: Table) -> None:
        self.call = call
        numbers = call.params["dimension_numbers"]
        self.base, self.update = call.operands[0], call.operands[2]
        self.source, updates = call.shapes[0], call.shapes[2]
        batching = tuple(getattr(numbers, "operand_batching_dims", ()))
        batch_of = tuple(getattr(numbers, "scatter_indices_batching_dims", ()))
        inserted = {*numbers.inserted_window_dims, *batching}
        windowed = [d for d in range(len(self.source)) if d not in inserted]
        # Where each axis of the base is in the updates; inserted ones are not.
        self.place = dict(zip(windowed, numbers.update_window_dims, strict=True))
        self.batch_axes = [d for d in range(len(updates)) if d not in numbers.update_window_dims]
        self.batch = tuple(updates[d] for d in self.batch_axes)
        self.sizes = {
            d: updates[self.place[d]] if d in self.place else 1 for d in range(len(self.source))
        }
        self.starts = self._starts(table, numbers, batching, batch_of)

    def _starts(
        self, table: Table, numbers: object, batching: Sequence[int], batch_of: Sequence[int]
    ) -> Mapping[int, Table]:
        starts: dict[int, Table] = {
            dim: table[..., i]
            for i, dim in enumerate(numbers.scatter_dims_to_operand_dims)  # type: ignore[attr-defined]
        }
        for dim, axis in zip(batching, batch_of, strict=True):
            shape = [-1 if a == axis else 1 for a in range(len(self.batch))]
            starts[dim] = np.broadcast_to(np.arange(self.batch[axis]).reshape(shape), self.batch)
        for dim, length in enumerate(self.source):
            if dim not in starts and self.sizes[dim] < length:
                starts[dim] = np.zeros(self.batch, np.int64)
        return starts_in_range(self.call, starts, self.source, self.sizes)

    @property
    def adds(self) -> bool:
        """Whether what was there before still counts."""
        combine = self.call.params.get("update_jaxpr")
        replaces = combine is None or combine.outvars[0] is combine.invars[1]
        return self.call.name != "scatter" or not replaces

    def node(self) -> int:
        """The result."""
        if math.prod(self.batch) == 1:
            return self._box()
        return self._places()

    def _box(self) -> int:
        """One window, as a box of the base."""
        call = self.call
        first = {dim: int(table.ravel()[0]) for dim, table in self.starts.items()}
        if any(start < 0 for start in first.values()):
            return call.operand(0)
        starts = [first.get(dim, 0) for dim in range(len(self.source))]
        counts = [self.sizes[dim] for dim in range(len(self.source))]
        value = None
        if isinstance(self.update, Seen):
            order = [*self.batch_axes, *(self.place[d] for d in sorted(self.place))]
            value = call.reshape(call.transpose(self.update.node, order), counts)
        if not self.adds:
            operands = {"base": self.base.node if isinstance(self.base, Seen) else None}
            operands["value"] = value
            known = {name: node for name, node in operands.items() if node is not None}
            op = Overwrite(tuple(starts), tuple(counts), (1,) * len(starts), tuple(known))
            return call.builder.add(op, list(known.values()), call.shape, call.name)
        parts = [self.base.node] if isinstance(self.base, Seen) else []
        if value is not None:
            for dim, length in enumerate(self.source):
                taps = np.full(length, -1)
                taps[starts[dim] : starts[dim] + counts[dim]] = np.arange(counts[dim])
                value = call.taps(value, dim, taps)
            parts.append(value)
        return call.elementwise(parts, call.shape)

    def _places(self) -> int:
        """Many windows: the indexed axes are merged, and each place knows its writers."""
        call = self.call
        dims = sorted(self.starts)
        rest = [d for d in range(len(self.source)) if d not in dims]
        lengths, kept = [self.source[d] for d in dims], [self.source[d] for d in rest]
        merged = (math.prod(lengths), *kept)
        table = _writers(self._targets(dims), merged[0])
        parts = []
        if isinstance(self.base, Seen):
            base = call.transpose(self.base.node, [*dims, *rest])
            base = call.reshape(base, merged)
            stays = np.where(table[:, 0] < 0, np.arange(merged[0]), -1)
            parts.append(base if self.adds else call.taps(base, 0, stays))
        if isinstance(self.update, Seen):
            parts.append(call.taps(self._writes(self.update.node, dims, rest), 0, table))
        node = call.elementwise(parts, merged)
        node = call.reshape(node, (*lengths, *kept))
        back = [int(d) for d in np.argsort([*dims, *rest])]
        node = call.transpose(node, back)
        if self.adds or table.shape[1] == 1 or not isinstance(self.update, Seen):
            return node
        return call.bounded(node, "its indices repeat, and any of the values may stay")

    def _targets(self, dims: Sequence[int]) -> Table:
        """The merged place of every write, -1 for one that is dropped."""
        windows = [self.sizes[d] for d in dims]
        flat: Table = np.zeros((), np.int64)
        dropped = np.zeros((), bool)
        for number, dim in enumerate(dims):
            start = self.starts[dim].reshape(*self.batch, *(1,) * len(windows))
            steps = np.arange(windows[number]).reshape(
                [-1 if i == number else 1 for i in range(len(windows))]
            )
            flat = flat * self.source[dim] + (start + steps)
            dropped = dropped | (start < 0)
        return np.broadcast_to(np.where(dropped, -1, flat), (*self.batch, *windows)).ravel()

    def _writes(self, update: int, dims: Sequence[int], rest: Sequence[int]) -> int:
        """The updates as (writes, *other axes)."""
        windows = [self.place[d] for d in dims if d in self.place]
        order = [*self.batch_axes, *windows, *(self.place[d] for d in rest)]
        node = self.call.transpose(update, order)
        count = math.prod(self.batch) * math.prod(self.sizes[d] for d in dims)
        return self.call.reshape(node, (count, *(self.sizes[d] for d in rest)))


def _writers(targets: Table, length: int) -> Table:
    """For each place the numbers of the writes to it, -1 for none: (places, most writes)."""
    writes = np.flatnonzero(targets >= 0)
    place = targets[writes]
    counts = np.bincount(place, minlength=length)
    order = np.argsort(place, kind="stable")
    table = np.full((length, max(1, int(counts.max(initial=0)))), -1, np.int64)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[place[order], rank] = writes[order]
    return table


_SCATTERS = (
    "scatter scatter-add scatter_add scatter-sub scatter_sub scatter_mul scatter-mul "
    "scatter_min scatter-min scatter_max scatter-max"
)

RULES: dict[str, Rule] = dict.fromkeys(_SCATTERS.split(), scatter)

"""Writes at index tensors: what stays of the old value, and where the new one goes."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from rf_torch.call import Call, Rule
from rf_torch.rules.indexing import adjacent, index_arrays
from rf_torch.rules.switching import refilled
from rf_torch.steps import written_through
from rf_torch.views import view_steps
from rfcore.fills import Fill
from rfcore.graph import Gather, Mask

__all__ = ["RULES", "writers"]

Table = NDArray[np.int64]


def writers(targets: Table, length: int) -> Table:
    """For each of `length` places the numbers of the writes to it, -1 for none.

    Args:
        targets: The place of each write.
        length: The number of places.

    Returns:
        Integer array (length, most writes to one place).
    """
    counts = np.bincount(targets, minlength=length)
    table = np.full((length, max(1, int(counts.max(initial=0)))), -1, np.int64)
    order = np.argsort(targets, kind="stable")
    place = targets[order]
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    table[place, np.arange(len(place)) - first[place]] = order
    return table


def _overlaid(
    call: Call,
    base: int | None,
    value: int | None,
    dim: int,
    targets: Table,
    length: int,
    *,
    adds: bool,
) -> int | None:
    """A base with the slices of a value put, or added, at some places of an axis of `length`."""
    table = writers(targets, length)
    parts = []
    if base is not None:
        kept = np.where(table[:, 0] < 0, np.arange(length), -1)
        parts.append(base if adds else call.taps(base, dim, kept))
    if value is not None:
        parts.append(call.taps(value, dim, table))
    if not parts:
        return None
    node = call.elementwise(parts, call.builder.shape(parts[0]))
    if adds or table.shape[1] == 1 or value is None:
        return node
    return call.bounded(node, "its indices repeat, and any of the values may stay")


def _anywhere(call: Call, value: torch.Tensor | None, *indices: torch.Tensor | None) -> int:
    """A write at places that depend on the input."""
    parts = [n for n in [call.node(call["self"])] if n is not None]
    for tensor in (value, *indices):
        if (node := call.node(tensor)) is not None:
            parts.append(call.everything(node, call.shape))
    return call.bounded(
        call.elementwise(parts, call.shape),
        "its indices depend on the input, so each output may see every written value",
    )


def index_put(call: Call) -> int | None:
    """`x[i, j, …] = values`, or `+=` where it accumulates."""
    indices, values = list(call["indices"]), call["values"]
    if any(call.node(index) is not None for index in indices):
        return _put_by_input(call, indices, values)
    base, shape = call.node(call["self"]), call.shape
    dims, tables = index_arrays(call, indices, shape)
    rest = [d for d in range(len(shape)) if d not in dims]
    lengths, kept = [shape[d] for d in dims], [shape[d] for d in rest]
    merged = (math.prod(lengths), *kept)
    targets = np.ravel_multi_index([t.ravel() for t in tables], lengths)
    front = None
    if base is not None:
        moved = call.builder.transpose(base, [*dims, *rest], call.name)
        front = call.builder.reshape(moved, merged, call.name)
    new = _values_in_front(call, values, dims, tables[0].shape, kept)
    node = _overlaid(call, front, new, 0, targets, merged[0], adds=call["accumulate"])
    if node is None:
        return None
    node = call.builder.reshape(node, (*lengths, *kept), call.name)
    back = [int(d) for d in np.argsort([*dims, *rest])]
    node = call.builder.transpose(node, back, call.name)
    if base is not None and new is None and values.numel() == 1 and not call["accumulate"]:
        refilled(call, node, base, _filled(shape, dims, targets), values)
    return node


def _filled(shape: tuple[int, ...], dims: list[int], targets: Table) -> Fill:
    """The places of some axes, numbered together, that were written."""
    where = tuple(n if d in dims else 1 for d, n in enumerate(shape))

    def load() -> Mask:
        mask = np.zeros(math.prod(where), bool)
        mask[targets] = True
        return mask.reshape(where)

    return Fill(where, load)


def _values_in_front(
    call: Call, values: torch.Tensor, dims: list[int], indexed: tuple[int, ...], kept: list[int]
) -> int | None:
    """The written values as (writes, *other axes)."""
    node = call.node(values)
    if node is None:
        return None
    before = dims[0] if adjacent(dims) else 0
    placed = (*kept[:before], *indexed, *kept[before:])
    node = call.elementwise((node,), placed)
    count = len(indexed)
    order = [
        *range(before, before + count),
        *range(before),
        *range(before + count, len(placed)),
    ]
    node = call.builder.transpose(node, order, call.name)
    return call.builder.reshape(node, (math.prod(indexed), *kept), call.name)


def _put_by_input(call: Call, indices: list[torch.Tensor | None], values: torch.Tensor) -> int:
    mask = indices[0]
    chosen = call.node(mask)
    simple = len(indices) == 1 and mask is not None and mask.dtype == torch.bool
    if not simple or chosen is None or values.numel() > 1:
        return _anywhere(call, values, *indices)
    shape = call.builder.shape(chosen)
    wide = call.builder.reshape(chosen, (*shape, *(1,) * (len(call.shape) - len(shape))), call.name)
    parts = [n for n in (call.node(call["self"]), call.node(values)) if n is not None]
    return call.elementwise([wide, *parts], call.shape)


def along_axis(call: Call, *, adds: bool) -> int | None:
    """`index_add`, `index_copy` and `index_reduce`: slices of one axis."""
    source, positions = call["source"], call["index"]
    if call.node(positions) is not None:
        return _anywhere(call, source, positions)
    dim = call["dim"] % max(len(call.shape), 1)
    base, value = call.node(call["self"]), call.node(source)
    targets = np.atleast_1d(call.array(positions))
    if not call.given.get("include_self", True):
        base = None if base is None else _unwritten(call, base, dim, targets)
    return _overlaid(call, base, value, dim, targets, call.shape[dim], adds=adds)


def _unwritten(call: Call, base: int, dim: int, targets: Table) -> int:
    kept = np.arange(call.shape[dim])
    kept[targets] = -1
    return call.taps(base, dim, kept)


def index_fill(call: Call) -> int | None:
    """One value at some places of an axis."""
    positions, value = call["index"], call["value"]
    if call.node(positions) is not None:
        return _anywhere(call, value, positions)
    dim = call["dim"] % max(len(call.shape), 1)
    targets = np.atleast_1d(call.array(positions))
    base, new = call.node(call["self"]), call.node(value)
    if new is not None:
        part = tuple(len(targets) if d == dim else n for d, n in enumerate(call.shape))
        new = call.elementwise((new,), part)
    node = _overlaid(call, base, new, dim, np.unique(targets), call.shape[dim], adds=False)
    if node is not None and base is not None and new is None:
        refilled(call, node, base, _filled(call.shape, [dim], targets), value)
    return node


def scatter(call: Call, *, adds: bool) -> int | None:
    """`scatter` and its kinds: one place per value, along one axis."""
    source, positions = call.given.get("src"), call["index"]
    if call.node(positions) is not None:
        return _anywhere(call, source, positions)
    adds = adds or "reduce" in call.given
    shape, values = call.shape, call.array(positions)
    dim = call["dim"] % max(len(shape), 1)
    where = np.indices(values.shape)
    where[dim : dim + 1] = values
    targets = np.ravel_multi_index(tuple(where), shape).ravel()
    table = writers(targets, math.prod(shape))
    parts = []
    if (base := call.node(call["self"])) is not None:
        stays = adds and call.given.get("include_self", True)
        written = (table[:, 0] >= 0).reshape(shape)
        hidden = Fill(shape, lambda: written)
        parts.append(base if stays else call.gated(base, hidden.open(), shape))
    if (value := call.node(source)) is not None:
        spots = np.ravel_multi_index(
            tuple(np.indices(values.shape)), call.builder.shape(value)
        ).ravel()
        taps = np.where(table < 0, -1, spots[table])
        parts.append(call.builder.add(Gather(taps), (value,), shape, call.name))
    if not parts:
        return None
    node = call.elementwise(parts, shape)
    if adds or table.shape[1] == 1 or value is None:
        return node
    return call.bounded(node, "its indices repeat, and any of the values may stay")


def put(call: Call) -> int | None:
    """`put`: places of the flattened tensor."""
    source, positions = call["source"], call["index"]
    if call.node(positions) is not None:
        return _anywhere(call, source, positions)
    count = math.prod(call.shape)
    base, value = (
        None if node is None else call.builder.reshape(node, (math.prod(t.shape),), call.name)
        for t, node in ((t, call.node(t)) for t in (call["self"], source))
    )
    targets = call.array(positions).ravel()
    targets = np.where(targets < 0, targets + count, targets)
    return _flat(call, base, value, targets, adds=call["accumulate"])


def masked_scatter(call: Call) -> int | None:
    """`masked_scatter`: the values one after the other where a mask holds."""
    source, mask = call["source"], call["mask"]
    if call.node(mask) is not None:
        return _anywhere(call, source, mask)
    shape = call.shape
    count = math.prod(shape)
    targets = np.flatnonzero(np.broadcast_to(call.array(mask), shape))
    base, value = call.node(call["self"]), call.node(source)
    if base is not None:
        base = call.builder.reshape(call.elementwise((base,), shape), (count,), call.name)
    if value is not None:
        value = call.builder.reshape(value, (math.prod(source.shape),), call.name)
        value = call.taps(value, 0, np.arange(len(targets)))
    return _flat(call, base, value, targets, adds=False)


def _flat(
    call: Call, base: int | None, value: int | None, targets: Table, *, adds: bool
) -> int | None:
    node = _overlaid(call, base, value, 0, targets, math.prod(call.shape), adds=adds)
    return None if node is None else call.builder.reshape(node, call.shape, call.name)


def through_view(call: Call) -> int | None:
    """`slice_scatter` and its kinds: a copy of a tensor, with a view of it replaced."""
    base, source = call["self"], call["src"]
    name = call.name.removesuffix("_scatter")
    if name == "aten.as_strided" and not base.is_contiguous():
        raise call.refused("it re-strides a tensor that is itself a strided view")
    steps = view_steps(name, tuple(base.shape), tuple(source.shape), call.given)
    assert steps is not None
    return written_through(call.builder, call.node(base), steps, call.node(source))


def diagonal_embedding(call: Call) -> int | None:
    """`diag_embed`: the last axis as a diagonal."""
    given = {name: call[name] for name in ("offset", "dim1", "dim2")}
    steps = view_steps("aten.diagonal", call.shape, tuple(call["self"].shape), given)
    assert steps is not None
    return written_through(call.builder, None, steps, call.operand("self"))


RULES: dict[str, Rule] = {
    "aten.index_put": index_put,
    "aten._unsafe_index_put": index_put,
    "aten._index_put_impl": index_put,
    "aten.index_add": lambda call: along_axis(call, adds=True),
    "aten.index_copy": lambda call: along_axis(call, adds=False),
    "aten.index_reduce": lambda call: along_axis(call, adds=True),
    "aten.index_fill": index_fill,
    "aten.scatter": lambda call: scatter(call, adds=False),
    "aten.scatter_add": lambda call: scatter(call, adds=True),
    "aten.scatter_reduce": lambda call: scatter(call, adds=True),
    "aten.put": put,
    "aten.masked_scatter": masked_scatter,
    "aten.slice_scatter": through_view,
    "aten.select_scatter": through_view,
    "aten.diagonal_scatter": through_view,
    "aten.as_strided_scatter": through_view,
    "aten.diag_embed": diagonal_embedding,
}

"""Gathers and scatters by index tensors, and sampling at computed positions."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from rf_torch.call import Call
from rfcore.graph import Elementwise

__all__ = ["RULES"]


def _by_input(call: Call, source: int | None, dims: list[int], indices: list[int]) -> int:
    """Indices that depend on the input may point anywhere on their axes."""
    parts = [call.everything(index, call.shape) for index in indices]
    if source is not None:
        rank = len(call.builder.shape(source))
        if rank == len(call.shape):
            parts.append(call.builder.mix(source, dims, _widened(call, source, dims), call.name))
        else:
            parts.append(call.everything(source, call.shape))
    return call.builder.add(
        Elementwise(),
        parts,
        call.shape,
        call.name,
        f"{call.name}: its indices depend on the input, so each output may see the whole axis",
        exact=False,
    )


def _widened(call: Call, source: int, dims: list[int]) -> list[int]:
    shape = call.builder.shape(source)
    return [call.shape[d] if d in dims else shape[d] for d in range(len(shape))]


def index(call: Call) -> int:
    """`x[i, j, …]` with index tensors on some axes."""
    indices = list(call["indices"])
    source = call.node(call["self"])
    dependent = [n for n in map(call.node, indices) if n is not None]
    dims = [dim for dim, value in enumerate(indices) if value is not None]
    if dependent:
        return _by_input(call, source, dims, dependent)
    node = call.operand("self")
    shape = call.builder.shape(node)
    tables = _index_arrays(call, indices, dims, shape)
    table = np.broadcast_arrays(*tables)
    rest = [d for d in range(len(shape)) if d not in dims]
    node = call.builder.transpose(node, [*dims, *rest], call.name)
    lengths = [shape[d] for d in dims]
    kept = [shape[d] for d in rest]
    node = call.builder.reshape(node, (math.prod(lengths), *kept), call.name)
    flat = np.ravel_multi_index([t.ravel() for t in table], lengths)
    node = call.taps(node, 0, flat)
    node = call.builder.reshape(node, (*table[0].shape, *kept), call.name)
    return _placed(call, node, dims, table[0].ndim)


def _index_arrays(
    call: Call, indices: list[torch.Tensor | None], dims: list[int], shape: tuple[int, ...]
) -> list[NDArray[np.int64]]:
    tables = []
    for dim in dims:
        values = call.array(indices[dim])  # type: ignore[arg-type]
        if values.dtype == bool:
            if values.ndim != 1:
                raise call.refused("a boolean index over several axes has no rule")
            values = np.flatnonzero(values)
        tables.append(np.where(values < 0, values + shape[dim], values))
    return tables


def _placed(call: Call, node: int, dims: list[int], count: int) -> int:
    """Moves the indexed axes to where numpy's rules put them."""
    adjacent = dims == list(range(dims[0], dims[0] + len(dims)))
    if not adjacent or dims[0] == 0:
        return node
    before = dims[0]
    rank = len(call.builder.shape(node))
    order = [
        *range(count, count + before),
        *range(count),
        *range(count + before, rank),
    ]
    return call.builder.transpose(node, order, call.name)


def index_select(call: Call) -> int:
    """Some indices of one axis."""
    source, positions = call.node(call["self"]), call["index"]
    rank = len(call.shape)
    dim = call["dim"] % max(rank, 1)
    if (chosen := call.node(positions)) is not None:
        return _by_input(call, source, [dim], [chosen])
    return call.taps(call.operand("self"), dim, np.atleast_1d(call.array(positions)))


def gather(call: Call) -> int:
    """`torch.gather`: one index per output position, along one axis."""
    source, positions = call.node(call["self"]), call["index"]
    dim = call["dim"] % len(call.shape)
    if (chosen := call.node(positions)) is not None:
        return _by_input(call, source, [dim], [chosen])
    node = call.operand("self")
    values = call.array(positions)
    first = np.moveaxis(values, dim, 0).reshape(values.shape[dim], -1)
    if not (first == first[:, :1]).all():
        raise call.refused("its constant indices differ along the other axes")
    for other, length in enumerate(values.shape):
        if other != dim and length != call.builder.shape(node)[other]:
            node = call.taps(node, other, np.arange(length))
    return call.taps(node, dim, first[:, 0])


def embedding(call: Call) -> int:
    """Rows of a table: by the input's own values, position by position."""
    indices = call.node(call["indices"])
    parts = []
    if indices is not None:
        single = call.builder.reshape(indices, (*call.builder.shape(indices), 1), call.name)
        parts.append(call.elementwise((single,), call.shape))
    if (table := call.node(call["weight"])) is not None:
        parts.append(call.everything(table, call.shape))
    return parts[0] if len(parts) == 1 else call.elementwise(parts, call.shape)


def grid_sample(call: Call) -> int:
    """Sampling at positions: anywhere in the image where they depend on the input or are many."""
    image, grid = call.node(call["input"]), call.node(call["grid"])
    count = len(call.shape) - 2
    parts = []
    if image is not None:
        dims = list(range(2, 2 + count))
        parts.append(call.builder.mix(image, dims, call.shape, call.name))
    if grid is not None:
        rank = count + 2
        moved = call.builder.reduce(grid, [rank - 1], False, call.name)
        single = (call.shape[0], 1, *call.shape[2:])
        parts.append(call.builder.reshape(moved, single, call.name))
    return call.builder.add(
        Elementwise(),
        parts,
        call.shape,
        call.name,
        f"{call.name}: it samples at computed positions, so each output may see the whole image",
        exact=False,
    )


RULES = {
    "aten.index": index,
    "aten._unsafe_index": index,
    "aten.index_select": index_select,
    "aten.gather": gather,
    "aten.embedding": embedding,
    "aten.grid_sampler_2d": grid_sample,
    "aten.grid_sampler_3d": grid_sample,
}

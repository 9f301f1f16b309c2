"""Reads at index tensors: gathers, tables, selections."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from rf_torch.call import Call, Rule
from rf_torch.constants import LARGEST_PATTERN
from rfcore.graph import Gather

__all__ = ["RULES", "adjacent", "index_arrays"]

Table = NDArray[np.int64]


def _by_input(call: Call, source: int | None, dims: list[int], indices: list[int]) -> int:
    """Indices that depend on the input may point anywhere on their axes."""
    parts = [call.everything(index, call.shape) for index in indices]
    if source is not None:
        shape = call.builder.shape(source)
        if len(shape) == len(call.shape):
            widened = [call.shape[d] if d in dims else n for d, n in enumerate(shape)]
            parts.append(call.builder.mix(source, dims, widened, call.name))
        else:
            parts.append(call.everything(source, call.shape))
    return call.bounded(
        call.elementwise(parts, call.shape),
        "its indices depend on the input, so each output may see the whole axis",
    )


def index(call: Call) -> int:
    """`x[i, j, …]` with index tensors on some axes."""
    indices = list(call["indices"])
    source = call.node(call["self"])
    dependent = [n for n in map(call.node, indices) if n is not None]
    if dependent:
        dims = [dim for dim, value in enumerate(indices) if value is not None]
        return _by_input(call, source, dims, dependent)
    node = call.operand("self")
    shape = call.builder.shape(node)
    dims, tables = index_arrays(call, indices, shape)
    rest = [d for d in range(len(shape)) if d not in dims]
    node = call.builder.transpose(node, [*dims, *rest], call.name)
    lengths = [shape[d] for d in dims]
    kept = [shape[d] for d in rest]
    node = call.builder.reshape(node, (math.prod(lengths), *kept), call.name)
    flat = np.ravel_multi_index([t.ravel() for t in tables], lengths)
    node = call.taps(node, 0, flat)
    node = call.builder.reshape(node, (*tables[0].shape, *kept), call.name)
    return _placed(call, node, dims, tables[0].ndim)


def index_arrays(
    call: Call, indices: Sequence[torch.Tensor | None], shape: Sequence[int]
) -> tuple[list[int], list[Table]]:
    """Constant indices as non-negative numbers, all of one shape, and the axes that they are on.

    A boolean mask stands for the positions where it is True, on as many axes as it has.
    """
    dims: list[int] = []
    tables: list[Table] = []
    dim = 0
    for index in indices:
        if index is None:
            dim += 1
            continue
        values = call.array(index)
        if index.dtype in (torch.bool, torch.uint8):
            tables += np.nonzero(values)
            dims += range(dim, dim + values.ndim)
            dim += values.ndim
        else:
            tables.append(np.where(values < 0, values + shape[dim], values))
            dims.append(dim)
            dim += 1
    return dims, list(np.broadcast_arrays(*tables))


def adjacent(dims: Sequence[int]) -> bool:
    """Whether indexed axes follow each other, so that their result takes their place."""
    return list(dims) == list(range(dims[0], dims[0] + len(dims)))


def _placed(call: Call, node: int, dims: list[int], count: int) -> int:
    """Moves the indexed axes from the front to where numpy's rules put them."""
    if not adjacent(dims) or dims[0] == 0:
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
    dim = call["dim"] % max(len(call.shape), 1)
    if (chosen := call.node(positions)) is not None:
        return _by_input(call, source, [dim], [chosen])
    return call.taps(call.operand("self"), dim, np.atleast_1d(call.array(positions)))


def gather(call: Call) -> int:
    """`torch.gather`: one index per output position, along one axis."""
    source, positions = call.node(call["self"]), call["index"]
    dim = call["dim"] % max(len(call.shape), 1)
    if (chosen := call.node(positions)) is not None:
        return _by_input(call, source, [dim], [chosen])
    node = call.operand("self")
    shape = call.builder.shape(node)
    if positions.numel() > LARGEST_PATTERN:
        mixed = call.builder.mix(node, [dim], call.shape, call.name)
        return call.unread(mixed, positions.numel())
    values = call.array(positions)
    along = np.moveaxis(values, dim, 0).reshape(values.shape[dim], -1) if values.ndim else None
    if along is not None and (along == along[:, :1]).all():
        for other, length in enumerate(values.shape):
            if other != dim and length != shape[other]:
                node = call.taps(node, other, np.arange(length))
        return call.taps(node, dim, along[:, 0])
    where = np.indices(values.shape)
    where[dim : dim + 1] = values
    taps = np.ravel_multi_index(tuple(where), shape).reshape(-1, 1)
    return call.builder.add(Gather(taps), (node,), call.shape, call.name)


def take(call: Call) -> int:
    """`torch.take`: positions of the flattened tensor."""
    source, positions = call.node(call["self"]), call["index"]
    if (chosen := call.node(positions)) is not None:
        parts = [chosen] if source is None else [chosen, call.everything(source, call.shape)]
        return call.bounded(
            call.elementwise(parts, call.shape),
            "its indices depend on the input, so each output may see everything",
        )
    node = call.operand("self")
    count = math.prod(call.builder.shape(node))
    values = call.array(positions).ravel()
    flat = call.builder.reshape(node, (count,), call.name)
    taken = call.taps(flat, 0, np.where(values < 0, values + count, values))
    return call.builder.reshape(taken, call.shape, call.name)


def masked_select(call: Call) -> int:
    """The positions where a mask holds."""
    mask, node = call["mask"], call.node(call["self"])
    parts = [n for n in (call.node(mask), node) if n is not None]
    if call.node(mask) is not None or node is None:
        whole = call.elementwise([call.everything(n, call.shape) for n in parts], call.shape)
        return call.bounded(whole, "its mask depends on the input, so each output may see all")
    shape = torch.broadcast_shapes(call["self"].shape, mask.shape)
    chosen = np.flatnonzero(np.broadcast_to(call.array(mask), shape))
    spread = call.elementwise((node,), shape)
    flat = call.builder.reshape(spread, (math.prod(shape),), call.name)
    return call.taps(flat, 0, chosen)


def embedding(call: Call) -> int:
    """Rows of a table: by the input's own values, position by position, or of the input itself."""
    indices, table = call.node(call["indices"]), call.node(call["weight"])
    if indices is None:
        rows = call.array(call["indices"])
        taken = call.taps(call.operand("weight"), 0, rows.ravel())
        return call.builder.reshape(taken, call.shape, call.name)
    single = call.builder.reshape(indices, (*call.builder.shape(indices), 1), call.name)
    if table is None:
        return call.elementwise((single,), call.shape)
    columns = call.builder.reduce(table, [0], True, call.name)
    return call.bounded(
        call.elementwise((single, columns), call.shape),
        "its indices depend on the input, so each output may see the whole table",
    )


RULES: dict[str, Rule] = {
    "aten.index": index,
    "aten._unsafe_index": index,
    "aten.index_select": index_select,
    "aten.gather": gather,
    "aten.take": take,
    "aten.masked_select": masked_select,
    "aten.embedding": embedding,
}

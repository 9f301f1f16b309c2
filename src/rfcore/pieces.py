"""Pieces of one value put side by side again: one table of taps instead of a concatenation.

Rolls, and padding by reflection, by repetition or around the ends, are often written as slices of
a value beside that value. As a table of taps they are told from what happens in the middle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rfcore.graph import AxisMap, Concatenate, Elementwise, GraphBuilder, Node, Reshape

__all__ = ["concatenated", "overwritten"]

Taps = NDArray[np.int64]


def concatenated(
    builder: GraphBuilder,
    values: Sequence[int],
    dim: int,
    starts: Sequence[int],
    shape: Sequence[int],
    name: str,
) -> int:
    """Adds values one after the other along an axis, and returns the node.

    Args:
        builder: The graph so far.
        values: The nodes, constant ones left out.
        dim: The axis, counted from 0.
        starts: Where each of the nodes begins.
        shape: Shape of the result; what no node covers is constant.
        name: The framework's name of the op.
    """
    if len(values) == 1 and builder.shape(values[0]) == tuple(shape):
        return values[0]
    source = _common_source(builder, values, dim)
    if source is None:
        return builder.add(Concatenate(dim, tuple(starts)), values, shape, name)
    tables = [_taps(builder, value, source, dim) for value in values]
    width = max(table.shape[1] for table in tables)
    whole = np.full((int(shape[dim]), width), -1, np.int64)
    for start, table in zip(starts, tables, strict=True):
        whole[start : start + len(table)] = _widened(table, width)
    return builder.axis_map(source, dim, whole, name)


def overwritten(
    builder: GraphBuilder, base: int, value: int, dim: int, positions: range, name: str
) -> int | None:
    """Adds a base with some positions of an axis replaced by those of a value, and returns it.

    Args:
        builder: The graph so far.
        base: The base's node.
        value: The value's node; as long along the axis as there are positions.
        dim: The axis, counted from 0.
        positions: Where in the base it is written.
        name: The framework's name of the op.

    Returns:
        The node, or None where the two are not pieces of one value.
    """
    source = _common_source(builder, (base, value), dim)
    if source is None:
        return None
    kept, new = _taps(builder, base, source, dim), _taps(builder, value, source, dim)
    width = max(kept.shape[1], new.shape[1])
    whole = _widened(kept, width).copy()
    whole[positions] = _widened(new, width)
    return builder.axis_map(source, dim, whole, name)


def _widened(table: Taps, width: int) -> Taps:
    """A table with more taps per output; one that is there twice changes nothing."""
    return np.pad(table, ((0, 0), (0, width - table.shape[1])), "edge")


def _common_source(builder: GraphBuilder, values: Sequence[int], dim: int) -> int | None:
    """The last value of which all others are maps along the axis, if any is more than itself."""
    if len(values) < 2:
        return None
    chains = [_chain(builder, value, dim) for value in values]
    source = next((node for node in chains[0] if all(node in chain for chain in chains)), None)
    if source is None:
        return None
    between = {node for chain in chains for node in chain[: chain.index(source)]}
    moved = any(not isinstance(builder.nodes[node].op, Elementwise) for node in between)
    return source if moved else None


def _chain(builder: GraphBuilder, value: int, dim: int) -> list[int]:
    """A value, what it is a map of along the axis, and what that is a map of in turn."""
    chain = [value]
    while (below := _one_back(builder, chain[-1], dim)) is not None:
        chain.append(below[0])
    return chain


def _one_back(builder: GraphBuilder, value: int, dim: int) -> tuple[int, Taps] | None:
    """What a value is a map of along the axis, and the table of the map; None for nothing."""
    node = builder.nodes[value]
    # What has a note for the reader has to be passed to show it.
    if node.note or not node.exact or len(node.inputs) != 1:
        return None
    (source,) = node.inputs
    match node.op:
        case AxisMap(dim=other, taps=taps) if other == dim:
            return source, taps
        case Elementwise(gates=()) if builder.shape(source) == node.shape:
            return source, np.arange(node.shape[dim])[:, None]
        case Reshape() if (whole := _reshaped_twice(builder, node)) is not None:
            return whole, np.arange(node.shape[dim])[:, None]
    repeated = _repeated(builder, node, dim)
    return None if repeated is None else (repeated, np.zeros((node.shape[dim], 1), np.int64))


def _reshaped_twice(builder: GraphBuilder, node: Node) -> int | None:
    """What a node shows in its own shape again after another one."""
    before = builder.nodes[node.inputs[0]]
    if not isinstance(before.op, Reshape) or builder.shape(before.inputs[0]) != node.shape:
        return None
    return before.inputs[0]


def _repeated(builder: GraphBuilder, node: Node, dim: int) -> int | None:
    """The single position that a node repeats along the axis, directly or by way of a new axis."""
    single = (*node.shape[:dim], 1, *node.shape[dim + 1 :])
    spread, value = node, node.inputs[0]
    if isinstance(node.op, Reshape):
        spread = builder.nodes[value]
        value = spread.inputs[0] if len(spread.inputs) == 1 else value
    if not isinstance(spread.op, Elementwise) or spread.op.gates or spread.note:
        return None
    before = builder.shape(value)
    grown = [d for d, (n, m) in enumerate(zip(before, spread.shape, strict=False)) if n != m]
    if len(before) != len(spread.shape) or len(grown) != 1 or before[grown[0]] != 1:
        return None
    # The new values have to lie where the axis is, in the order of the flattened array.
    if math.prod(before[: grown[0]]) != math.prod(single[:dim]):
        return None
    if before != single and isinstance(builder.nodes[value].op, Reshape):
        value = builder.nodes[value].inputs[0]
    return value if builder.shape(value) == single else None


def _taps(builder: GraphBuilder, value: int, source: int, dim: int) -> Taps:
    """Which positions of the source each position of a value reads."""
    taps: Taps = np.arange(builder.shape(value)[dim])[:, None]
    while value != source:
        step = _one_back(builder, value, dim)
        assert step is not None
        value, table = step
        through = np.where(taps[..., None] < 0, -1, table[taps])
        taps = through.reshape(len(taps), taps.shape[1] * table.shape[1])
    return taps

"""Reads at index tensors, which must be constant to be exact."""

from __future__ import annotations

import math

import numpy as np

from rf_tf.call import Call, Rule
from rfcore.fills import Fill
from rfcore.graph import Gather, Mask

__all__ = ["RULES"]

_MOVING = "its indices depend on the input, so each output may see the whole axis"


def gather(call: Call, axis: int | None = None) -> int | None:
    """`tf.gather`: slices of one axis, the first ones possibly paired with the indices'."""
    source = call.source_shape(0)
    batch = call.attr_or("batch_dims", 0) % max(len(call.source_shape(1)) + 1, 1)
    (dim,) = call.dims(2, len(source)) if axis is None else (axis,)
    if (chosen := call.node(1)) is not None:
        return _by_input(call, chosen, dim, batch)
    node = call.operand(0)
    indices = call.array(1)
    if batch:
        return _in_batches(call, node, dim, batch)
    node = call.taps(node, dim, indices.ravel())
    return call.builder.reshape(node, call.shape, call.name)


def _by_input(call: Call, chosen: int, dim: int, batch: int) -> int:
    """Indices that depend on the input may point anywhere on their axis."""
    source, indices = call.source_shape(0), call.source_shape(1)
    # The result is (*source before the axis, *indices after the batch, *source after it).
    before = dim - batch
    placed = (*indices[:batch], *(1,) * before, *indices[batch:], *(1,) * (len(source) - dim - 1))
    parts = [call.builder.reshape(chosen, placed, call.name)]
    node = call.node(0)
    if node is not None:
        reduced = call.builder.reduce(node, [dim], False, call.name)
        single = (*source[:dim], *(1,) * (len(indices) - batch), *source[dim + 1 :])
        parts.append(call.builder.reshape(reduced, single, call.name))
    found = call.elementwise(parts, call.shape)
    return found if node is None else call.bounded(found, _MOVING)


def _in_batches(call: Call, node: int, dim: int, batch: int) -> int:
    source, indices = call.builder.shape(node), call.array(1)
    places = np.arange(math.prod(source)).reshape(source)
    lead = math.prod(source[:batch])
    rows = places.reshape(lead, *source[batch:])
    chosen = indices.reshape(lead, -1)
    taken = [np.take(row, one, axis=dim - batch) for row, one in zip(rows, chosen, strict=True)]
    return call.builder.add(Gather(np.stack(taken).reshape(-1, 1)), (node,), call.shape, call.name)


def gather_points(call: Call) -> int | None:
    """`tf.gather_nd`: slices at index tuples."""
    source = call.source_shape(0)
    batch = call.attr_or("batch_dims", 0)
    if (chosen := call.node(1)) is not None:
        parts = [call.everything(chosen, call.shape)]
        if (node := call.node(0)) is None:
            return parts[0]
        parts.append(call.everything(node, call.shape))
        return call.bounded(
            call.elementwise(parts, call.shape),
            "its indices depend on the input, so each output may see everything",
        )
    if batch:
        raise call.refused("its indices are in batches")
    node = call.operand(0)
    indices = call.array(1)
    depth = indices.shape[-1]
    flat = (
        np.ravel_multi_index(tuple(np.moveaxis(indices, -1, 0)), source[:depth])
        if depth
        else np.zeros(indices.shape[:-1], np.int64)
    )
    merged = (math.prod(source[:depth]), *source[depth:])
    node = call.builder.reshape(node, merged, call.name)
    node = call.taps(node, 0, flat.ravel())
    return call.builder.reshape(node, call.shape, call.name)


def one_hot(call: Call) -> int:
    """Each index, and the two values, along a new axis."""
    parts = []
    if (indices := call.node(0)) is not None:
        axis = call.attr("axis") % len(call.shape)
        single = (*call.shape[:axis], 1, *call.shape[axis + 1 :])
        parts.append(call.builder.reshape(indices, single, call.name))
    parts += [node for node in (call.node(2), call.node(3)) if node is not None]
    return call.elementwise(parts, call.shape)


def diagonal_part(call: Call) -> int:
    """The main diagonal of the last two axes."""
    node = call.operand(0)
    if len(call.inputs) > 1 and any(n != 0 for n in call.integers(1)):
        return _banded(call, node)
    source = call.builder.shape(node)
    rows, columns = source[-2:]
    node = call.builder.reshape(node, (*source[:-2], rows * columns), call.name)
    steps = np.arange(min(rows, columns)) * (columns + 1)
    return call.builder.reshape(call.taps(node, len(source) - 2, steps), call.shape, call.name)


def _banded(call: Call, node: int) -> int:
    raise call.refused("it takes other diagonals than the main one")


def diagonal(call: Call) -> int:
    """A last axis as the main diagonal of two."""
    node = call.operand(0)
    if len(call.inputs) > 1 and any(n != 0 for n in call.integers(1)):
        return _banded(call, node)
    rows, columns = call.shape[-2:]
    length = min(rows, columns)
    taps = np.full(rows * columns, -1)
    taps[np.arange(length) * (columns + 1)] = np.arange(length)
    node = call.taps(node, len(call.builder.shape(node)) - 1, taps)
    return call.builder.reshape(node, call.shape, call.name)


def with_diagonal(call: Call) -> int:
    """A matrix with its main diagonal replaced."""
    if len(call.inputs) > 2 and any(n != 0 for n in call.integers(2)):
        raise call.refused("it sets other diagonals than the main one")
    rows, columns = call.shape[-2:]
    on = np.eye(rows, columns, dtype=bool)
    parts = []
    if (matrix := call.node(0)) is not None:
        parts.append(call.gated(matrix, Fill(on.shape, lambda: on), call.shape))
    if (values := call.node(1)) is not None:
        taps = np.full(rows * columns, -1)
        taps[np.flatnonzero(on)] = np.arange(min(rows, columns))
        spread = call.taps(values, len(call.builder.shape(values)) - 1, taps)
        parts.append(call.builder.reshape(spread, call.shape, call.name))
    return call.joined(parts, call.shape)


def band(call: Call) -> int:
    """A matrix whose entries far from the main diagonal are zero."""
    node = call.operand(0)
    (below,), (above,) = call.integers(1), call.integers(2)
    rows, columns = call.shape[-2:]

    def removed() -> Mask:
        distance = np.arange(columns) - np.arange(rows)[:, None]
        kept = np.ones((rows, columns), bool)
        if below >= 0:
            kept &= distance >= -below
        if above >= 0:
            kept &= distance <= above
        return ~kept

    fill = Fill((rows, columns), removed)
    result = call.gated(node, fill, call.shape)
    call.fills.note(result, "zero", fill)
    return result


def from_table(call: Call) -> int:
    """An embedding: rows of a variable, by the input's own values, position by position."""
    node = call.operand(1)
    source = call.builder.shape(node)
    single = (*source, *(1,) * (len(call.shape) - len(source)))
    return call.elementwise((call.builder.reshape(node, single, call.name),), call.shape)


RULES: dict[str, Rule] = {
    "Gather": lambda call: gather(call, axis=0),
    "GatherV2": gather,
    "ResourceGather": from_table,
    "GatherNd": gather_points,
    "OneHot": one_hot,
    **dict.fromkeys(["MatrixDiagPart", "BatchMatrixDiagPart", "MatrixDiagPartV2"], diagonal_part),
    "MatrixDiagPartV3": diagonal_part,
    **dict.fromkeys(["MatrixDiag", "BatchMatrixDiag", "MatrixDiagV2", "MatrixDiagV3"], diagonal),
    **dict.fromkeys(["MatrixSetDiag", "MatrixSetDiagV2", "MatrixSetDiagV3"], with_diagonal),
    "MatrixBandPart": band,
    "BatchMatrixBandPart": band,
}

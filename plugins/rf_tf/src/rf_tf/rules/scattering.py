"""Writes at constant index tensors: what stays of the old value, and where the new one goes."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rf_tf.call import Call, Rule

__all__ = ["RULES"]

Table = NDArray[np.int64]


def writers(targets: Table, length: int) -> Table:
    """For each of `length` places the numbers of the writes to it, -1 for none.

    Args:
        targets: The place of each write; those out of range are left out.
        length: The number of places.

    Returns:
        Integer array (length, most writes to one place).
    """
    by_place: list[list[int]] = [[] for _ in range(length)]
    for number, place in enumerate(targets.tolist()):
        if 0 <= place < length:
            by_place[place].append(number)
    most = max([1, *map(len, by_place)])
    return np.array([[*found, *[-1] * (most - len(found))] for found in by_place], np.int64)


def scatter(call: Call, *, base: int | None, indices: int, updates: int, adds: bool) -> int:
    """Slices written, or added, to a tensor of zeros or to a copy of another one.

    Args:
        call: The op.
        base: The operand that is written into; None for zeros.
        indices: The operand that holds index tuples.
        updates: The operand that holds the slices.
        adds: Whether the old value takes part in the new one.
    """
    old = None if base is None else call.node(base)
    new = call.node(updates)
    if (chosen := call.node(indices)) is not None:
        parts = [call.everything(n, call.shape) for n in (new, chosen) if n is not None]
        parts += [] if old is None else [old]
        return call.bounded(
            call.elementwise(parts, call.shape),
            "its indices depend on the input, so each output may see every written value",
        )
    table = call.array(indices)
    depth = table.shape[-1] if table.ndim else 0
    rest = call.shape[depth:]
    places = math.prod(call.shape[:depth])
    weights = np.array([math.prod(call.shape[i + 1 : depth]) for i in range(depth)], np.int64)
    targets = (table.reshape(-1, depth) @ weights).ravel()
    taps = writers(targets, places)
    parts = []
    if old is not None:
        flat = call.builder.reshape(old, (places, *rest), call.name)
        kept = np.where(taps[:, 0] < 0, np.arange(places), -1)
        parts.append(flat if adds else call.taps(flat, 0, kept))
    if new is not None:
        rows = call.builder.reshape(new, (len(targets), *rest), call.name)
        parts.append(call.taps(rows, 0, taps))
    node = call.joined(parts, (places, *rest))
    if not adds and taps.shape[1] > 1 and base is not None and new is not None:
        node = call.bounded(node, "its indices repeat, and any of the values may stay")
    return call.builder.reshape(node, call.shape, call.name)


def segmented(call: Call) -> int:
    """Rows of the first axis gathered into segments."""
    node = call.operand(0)
    names = call.array(1)
    source = call.builder.shape(node)
    count = names.ndim
    merged = (math.prod(source[:count]), *source[count:])
    node = call.builder.reshape(node, merged, call.name)
    # Where the number of segments is no operand, the last name tells it.
    segments = call.shape[0] if call.name.startswith("Unsorted") else int(names.max()) + 1
    return call.taps(node, 0, writers(names.ravel(), segments))


def stitched(call: Call) -> int:
    """`DynamicStitch`: rows of several tensors at constant places."""
    count = len(call.inputs) // 2
    parts = []
    claimed: dict[int, int] = {}
    for number in range(count):
        claimed.update(dict.fromkeys(call.array(number).ravel().tolist(), number))
    for number in range(count):
        node = call.node(count + number)
        if node is None:
            continue
        places = call.array(number).ravel()
        taps = np.full(call.shape[0], -1)
        taps[places] = np.arange(len(places))
        taps[[place for place, owner in claimed.items() if owner != number]] = -1
        rows = call.builder.reshape(node, (len(places), *call.shape[1:]), call.name)
        parts.append(call.taps(rows, 0, taps))
    return call.joined(parts, call.shape)


_ADDED = partial(scatter, base=0, indices=1, updates=2, adds=True)
_SEGMENTS = (
    "SegmentSum SegmentMean SegmentMax SegmentMin SegmentProd UnsortedSegmentSum "
    "UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd SegmentSumV2 SegmentProdV2 "
    "SegmentMaxV2 SegmentMinV2"
)

RULES: dict[str, Rule] = {
    "ScatterNd": partial(scatter, base=None, indices=0, updates=1, adds=True),
    "TensorScatterUpdate": partial(scatter, base=0, indices=1, updates=2, adds=False),
    **dict.fromkeys(
        ["TensorScatterAdd", "TensorScatterSub", "TensorScatterMax", "TensorScatterMin"], _ADDED
    ),
    **dict.fromkeys(_SEGMENTS.split(), segmented),
    "DynamicStitch": stitched,
    "ParallelDynamicStitch": stitched,
}

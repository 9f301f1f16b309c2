"""Everything outside of one output's box spoiled at once: the output must not notice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rfcore.verify.certificate import Check
from rfcore.verify.trial import NAN, Box, Fill
from rfcore.verify.view import SIDES, AxisView, Side

__all__ = ["leaks_from_outside"]

NOISES = 3


def leaks_from_outside(
    views: Sequence[AxisView], outputs: Sequence[tuple[int, ...]]
) -> list[Check]:
    """The leaks that show when all sides are spoiled together, with NaN and with noise.

    Noise finds what NaN cannot: paths through ops that swallow it.

    Args:
        views: Every axis of one trial.
        outputs: Output positions, an index per axis.
    """
    dims = [view.dim for view in views if view.dim is not None]
    if len(set(dims)) < len(dims):
        # Merged axes: an index is not a position of its own.
        return []
    trial = views[0].trial
    leaks = []
    for position in outputs:
        boxes = _around(views, position)
        if not boxes:
            continue
        spreads = False
        for fill in (NAN, *trial.finite_fills[:NOISES]):
            changes = trial.changes(list(boxes.values()), fill)
            # Where NaN spreads, so may rounding.
            floor = trial.rounding(changes) if spreads else 0.0
            if _at(views, position, changes) > floor:
                spreads |= fill == NAN
                found = _attributed(views, position, boxes, fill)
                leaks += found
                if found:
                    break
    return leaks


def _around(views: Sequence[AxisView], position: Sequence[int]) -> dict[tuple[int, Side], Box]:
    """The slabs beyond each edge of an output's box, as far as they are inside the input."""
    boxes = {}
    for view, output in zip(views, position, strict=True):
        for side in SIDES:
            beyond = view.edge(output, side) + side
            if 0 <= beyond < view.law.input_size:
                boxes[view.axis, side] = view.slab(side, beyond)
    return boxes


def _at(views: Sequence[AxisView], position: Sequence[int], changes: NDArray[np.float64]) -> float:
    """The largest change at one position of the output."""
    place: list[int | slice] = [slice(None)] * changes.ndim
    for view, output in zip(views, position, strict=True):
        if view.dim is not None:
            place[view.dim] = output
    return float(changes[tuple(place)].max(initial=0.0))


def _attributed(
    views: Sequence[AxisView],
    position: Sequence[int],
    boxes: dict[tuple[int, Side], Box],
    fill: Fill,
) -> list[Check]:
    """The leak as that of the edge whose slab, added to the others, is noticed."""
    spoiled: list[Box] = []
    for (axis, side), box in boxes.items():
        spoiled.append(box)
        if _at(views, position, views[0].trial.changes(spoiled, fill)) > 0:
            check = views[axis].judge(position[axis], side, demanded=True, distrust=True)
            if check is not None and check.verdict != "held":
                return [check]
    return []

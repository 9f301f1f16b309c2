"""Tables of taps along one axis: the law in their middle, and where their ends leave it.

Padding by reflection, replication or wrapping, and the clamped ends of an interpolation, read
pixels that stand in for those past the border.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Move", "border_outputs", "copies_from_afar", "keeps_a_law", "single_move"]

Positions = NDArray[np.int64] | slice
Move = tuple[Positions, Positions]
"""Input positions, and the outputs that see one of them each."""

LONGEST_PERIOD = 64
# Enough of the middle to tell a staircase of LONGEST_PERIOD steps from a constant.
MIDDLE = 64 * LONGEST_PERIOD
# Fewer outputs in the middle could follow any law.
FEWEST = 6


def border_outputs(taps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which outputs see less or other pixels than the law of the middle outputs says.

    Args:
        taps: Integer array (outputs, taps per output), -1 for none, as in `AxisMap`.

    Returns:
        One flag per output; where the middle follows no law, those that lack a tap.
    """
    begin, middle = _middle(taps)
    law = _law(middle)
    if law is None:
        return np.asarray((taps < 0).any(axis=1))
    period, shift = law
    cycle, phase = np.divmod(np.arange(len(taps)) - begin, period)
    expected = _moved(middle[phase], shift * cycle[:, None])
    # The law may itself lead to pixel -1, which then stands for none by coincidence.
    absent = (taps < 0) & (middle[phase] >= 0)
    return np.asarray(((taps != expected) | absent).any(axis=1))


def copies_from_afar(taps: NDArray[np.int64]) -> bool:
    """Whether an output near a border reads a pixel outside of what its law would let it see.

    Reflected, repeated and circular borders do, rolls too; the clamped ends of an interpolation
    read what they see anyway.

    Args:
        taps: As for `border_outputs`.
    """
    begin, middle = _middle(taps)
    law = _law(middle)
    if law is None:
        return False
    period, shift = law
    cycle, phase = np.divmod(np.arange(len(taps)) - begin, period)
    present = middle[phase] >= 0
    expected = middle[phase] + shift * cycle[:, None]
    first = np.where(present, expected, np.iinfo(np.int64).max).min(axis=1, keepdims=True)
    last = np.where(present, expected, -1).max(axis=1, keepdims=True)
    return bool(((taps >= 0) & ((taps < first) | (taps > last))).any())


def keeps_a_law(taps: NDArray[np.int64]) -> bool:
    """Whether the middle outputs read at a fixed stride and period, or are too few to tell."""
    _, middle = _middle(taps)
    return len(middle) < FEWEST or _law(middle) is not None


def single_move(taps: NDArray[np.int64]) -> Move | None:
    """Where each input is seen by one output at most, and in order: pads, crops and slices.

    Args:
        taps: As for `border_outputs`.
    """
    single = taps[:, 0]
    inside = single >= 0
    if taps.shape[1] != 1 or not bool((np.diff(single[inside]) > 0).all()):
        return None
    return _range(single[inside]), _range(np.flatnonzero(inside))


def _range(rising: NDArray[np.int64]) -> Positions:
    """Positions as a slice where they follow each other, for that is copied at once."""
    count = len(rising)
    follow = count > 0 and rising[-1] - rising[0] == count - 1
    return slice(int(rising[0]), int(rising[-1]) + 1) if follow else rising


def _middle(taps: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """The rows far from the ends of a table, and the first of them."""
    count = len(taps)
    begin = max(count // 4, count // 2 - MIDDLE)
    return begin, taps[begin : min(count - count // 4, count // 2 + MIDDLE)]


def _law(middle: NDArray[np.int64]) -> tuple[int, int] | None:
    """The smallest period after which the taps repeat, and by how much they move in it."""
    for period in range(1, min(LONGEST_PERIOD, (len(middle) - 1) // 2) + 1):
        shift = _shift(middle, period)
        if shift is not None:
            return period, shift
    return None


def _shift(taps: NDArray[np.int64], period: int) -> int | None:
    """By how much the taps move per period, if they do so throughout."""
    earlier, later = taps[:-period], taps[period:]
    present = earlier >= 0
    if not present.any():
        return None
    shift = int((later - earlier)[present][0])
    return shift if bool((later == _moved(earlier, shift)).all()) else None


def _moved(taps: NDArray[np.int64], shift: int | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(taps < 0, taps, taps + shift)

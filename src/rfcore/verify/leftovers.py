"""Pixels at the end of an axis that strides leave over: no output sees them, at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rfcore.verify.certificate import Check
from rfcore.verify.view import AxisView

__all__ = ["without_leftovers"]


def without_leftovers(
    asked: AxisView, checks: Sequence[Check], larger: AxisView, there: Sequence[Check]
) -> tuple[list[Check], list[Check], list[str]]:
    """The verdicts on a global axis, without asking for pixels that nobody sees.

    They are told from a field that ends early by being as many at two sizes.

    Args:
        asked: The axis at the asked size.
        checks: The verdicts there.
        larger: The axis at a larger size.
        there: The verdicts there.

    Returns:
        Both lists of verdicts, those on such pixels moved to the last one that is seen, and notes.
    """
    near, far, notes = list(checks), list(there), []
    for check in there:
        same = next((c for c in near if c.edge == check.edge and c.verdict == "unseen"), None)
        left = None if same is None else asked.left_over(same)
        if left is None or left != larger.left_over(check):
            continue
        end = "last" if check.edge == "high" else "first"
        notes.append(
            f"axis {asked.axis}: no output sees the {end} pixels, {left} in number, which strides "
            "leave over"
        )
        near = [_moved_to_reach(c) if c == same else c for c in near]
        far = [_moved_to_reach(c) if c == check else c for c in far]
    return near, far, notes


def _moved_to_reach(check: Check) -> Check:
    assert check.reach is not None
    return replace(check, verdict="held", pixel=check.reach, reach=None)

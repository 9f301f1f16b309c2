"""The verdicts on one axis at one input size: the middle, the ends, and outputs that stray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rfcore.errors import ForwardError
from rfcore.verify.certificate import Check
from rfcore.verify.view import SIDES, AxisView, Side

__all__ = ["certain", "not_so_far", "shows_edge", "verdicts_on", "without_border"]


def verdicts_on(view: AxisView, middles: Sequence[int]) -> list[Check]:
    """The verdicts on both edges of outputs in the middle, at the ends, and of stray ones.

    Args:
        view: The axis at one input size.
        middles: Outputs in sight, one per phase, which have to notice their edges.
    """
    checks: dict[tuple[int, int], Check] = {}
    for side in SIDES:
        for number, output in enumerate(middles):
            found = view.judge(output, side, demanded=True, distrust=number == 0)
            checks[side, output] = certain(found)
        for output in {0, view.law.output_size - 1} - set(middles):
            at_end = view.judge(output, side, demanded=False)
            if at_end is not None:
                checks[side, output] = at_end
        for _ in range(2):
            found_strays = view.strays(side, trusted=not view.trial.nan_spreads)
            strays = [output for output in found_strays if (side, output) not in checks]
            for output in strays:
                stray = view.judge(output, side, demanded=False, distrust=True)
                if stray is not None:
                    checks[side, output] = stray
    if view.trial.nan_spreads:
        return [view.confirmed(check) for check in checks.values()]
    return list(checks.values())


def shows_edge(view: AxisView, output: int, side: Side) -> bool:
    """Whether the edge of an output is inside the input, and so is a pixel beyond it."""
    edge, beyond = view.edge(output, side), view.edge(output, side) + side
    fixed = (view.law.highs if side > 0 else view.law.lows) is None
    return 0 <= edge < view.law.input_size and (fixed or 0 <= beyond < view.law.input_size)


def certain(check: Check | None) -> Check:
    """The verdict on an output that was chosen for having its edge inside the input.

    Raises:
        ForwardError: There is none after all.
    """
    if check is None:
        raise ForwardError("was asked about an edge outside of its input")
    return check


def without_border(check: Check) -> Check:
    """Without an output that shows the law, nothing tells padding from a wrong field."""
    return replace(check, verdict="leak") if check.verdict == "border" else check


def not_so_far(check: Check) -> str:
    """Why an end that a larger input does not show is not called a leak."""
    reach = "" if check.reach is None else f", only as far as pixel {check.reach}"
    return (
        f"on an input of {check.input_shape} output {check.output} does not see that end{reach}: "
        "the axis is global at the asked size only, or its field is merely wide"
    )

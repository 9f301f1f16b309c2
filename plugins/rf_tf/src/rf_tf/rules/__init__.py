"""Rules: from one TensorFlow op to nodes of the graph, in tables by family of op.

A rule takes a `Call` and returns what the op's result is, or one per result where it has
several; None stands for a result that does not depend on the input.
"""

from __future__ import annotations

from collections.abc import Mapping

from rf_tf.call import Rule
from rf_tf.rules import (
    colours,
    control,
    elementwise,
    indexing,
    linear,
    lists,
    loops,
    measured,
    padding,
    patches,
    rearranging,
    reductions,
    resizing,
    scattering,
    switching,
    windows,
)

__all__ = ["COPIES", "LISTS", "MERGES", "RULES", "STRUCTURAL"]

RULES: Mapping[str, Rule] = {
    **colours.RULES,
    **control.RULES,
    **elementwise.RULES,
    **indexing.RULES,
    **linear.RULES,
    **lists.RULES,
    **loops.RULES,
    **measured.RULES,
    **padding.RULES,
    **patches.RULES,
    **rearranging.RULES,
    **reductions.RULES,
    **resizing.RULES,
    **scattering.RULES,
    **switching.RULES,
    **windows.RULES,
}

MERGES = frozenset(("Merge", "RefMerge"))
"""Ops that have a result where only one of their operands has one."""

LISTS = frozenset((*lists.RULES, *loops.RULES, *control.RULES))
"""Ops that know what to do with a list of tensors."""

COPIES = frozenset(("Identity", "IdentityN", "StopGradient"))
"""Ops that hand on lists of tensors as they are."""

STRUCTURAL = frozenset((*lists.RULES, *MERGES, "Switch", "RefSwitch"))
"""Ops whose rules run even where no operand depends on the input, for what they hold."""

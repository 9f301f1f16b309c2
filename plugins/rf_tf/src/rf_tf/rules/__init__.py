"""Rules: from one TensorFlow op to nodes of the graph, in tables by family of op.

A rule takes a `Call` and returns what the op's result is, or one per result where it has
several; None stands for a result that does not depend on the input.
"""

from __future__ import annotations

from collections.abc import Mapping

from rf_tf.call import Rule
from rf_tf.rules import (
    elementwise,
    linear,
    padding,
    rearranging,
    reductions,
    switching,
    windows,
)

__all__ = ["RULES", "STRUCTURAL"]

RULES: Mapping[str, Rule] = {
    **elementwise.RULES,
    **linear.RULES,
    **padding.RULES,
    **rearranging.RULES,
    **reductions.RULES,
    **switching.RULES,
    **windows.RULES,
}

STRUCTURAL: frozenset[str] = frozenset()
"""Ops whose rules run even where no operand depends on the input, for what they hold."""

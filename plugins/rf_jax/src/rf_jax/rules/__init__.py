"""Rules: from one primitive to nodes of the graph, in tables by family.

A rule takes a `Call` and returns the node of the primitive's result, or one per result where it
has several. A value stands for itself: one that is passed on, or a constant.
"""

from __future__ import annotations

from collections.abc import Mapping

from rf_jax.call import Rule
from rf_jax.rules import (
    elementwise,
    gathering,
    linear,
    rearranging,
    reductions,
    refused,
    scattering,
    slicing,
    windows,
)

__all__ = ["RULES"]

RULES: Mapping[str, Rule] = {
    **elementwise.RULES,
    **gathering.RULES,
    **linear.RULES,
    **rearranging.RULES,
    **reductions.RULES,
    **refused.RULES,
    **scattering.RULES,
    **slicing.RULES,
    **windows.RULES,
}

"""Rules: from one aten op to nodes of the graph, in tables by family of op.

A rule takes a `Call` and returns the node of the op's result, or one per result where it has
several; None stands for a result that does not depend on the input.
"""

from __future__ import annotations

from collections.abc import Mapping

from rf_torch.call import Rule
from rf_torch.rules import (
    attention,
    elementwise,
    indexing,
    linear,
    padding,
    rearranging,
    reductions,
    refused,
    resizing,
    sampling,
    scattering,
    switching,
    windows,
)

__all__ = ["RULES"]

RULES: Mapping[str, Rule] = {
    **attention.RULES,
    **elementwise.RULES,
    **indexing.RULES,
    **linear.RULES,
    **padding.RULES,
    **rearranging.RULES,
    **reductions.RULES,
    **refused.RULES,
    **resizing.RULES,
    **sampling.RULES,
    **scattering.RULES,
    **switching.RULES,
    **windows.RULES,
}

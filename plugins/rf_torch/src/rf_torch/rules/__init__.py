"""Rules: from one aten op to nodes of the graph, in tables by family of op.

A rule takes a `Call` and returns the node of the op's result, or one per result where it has
several; None stands for a result that does not depend on the input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rf_torch.call import Call
from rf_torch.rules import attention, elementwise, indexing, linear, padding, reductions, resizing, switching, windows

__all__ = ["RULES", "Rule"]

Rule = Callable[[Call], int | None | Sequence[int | None]]

RULES: Mapping[str, Rule] = {
    **attention.RULES,
    **elementwise.RULES,
    **indexing.RULES,
    **linear.RULES,
    **padding.RULES,
    **reductions.RULES,
    **resizing.RULES,
    **switching.RULES,
    **windows.RULES,
}

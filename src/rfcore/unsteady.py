"""The op that leaves a network without a stride: one that reads at uneven positions itself."""

from __future__ import annotations

from rfcore.graph import AxisMap, Window
from rfcore.rows import ProbedOutput
from rfcore.taps import keeps_a_law

__all__ = ["blind_op", "unsteady_op"]


def unsteady_op(probed: ProbedOutput, axis: int) -> str:
    """The first op on the way that reads along an axis at no fixed stride; empty if none does.

    Resizing with aligned corners, or to a length that is no simple ratio of the one before, is
    of this kind, and so are pooling to a fixed grid and sampling at computed positions.

    Args:
        probed: The output.
        axis: The number of the spatial axis.
    """
    graph = probed.walker.graph
    spatial = [probed.axes[axis]]
    for index in graph.ancestors(probed.node):
        node = graph.nodes[index]
        if not isinstance(node.op, AxisMap) or keeps_a_law(node.op.taps):
            continue
        if any(probed.walker.tells_apart(node.inputs[0], node.op.dim, spatial)):
            return node.label
    return ""


def blind_op(probed: ProbedOutput) -> str:
    """The first op whose kernel leaves gaps between what it writes; empty if none does."""
    graph = probed.walker.graph
    for index in graph.ancestors(probed.node):
        node = graph.nodes[index]
        if isinstance(node.op, Window) and any(
            len({tap * a.dilation % a.base_dilation for tap in range(a.kernel_size)})
            < a.base_dilation
            for a in node.op.axes
        ):
            return node.label
    return ""

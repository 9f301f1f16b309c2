"""Ops that leave a network without a law: they read at uneven positions, or differ by position."""

from __future__ import annotations

from collections.abc import Iterable

from rfcore.graph import AxisMap, Contract, Elementwise, Graph, Node, Window
from rfcore.rows import ProbedOutput
from rfcore.walk import Elastic

__all__ = ["blind_op", "differs_by_position", "unsteady_op"]


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
        if not isinstance(node.op, AxisMap) or node.op.keeps_a_law:
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


def differs_by_position(graph: Graph, visited: Iterable[int], elastic: Elastic) -> bool:
    """Whether a constant with zeros lies along an axis that follows the input's size.

    Masks and matrices of this kind may let some outputs see more than those that are asked.

    Args:
        graph: The graph.
        visited: The nodes that a walk reached.
        elastic: Which axes of each node follow the input's size.
    """
    return any(_has_its_places(graph.nodes[index], index, elastic) for index in visited)


def _has_its_places(node: Node, index: int, elastic: Elastic) -> bool:
    if isinstance(node.op, Elementwise) and node.op.gates:
        gates = (gate for gate in node.op.gates if gate is not None and not gate.is_open)
        zeros = [mask for gate in gates if (mask := gate.read()) is not None]
        follows = elastic.get(index, ())
        return any(
            n > 1 and follows[len(follows) - mask.ndim + dim]
            for mask in zeros
            if mask.ndim <= len(follows)
            for dim, n in enumerate(mask.shape)
        )
    if isinstance(node.op, Contract) and node.op.pattern is not None:
        moving = {
            label
            for source, labels in zip(node.inputs, node.op.operands, strict=True)
            for label, flag in zip(labels, elastic.get(source, ()), strict=False)
            if flag
        }
        return bool(moving & set(node.op.constant)) and node.op.pattern.read() is not None
    return False

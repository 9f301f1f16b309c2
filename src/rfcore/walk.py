"""Walking a graph backwards: from a mask over one value to the influence on the input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from rfcore.errors import RfcoreError
from rfcore.graph import AxisMap, Elementwise, Graph, Mask, Node
from rfcore.masks import MaskTooLargeError, Site, any_over, refuse_oversize
from rfcore.pullback import pull

__all__ = [
    "Elastic",
    "Influence",
    "MaskTooLargeError",
    "OpFaultError",
    "Walker",
    "one_hot",
    "sees_less",
    "several_hot",
]

Elastic = Mapping[int, tuple[bool, ...]]


class OpFaultError(Exception):
    """An op of a graph cannot be pulled back as it says: a fault of the backend that made it."""

    def __init__(self, op: str, problem: str) -> None:
        self.op, self.problem = op, problem
        super().__init__(f"{op} {problem}")


class Influence(NamedTuple):
    """Where probes reached the input, and which of them also reached past its low and high border.

    Behind a mirroring op low and high cannot be told apart, and both are flagged.
    """

    mask: Mask
    lost: Mask


@dataclass(frozen=True, slots=True)
class Walker:
    """A graph that is ready to be walked, possibly with some of its nodes cut.

    Attributes:
        graph: The graph.
        elastic: For each node, which axes follow the input's size; empty where unknown.
        cut: Nodes that pass no influence on.
    """

    graph: Graph
    elastic: Elastic = field(default_factory=dict)
    cut: frozenset[int] = frozenset()

    def influence(
        self, output: int, mask: Mask, seen: Callable[[int, Mask], None] | None = None
    ) -> Influence:
        """The input positions that the masked positions of `output` depend on.

        Args:
            output: The node that the mask lies over.
            mask: Boolean array (probes, *axes of the node), axes full or of length 1.
            seen: Called as `seen(node, mask)` at each node that the walk reaches.

        Returns:
            The influence on the input, and which probes reached past a border.
        """
        pending: dict[int, Mask] = {output: mask}
        lost = np.zeros((len(mask), 2), bool)
        mirrored = False
        for index in range(output, 0, -1):
            current = pending.pop(index, None)
            if current is None or index in self.cut:
                continue
            if seen is not None:
                seen(index, current)
            node = self.graph.nodes[index]
            mirrored |= isinstance(node.op, AxisMap) and node.op.mirrors
            if self._hands_on(node):
                parts: tuple[Mask, ...] = (current,) * len(node.inputs)
            else:
                parts = _pulled(node, current, self._site(index, lost))
            for source, part in zip(node.inputs, parts, strict=True):
                earlier = pending.get(source)
                if part is current and earlier is None:
                    pending[source] = part
                    continue
                if not part.any():
                    continue
                shape = part.shape if earlier is None else _merged(part, earlier)
                refuse_oversize(shape, node.label)
                pending[source] = part if earlier is None else earlier | part
        if mirrored:
            lost |= lost[:, ::-1]
        nothing = np.zeros((len(mask), *(1,) * len(self.graph.nodes[0].shape)), bool)
        return Influence(pending.get(0, nothing), lost)

    def tells_apart(
        self, node: int, dim: int, axes: Sequence[int], index: int | None = None
    ) -> tuple[bool, ...]:
        """For each axis of the input: does one index of a node's `dim` see less than all do?

        Args:
            node: The node.
            dim: The axis of it that is probed.
            axes: The axes of the input that are looked at.
            index: Where it is probed; None for its middle.
        """
        shape = self.graph.nodes[node].shape
        chosen = shape[dim] // 2 if index is None else index
        one = self.influence(node, one_hot(shape, [dim], [[chosen]])).mask
        every = self.influence(node, one_hot(shape, [], [[]])).mask
        return sees_less(one, every, axes)

    def _hands_on(self, node: Node) -> bool:
        """Whether an op is known to pass any mask on as it is; most of a network's ops are."""
        if type(node.op) is not Elementwise:
            return False
        nodes, shape = self.graph.nodes, node.shape
        return all(nodes[source].shape == shape for source in node.inputs) and all(
            gate is None or gate.is_open for gate in node.op.gates
        )

    def pulled(self, index: int, mask: Mask) -> tuple[tuple[Mask, ...], Mask]:
        """A mask over a node pulled back to its operands, and which probes it lost past borders.

        Args:
            index: The node.
            mask: Boolean array (probes, *axes of the node), axes full or of length 1.
        """
        lost = np.zeros((len(mask), 2), bool)
        node = self.graph.nodes[index]
        parts = _pulled(node, mask, self._site(index, lost))
        for part in parts:
            refuse_oversize(part.shape, node.label)
        return parts, lost

    def _site(self, index: int, lost: Mask) -> Site:
        nodes = self.graph.nodes
        node = nodes[index]
        elastic = self.elastic.get(index)
        return Site(
            node.shape,
            tuple(nodes[source].shape for source in node.inputs),
            (False,) * len(node.shape) if elastic is None else elastic,
            lost,
            known=elastic is not None,
        )


def _pulled(node: Node, mask: Mask, site: Site) -> tuple[Mask, ...]:
    try:
        parts = pull(node.op, mask, site)
    except (RfcoreError, MemoryError):
        raise
    except MaskTooLargeError as error:
        raise MaskTooLargeError(node.label, error.shape) from error
    except Exception as error:
        problem = f"cannot be pulled back ({type(error).__name__}: {error})"
        raise OpFaultError(node.label, problem) from error
    if len(parts) != len(site.operands):
        raise OpFaultError(node.label, f"pulls back to {len(parts)} of its operands")
    for part, shape in zip(parts, site.operands, strict=True):
        if part.dtype != bool or not _lies_over(shape, part.shape[1:]):
            what = f"an array of {part.dtype} of shape {part.shape[1:]} over {shape}"
            raise OpFaultError(node.label, f"pulls back to {what}")
    return parts


def _lies_over(shape: tuple[int, ...], mask: tuple[int, ...]) -> bool:
    """Whether a mask of one shape fits a value of another: each axis full or uniform."""
    return len(mask) == len(shape) and all(n in (1, m) for n, m in zip(mask, shape, strict=True))


def _merged(part: Mask, earlier: Mask) -> tuple[int, ...]:
    return tuple(map(max, part.shape, earlier.shape))


def one_hot(shape: Sequence[int], dims: Sequence[int], indices: Sequence[Sequence[int]]) -> Mask:
    """Probes: masks that are True at one index of each of `dims` and uniform along all other axes.

    Args:
        shape: Shape of the probed value.
        dims: The axes that the indices are on; one makes row probes, all spatial ones points.
        indices: One index per axis in `dims`, for each probe.
    """
    return several_hot(shape, dims, [[places] for places in indices])


def several_hot(
    shape: Sequence[int], dims: Sequence[int], groups: Sequence[Sequence[Sequence[int]]]
) -> Mask:
    """Probes that are True at several places each; see `one_hot`.

    Args:
        shape: Shape of the probed value.
        dims: The axes that the indices are on.
        groups: For each probe its places, each of them one index per axis in `dims`.
    """
    mask = np.zeros((len(groups), *(n if d in dims else 1 for d, n in enumerate(shape))), bool)
    probes = np.repeat(np.arange(len(groups)), [len(places) for places in groups])
    every = [place for places in groups for place in places]
    columns = np.asarray(every, np.intp).reshape(len(every), len(dims)).T
    at = dict(zip(dims, columns, strict=True))
    mask[(probes, *(at.get(d, 0) for d in range(len(shape))))] = True
    return mask


def sees_less(one: Mask, every: Mask, axes: Sequence[int]) -> tuple[bool, ...]:
    """For each axis of the input: does the first influence tell it apart from the second?"""
    return tuple(
        bool(one.any()) and bool((_along(one, axis) != _along(every, axis)).any()) for axis in axes
    )


def _along(mask: Mask, axis: int) -> Mask:
    return any_over(mask, tuple(d for d in range(1, mask.ndim) if d != axis + 1))

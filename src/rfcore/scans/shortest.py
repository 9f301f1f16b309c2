"""The size of a field along its shortest path, for every node of a graph.

A skip connection lets a layer see the input by a path around other layers. What decides whether
a layer still integrates anything new at a given input size is the *smallest* field of what it
reads, along the path that skips the most.

Source: Richter, Byttner, Krumnack, Wiedenroth, Schallner, Shenk, "(Input) Size Matters for CNN
    Classifiers" (2021); Richter, Schöning, Wiedenroth, Krumnack, "Should You Go Deeper?
    Optimizing Convolutional Neural Network Architectures without Training" (2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rfcore.errors import RfcoreError
from rfcore.masks import any_over
from rfcore.walk import MaskTooLargeError, OpFaultError, Walker, one_hot

__all__ = ["ShortestPaths", "shortest_paths"]

# Neighbouring outputs of an op that are looked at: a step that is not even shows among them.
NEIGHBOURS = 8


class _Path(NamedTuple):
    """The shortest path from the input to a node, along one spatial axis.

    Attributes:
        dim: The axis of the node that moves along the input's.
        size: Pixels that one position sees along that path.
        stride: Pixels from one position to the next.
    """

    dim: int
    size: int
    stride: int


_Found = _Path | None | bool
"""None where only global paths lead to a node, False where steps are uneven (upsampling)."""


@dataclass(frozen=True, slots=True)
class ShortestPaths:
    """Sizes of fields along the shortest paths, by node.

    Attributes:
        sizes: In pixels; None where there is no such path, or no such number.
        uneven: Nodes behind an op whose outputs do not move evenly over its input.
    """

    sizes: tuple[int | None, ...]
    uneven: frozenset[int]

    def least(self, nodes: Iterable[int]) -> int | None:
        """The smallest size among some nodes; None where one of them has no such number."""
        asked = set(nodes)
        if asked & self.uneven:
            return None
        return min((n for n in (self.sizes[i] for i in asked) if n is not None), default=None)


def shortest_paths(walker: Walker, axis: int) -> ShortestPaths:
    """For each node of a graph the size of its field along the shortest path.

    Paths through reductions of the whole axis are left out. Steps that are uneven, as those of
    upsampling are, have no size of this kind.

    Args:
        walker: A graph at a size at which the middle of every map is clear of its borders.
        axis: The axis of the input.
    """
    found: list[_Found] = [_Path(axis, 1, 1)]
    for index in range(1, len(walker.graph.nodes)):
        try:
            found.append(_through(walker, index, found))
        except (RfcoreError, MaskTooLargeError, OpFaultError):
            found.append(False)
    sizes = tuple(path.size if isinstance(path, _Path) else None for path in found)
    return ShortestPaths(sizes, frozenset(i for i, path in enumerate(found) if path is False))


def _through(walker: Walker, index: int, found: Sequence[_Found]) -> _Found:
    node = walker.graph.nodes[index]
    sources = [found[source] for source in node.inputs]
    if any(source is False for source in sources):
        return False
    known = [source.dim for source in sources if isinstance(source, _Path)]
    if not known:
        return None
    dims = sorted(range(len(node.shape)), key=lambda dim: dim not in known)
    for dim in dims:
        if node.shape[dim] >= 2 * NEIGHBOURS:
            paths = _along(walker, index, dim, sources)
            if paths:
                return False if False in paths else min(paths, key=lambda path: path.size)  # type: ignore[union-attr]
    return None


def _along(walker: Walker, index: int, dim: int, sources: Sequence[_Found]) -> list[_Path | bool]:
    """The paths by way of each operand, if the node's axis `dim` moves along that of the input."""
    node = walker.graph.nodes[index]
    first = node.shape[dim] // 2 - NEIGHBOURS // 2
    mask = one_hot(node.shape, [dim], [[first + step] for step in range(NEIGHBOURS)])
    parts, _ = walker.pulled(index, mask)
    paths: list[_Path | bool] = []
    for source, operand, part in zip(sources, node.inputs, parts, strict=True):
        if not isinstance(source, _Path):
            continue
        others = tuple(d for d in range(1, part.ndim) if d != source.dim + 1)
        along = any_over(part, others)
        length = walker.graph.nodes[operand].shape[source.dim]
        if along.shape[1] == 1 or not along.any(axis=1).all() or along.all():
            continue
        lows = along.argmax(axis=1)
        highs = length - along[:, ::-1].argmax(axis=1)
        steps = {*np.diff(lows).tolist(), *np.diff(highs).tolist()}
        if len(steps) > 1 or 0 in steps:
            paths.append(False)
            continue
        reach, step = int(highs[0] - lows[0]), abs(steps.pop())
        size = source.size + (reach - 1) * source.stride
        paths.append(_Path(dim, size, step * source.stride))
    return paths

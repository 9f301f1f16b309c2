"""Op by op: which elements of the input reach which elements of the output, by a graph.

For the tests of a backend's rules. What is held against it, the elements that change when one of
the input is changed, takes the framework and is the author's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rfcore.consistency import contradiction
from rfcore.graph import Graph
from rfcore.walk import Walker, one_hot

__all__ = ["Dependence", "Matrix", "dependence"]

Matrix = NDArray[np.bool_]
"""Shape (output elements, input elements); the elements of several outputs are joined."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """What a graph says.

    Attributes:
        matrix: Which output elements see which input elements.
        exact: Whether no op on the way is marked as an upper bound.
        notes: The notes on the way.
    """

    matrix: Matrix
    exact: bool
    notes: tuple[str, ...]

    def assert_equals(self, certain: Matrix) -> None:
        """Raises AssertionError unless the graph names just what is certain, and claims so."""
        self.assert_contains(certain)
        made_up = int((self.matrix & ~certain).sum())
        assert not made_up, f"{made_up} influences were made up"
        assert self.exact, f"it does not claim to be exact: {self.notes}"

    def assert_contains(self, certain: Matrix) -> None:
        """Raises AssertionError if an influence that is certain is missing."""
        missed = int((certain & ~self.matrix).sum())
        assert not missed, f"{missed} influences were missed"

    def assert_bounds(self, certain: Matrix, said: str) -> None:
        """Raises AssertionError unless nothing is missed and a note says why there may be more."""
        self.assert_contains(certain)
        assert not self.exact
        assert any(said in note for note in self.notes), self.notes


def dependence(
    graph: Graph,
    outputs: Iterable[tuple[int | None, Sequence[int]]],
    *,
    warnings: Sequence[str] = (),
) -> Dependence:
    """Walks a graph back from every element of some outputs.

    Args:
        graph: The graph.
        outputs: Node and shape of each output, the node None where it does not depend on the
            input.
        warnings: Why the graph as a whole may miss something.
    """
    problem = contradiction(graph)
    assert problem is None, problem
    walker, visited = Walker(graph), set[int]()
    source = graph.nodes[0].shape
    parts = []
    for node, lengths in outputs:
        shape = tuple(lengths)
        count = math.prod(shape)
        if node is None or count == 0:
            parts.append(np.zeros((count, math.prod(source)), bool))
            continue
        mask = one_hot(shape, range(len(shape)), list(np.ndindex(*shape)))
        seen = walker.influence(node, mask, lambda index, _: visited.add(index)).mask
        parts.append(np.broadcast_to(seen, (count, *source)).reshape(count, -1))
    nodes = [graph.nodes[index] for index in sorted(visited)]
    notes = dict.fromkeys(node.note for node in nodes if node.note)
    exact = all(node.exact for node in nodes) and not warnings
    return Dependence(np.concatenate(parts), exact, (*warnings, *notes))

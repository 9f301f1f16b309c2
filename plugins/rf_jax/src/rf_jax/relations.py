"""How states depend on states one step before: which at all, and along which axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rfcore.graph import Graph
from rfcore.walk import Walker, one_hot

__all__ = ["Relation", "closure", "reached", "relation"]


@dataclass(frozen=True, slots=True)
class Relation:
    """How one state depends on another one step before, axis by axis.

    Attributes:
        kept: Axes on which each position stays by itself.
        mixed: Axes on which each position sees all.
    """

    kept: frozenset[int]
    mixed: frozenset[int]


def reached(jaxpr: Any) -> list[set[int]]:
    """For each result of a jaxpr the arguments that it may depend on."""
    known: dict[int, set[int]] = {id(v): {i} for i, v in enumerate(jaxpr.invars)}
    for equation in jaxpr.eqns:
        needed: set[int] = set().union(*(known.get(id(atom), set()) for atom in equation.invars))
        known.update((id(variable), needed) for variable in equation.outvars)
    return [known.get(id(atom), set()) for atom in jaxpr.outvars]


def closure(state: int, sources: Any) -> set[int]:
    """All states that a state depends on after any number of steps."""
    found: set[int] = set()
    waiting = [state]
    while waiting:
        for source in sources(waiting.pop()):
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found


def relation(graph: Graph, node: int) -> Relation:
    """What single positions of each axis see along the same axis of the input."""
    shape = graph.nodes[0].shape
    kept, mixed = set[int](), set[int]()
    if graph.nodes[node].shape != shape or any(
        not graph.nodes[i].exact for i in graph.ancestors(node)
    ):
        return Relation(frozenset(), frozenset())
    for axis, length in enumerate(shape):
        probed = sorted({0, 1 % length, length // 2, length - 1})
        mask = one_hot(shape, [axis], [[index] for index in probed])
        seen = Walker(graph).influence(node, mask).mask
        along = seen.any(axis=tuple(d for d in range(1, seen.ndim) if d != axis + 1))
        along = np.broadcast_to(along, (len(probed), length))
        if (along == (np.arange(length) == np.array(probed)[:, None])).all():
            kept.add(axis)
        if along.all():
            mixed.add(axis)
    return Relation(frozenset(kept), frozenset(mixed))

"""What probed rows tell about a field, before a law is drawn from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from rfcore.errors import IrregularFieldError
from rfcore.graph import AxisMap, Graph, Mask
from rfcore.laws import Sighting
from rfcore.masks import ties_axes
from rfcore.notes import COPIES
from rfcore.rows import ProbedOutput
from rfcore.spectra import transforms_back
from rfcore.unsteady import blind_op, differs_by_position
from rfcore.walk import Elastic

__all__ = ["Watch", "in_clear_sight", "refuse_blind", "spread_out", "window_and_far"]

# Outputs times those of a period, at most.
LARGEST_SEARCH = 1 << 28


@dataclass(slots=True)
class Watch:
    """Listens to a walk: which nodes it passes, and whether it ties spatial axes together.

    Attributes:
        graph: The walked graph.
        elastic: Which axes of each node follow the input's size.
        visited: The nodes that the walk reached.
        ties_axes: Whether some mask told positions apart on two elastic axes at once, so that
            rows are only an upper bound.
    """

    graph: Graph
    elastic: Elastic
    visited: set[int] = field(default_factory=set)
    ties_axes: bool = False

    def __call__(self, index: int, mask: Mask) -> None:
        """Notes a node that the walk reaches, and its mask."""
        self.visited.add(index)
        self.ties_axes = self.ties_axes or ties_axes(mask, self.elastic.get(index, ()))

    def recall(self, nodes: Iterable[int], *, ties_axes: bool) -> None:
        """Notes all nodes of an earlier walk, and whether it tied axes."""
        self.visited.update(nodes)
        self.ties_axes = self.ties_axes or ties_axes

    def notes(self) -> list[str]:
        """What the visited nodes want a reader to know."""
        remarkable = self._remarkable()
        nodes = [self.graph.nodes[index] for index in remarkable]
        notes = list(dict.fromkeys(node.note for node in nodes if node.note))
        back = transforms_back(self.graph, remarkable)
        if back:
            notes.append(
                f"{back} comes back from frequencies: what is done to them may be a convolution, "
                "of which the field is an upper bound"
            )
        copying = self.copying()
        if copying:
            first = self.graph.nodes[copying[0]].label
            notes.append(
                f"{first} {COPIES}: outputs near the borders may see those pixels too, in the box "
                "or not"
            )
        return notes

    def copying(self) -> list[int]:
        """The visited nodes that fill borders with copies of pixels."""
        return [index for index in self._remarkable() if self._copies(index)]

    def differs_by_position(self) -> bool:
        """Whether some outputs may see what those in the middle and near the ends do not tell."""
        return differs_by_position(self.graph, self._remarkable(), self.elastic)

    def _remarkable(self) -> list[int]:
        return sorted(self.graph.remarkable.intersection(self.visited))

    def _copies(self, index: int) -> bool:
        """Whether a node fills the borders of an axis that follows the input's size."""
        node, follows = self.graph.nodes[index], self.elastic.get(index)
        if not isinstance(node.op, AxisMap) or not follows or not follows[node.op.dim]:
            return False
        return node.op.copies_from_afar

    def exact(self) -> bool:
        """Whether every visited node has a rule that gives the true dependence."""
        remarkable = self._remarkable()
        exact = all(self.graph.nodes[index].exact for index in remarkable)
        return exact and not transforms_back(self.graph, remarkable)


def window_and_far(count: int, period: int) -> list[int]:
    """Outputs to probe: two periods in the middle, one on either side of it, and one more.

    None where a period is so long that to walk all of its phases takes forever.
    """
    if period * count > LARGEST_SEARCH:
        return []
    middle = count // 2
    window = range(max(0, middle - period), min(count, middle + period + 1))
    before = range(count // 4, min(count, count // 4 + period))
    after = range(3 * count // 4, min(count, 3 * count // 4 + period))
    return sorted({*window, *before, *after, count // 3})


def spread_out(count: int) -> list[int]:
    """Outputs from border to border; a single one is all border, and tells nothing."""
    return sorted({round(i * (count - 1) / 8) for i in range(9)}) if count > 1 else []


def in_clear_sight(sightings: Mapping[int, Sighting]) -> int:
    """How many outputs have no edge hidden by a border."""
    return sum(s.low is not None and s.high is not None for s in sightings.values())


def refuse_blind(
    sightings: Mapping[int, Sighting],
    indices: Collection[int],
    probed: ProbedOutput,
    output: str,
    axis: int,
) -> None:
    """Refuses outputs between others that see nothing: they have no interval.

    Raises:
        IrregularFieldError: There are such outputs.
    """
    blind = [j for j in indices if j not in sightings and min(sightings) < j < max(sightings)]
    if blind:
        detail = f"{len(blind)} of {len(indices)} probed outputs see nothing of the input"
        op = blind_op(probed)
        detail += f", for the kernel of {op} is smaller than its stride" if op else ""
        raise IrregularFieldError(output, axis, detail)

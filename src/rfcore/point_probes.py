"""Asking a plain probe about single outputs, and whether it can be believed.

A field is fitted to what single outputs see, so two more questions are asked before it is told:
one output again, and two at once, which have to see what both see.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import ProbeError, RfcoreError
from rfcore.hookspecs import Probe
from rfcore.laws import Sighting, sighting, widest_hole
from rfcore.masks import any_over

__all__ = ["PointProbes"]

Influence = NDArray[np.bool_]
Point = tuple[int, ...]


class PointProbes:
    """Asks a plain probe about single outputs near the middle, each at most once.

    Args:
        probe: The probe.
        inputs: Spatial shape of the input.
        outputs: Spatial shape of the output.
    """

    def __init__(self, probe: Probe, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        self.inputs, self.outputs = inputs, outputs
        self._probe = probe
        self._known: dict[Point, Influence] = {}

    def sightings(self, axis: int, indices: Iterable[int]) -> dict[int, Sighting]:
        """What outputs along one axis, in the middle of all others, see along it.

        Raises:
            ProbeError: The probe raised, or returned what is no influence.
        """
        middle = [n // 2 for n in self.outputs]
        others = tuple(a for a in range(len(self.inputs)) if a != axis)
        profiles = {}
        for index in indices:
            point = tuple(index if a == axis else m for a, m in enumerate(middle))
            profiles[index] = any_over(self._influence(point), others)
        hole = max(map(widest_hole, profiles.values()))
        found = {index: sighting(profile, hole=hole) for index, profile in profiles.items()}
        return {index: seen for index, seen in found.items() if seen is not None}

    def confirm(self) -> None:
        """Asks for one output again, and for two at once.

        Where the boxes of the two overlap, gradients may cancel, and nothing is asked of them.

        Raises:
            ProbeError: The answers contradict the earlier ones.
        """
        seeing = sorted(point for point, influence in self._known.items() if influence.any())
        if not seeing:
            return
        first, last = seeing[0], seeing[-1]
        again = seeing[len(seeing) // 2]
        if bool((self._asked(again) != self._known[again]).any()):
            raise ProbeError(f"gives another answer when asked for output {again} again")
        one, other = self._known[first], self._known[last]
        both = self._asked(first, last)
        overlap = _box(one) & _box(other)
        if bool(((one | other) & ~both & ~overlap).any()):
            raise ProbeError(
                f"shows less for the outputs {first} and {last} together than for each of them"
            )
        if bool((both & ~_box(one) & ~_box(other)).any()):
            raise ProbeError(
                f"shows more for the outputs {first} and {last} together than for each of them"
            )

    def _influence(self, point: Point) -> Influence:
        if point not in self._known:
            self._known[point] = self._asked(point)
        return self._known[point]

    def _asked(self, *points: Point) -> Influence:
        mask = np.zeros(self.outputs)
        for point in points:
            mask[point] = 1.0
        try:
            answer = np.asarray(self._probe(mask))
        except RfcoreError:
            raise
        except Exception as error:
            raise ProbeError(f"raised {type(error).__name__}: {error}") from error
        if answer.shape != self.inputs:
            raise ProbeError(f"returned shape {answer.shape}, expected {self.inputs}")
        if answer.dtype.kind not in "biuf":
            raise ProbeError(f"returned an array of type {answer.dtype}")
        if answer.dtype.kind == "f" and not np.isfinite(answer).all():
            raise ProbeError("returned NaN or infinite values")
        influence: Influence = answer != 0
        return influence


def _box(influence: Influence) -> Influence:
    """The smallest box around what is seen."""
    box = np.zeros(influence.shape, bool)
    ranges = (np.flatnonzero(any_over(influence, _others(a, influence))) for a in range(box.ndim))
    box[tuple(slice(seen[0], seen[-1] + 1) for seen in ranges)] = True
    return box


def _others(axis: int, influence: Influence) -> tuple[int, ...]:
    return tuple(a for a in range(influence.ndim) if a != axis)

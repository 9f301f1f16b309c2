"""What one output shows of itself, and which sightings make a law."""

from __future__ import annotations

import numpy as np
import pytest

from line_probes import fitted
from rfcore.errors import IrregularFieldError
from rfcore.evidence import window_and_far
from rfcore.laws import Sighting, find_law, law_of, sighting


@pytest.mark.parametrize(
    ("seen", "lost", "hole", "edges"),
    [
        pytest.param([2, 3, 4], (False, False), 0, (2, 5), id="inside"),
        pytest.param([0, 1], (False, False), 0, (None, 2), id="touches the low border"),
        pytest.param([8, 9], (False, False), 0, (8, None), id="touches the high border"),
        pytest.param([2, 5, 6], (False, False), 0, (None, 7), id="hole wider than the margin"),
        pytest.param([3, 4], (False, False), 3, (None, 5), id="hole known from others"),
        pytest.param([3, 4], (True, False), 0, (None, 5), id="lost low"),
        pytest.param([3, 4], (False, True), 0, (3, None), id="lost high"),
    ],
)
def test_an_edge_is_read_where_no_border_can_hide_more(
    seen: list[int],
    lost: tuple[bool, bool],
    hole: int,
    edges: tuple[int | None, int | None],
) -> None:
    influence = np.zeros(10, bool)
    influence[seen] = True
    found = sighting(influence, lost=lost, hole=hole)
    assert found is not None
    assert (found.low, found.high) == edges
    assert (found.first, found.last, found.seen, found.size) == (seen[0], seen[-1], len(seen), 10)


def test_nothing_seen_is_no_sighting() -> None:
    assert sighting(np.zeros(10, bool)) is None


@pytest.mark.parametrize(
    ("seen", "whole"), [([0, 9], True), ([0, 8], False), ([1, 9], False)], ids=str
)
def test_a_whole_sighting_spans_the_axis(seen: list[int], whole: bool) -> None:
    influence = np.zeros(10, bool)
    influence[seen] = True
    found = sighting(influence)
    assert found is not None
    assert found.whole is whole


def test_one_phase_seen_twice_and_one_seen_once_are_not_a_period() -> None:
    """Lows 5, 10, 13 fit every period of two, which is why three outputs do not show one."""
    starts = [5, 10, 13]
    with pytest.raises(IrregularFieldError):
        fitted(lambda j: [starts[j], starts[j] + 1], 40, 3)
    seen = {j: Sighting(low, low + 2, 2, low, low + 1, 40) for j, low in enumerate(starts)}
    assert find_law(seen, 2) is None


def test_an_edge_seen_once_is_not_enough() -> None:
    seen = {j: Sighting(j, None, 5, j, j + 4, 10) for j in range(1, 6)}
    seen[1] = Sighting(1, 6, 5, 1, 5, 10)
    assert find_law(seen, 2) is None
    seen[2] = Sighting(2, 7, 5, 2, 6, 10)
    law = find_law(seen, 2)
    assert law is not None
    assert (law.lows, law.highs, law.shift) == ((0,), (5,), 1)


def test_law_of_says_why_there_is_none() -> None:
    seen = {j: Sighting(j * j, j * j + 1, 1, j * j, j * j, 99) for j in range(1, 9)}
    with pytest.raises(IrregularFieldError, match=r"no period up to 4 .*1: \[1, 2\), 2: \[4, 5\)"):
        law_of(seen, 4, "conv", 1)


def test_outputs_are_taken_from_two_periods_in_the_middle_and_from_beside_them():
    assert window_and_far(100, 2) == [25, 26, 33, 48, 49, 50, 51, 52, 75, 76]


def test_a_period_that_takes_hours_to_walk_is_not_walked():
    assert window_and_far(400_000, 600)
    assert window_and_far(400_000, 100_000) == []

"""The garbage collector looks rarely while models are run, and as before afterwards."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from rfcore.garbage import RARELY, old_objects_set_aside, rarely_searched


class Held:
    """Something that a weak reference can watch."""


def cycle() -> weakref.ref[Held]:
    """Two objects that hold nothing but each other, seen by one of them."""
    one, other = Held(), Held()
    one.other, other.one = other, one  # type: ignore[attr-defined]
    return weakref.ref(one)


@pytest.fixture(autouse=True)
def nothing_frozen() -> Iterator[None]:
    gc.unfreeze()
    yield
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize("context", [old_objects_set_aside, rarely_searched])
@pytest.mark.parametrize("before", [(700, 10, 10), (0, 10, 10)], ids=["on", "off"])
def test_thresholds_are_as_before_also_after_an_error(
    before: tuple[int, int, int], context: Callable[[], AbstractContextManager[None]]
) -> None:
    kept = gc.get_threshold()
    gc.set_threshold(*before)
    try:
        with context():
            assert gc.get_threshold()[0] == (RARELY if before[0] else 0)
        assert gc.get_threshold() == before
        with pytest.raises(ZeroDivisionError), context():
            _ = 1 / 0
        assert gc.get_threshold() == before
    finally:
        gc.set_threshold(*kept)


def test_an_inner_context_leaves_the_outer_one_in_force() -> None:
    kept = gc.get_threshold()
    with old_objects_set_aside():
        frozen = gc.get_freeze_count()
        with old_objects_set_aside():
            pass
        assert gc.get_threshold()[0] == RARELY
        assert gc.get_freeze_count() == frozen > 0
    assert gc.get_threshold() == kept


def test_what_others_have_frozen_stays_frozen() -> None:
    gc.freeze()
    with old_objects_set_aside():
        pass
    assert gc.get_freeze_count() > 0
    gc.unfreeze()


def test_a_cycle_made_inside_can_be_collected_after() -> None:
    with old_objects_set_aside():
        watched = cycle()
    gc.collect()
    assert watched() is None


def test_who_looks_more_rarely_still_does_so_during_a_pass() -> None:
    kept = gc.get_threshold()
    gc.set_threshold(2 * RARELY, *kept[1:])
    try:
        with rarely_searched():
            assert gc.get_threshold()[0] == 2 * RARELY
    finally:
        gc.set_threshold(*kept)


def test_what_a_pass_leaves_is_still_young_after_it() -> None:
    with rarely_searched():
        watched = cycle()
    gc.collect(0)
    assert watched() is None

"""Keeping Python's garbage collector from searching all of memory while a model is run."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["old_objects_set_aside", "rarely_searched"]

# New objects after which the garbage collector looks; Python says 700.
RARELY = 500_000


@contextmanager
def old_objects_set_aside() -> Iterator[None]:
    """Spares the garbage collector the framework's and the model's many objects.

    A trace makes so many small objects that it would be searched for garbage, all of memory
    with it, again and again: a quarter of the time of a trace. Frameworks hang more work on
    each of these searches.
    """
    thresholds = gc.get_threshold()
    if thresholds[0] == RARELY:
        # Inside of another such context; to count what is frozen takes long.
        yield
        return
    # Others who have set theirs aside would lose that, for thawing is for all.
    freezes = not gc.get_freeze_count()
    if freezes:
        gc.freeze()
    gc.set_threshold(RARELY if thresholds[0] else 0, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if freezes:
            gc.unfreeze()


@contextmanager
def rarely_searched() -> Iterator[None]:
    """Keeps the garbage collector from looking during one pass of a model.

    What holds the model's state for a pass would set off searches of all memory for nothing. There
    is no freezing here: a stream of passes must not make what others leave between them look old.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(max(RARELY, thresholds[0]) if thresholds[0] else 0, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)

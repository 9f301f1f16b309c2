"""What a picture needs of a measured effective receptive field."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rfcore.field import Interval, ReceptiveField

__all__ = ["Measured", "meaning"]

MEANINGS = {
    "abs": "mean |gradient|",
    "square": "mean gradient²",
    "positive": "mean positive gradient",
    "replknet": "mean positive gradient",
}


class Profile(Protocol):
    @property
    def radii(self) -> NDArray[np.float64]: ...
    @property
    def mean(self) -> NDArray[np.float64]: ...


class Measured(Protocol):
    """Mean gradients over the input, and what they say."""

    @property
    def map(self) -> NDArray[np.float64]: ...
    @property
    def count(self) -> int: ...
    @property
    def aggregate(self) -> str: ...
    @property
    def center(self) -> tuple[float, ...]: ...
    @property
    def field(self) -> ReceptiveField | None: ...
    @property
    def box(self) -> tuple[Interval, ...] | None: ...
    @property
    def sigma(self) -> tuple[float, ...]: ...
    def radial_profile(self) -> Any: ...


def meaning(aggregate: str) -> str:
    """What the values of a map are."""
    return MEANINGS.get(aggregate, aggregate)

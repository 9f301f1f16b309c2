"""What becomes of a signed gradient: one number per pixel, by a rule whose name is kept.

The rules give different fields. On linear layers of random weights E[g²] has the profile of uniform
kernels, and E|g| that profile's square root, which is wider.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import OptionError

__all__ = ["AGGREGATES", "aggregated", "check_aggregate"]


def _positive(gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(gradient, 0.0)


AGGREGATES: MappingProxyType[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = (
    MappingProxyType({"abs": np.abs, "square": np.square, "positive": _positive})
)


def check_aggregate(aggregate: str) -> None:
    """Refuses a rule that there is not.

    Raises:
        OptionError: It is none of `AGGREGATES`.
    """
    if aggregate not in AGGREGATES:
        raise OptionError("aggregate", aggregate, tuple(AGGREGATES))


def aggregated(
    gradient: NDArray[Any], aggregate: str, others: tuple[int, ...]
) -> NDArray[np.float64]:
    """The rule's value at each pixel, summed over the axes that are not spatial.

    Args:
        gradient: Signed gradient at one input, of the input's shape.
        aggregate: One of `AGGREGATES`.
        others: The axes to sum over.

    Returns:
        A map of shape (*spatial), in float64 whatever the gradient is: sums of float16 overflow.
    """
    values = AGGREGATES[aggregate](np.asarray(gradient, np.float64))
    summed: NDArray[np.float64] = values.sum(axis=others)
    return summed

"""rfcore asked in the way of its README: one call, the model as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rfcore

Answer = dict[str, list[Any]]


def estimated(model: Any, input_shape: tuple[int, ...]) -> Callable[[], Answer]:
    return lambda: told(rfcore.estimate(model, input_shape=input_shape))


def told(field: rfcore.ReceptiveField) -> Answer:
    if all(axis.is_global for axis in field.axes):
        return {"size": ["global"]}
    values = {"size": field.size, "stride": field.stride, "padding": field.padding}
    return {key: [float(value) for value in found] for key, found in values.items()}

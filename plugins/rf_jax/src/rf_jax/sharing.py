"""Constants that all traces of one estimate have in common.

What a network computes from its weights alone is the same at every input size, and so is the
question where that is zero: what one trace has found out is kept for the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import jax
import numpy as np

from rf_jax.evaluation import folds
from rf_jax.values import Constant

__all__ = ["Sharing"]


class Sharing:
    """Finds a constant that was made before in the same way.

    Args:
        known: What earlier traces left here, and later ones find.
    """

    def __init__(self, known: dict[Any, Any]) -> None:
        # By how they are made.
        self._known = known
        self._kept: set[Constant] = known.setdefault("kept", set())

    def given(self, value: Any) -> Constant:
        """A weight or literal; arrays of numpy are not shared, for somebody may write to them."""
        is_number = _is_number(value)
        if is_number:
            number = np.asarray(value)
            # Numbers of jax may be weak, or of another type than Python's.
            key: Any = (type(value), getattr(value, "aval", None), number.dtype, number.tobytes())
        elif isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
            key = id(value)
        else:
            return Constant.given(value)
        found: Constant | None = self._known.get(key)
        if found is None:
            found = self._known[key] = Constant.given(copy(value) if is_number else value)
            self._kept.add(found)
        return found

    def computed(
        self, primitive: Any, params: dict[str, Any], operands: Sequence[Constant], avals: Any
    ) -> Sequence[Constant]:
        """The results of a primitive on constants."""
        # Constants are told apart by what they are, not by what they hold.
        key = (primitive.name, *operands, *params.items())
        try:
            found: Sequence[Constant] | None = self._known.get(key)
        except TypeError:
            # A parameter that cannot be hashed.
            return Constant.computed(primitive, params, operands, avals)
        if found is None:
            found = Constant.computed(primitive, params, operands, avals)
            if folds(primitive) and self._kept.issuperset(operands):
                self._known[key] = found
                self._kept.update(found)
        return found


_NUMBERS = (bool, int, float, complex, np.generic)


def _is_number(value: Any) -> bool:
    """Whether a value is a number, or an array of no axes, which is as good once it is copied."""
    return isinstance(value, _NUMBERS) or (isinstance(value, np.ndarray) and value.ndim == 0)

"""Which of TensorFlow's ops keep the zeros, or the numbers as good as -inf, of their operands."""

from __future__ import annotations

from typing import Any

import numpy as np

from rfcore.kept_fills import Keeping

__all__ = ["KEEPING", "is_partly_zero"]

_CARRY = (
    "Cast Identity IdentityN BroadcastTo StopGradient PreventGradient CheckNumerics Snapshot "
    "EnsureShape"
)
_ODD = "Mul MulNoNan Neg Abs Square Sqrt Sign Relu Relu6 LeakyRelu Elu Selu Tanh"

KEEPING = Keeping(
    zero=frozenset(f"{_CARRY} {_ODD}".split()),
    low=frozenset(f"{_CARRY} Add AddV2 BiasAdd".split()),
    zero_of_first=frozenset(("RealDiv", "Div", "DivNoNan")),
    low_of_first=frozenset(("Sub",)),
    low_of_all=frozenset(("Max",)),
)


def is_partly_zero(value: Any) -> Any:
    """Where zeros are structure: a constant of nothing but zeros is an untrained weight."""
    if value.all():
        return np.zeros((1,) * value.ndim, bool)
    zeros = np.asarray(value == 0)
    return zeros & ~zeros.all()

"""What a tensor is during a recording: a node of the graph, a constant, or a list of tensors."""

from __future__ import annotations

from dataclasses import dataclass

from rf_tf.constants import Constant
from rfcore.errors import UnsupportedOpError

__all__ = ["DEAD", "Dead", "Failure", "Slice", "TensorList", "Value", "depends"]


@dataclass(frozen=True, slots=True)
class Slice:
    """One index of the first axis of a value, not yet taken.

    Attributes:
        whole: The node or constant.
        index: Which index.
    """

    whole: int | Constant
    index: int


@dataclass(frozen=True, slots=True)
class TensorList:
    """The elements of a TensorList or TensorArray; None for one that was never written."""

    elements: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A tensor behind an op that could not be recorded."""

    error: UnsupportedOpError


@dataclass(frozen=True, slots=True)
class Dead:
    """A tensor on the branch that is not taken."""


DEAD = Dead()

Value = int | Constant | Slice | TensorList | Failure | Dead


def depends(value: Value | None) -> bool:
    """Whether any part of a value depends on the input."""
    if isinstance(value, TensorList):
        return any(depends(element) for element in value.elements)
    return isinstance(value.whole if isinstance(value, Slice) else value, int)

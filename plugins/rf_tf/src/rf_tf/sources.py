"""What a door offers: the inputs of a model, and its forward pass as a flat graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import tensorflow as tf

from rf_tf.captured import Captured
from rf_tf.errors import UnknownInputError
from rfcore.inputs import InputSpec

__all__ = ["GivenInput", "Source", "SourceSpec", "chosen_input"]


@dataclass(frozen=True, slots=True)
class GivenInput:
    """One input of a model, as far as the model tells.

    Attributes:
        name: What `input` calls it.
        shape: Its shape, batch included, None for a length that is open; None for unknown rank.
        dtype: Its type.
        kind: "" for a dense tensor, else what it is instead.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: tf.DType
    kind: str = ""


class Source(Protocol):
    """A model, opened by one of the doors."""

    def choose(self, name: str | int | None) -> GivenInput:
        """The input that the user names; the natural one for None.

        Raises:
            RfcoreError: The model has no such input.
        """

    def captured(self, spec: InputSpec) -> Captured:
        """The forward pass as one graph, with the measured input at the asked shape."""


@dataclass(frozen=True, slots=True)
class SourceSpec(InputSpec):
    """A measured input that remembers the opened model, for the traces of one estimate."""

    source: Source | None = field(default=None, compare=False, repr=False)


def chosen_input(inputs: Sequence[GivenInput], name: str | int | None) -> GivenInput:
    """The input that the user names, by name or number; the first dense one for None.

    Raises:
        UnknownInputError: There is no such input.
    """
    known = [given.name for given in inputs]
    if isinstance(name, str):
        found = [given for given in inputs if given.name == name.removesuffix(":0")]
    elif name is None:
        found = [given for given in inputs if not given.kind][:1] or list(inputs[:1])
    else:
        found = list(inputs[name : name + 1]) if 0 <= name < len(inputs) else []
    if not found:
        raise UnknownInputError("x" if name is None else name, known)
    return found[0]

"""One op on constants, as it was recorded, and the tensors in its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rf_torch.places import Identity, identity_of

__all__ = ["Entry", "replaced", "tensors_in"]

_REARRANGING = frozenset(
    f"aten::{name}"
    for name in [
        *("alias", "clone", "contiguous", "detach", "lift_fresh"),
        *("_unsafe_view", "flatten", "reshape", "squeeze", "unsqueeze", "view"),
        *("expand", "permute", "select", "slice", "t", "transpose"),
    ]
)


def tensors_in(value: Any) -> list[torch.Tensor]:
    """The tensors in an op's argument or result: alone or in (nested) lists."""
    if isinstance(value, torch.Tensor):
        return [value]
    found: list[torch.Tensor] = []
    if isinstance(value, list | tuple):
        # Asked several times per op, and most items are tensors or numbers.
        for item in value:
            if isinstance(item, torch.Tensor):
                found.append(item)
            elif isinstance(item, list | tuple):
                found += tensors_in(item)
    return found


def replaced(value: Any, values: Mapping[Any, torch.Tensor]) -> Any:
    """An argument with its tensors replaced, by their ids."""
    if isinstance(value, torch.Tensor):
        return values[id(value)]
    if isinstance(value, list | tuple):
        return type(value)(replaced(item, values) for item in value)
    return value


@dataclass(frozen=True, slots=True)
class Entry:
    """One op.

    Attributes:
        function: The op.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        result: What it returned.
        mutates: Whether it writes into arguments.
        blank: Of which tensors only the shape counts, as in `zeros_like(x)`, by id.
        identities: Where each tensor lay when the op ran, by its id.
        given: All tensors among the arguments.
        operands: Those whose values count.
        results: The tensors in the result.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Any
    mutates: bool
    blank: frozenset[int]
    identities: Mapping[int, Identity]
    given: Sequence[torch.Tensor]
    operands: Sequence[torch.Tensor]
    results: Sequence[torch.Tensor]

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        result: Any,
        mutates: bool,
        blank: frozenset[int],
    ) -> Entry:
        """An op that has just run."""
        given, results = tensors_in((*args, *kwargs.values())), tensors_in(result)
        identities = {id(tensor): identity_of(tensor) for tensor in (*given, *results)}
        counted = [tensor for tensor in given if id(tensor) not in blank] if blank else given
        return cls(
            function, args, kwargs, result, mutates, blank, identities, given, counted, results
        )

    def storage(self, tensor: torch.Tensor) -> int:
        """Where an operand or result lay when the op ran."""
        return self.identities[id(tensor)][0][0]

    def touched(self) -> set[int]:
        """The storages that the op made or may have written."""
        made = {self.storage(t) for t in self.results}
        return made | {self.storage(t) for t in self.operands} if self.mutates else made

    @property
    def rearranges(self) -> bool:
        """Whether every value of the result is one of its operands', and all of these count."""
        schema = getattr(self.function, "_schema", None)
        if schema is None or self.mutates or self.blank:
            return False
        return schema.name in _REARRANGING and schema.overload_name != "dtype"

    @property
    def is_random(self) -> bool:
        """Whether the result is drawn anew each time."""
        return torch.Tag.nondeterministic_seeded in getattr(self.function, "tags", ())

    @property
    def is_unset(self) -> bool:
        """Whether the result's values are whatever memory held."""
        return "empty" in getattr(self.function, "__name__", "")

"""The real values of constants that a forward computes, evaluated only when they are asked for.

During an abstract trace a mask or an index table is a fake tensor without values. The tape
keeps the ops that made it, and replays just those on real tensors: copies where one of them
writes in place, so that the user's weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import _disable_current_modes

from rfcore.errors import UnsupportedOpError
from rfcore.graph import Mask, Pattern

__all__ = ["ConstantTape", "tensors_in"]

# The largest constant that is evaluated to look for zeros in it, in elements.
LARGEST_PATTERN = 1 << 26


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in an op's argument or result: alone or in (nested) lists."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)


@dataclass(frozen=True, slots=True)
class _Entry:
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Any
    mutates: bool

    def operands(self) -> list[torch.Tensor]:
        return [*tensors_in(self.args), *tensors_in(tuple(self.kwargs.values()))]


@dataclass(slots=True)
class ConstantTape:
    """The ops on constants of one trace, in program order.

    Attributes:
        real: The real tensor behind each fake parameter or buffer, by id of the fake one.
    """

    real: Mapping[int, torch.Tensor]
    _entries: list[_Entry] = field(default_factory=list)

    def record(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        result: Any,
        mutates: bool,
    ) -> None:
        """Keeps one op whose operands are all constant."""
        self._entries.append(_Entry(function, args, kwargs, result, mutates))

    def evaluate(self, tensor: torch.Tensor) -> torch.Tensor:
        """The real value of a constant as it is now.

        Raises:
            UnsupportedOpError: It has none (a meta tensor, or the result of an unknown op).
        """
        with _disable_current_modes(), torch.no_grad():
            if not isinstance(tensor, FakeTensor):
                return _with_values(tensor)
            return _with_values(self._replayed(tensor))

    def array(self, tensor: torch.Tensor) -> NDArray[Any]:
        """`evaluate` as a numpy array."""
        value = self.evaluate(tensor).detach().cpu()
        with _disable_current_modes():
            array: NDArray[Any] = (
                value.float() if value.dtype == torch.bfloat16 else value
            ).numpy()
        return array

    def pattern(
        self, tensor: torch.Tensor, zero: Callable[[torch.Tensor], torch.Tensor] | None = None
    ) -> Pattern:
        """Where a constant is not zero (or where `zero` of it does not hold), read when needed."""

        def load() -> Mask | None:
            if self._untold(tensor):
                return None
            value = self.evaluate(tensor)
            with _disable_current_modes(), torch.no_grad():
                if zero is None and int(torch.count_nonzero(value)) in (0, value.numel()):
                    return None
                kept = value != 0 if zero is None else ~zero(value)
                return np.asarray(kept.cpu().numpy())

        return Pattern(load)

    def _untold(self, tensor: torch.Tensor) -> bool:
        """Whether zeros in a constant mean nothing: random masks, weights without values."""
        source = self.real.get(id(tensor), tensor)
        if source.device.type == "meta" and (source is not tensor or not _is_fake(tensor)):
            return True
        return any(
            torch.Tag.nondeterministic_seeded in entry.function.tags
            for entry in self._history(tensor)
        )

    def _history(self, tensor: torch.Tensor) -> list[_Entry]:
        """The recorded ops that a constant's value comes from, in program order."""
        needed = {_storage(tensor)}
        chosen: list[_Entry] = []
        for entry in reversed(self._entries):
            touched = {_storage(t) for t in tensors_in(entry.result)}
            if entry.mutates:
                touched |= {_storage(t) for t in entry.operands()}
            if touched & needed:
                chosen.append(entry)
                needed |= {_storage(t) for t in entry.operands()}
        return chosen[::-1]

    def _replayed(self, tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) in self.real and not self._written(_storage(tensor)):
            return self.real[id(tensor)]
        known: dict[int, torch.Tensor] = {}
        for entry in self._history(tensor):
            self._replay(entry, known)
        return self._real(tensor, known)

    def _written(self, storage: int) -> bool:
        return any(
            entry.mutates and storage in {_storage(t) for t in entry.operands()}
            for entry in self._entries
        )

    def _replay(self, entry: _Entry, known: dict[int, torch.Tensor]) -> None:
        args = [self._substituted(arg, known) for arg in entry.args]
        kwargs = {key: self._substituted(arg, known) for key, arg in entry.kwargs.items()}
        result = entry.function(*args, **kwargs)
        for fake, value in zip(tensors_in(entry.result), tensors_in(result), strict=True):
            known[id(fake)] = value

    def _substituted(self, value: Any, known: dict[int, torch.Tensor]) -> Any:
        if isinstance(value, torch.Tensor):
            return self._real(value, known)
        if isinstance(value, list | tuple):
            return type(value)(self._substituted(item, known) for item in value)
        return value

    def _real(self, tensor: torch.Tensor, known: dict[int, torch.Tensor]) -> torch.Tensor:
        if id(tensor) in known:
            return known[id(tensor)]
        source = self.real.get(id(tensor)) if isinstance(tensor, FakeTensor) else tensor
        if source is None:
            raise UnsupportedOpError(
                "a constant", "", f"its values, of shape {tuple(tensor.shape)}, are not known"
            )
        known[id(tensor)] = source.clone() if self._written(_storage(tensor)) else source
        return known[id(tensor)]


def _is_fake(tensor: torch.Tensor) -> bool:
    return isinstance(tensor, FakeTensor)


def _storage(tensor: torch.Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):
        return id(tensor)


def _with_values(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.device.type == "meta":
        raise UnsupportedOpError(
            "a constant", "", "it is on the meta device and has no values to be read"
        )
    return tensor

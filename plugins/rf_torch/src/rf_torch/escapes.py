"""Values that leave torch for Python or numpy, which no dispatch of ops can see."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from rf_torch.constants import ConstantTape
from rf_torch.functions import Answer
from rf_torch.memory import Memory
from rfcore.errors import UnsupportedOpError

__all__ = ["Escapes"]

_TO_ARRAYS = (torch.Tensor.numpy, torch.Tensor.__array__, torch.Tensor.__dlpack__)


class Escapes:
    """Hands out the values of constants, and notices where those of other tensors are read.

    Attributes:
        noticed: Whether they were.
    """

    def __init__(self, memory: Memory, tape: ConstantTape) -> None:
        self.memory, self.tape = memory, tape
        self.noticed = False

    def answers(self) -> dict[Any, Answer]:
        """Answers for functions that take values out of torch."""
        return {**dict.fromkeys(_TO_ARRAYS, self._array), torch.Tensor.tolist: self._list}

    def _array(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.memory.depends(args[0]):
            raise UnsupportedOpError(
                f"Tensor.{function.__name__}",
                self.memory.builder.layer,
                "values that depend on the input leave torch here, and what is made of them "
                "cannot be followed",
            )
        with _disable_current_modes():
            return function(self._copied(args[0]), *args[1:], **kwargs)

    def _list(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tensor = args[0]
        if not self.memory.depends(tensor):
            with _disable_current_modes():
                return self._copied(tensor).tolist()
        self.noticed = True
        return tensor.tolist()

    def _copied(self, tensor: torch.Tensor) -> torch.Tensor:
        """The values of a constant, in memory of its own."""
        value = self.tape.evaluate(tensor)
        with _disable_current_modes():
            return value.detach().clone()

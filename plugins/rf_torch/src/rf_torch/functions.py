"""Calls of torch's functions that are answered before torch itself gets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.overrides import TorchFunctionMode

__all__ = ["Answer", "Functions"]

Answer = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]
"""What answers a call, given the function, its arguments and those by name."""


class Functions(TorchFunctionMode):
    """Hears of every call of a function or attribute of torch; one mode, for it costs each call.

    Args:
        answers: Who answers for which function; all others are called.
    """

    def __init__(self, answers: Mapping[Any, Answer]) -> None:
        super().__init__()
        self._answers = answers

    def __torch_function__(
        self,
        function: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Calls `function`, or who answers for it."""
        answer = self._answers.get(function)
        if answer is not None:
            return answer(function, args, kwargs or {})
        return function(*args, **kwargs) if kwargs else function(*args)

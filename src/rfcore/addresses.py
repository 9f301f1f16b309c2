"""How users name a tensor of a model: a layer, a call of it, or a part of the model's output.

A traced tensor has one address: a layer's name, followed by "[key]" for each step into its
output where that is a tuple, list or dict, and before that by "[call]" where the layer runs
several times. The model's own output is a layer with the empty name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from rfcore.errors import (
    AmbiguousOutputError,
    LayerNotRunError,
    NoOutputError,
    OutputNameError,
    UnknownLayerError,
)

__all__ = ["Addressed", "addresses_of", "is_by_address", "resolve", "returns_by_address"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


class Addressed(Protocol):
    """A trace, or what was heard of a forward, as far as names go."""

    @property
    def values(self) -> Mapping[str, object]:
        """Something for every address, in execution order."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of all layers, also of those that did not run."""


def resolve(trace: Addressed, output: str | int | None) -> str:
    """The address that the user's `output` stands for.

    Args:
        trace: The trace that holds the tensors, or what was heard of a forward.
        output: None for the model's output, an index or key into it, or a layer's name.

    Raises:
        UnknownLayerError: Nothing has that name.
        LayerNotRunError: The layer exists but produced no tensor.
        AmbiguousOutputError: The name stands for several tensors.
    """
    if output is None:
        if "" not in trace.values and not _below("", trace):
            raise NoOutputError(_names(trace))
        return _only("", trace)
    if isinstance(output, bool) or not isinstance(output, str | int):
        raise OutputNameError(output, _names(trace))
    key = f"[{output}]"
    if isinstance(output, int):
        return _part_of_output(key, trace)
    if output in trace.values:
        return output
    if key in trace.values or _below(key, trace):
        return _only(key, trace)
    if _below(output, trace):
        return _only(output, trace)
    if output in trace.layers:
        raise LayerNotRunError(output, _names(trace))
    raise UnknownLayerError(output, _names(trace))


def _part_of_output(key: str, trace: Addressed) -> str:
    if key == "[0]" and "" in trace.values:
        return ""
    if key in trace.values or _below(key, trace):
        return _only(key, trace)
    parts = list(dict.fromkeys(name.partition("]")[0] + "]" for name in _below("", trace)))
    number = int(key[1:-1])
    if -len(parts) <= number < len(parts):
        return _only(parts[number], trace)
    raise UnknownLayerError(
        key, [*(_typed_by_users(part, trace) for part in parts), *_names(trace)]
    )


def _only(name: str, trace: Addressed) -> str:
    if name in trace.values:
        return name
    choices = _below(name, trace)
    if len(choices) == 1:
        return choices[0]
    if not choices:
        raise UnknownLayerError(name or "output", _names(trace))
    raise AmbiguousOutputError(name, [_typed_by_users(choice, trace) for choice in choices])


def _below(name: str, trace: Addressed) -> list[str]:
    return [address for address in trace.values if address.startswith(f"{name}[")]


def _typed_by_users(address: str, trace: Addressed) -> str:
    """An output's part as short as `estimate` takes it: "[logits]" as "logits"."""
    whole = address.startswith("[") and address.count("[") == 1
    short = address[1:-1]
    return short if whole and not short.isdigit() and short not in trace.values else address


def _names(trace: Addressed) -> list[str]:
    return [_typed_by_users(name, trace) for name in trace.values if name]


def addresses_of(name: str, calls: Sequence[Mapping[str, T]]) -> dict[str, T]:
    """Addresses of everything that a layer returned, call by call.

    Args:
        name: The layer's name; empty for the model itself.
        calls: For each call, its tensors by path into the output ("" for a plain tensor).
    """
    if len(calls) == 1:
        return {name + path: value for path, value in calls[0].items()}
    return {
        f"{name}[{call}]{path}": value
        for call, parts in enumerate(calls)
        for path, value in parts.items()
    }


def returns_by_address(function: F) -> F:
    """Marks a function that returns the tensors of its layers by address.

    A backend that is handed one need not look for layers in it by other means.
    """
    function.rfcore_by_address = True  # type: ignore[attr-defined]
    return function


def is_by_address(function: object) -> bool:
    """Whether a function was marked as one that returns its layers."""
    return getattr(function, "rfcore_by_address", False) is True

"""Layers by the name stack: what `jax.named_scope` leaves on the primitives under it.

A scope's outputs are the values that are made under it and used outside of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rf_jax.hearing import Position
from rf_jax.values import Seen, Value

__all__ = ["Path", "Scopes"]

Path = tuple[str, ...]


class Scopes:
    """The scopes of one trace.

    Attributes:
        positions: Where in the jaxprs each value was made that can be told by its scope.

    Args:
        separator: What is put between the names of nested scopes.
    """

    def __init__(self, separator: str) -> None:
        self._separator = separator
        self.positions: dict[Seen, Position] = {}
        self._labels: dict[Path, str] = {}
        self._made: dict[Seen, Path] = {}
        self._outputs: dict[Path, dict[Seen, None]] = {}

    def path(self, outer: Path, stack: Sequence[Any]) -> Path:
        """The names around a primitive, those of its jaxpr's own caller first."""
        # Transformations such as vmap are on the stack too, and are no names.
        return outer + tuple(entry.name for entry in stack if type(entry).__name__ == "Scope")

    def label(self, path: Path) -> str:
        """A path as users write it."""
        label = self._labels.get(path)
        if label is None:
            label = self._labels[path] = self._separator.join(path)
        return label

    def note(
        self,
        operands: Sequence[Value],
        results: Sequence[Value],
        path: Path,
        position: Position | None,
    ) -> None:
        """Notes a primitive under `path`, and where in the jaxprs it stands if that is known."""
        self.used(operands, path)
        for number, result in enumerate(results):
            if isinstance(result, Seen):
                if result not in self._made:
                    self._made[result] = path
                    if path not in self._outputs:
                        for depth in range(1, len(path) + 1):
                            self._outputs.setdefault(path[:depth], {})
                if position is not None and result not in self.positions:
                    self.positions[result] = (*position, number)

    def used(self, values: Sequence[Value], path: Path) -> None:
        """Notes that values are used under `path`: they leave all scopes that are not around it."""
        for value in values:
            if not isinstance(value, Seen):
                continue
            made = self._made.get(value)
            if made is None or made is path or made == path:
                continue
            shared = 0
            while shared < min(len(made), len(path)) and made[shared] == path[shared]:
                shared += 1
            for depth in range(shared + 1, len(made) + 1):
                self._outputs[made[:depth]][value] = None

    def outputs(self) -> Mapping[str, Sequence[Seen]]:
        """What leaves each scope, by its name."""
        return {self.label(path): list(values) for path, values in self._outputs.items()}

"""Layers by the modules that run: each marks what it returns with a name, in the jaxpr itself.

The mark is jax's own `checkpoint_name`, an identity that survives jit, vmap, remat and scan.
Names that users put there themselves are heard as well.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
from jax.ad_checkpoint import checkpoint_name

from rf_jax.outputs import arrays_by_path
from rf_jax.values import Refused, Seen, Shape, Value
from rfcore.addresses import addresses_of

__all__ = ["Heard", "Hearing", "Position"]

# Between the parts of a mark; in no name that a program would give.
_BAR = "\x1f"
_tokens = itertools.count()

Position = tuple[int, ...]


class Heard(NamedTuple):
    """One tensor that can be asked for.

    Attributes:
        node: Its node; None where it does not depend on the input.
        shape: Its shape.
        position: The way to it through the jaxprs: equations of calls, an equation, a result;
            empty where it is inside of a loop or branch.
    """

    node: int | None
    shape: Shape
    position: Position = ()


class Hearing:
    """The marks of one trace: others', left behind in the caches of jit, are not heard.

    Attributes:
        types: The class of each module that ran, by name.
        told: Whether the model returns its layers by address, so that none has to be heard.
    """

    def __init__(self) -> None:
        self._token = f"rfcore{_BAR}{next(_tokens)}{_BAR}"
        self._calls: dict[str, int] = defaultdict(int)
        self._inside: list[str] = []
        self._deaf = False
        self.types: dict[str, str] = {}
        self.told = False
        self._heard: dict[str, dict[str, list[dict[str, Heard]]]] = {}

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Puts the primitives of a module under its dotted name."""
        around = self._inside[-1] + "." if self._inside else ""
        self._inside.append(name)
        try:
            with jax.named_scope(name.removeprefix(around)):
                yield
        finally:
            self._inside.pop()

    def mark(self, name: str, module: Any, output: Any) -> Any:
        """A layer's output with its arrays marked."""
        self.types[name] = type(module).__name__
        call = self._calls[name]
        self._calls[name] += 1
        if isinstance(output, jax.Array):
            return checkpoint_name(output, _BAR.join((f"{self._token}{call}", name, "")))
        leaves, tree = jax.tree_util.tree_flatten(output)
        paths = [path for path, _ in arrays_by_path(output)]
        marked = [
            checkpoint_name(leaf, _BAR.join((f"{self._token}{call}", name, path)))
            if isinstance(leaf, jax.Array)
            else leaf
            for path, leaf in zip(paths, leaves, strict=True)
        ]
        return jax.tree_util.tree_unflatten(tree, marked)

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Hears nothing: what runs is not what the model runs, value by value."""
        before, self._deaf = self._deaf, True
        try:
            yield
        finally:
            self._deaf = before

    def hear(self, mark: str, value: Value, shape: Sequence[int], position: Position) -> None:
        """Notes what a mark was put on."""
        call, name, path = "", mark, ""
        if mark.startswith("rfcore" + _BAR):
            if not mark.startswith(self._token):
                return
            call, name, path = mark.removeprefix(self._token).split(_BAR)
        if self._deaf or isinstance(value, Refused):
            return
        node = value.node if isinstance(value, Seen) else None
        runs = self._heard.setdefault(name, {}).setdefault(call, [{}])
        if path in runs[-1]:
            runs.append({})
        runs[-1][path] = Heard(node, tuple(shape), position)

    def addressed(self) -> dict[str, Heard]:
        """Everything that was heard, by address."""
        found: dict[str, Heard] = {}
        for name, calls in self._heard.items():
            found.update(addresses_of(name, [run for runs in calls.values() for run in runs]))
        return found

    @property
    def knows_layers(self) -> bool:
        """Whether the model told its layers, or some were heard."""
        return self.told or bool(self._calls)

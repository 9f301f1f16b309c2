"""Which graph node each tensor holds, through views and in-place writes.

Tensors that share storage form one `_Store`. A view remembers the steps that lead from the
store's base to it: a write through a view takes them backwards, and a view that is read after
such a write takes them again. This is what torch's functionalization does, kept this small
because only dependence is tracked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch.utils.weak import WeakIdKeyDictionary

from rf_torch.views import Step
from rfcore.graph import GraphBuilder

__all__ = ["Memory"]


@dataclass(slots=True)
class _Store:
    """One allocation: the node of its base tensor (None while constant), counted in versions."""

    node: int | None
    version: int = 0


@dataclass(slots=True)
class _Reference:
    """A tensor: a view of its store by way of `steps`, and its node at some version."""

    store: _Store
    node: int | None
    version: int
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class Memory:
    """Nodes by tensor; tensors never seen are constants."""

    builder: GraphBuilder
    _references: WeakIdKeyDictionary = field(default_factory=WeakIdKeyDictionary)

    def read(self, tensor: torch.Tensor) -> int | None:
        """The node that `tensor` holds now, or None if it is constant."""
        reference = self._references.get(tensor)
        if reference is None:
            return None
        if reference.version != reference.store.version:
            node = reference.store.node
            for step in reference.steps:
                node = None if node is None else step.forward(self.builder, node)
            reference.node, reference.version = node, reference.store.version
        found: int | None = reference.node
        return found

    def bind(self, tensor: torch.Tensor, node: int | None) -> None:
        """A new tensor with storage of its own."""
        self._references[tensor] = _Reference(_Store(node), node, 0)

    def view(self, tensor: torch.Tensor, source: torch.Tensor, steps: Sequence[Step]) -> None:
        """A new tensor that is a view of `source`; `tensor` may be `source` itself."""
        node = self.read(source)
        origin = self._reference(source)
        for step in steps:
            node = None if node is None else step.forward(self.builder, node)
        self._references[tensor] = _Reference(
            origin.store, node, origin.store.version, (*origin.steps, *steps)
        )

    def shape(self, tensor: torch.Tensor) -> tuple[int, ...] | None:
        """The shape in which a dependent tensor was recorded; None for constants.

        It differs from the tensor's own after an op that reshaped it in place.
        """
        node = self.read(tensor)
        return None if node is None else self.builder.shape(node)

    def write(self, tensor: torch.Tensor, node: int | None) -> None:
        """An in-place write of `tensor`, seen by every tensor that shares its storage."""
        reference = self._reference(tensor)
        store = reference.store
        if store.node is None and node is None:
            return
        store.node = self._through(store.node, reference.steps, node)
        store.version += 1
        reference.node, reference.version = node, store.version

    def _reference(self, tensor: torch.Tensor) -> _Reference:
        if tensor not in self._references:
            self.bind(tensor, None)
        reference: _Reference = self._references[tensor]
        return reference

    def _through(
        self, base: int | None, steps: Sequence[Step], value: int | None
    ) -> int | None:
        """The base after `value` was written to its view by way of `steps`."""
        if not steps:
            return value
        first, *rest = steps
        before = None if base is None else first.forward(self.builder, base)
        return first.backward(self.builder, base, self._through(before, rest, value))

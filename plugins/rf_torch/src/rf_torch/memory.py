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
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.weak import WeakIdKeyDictionary

from rf_torch.places import Place, has_storage, place_of
from rf_torch.steps import Step, written_through
from rfcore.errors import UnsupportedOpError
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
    place: Place
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class _Storage:
    """What is known of one storage: its tensors by where they lie in it."""

    alive: StorageWeakRef
    references: dict[Place, _Reference] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    """Nodes by tensor; tensors never seen are constants."""

    builder: GraphBuilder
    _references: WeakIdKeyDictionary = field(default_factory=WeakIdKeyDictionary)
    _storages: dict[int, _Storage] = field(default_factory=dict)

    def read(self, tensor: torch.Tensor) -> int | None:
        """The node that `tensor` holds now, or None if it is constant."""
        reference = self._known(tensor)
        return None if reference is None else self._current(reference)

    def _current(self, reference: _Reference) -> int | None:
        """The node that a tensor holds now, by way of the writes since it was last read."""
        if reference.version != reference.store.version:
            node = reference.store.node
            for step in reference.steps:
                node = None if node is None else step.forward(self.builder, node)
            reference.node, reference.version = node, reference.store.version
        return reference.node

    def bind(self, tensor: torch.Tensor, node: int | None) -> None:
        """A new tensor with storage of its own."""
        self._refer(tensor, _Store(node), node, 0)

    def view(self, tensor: torch.Tensor, source: torch.Tensor, steps: Sequence[Step]) -> None:
        """A new tensor that is a view of `source`; `tensor` may be `source` itself."""
        origin = self.reference(source)
        node = self._current(origin)
        for step in steps:
            node = None if node is None else step.forward(self.builder, node)
        self._refer(tensor, origin.store, node, origin.store.version, (*origin.steps, *steps))

    def alias(self, tensor: torch.Tensor, source: torch.Tensor, node: int | None) -> None:
        """A new tensor that shares memory with `source` in a way that is not known."""
        origin = self.reference(source)
        step = Step("a view", tuple(source.shape), tuple(tensor.shape))
        self._refer(tensor, origin.store, node, origin.store.version, (*origin.steps, step))

    def depends(self, tensor: torch.Tensor) -> bool:
        """Whether `tensor` may depend on the input."""
        reference = self._known(tensor)
        return reference is not None and reference.store.node is not None

    def moved(self, tensor: torch.Tensor, before: _Reference, steps: Sequence[Step]) -> None:
        """A tensor that was rearranged in place: `before` is what `reference` told of it then."""
        node = before.node
        for step in steps:
            node = None if node is None else step.forward(self.builder, node)
        self._refer(tensor, before.store, node, before.version, (*before.steps, *steps))

    def write(self, tensor: torch.Tensor, node: int | None) -> None:
        """An in-place write of `tensor`, seen by every tensor that shares its storage."""
        reference = self.reference(tensor)
        store = reference.store
        if store.node is None and node is None:
            return
        store.node = written_through(self.builder, store.node, reference.steps, node)
        store.version += 1
        reference.node, reference.version = node, store.version

    def reference(self, tensor: torch.Tensor) -> _Reference:
        """What is known of a tensor, its storage included."""
        reference = self._known(tensor)
        return self._refer(tensor, _Store(None), None, 0) if reference is None else reference

    def _refer(
        self,
        tensor: torch.Tensor,
        store: _Store,
        node: int | None,
        version: int,
        steps: tuple[Step, ...] = (),
    ) -> _Reference:
        place = place_of(tensor)
        reference = _Reference(store, node, version, place, steps)
        self._references[tensor] = reference
        if not has_storage(tensor):
            return reference
        storage = self._storages.get(place[0])
        if storage is None or storage.alive.expired():
            storage = _Storage(StorageWeakRef(tensor.untyped_storage()))
            self._storages[place[0]] = storage
        storage.references[place] = reference
        return reference

    def _known(self, tensor: torch.Tensor) -> _Reference | None:
        """What is known of a tensor; `x.data = y` makes it lie where another one was seen."""
        reference: _Reference | None = self._references.get(tensor)
        place = place_of(tensor)
        if reference is not None and reference.place == place:
            return reference
        storage = self._storages.get(place[0])
        if storage is None or storage.alive.expired():
            return None
        found = storage.references.get(place)
        if found is None and any(r.store.node is not None for r in storage.references.values()):
            raise UnsupportedOpError(
                "Tensor.data",
                self.builder.layer,
                "a tensor was given the data of one that depends on the input, in another shape",
            )
        return found

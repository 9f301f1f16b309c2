"""Tensors that stand for a model's parameters and buffers while its forward is traced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from rf_torch.places import identity_of, storage_of
from rf_torch.shield import copied
from rf_torch.zeros import Zeros

__all__ = ["Copies", "Fakes", "KeptCopies", "StandIns"]


class StandIns(Protocol):
    """What a trace needs to know of them.

    Attributes:
        real: The user's tensor behind each one, by the id of the stand-in.
        zeros: What is known of the zeros in the user's tensors.
    """

    real: dict[int, torch.Tensor]
    zeros: Zeros

    def of(self, tensor: torch.Tensor) -> torch.Tensor:
        """The stand-in of a tensor, always the same one."""

    def met(self, tensor: torch.Tensor) -> torch.Tensor:
        """The stand-in of a tensor that has one already, or else the tensor itself."""


class Copies:
    """Real copies, for one forward that runs on values."""

    def __init__(self) -> None:
        self.real: dict[int, torch.Tensor] = {}
        self.zeros = Zeros()
        self._made: dict[int, torch.Tensor] = {}

    def of(self, tensor: torch.Tensor) -> torch.Tensor:
        """See `StandIns`."""
        if id(tensor) not in self._made:
            copy = copied(tensor)
            self._made[id(tensor)] = copy
            self.real[id(copy)] = tensor
        return self._made[id(tensor)]

    def met(self, tensor: torch.Tensor) -> torch.Tensor:
        """See `StandIns`."""
        return self._made.get(id(tensor), tensor)


class KeptCopies:
    """Real copies of parameters for many forwards; what a forward keeps in buffers is copied anew.

    The copies need no gradient of their own, so that backward passes hold nothing for it.
    """

    def __init__(self) -> None:
        self._made: dict[int, tuple[torch.Tensor, object, nn.Parameter, int]] = {}

    def of(self, tensor: torch.Tensor) -> torch.Tensor:
        """The copy of a parameter or buffer."""
        if not isinstance(tensor, nn.Parameter):
            return copied(tensor)
        _, then, copy, writes = self._made.get(id(tensor), (None, None, None, 0))
        if copy is None or copy._version != writes or then != _writes(tensor):
            copy = nn.Parameter(tensor.detach().clone(), requires_grad=False)
            # The tensor too: another one must not get its id.
            self._made[id(tensor)] = tensor, _writes(tensor), copy, copy._version
        return copy


def _writes(tensor: torch.Tensor) -> int | None:
    """How often a tensor was written to, None where torch does not count it."""
    return None if tensor.is_inference() else tensor._version


@dataclass(frozen=True, slots=True)
class _Made:
    """A fake, and what it was like when it was made."""

    fake: FakeTensor
    state: object = field(repr=False)

    @property
    def is_untouched(self) -> bool:
        return self.state == _state(self.fake)


class Fakes:
    """Fakes without values, shared by all traces of one estimate: making them takes long.

    Attributes:
        real: See `StandIns`.
        zeros: See `StandIns`.
        mode: The mode that they belong to during the present trace.
        is_outdated: Whether a tensor turned up that shares memory with one of an earlier trace,
            which its fake does not; the trace has to be made again then.
    """

    def __init__(self) -> None:
        self.zeros = Zeros()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Prepares for a trace with fakes of its own."""
        self.mode = FakeTensorMode(allow_non_fake_inputs=True)
        self.real: dict[int, torch.Tensor] = {}
        self.is_outdated = False
        self._made: dict[int, _Made] = {}
        self._earlier: frozenset[int] = frozenset()

    def begin(self) -> None:
        """Prepares for a trace; fakes that an earlier one changed are not used again."""
        if self.is_outdated or not all(made.is_untouched for made in self._made.values()):
            self.begin_anew()
            return
        # A mode of its own for each trace: torch refuses fakes that another one left somewhere.
        self.mode = FakeTensorMode(allow_non_fake_inputs=True)
        for made in self._made.values():
            made.fake.fake_mode = self.mode
            # Ops meet the real tensors too, where others than their modules hold them.
            self.mode.fake_tensor_converter.set_tensor_memo(self.real[id(made.fake)], made.fake)
        self._earlier = frozenset(storage_of(tensor) for tensor in self.real.values())

    def of(self, tensor: torch.Tensor) -> torch.Tensor:
        """See `StandIns`."""
        if isinstance(tensor, FakeTensor):
            # The parameter of a layer that the forward itself made.
            return tensor
        if id(tensor) not in self._made:
            # A layer may be met first while the recorder listens.
            with torch._C.DisableTorchFunction():
                fake = self.mode.from_tensor(tensor)
                self._made[id(tensor)] = _Made(fake, _state(fake))
                self.is_outdated |= storage_of(tensor) in self._earlier
            self.real[id(fake)] = tensor
        return self._made[id(tensor)].fake

    def met(self, tensor: torch.Tensor) -> torch.Tensor:
        """See `StandIns`."""
        made = self._made.get(id(tensor))
        return tensor if made is None else made.fake


def _state(fake: torch.Tensor) -> object:
    """What a forward may change of a tensor without values."""
    return identity_of(fake), fake.requires_grad, _writes(fake), frozenset(vars(fake))

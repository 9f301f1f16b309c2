"""The real values of constants that a forward computes, evaluated only when they are asked for.

During an abstract trace a mask or an index table is a fake tensor without values. The tape
keeps the ops that made it, and replays just those on real tensors: copies where one of them
writes in place, so that the user's weights stay as they are.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import _disable_current_modes

from rf_torch.entries import Entry, replaced, tensors_in
from rf_torch.places import Identity, identity_of
from rf_torch.zeros import Zeros
from rfcore.errors import UnsupportedOpError
from rfcore.graph import Mask, Pattern

__all__ = ["LARGEST_PATTERN", "ConstantTape", "Test", "is_partly_zero", "tensors_in"]

# The largest constant that is evaluated to look for zeros in it, in elements.
LARGEST_PATTERN = 1 << 26


Test = Callable[[torch.Tensor], torch.Tensor]
"""A question about every element of a constant."""


Known = dict[int | Identity, torch.Tensor]
"""Values during a replay, by what a tensor is and by where it lay when it was recorded."""


@dataclass(slots=True)
class ConstantTape:
    """The ops on constants of one trace, in program order.

    Attributes:
        real: The real tensor behind each fake parameter or buffer, by id of the fake one.
        zeros: What is known of the zeros in real tensors, for all traces of one estimate.
        concrete: Whether the trace runs on real tensors, whose values are at hand.
    """

    real: Mapping[int, torch.Tensor]
    zeros: Zeros = field(default_factory=Zeros)
    concrete: bool = False
    _entries: list[Entry] = field(default_factory=list)
    _touching: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _histories: dict[tuple[int, int], list[Entry]] = field(default_factory=dict)

    def record(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        result: Any,
        mutates: bool,
        blank: frozenset[int] = frozenset(),
    ) -> None:
        """Keeps one op whose result is constant; of operands in `blank` only shapes are read."""
        entry = Entry.of(function, args, kwargs, result, mutates, blank)
        for storage in entry.touched():
            self._touching[storage].append(len(self._entries))
        self._entries.append(entry)

    @property
    def now(self) -> int:
        """The number of ops so far, as a moment to ask for values of."""
        return len(self._entries)

    def evaluate(
        self, tensor: torch.Tensor, until: int | None = None, identity: Identity | None = None
    ) -> torch.Tensor:
        """The real value of a constant, as it is now or as it was after `until` ops.

        Args:
            tensor: The constant.
            until: The moment, as `now` told it.
            identity: Where the constant lay at that moment.

        Raises:
            UnsupportedOpError: It has none (a meta tensor, or the result of an unknown op).
        """
        with _disable_current_modes(), torch.no_grad():
            if self.concrete:
                return _with_values(tensor)
            moment = self.now if until is None else until
            return _with_values(self._replayed(tensor, moment, identity or identity_of(tensor)))

    def called(self, function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> Any:
        """What an op returns on the real values of its constant operands."""
        known: Known = {}
        for tensor in tensors_in((*args, *kwargs.values())):
            if self.is_random(tensor):
                raise UnsupportedOpError("a constant", "", "its values are drawn at random")
            known[id(tensor)] = self.evaluate(tensor)
        with _disable_current_modes(), torch.no_grad():
            given = {key: replaced(arg, known) for key, arg in kwargs.items()}
            return function(*replaced(args, known), **given)

    def array(self, tensor: torch.Tensor) -> NDArray[Any]:
        """`evaluate` as a numpy array.

        Raises:
            UnsupportedOpError: The values are random, or not known.
        """
        if self.is_random(tensor):
            raise UnsupportedOpError("a constant", "", "its values are drawn at random")
        value = self.evaluate(tensor)
        with _disable_current_modes():
            plain = value.detach().cpu()
            array: NDArray[Any] = (
                plain.float() if plain.dtype == torch.bfloat16 else plain
            ).numpy()
        return array

    def pattern(self, tensor: torch.Tensor, zero: Test | None = None) -> Pattern:
        """Where a constant is not zero (or where `zero` of it does not hold), read when needed.

        Random constants count as dense: another draw has its zeros elsewhere.
        """
        holds = self.holds(tensor, zero or is_partly_zero)
        until, identity = self.now, identity_of(tensor)

        def load() -> Mask | None:
            if zero is None and self._is_dense(tensor, until, identity):
                return None
            mask = holds()
            return None if mask is None else ~mask

        return Pattern(load)

    def holds(self, tensor: torch.Tensor, test: Test) -> Callable[[], Mask | None]:
        """Where `test` holds of a constant as it is now, read when the result is called.

        That result is None for random constants, and for weights without values.
        """
        until, identity = self.now, identity_of(tensor)

        def load() -> Mask | None:
            if self._is_hollow(tensor) or self.is_random(tensor, until, identity):
                return None
            value = self.evaluate(tensor, until, identity)
            with _disable_current_modes(), torch.no_grad():
                return np.asarray(test(value).cpu().numpy())

        if not self.concrete:
            return load
        # The forward may write there later.
        mask = load()
        return lambda: mask

    def is_random(
        self, tensor: torch.Tensor, until: int | None = None, identity: Identity | None = None
    ) -> bool:
        """Whether a constant's values are drawn anew in every forward (see `evaluate`)."""
        moment = self.now if until is None else until
        history = self._history(identity or identity_of(tensor), moment)
        return any(entry.is_random for entry in history)

    def _is_hollow(self, tensor: torch.Tensor) -> bool:
        """Whether a weight is on the meta device, without values."""
        source = self.real.get(id(tensor), tensor)
        return source.device.type == "meta" and (
            source is not tensor or not isinstance(tensor, FakeTensor)
        )

    def _is_dense(self, tensor: torch.Tensor, until: int, identity: Identity) -> bool:
        """Whether a constant only rearranges weights that are nowhere zero; False if unknown."""
        made: set[int | Identity] = set()
        sources: list[torch.Tensor] = []
        for entry in self._history(identity, until):
            if not entry.rearranges:
                return False
            for operand in entry.operands:
                if made.isdisjoint((id(operand), entry.identities[id(operand)])):
                    sources.append(operand)
            for result in entry.results:
                made |= {id(result), entry.identities[id(result)]}
        if made.isdisjoint((id(tensor), identity)):
            sources.append(tensor)
        values = [self.real.get(id(t)) if isinstance(t, FakeTensor) else t for t in sources]
        return all(value is not None and self.zeros.absent_from(value) for value in values)

    def _history(self, identity: Identity, until: int) -> list[Entry]:
        """The recorded ops that a constant's value comes from, in program order."""
        ((storage, *_), *_) = identity
        known = self._histories.get((storage, until))
        if known is not None:
            return known
        chosen: set[int] = set()
        latest = [-i for i in self._touching.get(storage, ()) if i < until]
        heapq.heapify(latest)
        while latest:
            index = -heapq.heappop(latest)
            if index in chosen:
                continue
            chosen.add(index)
            entry = self._entries[index]
            for operand in entry.operands:
                for earlier in self._touching.get(entry.storage(operand), ()):
                    if earlier < index and earlier not in chosen:
                        heapq.heappush(latest, -earlier)
        history = [self._entries[index] for index in sorted(chosen)]
        # What ran before that moment is not added to, and it is asked about several times.
        self._histories[storage, until] = history
        return history

    def _replayed(self, tensor: torch.Tensor, until: int, identity: Identity) -> torch.Tensor:
        known: Known = {}
        history = self._history(identity, until)
        if history:
            drawn = any(entry.is_random for entry in history)
            with torch.random.fork_rng(devices=[], enabled=drawn):
                for entry in history:
                    self._replay(entry, known, until)
        return self._real(tensor, identity, known, until)

    def _written(self, storage: int, until: int) -> bool:
        return any(
            self._entries[index].mutates
            for index in self._touching.get(storage, ())
            if index < until
        )

    def _replay(self, entry: Entry, known: Known, until: int) -> None:
        values: Known = {}
        for tensor in entry.given:
            if id(tensor) in entry.blank:
                shape = tuple(tensor.shape)
                blank = torch.zeros(shape, dtype=tensor.dtype, device=tensor.device)
                values[id(tensor)] = blank
            else:
                identity = entry.identities[id(tensor)]
                values[id(tensor)] = self._real(tensor, identity, known, until)
        kwargs = {key: replaced(arg, values) for key, arg in entry.kwargs.items()}
        result = entry.function(*replaced(entry.args, values), **kwargs)
        for fake, value in zip(entry.results, tensors_in(result), strict=True):
            value = value.fill_(1) if entry.is_unset else value
            known[id(fake)] = known[entry.identities[id(fake)]] = value

    def _real(
        self, tensor: torch.Tensor, identity: Identity, known: Known, until: int
    ) -> torch.Tensor:
        # First by where it lay: after `weight.data = result` the weight lies where that does.
        for key in (identity, id(tensor)):
            if key in known:
                return known[key]
        source = self.real.get(id(tensor)) if isinstance(tensor, FakeTensor) else tensor
        if source is None or isinstance(source, FakeTensor):
            raise UnsupportedOpError(
                "a constant", "", f"its values, of shape {tuple(tensor.shape)}, are not known"
            )
        ((storage, *_), *_) = identity
        value = source.clone() if self._written(storage, until) else source
        known[id(tensor)] = known[identity] = value
        return value


def is_partly_zero(value: torch.Tensor) -> torch.Tensor:
    """Where zeros are structure: all of them are an untrained weight."""
    zeros = value == 0
    return zeros & ~zeros.all()


def _with_values(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.device.type == "meta":
        raise UnsupportedOpError(
            "a constant", "", "it is on the meta device and has no values to be read"
        )
    return tensor

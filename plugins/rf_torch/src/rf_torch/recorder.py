"""Recording: every aten op of a forward becomes nodes of the graph, or an entry on the tape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
)
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from rf_torch.call import Call, Rule
from rf_torch.constants import ConstantTape, tensors_in
from rf_torch.custom import custom_rule
from rf_torch.entries import replaced
from rf_torch.escapes import Escapes
from rf_torch.fills import KEEPING
from rf_torch.functions import Functions
from rf_torch.kinds import UNSAFE_SPLITS, Kind, is_composite, kind_of
from rf_torch.memory import Memory
from rf_torch.recurrent import recurrences
from rf_torch.stand_ins import StandIns
from rf_torch.views import part_steps, view_steps
from rf_torch.vjp import opaque
from rfcore.errors import UnsupportedOpError
from rfcore.kept_fills import Fills

__all__ = ["Recorder"]

_DEVICE = torch.ops.prim.device.default
_INDEXING = frozenset(("aten.index", "aten._unsafe_index"))
# They answer in numbers of Python, of which no trace can tell what becomes.
_READING = frozenset(("aten._local_scalar_dense", "aten.equal", "aten.allclose"))
_MASKS = (torch.bool, torch.uint8)
_SPLITS = frozenset(("split", "split_with_sizes", "unbind", "chunk", "tensor_split"))


class Recorder(TorchDispatchMode):
    """Listens to one forward."""

    def __init__(self, memory: Memory, stand_ins: StandIns) -> None:
        super().__init__()
        self.memory, self._stand_ins = memory, stand_ins
        self.tape = ConstantTape(stand_ins.real, stand_ins.zeros)
        self._answered = False
        self.fills = Fills(memory.builder, KEEPING)
        self._escapes = Escapes(memory, self.tape)
        self._beside = ExitStack()

    def __enter__(self) -> Recorder:
        """Begins to listen."""
        modes = torch._C._TorchDispatchModeKey
        self.tape.concrete = torch._C._get_dispatch_mode(modes.FAKE) is None
        super().__enter__()
        told = {} if self.tape.concrete else recurrences(self.memory)
        self._beside.enter_context(Functions({**self._escapes.answers(), **told}))
        return self

    def __exit__(self, *raised: Any) -> None:
        """Ends listening."""
        self._beside.close()
        super().__exit__(*raised)

    @contextmanager
    def _nested(self) -> Iterator[None]:
        """Listens to what an op is made of."""
        super().__enter__()
        try:
            yield
        finally:
            super().__exit__(None, None, None)

    @property
    def reads_values(self) -> bool:
        """Whether the forward was given values that depend on the input."""
        return self._answered or self._escapes.noticed

    def __torch_dispatch__(
        self,
        function: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Runs the op and records it; an op that cannot be followed is told with its layer."""
        try:
            return self._dispatched(function, args, kwargs or {})
        except UnsupportedOpError as error:
            if error.layer:
                raise
            layer = self.memory.builder.layer
            raise UnsupportedOpError(error.op, layer, error.reason) from error

    def _dispatched(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function is _DEVICE and isinstance(args[0], FakeTensor):
            # Asked more often than all ops together.
            return args[0].fake_device
        args, values = self._stood_in(args, tuple(kwargs.values()))
        given = dict(zip(kwargs, values, strict=True))
        custom = custom_rule(function)
        if custom is None and is_composite(function):
            # Inference mode passes composite ops on whole.
            with self._nested():
                decomposed = function.decompose(*args, **given)
            if decomposed is not NotImplemented:
                return decomposed
        if function.namespace == "prim":
            return function(*args, **given)
        kind = kind_of(function)
        # Asked before the op runs, because it may move what it reads.
        operands = tensors_in((args, *given.values()))
        blank = frozenset(id(tensor) for tensor in operands if self.memory.depends(tensor))
        depends = bool(blank)
        if depends and kind.outs:
            read = (value for name, value in given.items() if name not in kind.outs)
            depends = any(id(t) in blank for t in tensors_in((args, *read)))
        if depends and kind.reshapes:
            return self._reshaped(kind, function, args, given)
        if depends and kind.name in _INDEXING and not self.tape.concrete:
            args = (args[0], self._unmasked(args[1], blank), *args[2:])
        result = self._run(function, args, given, depends)
        call = Call(kind.name, function, args, given, result, self.memory, self.tape, self.fills)
        if depends:
            self._record(kind, call, blank, custom)
        else:
            self._record_constant(kind, call)
        return result

    def _stood_in(self, *groups: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
        """Arguments with the stand-ins of parameters that were not reached by way of a module.

        Keras' variables hold them, for one. Mixing them with fakes takes long.
        """
        met = {id(t): self._stand_ins.met(t) for t in tensors_in(groups)}
        if all(id(tensor) == key for key, tensor in met.items()):
            return groups
        changed: tuple[tuple[Any, ...], ...] = replaced(groups, met)
        return changed

    def _run(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], depends: bool
    ) -> Any:
        """Runs an op; one that asks for the values of constants alone is given them."""
        try:
            return function(*args, **kwargs)
        except (DataDependentOutputException, DynamicOutputShapeException):
            if depends:
                raise
            try:
                return self.tape.called(function, args, kwargs)
            except UnsupportedOpError:
                pass
            raise

    def _unmasked(self, indices: Sequence[Any], blank: frozenset[int]) -> list[Any]:
        """Indices in which constant masks are the places where they hold: fakes do not tell."""
        plain: list[Any] = []
        for index in indices:
            if index is None or index.dtype not in _MASKS or id(index) in blank:
                plain.append(index)
            else:
                with _disable_current_modes():
                    plain += self.tape.evaluate(index).nonzero().unbind(1)
        return plain

    def _record_constant(self, kind: Kind, call: Call) -> None:
        self.tape.record(call.function, call.args, call.kwargs, call.result, bool(kind.written))
        if kind.views:
            self._view(call)
        for target in call.written(kind.written):
            self.memory.write(target, None)

    def _record(self, kind: Kind, call: Call, blank: frozenset[int], custom: Rule | None) -> None:
        if kind.name in _READING:
            self._answered = True
            return
        if custom is None and kind.views and self._view(call):
            return
        found = (custom or kind.rule or opaque)(call)
        nodes = list(found) if isinstance(found, Sequence) else [found]
        if all(node is None for node in nodes):
            written = bool(kind.written)
            self.tape.record(call.function, call.args, call.kwargs, call.result, written, blank)
        self._store(kind, call, nodes)

    def _store(self, kind: Kind, call: Call, nodes: Sequence[int | None]) -> None:
        results = tensors_in(call.result)
        written = call.written(kind.written)
        if kind.rule is None and not all(any(t is r for r in results) for t in written):
            raise call.refused("it has no rule, and writes into its arguments")
        for tensor, node in zip(results, nodes, strict=True):
            # What is written but not returned are running statistics.
            if any(tensor is target for target in written):
                self.memory.write(tensor, node)
            elif kind.views:
                self.memory.alias(tensor, tensors_in(call.args)[0], node)
            else:
                self.memory.bind(tensor, node)

    def _reshaped(
        self, kind: Kind, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """`squeeze_`, `transpose_` and their like: the same storage seen through more steps."""
        target = tensors_in(args)[0]
        before, origin = tuple(target.shape), self.memory.reference(target)
        result = function(*args, **kwargs)
        call = Call(kind.name, function, args, kwargs, result, self.memory, self.tape, self.fills)
        steps = view_steps(kind.name, before, tuple(target.shape), call.given)
        if steps is None:
            raise call.refused("in place it has no rule")
        self.memory.moved(target, origin, steps)
        return result

    def _view(self, call: Call) -> bool:
        """Records a view; False where the op is no view that is known."""
        source = next(iter(tensors_in(call.args)), None)
        result = call.result
        if source is None:
            return False
        short = call.name.removeprefix("aten.")
        if short in _SPLITS | UNSAFE_SPLITS:
            self._parts(call, source, short == "unbind")
            return True
        if not isinstance(result, torch.Tensor) or result is source:
            return result is source
        if short == "as_strided" and not _is_base(source):
            raise call.refused("it re-strides a tensor that is itself a strided view")
        steps = view_steps(call.name, tuple(source.shape), tuple(result.shape), call.given)
        if steps is None:
            return False
        self.memory.view(result, source, steps)
        return True

    def _parts(self, call: Call, source: torch.Tensor, drop: bool) -> None:
        dim, start = call["dim"], 0
        for part in call.result:
            shape = tuple(part.shape)
            steps = part_steps(call.name, tuple(source.shape), shape, dim, start, drop=drop)
            self.memory.view(part, source, steps)
            start += 1 if drop else shape[dim % len(shape)]


def _is_base(tensor: torch.Tensor) -> bool:
    return tensor.is_contiguous() and tensor.storage_offset() == 0

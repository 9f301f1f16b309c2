"""Recording: every aten op of a forward becomes nodes of the graph, or an entry on the tape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rf_torch.call import Call
from rf_torch.constants import ConstantTape, tensors_in
from rf_torch.memory import Memory
from rf_torch.rules import RULES, Rule
from rf_torch.rules.elementwise import pointwise
from rf_torch.views import is_view, part_steps, view_steps
from rf_torch.vjp import opaque

__all__ = ["Recorder"]

_SPLITS = frozenset(("split", "split_with_sizes", "unbind", "chunk", "tensor_split"))


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is known about an op from its schema alone.

    Attributes:
        name: Namespace and name, without the overload and the in-place underscore.
        rule: Its rule, if there is one.
        written: Positions of the arguments that it writes.
        written_names: Names of those, for keyword arguments.
        views: Whether results share storage with an argument.
    """

    name: str
    rule: Rule | None
    written: tuple[int, ...]
    written_names: tuple[str, ...]
    views: bool


@cache
def _kind(function: Any) -> _Kind:
    schema = function._schema
    written = [
        (i, a.name)
        for i, a in enumerate(schema.arguments)
        if a.alias_info is not None and a.alias_info.is_write
    ]
    name = schema.name.replace("::", ".")
    if written and name.endswith("_") and not name.endswith("__"):
        name = name[:-1]
    rule = RULES.get(name)
    if rule is None and torch.Tag.pointwise in function.tags:
        rule = pointwise
    if rule is None and is_view(name):
        rule = _copied_view
    views = not written and any(r.alias_info is not None for r in schema.returns)
    return _Kind(name, rule, tuple(i for i, _ in written), tuple(n for _, n in written), views)


def _copied_view(call: Call) -> int:
    """An op that arranges values as a view does, but returns storage of its own."""
    source = next(tensors_in(call.args))
    node = call.memory.read(source)
    steps = view_steps(call.name, tuple(source.shape), call.shape, call.given)
    if node is None or steps is None:
        raise call.refused("its operands are not those of a view")
    for step in steps:
        node = step.forward(call.builder, node)
    return node


@cache
def _is_composite(function: Any) -> bool:
    """Whether an op without a rule is only made of others."""
    return (
        isinstance(function, torch._ops.OpOverload)
        and function.namespace != "prim"
        and _kind(function).rule is None
        and not _kind(function).views
        and torch._C._dispatch_has_kernel_for_dispatch_key(
            function.name(), "CompositeImplicitAutograd"
        )
    )


class Recorder(TorchDispatchMode):
    """Listens to one forward."""

    def __init__(self, memory: Memory, tape: ConstantTape) -> None:
        super().__init__()
        self.memory, self.tape = memory, tape
        self.reads_values = False

    def __torch_dispatch__(
        self,
        function: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Runs the op and records it."""
        given = kwargs or {}
        if _is_composite(function):
            # Inference mode passes composite ops on whole.
            with self:
                decomposed = function.decompose(*args, **given)
            if decomposed is not NotImplemented:
                return decomposed
        result = function(*args, **given)
        if function.namespace != "prim":
            self._record(_kind(function), function, args, given, result)
        return result

    def _record(
        self, kind: _Kind, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        read = self.memory.read
        depends = any(read(t) is not None for value in args for t in tensors_in(value)) or any(
            read(t) is not None for value in kwargs.values() for t in tensors_in(value)
        )
        if not depends:
            self.tape.record(function, args, kwargs, result, bool(kind.written))
            if kind.views:
                self._view(kind, function, args, kwargs, result)
            return
        if kind.name == "aten._local_scalar_dense":
            self.reads_values = True
            return
        if kind.views and self._view(kind, function, args, kwargs, result):
            return
        call = Call(kind.name, function, args, kwargs, result, self.memory, self.tape)
        if kind.written and self._reshaped_in_place(call):
            return
        found = (kind.rule or opaque)(call)
        nodes = list(found) if isinstance(found, list | tuple) else [found]
        self._store(kind, call, nodes)

    def _store(self, kind: _Kind, call: Call, nodes: Sequence[int | None]) -> None:
        targets = [
            call.args[i] for i in kind.written if i < len(call.args)
        ] + [call.kwargs[n] for n in kind.written_names if n in call.kwargs]
        written = [t for value in targets for t in tensors_in(value)]
        results = list(tensors_in(call.result))
        for tensor, node in zip(results, nodes, strict=True):
            if not any(tensor is target for target in written):
                self.memory.bind(tensor, node)
        for target in written:
            # An in-place op returns what it wrote; the first result stands for all of them.
            node = next(
                (n for t, n in zip(results, nodes, strict=True) if t is target),
                nodes[0] if nodes else None,
            )
            self.memory.write(target, node)

    def _view(
        self, kind: _Kind, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> bool:
        """Records a view; False where the op is no view that is known."""
        source = next(tensors_in(args), None)
        if source is None:
            return False
        call = Call(kind.name, function, args, kwargs, result, self.memory, self.tape)
        short = kind.name.removeprefix("aten.")
        if short in _SPLITS:
            self._parts(call, source, short == "unbind")
            return True
        if not isinstance(result, torch.Tensor) or result is source:
            return result is source
        if short == "as_strided" and not _is_base(source):
            raise call.refused("it re-strides a tensor that is itself a strided view")
        steps = view_steps(kind.name, tuple(source.shape), tuple(result.shape), call.given)
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

    def _reshaped_in_place(self, call: Call) -> bool:
        """`squeeze_`, `transpose_` and their like: the same storage seen through more steps."""
        target = next(tensors_in(call.args), None)
        if target is None or call.name in RULES:
            return False
        source = self.memory.shape(target)
        if source is None:
            return False
        steps = view_steps(call.name, source, tuple(target.shape), call.given)
        if steps is None:
            return False
        self.memory.view(target, target, steps)
        return True


def _is_base(tensor: torch.Tensor) -> bool:
    return tensor.is_contiguous() and tensor.storage_offset() == 0

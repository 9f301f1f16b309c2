"""What is known about an op from its schema alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from rf_torch.call import Call, Rule
from rf_torch.constants import tensors_in
from rf_torch.rules import RULES
from rf_torch.rules.elementwise import pointwise
from rf_torch.views import is_view, view_steps

__all__ = ["UNSAFE_SPLITS", "Kind", "is_composite", "kind_of"]

# They share memory as splits do, though their schemas promise nothing.
UNSAFE_SPLITS = frozenset(("unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk"))


@dataclass(frozen=True, slots=True)
class Kind:
    """What an op does with its arguments.

    Attributes:
        name: Namespace and name, without the overload and the in-place underscore.
        rule: Its rule, if there is one.
        written: Positions and names of the arguments that it writes.
        outs: Names of those that it does not read (`out=`).
        views: Whether results share storage with an argument.
    """

    name: str
    rule: Rule | None
    written: tuple[tuple[int, str], ...]
    outs: frozenset[str]
    views: bool

    @property
    def reshapes(self) -> bool:
        """Whether it rearranges a tensor in place, as `transpose_` does."""
        return bool(self.written) and is_view(self.name) and self.name not in RULES


@cache
def kind_of(function: Any) -> Kind:
    """What the schema of an op tells."""
    schema = function._schema
    written = [
        (i, a.name, a.kwarg_only)
        for i, a in enumerate(schema.arguments)
        if a.alias_info is not None and a.alias_info.is_write
    ]
    name = schema.name.replace("::", ".")
    if written and name.endswith("_") and not name.endswith("__"):
        name = name[:-1]
    rule = RULES.get(name)
    if rule is None and _is_pointwise(function):
        rule = pointwise
    if rule is None and is_view(name):
        rule = _copied_view
    return Kind(
        name,
        rule,
        tuple((i, n) for i, n, _ in written),
        frozenset(n for _, n, only_written in written if only_written),
        not written and (_shares(schema) or name.removeprefix("aten.") in UNSAFE_SPLITS),
    )


def _shares(schema: Any) -> bool:
    return any(r.alias_info is not None for r in schema.returns)


def _is_pointwise(function: Any) -> bool:
    """Whether torch says so, of this overload or of another one of the same op."""
    packet = getattr(function, "overloadpacket", None)
    overloads = [function]
    if packet is not None:
        overloads += [getattr(packet, name) for name in packet.overloads()]
    return any(torch.Tag.pointwise in overload.tags for overload in overloads)


def _copied_view(call: Call) -> int:
    """An op that arranges values as a view does, but returns storage of its own."""
    source = tensors_in(call.args)[0]
    node = call.memory.read(source)
    steps = view_steps(call.name, tuple(source.shape), call.shape, call.given)
    if node is None or steps is None:
        raise call.refused("its operands are not those of a view")
    for step in steps:
        node = step.forward(call.builder, node)
    return node


@cache
def is_composite(function: Any) -> bool:
    """Whether an op without a rule is only made of others."""
    return (
        isinstance(function, torch._ops.OpOverload)
        and function.namespace != "prim"
        and kind_of(function).rule is None
        and not kind_of(function).views
        and torch._C._dispatch_has_kernel_for_dispatch_key(
            function.name(), "CompositeImplicitAutograd"
        )
    )

"""One recorded op, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rf_torch.constants import LARGEST_PATTERN, ConstantTape, tensors_in
from rf_torch.memory import Memory
from rfcore.errors import UnsupportedOpError
from rfcore.graph import Elementwise, GraphBuilder, Pattern
from rfcore.kept_fills import Fills

__all__ = ["Call", "Rule"]


class Call:
    """An op with its arguments, its result and ways to ask about them.

    Attributes:
        name: The op's name without its overload, as in "aten.convolution".
        function: The op.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        result: What it returned, on fake (or real) tensors.
        memory: The nodes that tensors hold.
        tape: The values of constants.
        fills: Where nodes hold a known constant.
    """

    def __init__(
        self,
        name: str,
        function: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
        memory: Memory,
        tape: ConstantTape,
        fills: Fills,
    ) -> None:
        self.name, self.function, self.args, self.kwargs = name, function, args, kwargs
        self.result = result
        self.memory, self.tape, self.fills = memory, tape, fills
        self.builder: GraphBuilder = memory.builder

    @cached_property
    def given(self) -> dict[str, Any]:
        """All arguments by name, defaults filled in."""
        filled = {}
        for position, (name, by_name_only, default) in enumerate(_parameters(self.function)):
            if position < len(self.args) and not by_name_only:
                filled[name] = self.args[position]
            else:
                filled[name] = self.kwargs.get(name, default)
        return filled

    def __getitem__(self, argument: str) -> Any:
        return self.given[argument]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the (first) result."""
        return tuple(tensors_in(self.result)[0].shape)

    def node(self, tensor: Any) -> int | None:
        """The node a tensor holds, None for constants and other values."""
        return self.memory.read(tensor) if isinstance(tensor, torch.Tensor) else None

    def operand(self, argument: str) -> int:
        """The node of an argument that this rule needs to depend on the input."""
        node = self.node(self[argument])
        if node is None:
            raise self.refused(f"only its argument {argument!r} may depend on the input")
        return node

    def operands(self) -> list[torch.Tensor]:
        """All tensor arguments that are read: not those that `out=` names."""
        if not self.kwargs:
            return tensors_in(self.args)
        schema = self.function._schema.arguments
        outs = {a.name for a in schema if a.kwarg_only and a.alias_info is not None}
        named = (value for name, value in self.kwargs.items() if name not in outs)
        return [*tensors_in(self.args), *(t for value in named for t in tensors_in(value))]

    def dependent(self) -> list[int]:
        """The nodes of all arguments that depend on the input."""
        nodes = (self.memory.read(tensor) for tensor in self.operands())
        return [node for node in nodes if node is not None]

    def written(self, arguments: Sequence[tuple[int, str]]) -> list[torch.Tensor]:
        """The tensors in some arguments, given by position and name."""
        values = [
            self.args[i] if i < len(self.args) else self.kwargs.get(name) for i, name in arguments
        ]
        return [tensor for value in values for tensor in tensors_in(value)]

    def dims(self, argument: str, rank: int) -> list[int]:
        """An argument that names axes, as non-negative numbers; all axes where it names none."""
        value = self[argument]
        if value is None or value == []:
            return list(range(rank))
        return [int(d) % rank for d in (value if isinstance(value, list | tuple) else [value])]

    def array(self, tensor: torch.Tensor) -> NDArray[Any]:
        """The values of a constant that this rule needs to know."""
        try:
            return self.tape.array(tensor)
        except UnsupportedOpError as error:
            raise self.refused(f"of a constant operand {error.reason}") from error

    def elementwise(self, nodes: Sequence[int], shape: Sequence[int]) -> int:
        """Adds an elementwise node."""
        return self.builder.elementwise(nodes, shape, self.name)

    def gated(
        self, node: int, constant: torch.Tensor | Pattern, shape: Sequence[int], name: str = ""
    ) -> int:
        """Adds an elementwise node that depends on `node` only where the constant is not zero."""
        if isinstance(constant, torch.Tensor):
            if constant.numel() > LARGEST_PATTERN:
                return self.unread(self.elementwise((node,), shape), constant.numel())
            constant = self.tape.pattern(constant)
        return self.builder.add(Elementwise((constant,)), (node,), shape, name or self.name)

    def unread(self, node: int, size: int) -> int:
        """Adds a node that says that a constant was too large to look for zeros in it."""
        return self.bounded(
            node, f"a constant of {size} elements is taken as non-zero everywhere, an upper bound"
        )

    def bounded(self, node: int, note: str) -> int:
        """Adds a node that passes everything on, and says why that is only an upper bound."""
        shape = self.builder.shape(node)
        text = f"{self.name}: {note}"
        return self.builder.add(Elementwise(), (node,), shape, self.name, text, exact=False)

    def everything(self, node: int, shape: Sequence[int]) -> int:
        """Adds nodes in which every position of `shape` sees all of `node`."""
        rank = len(self.builder.shape(node))
        reduced = self.builder.reduce(node, range(rank), False, self.name)
        return self.elementwise((reduced,), shape)

    def taps(self, node: int, dim: int, taps: NDArray[Any]) -> int:
        """Adds a map along one axis."""
        return self.builder.axis_map(node, dim, np.asarray(taps), self.name)

    def refused(self, reason: str) -> UnsupportedOpError:
        """The error that says why this op has no exact rule here."""
        return UnsupportedOpError(self.name, self.builder.layer, reason)


@cache
def _parameters(function: Any) -> tuple[tuple[str, bool, Any], ...]:
    """Of each parameter of an op the name, whether it is given by name only, and the default."""
    arguments = function._schema.arguments
    return tuple((a.name, a.kwarg_only, a.default_value) for a in arguments)


Rule = Callable[[Call], int | Sequence[int | None] | None]
"""From an op to the node of its result, or one per result; None where nothing is seen."""

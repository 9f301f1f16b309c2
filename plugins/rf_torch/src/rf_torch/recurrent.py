"""Recurrent layers, told as one op each: a step sees all steps before it.

Most devices run them step by step, in thousands of ops whose number follows the input's length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rf_torch.functions import Answer
from rf_torch.memory import Memory
from rfcore.graph import Concatenate, Cumulative, GraphBuilder

__all__ = ["recurrences"]

_FUNCTIONS = tuple(
    getattr(torch._C._VariableFunctions, name) for name in ("gru", "lstm", "rnn_tanh", "rnn_relu")
)


def recurrences(memory: Memory) -> dict[Any, Answer]:
    """Answers for recurrent layers before torch takes them apart: empty results.

    Args:
        memory: What is known of tensors.
    """

    def answer(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls `function`, unless it is a recurrent layer on a padded batch of sequences."""
        if not kwargs and len(args) == len(_Layer.__match_args__):
            states = args[1] if isinstance(args[1], tuple | list) else (args[1],)
            layer = _Layer(args[0], tuple(states), *args[2:])
            read = (layer.input, *layer.states)
            # Packed sequences have another order of arguments.
            if isinstance(layer.weights, tuple | list) and any(map(memory.depends, read)):
                return layer.told(memory, f"aten.{function.__name__}")
        return function(*args, **kwargs)

    return dict.fromkeys(_FUNCTIONS, answer)


@dataclass(frozen=True, slots=True)
class _Layer:
    """The arguments of `torch.gru` and its like, in their order."""

    input: torch.Tensor
    states: tuple[torch.Tensor, ...]
    weights: Sequence[torch.Tensor]
    has_biases: bool
    layers: int
    dropout: float
    training: bool
    bidirectional: bool
    batch_first: bool

    def told(self, memory: Memory, name: str) -> tuple[torch.Tensor, ...]:
        """Adds the layer to the graph; returns its outputs and its last states, without values."""
        builder = memory.builder
        hidden, directions = int(self.states[0].shape[-1]), 2 if self.bidirectional else 1
        time, batch = (1, 0) if self.batch_first else (0, 1)
        shape = [int(n) for n in self.input.shape]
        column = [1, 1, 1]
        column[batch] = shape[batch]
        begun = [node for node in map(memory.read, self.states) if node is not None]
        value, ends = memory.read(self.input), []
        for layer in range(self.layers):
            outputs = []
            for direction in range(directions):
                row = layer * directions + direction
                first = [_state(builder, node, row, column, name) for node in begun]
                steps = [*shape[:2], hidden]
                earlier, last = list(first), list(first)
                if value is not None:
                    mixed = builder.mix(value, [2], steps, name)
                    op = Cumulative(time, reverse=direction == 1)
                    earlier.append(builder.add(op, (mixed,), steps, name))
                    last.append(builder.reduce(mixed, [time], True, name))
                outputs.append(builder.elementwise(earlier, steps, name))
                end = builder.elementwise(last, [*column[:2], hidden], name)
                ends.append(builder.reshape(end, (1, shape[batch], hidden), name))
            value = _joined(builder, outputs, 2, name)
        results = self.input.new_empty((*shape[:2], directions * hidden))
        memory.bind(results, value)
        final = _joined(builder, ends, 0, name)
        lasts = [torch.empty_like(state) for state in self.states]
        for state in lasts:
            features = builder.reduce(final, [2], True, name)
            memory.bind(state, builder.elementwise((features,), tuple(state.shape), name))
        return results, *lasts


def _state(builder: GraphBuilder, states: int, row: int, column: list[int], name: str) -> int:
    """What one row of the first states holds, for every step."""
    own = builder.axis_map(states, 0, np.array([row]), name)
    return builder.reshape(builder.reduce(own, [2], True, name), column, name)


def _joined(builder: GraphBuilder, parts: Sequence[int], dim: int, name: str) -> int:
    """Values one after the other along an axis."""
    if len(parts) == 1:
        return parts[0]
    lengths = [builder.shape(part)[dim] for part in parts]
    starts = tuple(int(start) for start in np.cumsum([0, *lengths[:-1]]))
    shape = list(builder.shape(parts[0]))
    shape[dim] = sum(lengths)
    return builder.add(Concatenate(dim, starts), parts, shape, name)

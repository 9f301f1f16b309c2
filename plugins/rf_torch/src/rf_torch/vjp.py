"""Ops without a rule: pulled back by torch's own derivative of that one op.

The op runs alone on random positive operands of the recorded shapes, and the non-zeros of its
vector-Jacobian product say what depends on what. Two draws are united, so that a zero by chance
of the values does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from rf_torch.call import Call
from rf_torch.constants import tensors_in
from rfcore.errors import UnsupportedOpError
from rfcore.graph import Mask, Opaque

__all__ = ["opaque", "opaque_linear"]

DRAWS = 2


def opaque(call: Call) -> list[int]:
    """Adds one node per result, each pulled back by the op's own derivative."""
    note = f"{call.name} has no rule and was measured through its own derivative"
    return _measured(call, note, exact=False)


def opaque_linear(call: Call) -> list[int]:
    """The same for ops that are linear in what depends on the input: their derivative is exact."""
    return _measured(call, "", exact=True)


def _measured(call: Call, note: str, *, exact: bool) -> list[int]:
    operands = {id(t): t for t in call.operands() if call.node(t) is not None}
    nodes = [node for node in map(call.node, operands.values()) if node is not None]
    return [
        call.builder.add(
            Opaque(_Pullback(call, list(operands.values()), number)),
            nodes,
            tuple(result.shape),
            call.name,
            note,
            exact=exact,
        )
        for number, result in enumerate(tensors_in(call.result))
    ]


class _Pullback:
    """One result of one op, evaluated on the first use."""

    def __init__(self, call: Call, operands: Sequence[torch.Tensor], number: int) -> None:
        self.name, self.layer = call.name, call.builder.layer
        self.number = number
        self._function, self._args, self._kwargs = call.function, call.args, call.kwargs
        self._evaluate = partial(call.tape.evaluate, until=call.tape.now)
        self._operands = operands
        self._draws: list[tuple[torch.Tensor, list[torch.Tensor]]] = []

    def __call__(self, mask: Mask) -> list[Mask]:
        if not self._draws:
            self._draws = [self._draw(seed) for seed in range(DRAWS)]
        seen = [np.zeros(tuple(t.shape), bool) for t in self._operands]
        cotangent = torch.from_numpy(np.array(mask))
        for result, leaves in self._draws:
            gradients = self._gradients(result, leaves, cotangent)
            for array, gradient in zip(seen, gradients, strict=True):
                if gradient is not None:
                    array |= (gradient != 0).cpu().numpy()
        return seen

    def _gradients(
        self, result: torch.Tensor, leaves: list[torch.Tensor], cotangent: torch.Tensor
    ) -> Sequence[torch.Tensor | None]:
        try:
            with torch.enable_grad():
                return torch.autograd.grad(
                    result,
                    leaves,
                    cotangent.to(device=result.device, dtype=result.dtype),
                    retain_graph=True,
                    allow_unused=True,
                )
        except (RuntimeError, NotImplementedError) as error:
            raise self._refused(f"it has no rule, and its derivative failed ({error})") from error

    def _draw(self, seed: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        known: dict[int, torch.Tensor] = {}
        for tensor in self._operands:
            if not tensor.dtype.is_floating_point:
                raise self._refused(
                    f"it has no rule, and its operand of type {tensor.dtype} no derivative"
                )
            known[id(tensor)] = (
                torch.rand(tuple(tensor.shape), generator=generator, dtype=torch.float64)
                .add_(0.5)
                .to(device=tensor.device, dtype=tensor.dtype)
                .requires_grad_()
            )
        try:
            with torch.enable_grad(), torch.random.fork_rng(devices=[]):
                copies = {key: leaf.clone() for key, leaf in known.items()}
                outcome = self._function(
                    *_substituted(self._args, copies, self._evaluate),
                    **_substituted(self._kwargs, copies, self._evaluate),
                )
        except UnsupportedOpError:
            raise
        except Exception as error:
            raise self._refused(f"it has no rule, and running it alone failed ({error})") from error
        result = tensors_in(outcome)[self.number]
        if not _is_differentiable(result):
            raise self._refused("it has neither a rule nor a derivative")
        return result, list(known.values())

    def _refused(self, reason: str) -> UnsupportedOpError:
        return UnsupportedOpError(self.name, self.layer, reason)


def _is_differentiable(result: torch.Tensor) -> bool:
    """Whether a result has a derivative: ops without a kernel for it only pretend to."""
    return (
        result.dtype.is_floating_point
        and result.grad_fn is not None
        and "NotImplemented" not in result.grad_fn.name()
    )


def _substituted(
    value: Any,
    known: dict[int, torch.Tensor],
    evaluate: Callable[[torch.Tensor], torch.Tensor],
) -> Any:
    if isinstance(value, torch.Tensor):
        return known[id(value)] if id(value) in known else evaluate(value)
    if isinstance(value, list | tuple):
        return type(value)(_substituted(item, known, evaluate) for item in value)
    if isinstance(value, dict):
        return {key: _substituted(item, known, evaluate) for key, item in value.items()}
    return value

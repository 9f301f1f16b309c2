"""Primitives without a rule: pulled back by jax's own derivative of that one primitive.

It runs alone on random positive operands of the recorded shapes, and the non-zeros of its
vector-Jacobian product say what depends on what. Two draws are united, so that a zero by chance
of the values does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from rf_jax.call import Call
from rf_jax.values import Constant, Seen
from rfcore.graph import Mask, Opaque

__all__ = ["opaque"]

DRAWS = 2


def opaque(call: Call) -> list[int]:
    """Adds one node per result, each pulled back by the primitive's own derivative."""
    for operand, kind in zip((*call.operands, *call.results), call.types, strict=True):
        if not isinstance(operand, Constant) and not jnp.issubdtype(kind, jnp.floating):
            raise call.refused(f"it has no rule, and values of type {kind} no derivative")
    note = f"{call.name} has no rule and was measured through its own derivative"
    return [
        call.builder.add(
            Opaque(_Pullback(call, number)), call.nodes(), shape, call.name, note, exact=False
        )
        for number, shape in enumerate(call.results)
    ]


class _Pullback:
    """One result of one primitive, evaluated on the first use."""

    def __init__(self, call: Call, number: int) -> None:
        self._call, self._number = call, number
        self._layer = call.builder.layer
        self._pulls: list[Callable[[Any], Sequence[Any]]] = []

    def __call__(self, mask: Mask) -> list[Mask]:
        with jax.ensure_compile_time_eval():
            if not self._pulls:
                self._pulls = [self._draw(seed) for seed in range(DRAWS)]
            found = [[np.asarray(g) != 0 for g in pull(mask)] for pull in self._pulls]
        return [np.logical_or.reduce(parts) for parts in zip(*found, strict=True)]

    def _draw(self, seed: int) -> Callable[[Any], Sequence[Any]]:
        call = self._call
        generator = np.random.default_rng(seed)
        operands: list[Any] = []
        for operand, shape, kind in zip(call.operands, call.shapes, call.types, strict=False):
            if isinstance(operand, Constant) and not operand.hidden:
                operands.append(operand.value())
            else:
                operands.append(jnp.asarray(_positive(generator, shape), kind))
        places = [i for i, operand in enumerate(call.operands) if isinstance(operand, Seen)]

        def alone(*values: Any) -> Any:
            given = list(operands)
            for place, value in zip(places, values, strict=True):
                given[place] = value
            bound = call.primitive.bind(*given, **call.params)
            return bound[self._number] if call.primitive.multiple_results else bound

        try:
            result, pull = jax.vjp(alone, *(operands[place] for place in places))
        except Exception as error:
            reason = f"it has no rule, and its derivative failed ({type(error).__name__})"
            raise self._refused(reason) from error
        return lambda mask: pull(np.asarray(mask, result.dtype))

    def _refused(self, reason: str) -> Exception:
        error = self._call.refused(reason)
        return type(error)(error.op, self._layer, reason)


def _positive(generator: np.random.Generator, shape: Sequence[int]) -> NDArray[np.float32]:
    return generator.uniform(0.5, 1.5, tuple(shape)).astype(np.float32)

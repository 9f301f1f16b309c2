"""Primitives and foreign functions for which the user registered a rule of their own."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rf_jax.call import Call, Rule
from rf_jax.values import Constant, Value
from rfcore.custom import CustomOp, CustomRule, add_by_rule, find_rule

__all__ = ["custom_rule"]


def custom_rule(call: Call) -> Rule | None:
    """The user's rule for a primitive, by its own name or by that of what it calls."""
    found = find_rule("jax", *_called(call), call.name)
    return None if found is None else partial(_by_rule, found)


def _called(call: Call) -> list[str]:
    """The foreign function or callback that a primitive runs."""
    target, callback = map(call.params.get, ("target_name", "callback"))
    if target is None and callback is None:
        return []
    function = getattr(callback, "callback_func", callback)
    name = getattr(function, "__name__", None)
    return [text for text in (target, name) if isinstance(text, str)]


def _by_rule(made: CustomRule, call: Call) -> list[Value | int]:
    nodes = call.nodes()

    def read(operand: int) -> NDArray[Any]:
        value = call.operands[operand]
        if not isinstance(value, Constant) or value.hidden:
            raise call.refused(f"the value of its operand {operand} is not known")
        return np.asarray(value.array())

    results: list[Value | int] = []
    for number, shape in enumerate(call.results):
        op = CustomOp(
            "jax",
            next(iter(_called(call)), call.name),
            call.builder.layer,
            tuple(call.builder.shape(node) for node in nodes),
            tuple(shape),
            number,
            dict(call.params),
            read,
        )
        node = add_by_rule(made, call.builder, nodes, op)
        unknown = Constant(tuple(shape), hidden="it was made by an op with a rule of the user")
        results.append(unknown if node is None else node)
    return results

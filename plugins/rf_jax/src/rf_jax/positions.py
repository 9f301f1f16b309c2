"""The value at one position of a jaxpr, computed from real arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from rf_jax.hearing import Position
from rf_jax.interpreter import CALLS, opened

__all__ = ["evaluated"]


def evaluated(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any], position: Position) -> Any:
    """What stands at a position; nothing behind it is computed.

    Args:
        jaxpr: The open jaxpr.
        consts: Its constants.
        args: Its arguments.
        position: The way to the value, as `Heard` tells it.
    """
    target, *deeper = position
    if len(deeper) > 1:
        call = jaxpr.eqns[target]
        operands = _run(jaxpr, target, call.invars, consts, args)
        called, inner = opened(call.params[CALLS[call.primitive.name]])
        return evaluated(called, inner, operands, tuple(deeper))
    wanted = jaxpr.outvars[deeper[0]]
    if target < len(jaxpr.eqns):
        equation = jaxpr.eqns[target]
        # A mark is an identity, and its result may be dropped.
        marked = equation.primitive.name == "name"
        wanted = equation.invars[0] if marked else equation.outvars[deeper[0]]
    (value,) = _run(jaxpr, target + 1, [wanted], consts, args)
    return value


def _run(
    jaxpr: Any, count: int, wanted: Sequence[Any], consts: Sequence[Any], args: Sequence[Any]
) -> list[Any]:
    """Some variables of a jaxpr, after its first `count` equations."""
    info = jaxpr.debug_info
    if hasattr(info, "result_paths"):
        info = info._replace(result_paths=("",) * len(wanted))
    part = jaxpr.replace(eqns=jaxpr.eqns[:count], outvars=list(wanted), debug_info=info)
    function: Callable[..., list[Any]] = jaxpr_as_fun(ClosedJaxpr(part, consts))
    return list(function(*args))

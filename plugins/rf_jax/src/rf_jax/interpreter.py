"""Reading a jaxpr, primitive by primitive, into the graph of what depends on what.

Calls are read where they stand. A primitive that cannot be traced refuses its results, and only
what is computed from those; everything else goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.extend.core import Literal

from rf_jax.call import Call
from rf_jax.control import CONTROL
from rf_jax.custom import custom_rule
from rf_jax.hearing import Hearing, Position
from rf_jax.rules import RULES
from rf_jax.rules.windows import RULES as WINDOWS
from rf_jax.scopes import Path, Scopes
from rf_jax.sharing import Sharing
from rf_jax.values import Constant, Refused, Seen, Value
from rf_jax.vjp import opaque
from rfcore.errors import InputShapeError, RfcoreError, UnsupportedOpError
from rfcore.graph import GraphBuilder

__all__ = ["CALLS", "Interpreter", "opened"]

# Primitives that call a jaxpr once, and the parameter that holds it.
CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "core_closed_call": "call_jaxpr",
    "xla_call": "call_jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "composite": "jaxpr",
    "custom_vmap_call": "call",
    "eval_jaxpr": "jaxpr",
}

_RANDOM_NAMES = (
    "random_bits random_gamma random_poisson rng_bit_generator rng_uniform threefry2x32 "
    "threefry4x32 philox2x32 philox4x32"
)
_RANDOM = frozenset(_RANDOM_NAMES.split())
_CONSTANT = frozenset({Constant})
_DRAWN = "it is drawn at random"

# What is written to a reference is read elsewhere, out of sight.
_STATEFUL_NAMES = (
    "new_ref empty_ref get swap addupdate freeze free_ref run_state new_box box_get box_set"
)
_STATEFUL = frozenset(_STATEFUL_NAMES.split())


def opened(called: Any) -> tuple[Any, Sequence[Any]]:
    """A jaxpr, closed or not, and its constants."""
    return (called.jaxpr, called.consts) if hasattr(called, "consts") else (called, ())


class Interpreter:
    """Reads the jaxprs of one trace.

    Attributes:
        builder: The graph.
        hearing: The layers and names that were heard on the way.
        scopes: The name scopes that were passed.
        error: The first refusal.

    Args:
        builder: See above.
        hearing: See above. Where it has heard of layers already, scopes tell of none.
        separator: What is put between the names of nested scopes.
        sharing: Where constants of earlier traces are found, if there were any.
    """

    def __init__(
        self,
        builder: GraphBuilder,
        hearing: Hearing,
        separator: str,
        sharing: Sharing | None = None,
    ) -> None:
        self.sharing = Sharing({}) if sharing is None else sharing
        self.builder, self.hearing = builder, hearing
        self.scopes = Scopes(separator)
        self._notes_scopes = not hearing.knows_layers
        self.error: RfcoreError | None = None

    def run(
        self,
        jaxpr: Any,
        consts: Sequence[Value],
        args: Sequence[Value],
        path: Path = (),
        position: Position | None = None,
    ) -> list[Value]:
        """What the results of a jaxpr stand for.

        Args:
            jaxpr: The open jaxpr.
            consts: What its constants stand for.
            args: What its arguments stand for.
            path: The name scopes around it.
            position: The equations that call it; None inside of a loop or branch.
        """
        known: dict[Any, Value] = dict(zip(jaxpr.constvars, consts, strict=True))
        known.update(zip(jaxpr.invars, args, strict=True))

        def read(atom: Any) -> Value:
            return self.sharing.given(atom.val) if isinstance(atom, Literal) else known[atom]

        latest, inner = (), path
        for number, equation in enumerate(jaxpr.eqns):
            stack = equation.source_info.name_stack.stack
            if stack is not latest:
                latest, inner = stack, self.scopes.path(path, stack) if stack else path
            operands = [read(atom) for atom in equation.invars]
            here = None if position is None else (*position, number)
            results = self._apply(equation, operands, inner, here)
            if inner and self._notes_scopes:
                self.scopes.note(operands, results, inner, here)
            for variable, result in zip(equation.outvars, results, strict=True):
                known[variable] = result
        return [read(atom) for atom in jaxpr.outvars]

    def _apply(
        self, equation: Any, operands: Sequence[Value], path: Path, position: Position | None
    ) -> Sequence[Value]:
        primitive, params = equation.primitive, equation.params
        name = primitive.name
        if (parameter := CALLS.get(name)) is not None:
            jaxpr, consts = opened(params[parameter])
            return self.run(jaxpr, [*map(self.sharing.given, consts)], operands, path, position)
        if name == "name":
            place = () if position is None else (*position, 0)
            shape = equation.outvars[0].aval.shape
            self.hearing.hear(params["name"], operands[0], shape, place)
            return operands
        avals = [variable.aval for variable in equation.outvars]
        if set(map(type, operands)) <= _CONSTANT and name not in _STATEFUL:
            return self._constants(primitive, params, operands, avals)
        self.builder.layer = self.scopes.label(path)
        try:
            if name in _STATEFUL:
                reason = "it uses a mutable reference, whose writes are not followed"
                raise UnsupportedOpError(name, self.builder.layer, reason)
            if (control := CONTROL.get(name)) is not None:
                return control(self, equation, operands, path)
            for operand in operands:
                if isinstance(operand, Refused):
                    return [operand] * len(avals)
            return self._by_rule(equation, operands, avals)
        except RfcoreError as error:
            self.error = self.error or error
            return [Refused(error)] * len(avals)

    def _constants(
        self, primitive: Any, params: Any, operands: Sequence[Any], avals: Sequence[Any]
    ) -> Sequence[Value]:
        if primitive.name in _RANDOM:
            return [Constant(aval.shape, hidden=_DRAWN) for aval in avals]
        return self.sharing.computed(primitive, params, operands, avals)

    def _by_rule(
        self, equation: Any, operands: Sequence[Any], avals: Sequence[Any]
    ) -> Sequence[Value]:
        call = Call(
            equation.primitive,
            equation.params,
            operands,
            [atom.aval.shape for atom in equation.invars],
            [aval.shape for aval in avals],
            [*(atom.aval for atom in equation.invars), *avals],
            self.builder,
        )
        if all(0 in shape for shape in call.results):
            return _nothing(call)
        rule = custom_rule(call) or RULES.get(call.name, opaque)
        try:
            found = rule(call)
        except RfcoreError:
            raise
        except Exception as error:
            # A form of the primitive that its rule was not written for.
            reason = f"its rule failed ({type(error).__name__}: {error})"
            raise call.refused(reason) from error
        results = found if isinstance(found, Sequence) else [found]
        return [Seen(result) if isinstance(result, int) else result for result in results]


def _nothing(call: Call) -> Sequence[Value]:
    """Results without elements: harmless, except where no window of a layer fits its input."""
    if call.name in WINDOWS:
        given = call.builder.shape(0)
        where = f" of {call.builder.layer!r}" if call.builder.layer else ""
        raise InputShapeError(
            given,
            f"(batch included) is too small: {call.name}{where} has no window that fits into "
            f"{call.shapes[0]}",
            "ask for a larger input.",
        )
    return [Constant.given(np.zeros(shape, bool)) for shape in call.results]

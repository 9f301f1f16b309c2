"""Ops for which the user registered a rule of their own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from rf_tf.call import Call, Rule
from rfcore.custom import CustomOp, CustomRule, add_by_rule, find_rule
from rfcore.errors import UnsupportedOpError

__all__ = ["custom_rule"]


def custom_rule(kind: str) -> Rule | None:
    """The user's rule for an op, by its type."""
    found = find_rule("tf", kind)
    return None if found is None else partial(_by_rule, found)


def _by_rule(made: CustomRule, call: Call) -> list[int | None]:
    nodes = call.dependent()
    shapes = tuple(call.builder.shape(node) for node in nodes)
    known = {attr.name: call.attr(attr.name) for attr in call.op.op_def.attr}
    found = []
    for number in range(len(call.op.outputs)):
        layer = call.builder.layer
        op = CustomOp("tf", call.name, layer, shapes, (), number, known, call.array)
        shape = _result_shape(made, call, op)
        found.append(add_by_rule(made, call.builder, nodes, replace(op, output=shape)))
    return found


def _result_shape(made: CustomRule, call: Call, op: CustomOp) -> tuple[int, ...]:
    """The static shape of a result, or what the user says where there is none."""
    try:
        return call.result_shape(op.number)
    except UnsupportedOpError as error:
        if made.shape is None:
            reason = f"{error.reason}; rule(…, shape=…) can tell it"
            raise call.refused(reason) from error
        return tuple(map(int, made.shape(op)))

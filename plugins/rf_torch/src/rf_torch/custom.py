"""Ops for which the user registered a rule of their own."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from rf_torch.call import Call, Rule
from rf_torch.constants import tensors_in
from rfcore.custom import CustomOp, CustomRule, add_by_rule, find_rule

__all__ = ["custom_rule"]


def custom_rule(function: Any) -> Rule | None:
    """The user's rule for an op, by "namespace::name"."""
    schema = getattr(function, "_schema", None)
    found = None if schema is None else find_rule("torch", schema.name)
    return None if found is None else partial(_by_rule, found)


def _by_rule(made: CustomRule, call: Call) -> list[int | None]:
    read = [(tensor, call.node(tensor)) for tensor in call.operands()]
    seen = [(tuple(tensor.shape), node) for tensor, node in read if node is not None]
    plain = {
        name: value for name, value in call.given.items() if not isinstance(value, torch.Tensor)
    }
    return [
        add_by_rule(
            made,
            call.builder,
            [node for _, node in seen],
            CustomOp(
                "torch",
                call.name.replace(".", "::", 1),
                call.builder.layer,
                tuple(shape for shape, _ in seen),
                tuple(result.shape),
                number,
                plain,
                lambda name: call.array(call.given[name]),
            ),
        )
        for number, result in enumerate(tensors_in(call.result))
    ]

"""Exceptions about rules that users register for ops of their own."""

from __future__ import annotations

from rfcore.errors.base import RfcoreError

__all__ = ["CustomRuleError", "RuleNameError"]


class RuleNameError(RfcoreError):
    """A rule cannot be registered for what it names."""

    def __init__(self, backend: object, op: object, problem: str, hint: str) -> None:
        self.backend, self.op, self.problem = backend, op, problem
        super().__init__(f"No rule can be registered for {op!r} of {backend!r}: {problem}.", hint)


class CustomRuleError(RfcoreError):
    """A user's own rule raised, or returned what cannot be (its error is the cause)."""

    def __init__(self, rule: str, op: str, layer: str, problem: str) -> None:
        self.rule, self.op, self.layer, self.problem = rule, op, layer, problem
        where = f" in layer {layer!r}" if layer else ""
        super().__init__(
            f"The rule {rule} for {op}{where} {problem}.",
            "a rule returns an op of rfcore.graph that fits the shapes, None where the result "
            "does not depend on the input, or a function from a boolean mask over the result to "
            "one boolean mask per operand that depends on the input, each of that operand's shape.",
        )

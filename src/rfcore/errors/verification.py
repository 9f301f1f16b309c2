"""Exceptions about checking a field against the model's own forward."""

from __future__ import annotations

from collections.abc import Sequence

from rfcore.errors.base import RfcoreError

__all__ = ["CertificateTruthError", "FieldMismatchError", "ForwardError", "LocalPathsError"]


class FieldMismatchError(RfcoreError):
    """A field does not belong to the output and the input that it is to be checked on."""

    def __init__(self, what: str, of_field: Sequence[int], of_model: Sequence[int]) -> None:
        self.what, self.of_field, self.of_model = what, tuple(of_field), tuple(of_model)
        super().__init__(
            f"The field is for {what} of shape {self.of_field}, and the model was asked for one of "
            f"shape {self.of_model}.",
            "verify with the input_shape=, layout=, input= and output= that the field was "
            "estimated with.",
        )


class ForwardError(RfcoreError):
    """A backend's forward returned something that nothing can be told from."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"The model's forward {problem}.",
            "a forward has to return the same values for the same input; call model.eval(), or "
            "verify a layer before the one that draws random numbers, by its name as output.",
        )


class LocalPathsError(RfcoreError):
    """A field from which global paths were left out is not what a forward shows."""

    def __init__(self, note: str) -> None:
        self.note = note
        super().__init__(
            f"A forward runs through all paths, and this field leaves some out: {note}.",
            'verify the field of rfcore.estimate(…, global_paths="follow"), or that of a layer '
            "before the first such path, by its name as output.",
        )


class CertificateTruthError(RfcoreError, TypeError):
    """A certificate was taken for true or false, which it can be in two ways."""

    def __init__(self) -> None:
        super().__init__(
            "A certificate is neither true nor false: a field may pass although not all of it "
            "could be shown.",
            "ask certificate.passed (nothing speaks against the field) or certificate.complete "
            "(and every edge was shown).",
        )

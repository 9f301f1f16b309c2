"""Exceptions about a model, and about why its field cannot be told."""

from __future__ import annotations

from collections.abc import Sequence

from rfcore.errors.base import RfcoreError

__all__ = [
    "IndependentOutputError",
    "InputTypeError",
    "IrregularFieldError",
    "MergedAxesError",
    "ModelError",
    "NoOutputError",
    "NoSpatialAxesError",
    "ProbeError",
    "TruncatedFieldError",
    "UnsupportedOpError",
]


class ModelError(RfcoreError):
    """The model's own forward raised at the asked input (its error is the cause)."""

    def __init__(self, input_shape: Sequence[int], cause: BaseException) -> None:
        self.input_shape = tuple(input_shape)
        first_line = (str(cause).strip() or "no message").splitlines()[0]
        super().__init__(
            f"The model does not run on an input of shape {self.input_shape} (batch included): "
            f"{type(cause).__name__}: {first_line}",
            f"{_advice(cause)} The model's own error is the cause above.",
        )


def _advice(cause: BaseException) -> str:
    if isinstance(cause, TypeError) and "missing" in str(cause):
        return (
            "a model of several inputs is measured one at a time: measure a function that makes "
            'the others, as in backend="torch" with lambda x: model(x, torch.ones_like(x)).'
        )
    return (
        "check input_shape (it leaves the batch out) and layout; if the sizes are too small for "
        "the network, ask for a larger input."
    )


class InputTypeError(RfcoreError):
    """The measured input cannot hold floating-point numbers, and the question needs them."""

    def __init__(self, needed: str) -> None:
        self.needed = needed
        super().__init__(
            f"The model's input holds {needed}, and what it depends on cannot be told by position "
            "of a floating-point input.",
            'measure from where the values are floating point: input="inputs_embeds" where the '
            "model takes embedded tokens, or pass the part of the model behind the embedding.",
        )


class NoOutputError(RfcoreError):
    """The model's forward returned nothing that holds a tensor."""

    def __init__(self, known: Sequence[str]) -> None:
        self.known = tuple(known)
        super().__init__(
            "The model's forward returned nothing that holds a tensor.",
            f"measure a layer: output={known[-1]!r}."
            if known
            else "return the tensor whose field is asked for.",
        )


class NoSpatialAxesError(RfcoreError):
    """The asked output has no spatial axes: every unit of it sees the whole input."""

    def __init__(self, output: str, shape: Sequence[int], last_spatial: str | None) -> None:
        self.output, self.shape, self.last_spatial = output, tuple(shape), last_spatial
        name = f"{output!r}" if output else "the model"
        if last_spatial is None:
            hint = "name an inner layer whose output still has spatial axes as output."
        else:
            hint = (
                "the last layer that still has spatial axes is "
                f"{last_spatial!r}: output={last_spatial!r}."
            )
        super().__init__(
            f"The output of {name} has shape {self.shape} and no spatial axes: "
            "every value of it sees the whole input.",
            hint,
        )


class MergedAxesError(RfcoreError):
    """One axis of the output runs over several spatial axes of the input (tokens)."""

    def __init__(self, output: str, shape: Sequence[int], dim: int) -> None:
        self.output, self.shape, self.dim = output, tuple(shape), dim
        name = f"{output!r}" if output else "the model"
        super().__init__(
            f"Axis {dim} of the output of {name}, shape {self.shape}, runs over several spatial "
            "axes of the input, so that no size or stride per axis can be told.",
            "name a layer before the axes are flattened, or wrap the model in a function that "
            "reshapes this axis back to (height, width).",
        )


WAYS_OUT = {
    " once global paths are cut": 'leave global_paths="follow": it has no other paths.',
    " by any path that has a gradient": 'leave method="exact", which needs no gradient.',
}


class IndependentOutputError(RfcoreError):
    """The asked output does not depend on the input."""

    def __init__(self, output: str, detail: str = "") -> None:
        self.output = output
        name = f"{output!r}" if output else "the model"
        super().__init__(
            f"The output of {name} does not depend on the input{detail}.",
            WAYS_OUT.get(
                detail,
                "check that the forward uses its argument; where it takes several, input= names "
                "the one that is measured.",
            ),
        )


class TruncatedFieldError(RfcoreError):
    """The field is cut off by the input's borders, and no larger input could be used."""

    def __init__(
        self,
        output: str,
        axis: int,
        input_size: int,
        why: str,
        hint: str,
        *,
        size_matters: bool = False,
    ) -> None:
        self.output, self.axis, self.input_size = output, axis, input_size
        self.size_matters = size_matters
        name = f"{output!r}" if output else "the output"
        super().__init__(
            f"The field of {name} reaches the borders of the {input_size}-pixel input on "
            f"axis {axis}, so only part of it can be seen; {why}.",
            hint,
        )


class IrregularFieldError(RfcoreError):
    """No stride and period explain the intervals of the outputs on an axis."""

    def __init__(self, output: str, axis: int, detail: str, hint: str = "") -> None:
        self.output, self.axis, self.detail = output, axis, detail
        name = f"{output!r}" if output else "the output"
        super().__init__(
            f"The field of {name} has no single stride on axis {axis}: {detail}.",
            hint
            or "measure a layer before the paths of different stride meet, or inside of one of "
            "them, by its name as output.",
        )


class ProbeError(RfcoreError):
    """A probe returned something that is not an influence or gradient array."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"The probe {problem}.",
            "a probe takes a mask of shape output_shape and returns a finite array of shape "
            "input_shape that is non-zero where the input matters.",
        )


class UnsupportedOpError(RfcoreError):
    """An op has neither a rule nor a derivative that could stand in for one."""

    def __init__(self, op: str, layer: str, reason: str) -> None:
        self.op, self.layer, self.reason = op, layer, reason
        where = f" in layer {layer!r}" if layer else ""
        super().__init__(
            f"The op {op}{where} cannot be traced: {reason}.",
            "put an op there that is differentiable and whose shape does not depend on values.",
        )

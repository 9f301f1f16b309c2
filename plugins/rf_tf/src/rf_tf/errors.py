"""What can be wrong with a TensorFlow model, told with what to type instead."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from rfcore.errors import RfcoreError

__all__ = [
    "HeldInputError",
    "InputKindError",
    "NoSessionError",
    "NotAModelError",
    "SavedModelError",
    "SeveralInputsError",
    "SeveralPlaceholdersError",
    "SeveralSignaturesError",
    "SeveralTracesError",
    "UnbuiltModelError",
    "UnknownInputError",
]

SHOWN = 12


class NotAModelError(RfcoreError):
    """The object is none that this backend can trace."""

    def __init__(self, model: object, problem: str, hint: str) -> None:
        self.model_type = type(model)
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        super().__init__(f"The backend 'tf' cannot trace this {kind}: {problem}.", hint)


class SavedModelError(RfcoreError):
    """A path does not hold a SavedModel that can be loaded."""

    def __init__(self, path: str | Path, problem: str) -> None:
        self.path, self.problem = Path(path), problem
        super().__init__(
            f"{str(path)!r} is no SavedModel: {problem}.",
            "give the folder that holds saved_model.pb, or load the model yourself and pass the "
            "object.",
        )


class SeveralSignaturesError(RfcoreError):
    """A SavedModel can be called in several ways, and nothing says in which."""

    def __init__(self, signatures: Sequence[str], path: str | None = None) -> None:
        self.signatures = tuple(signatures)
        names = ", ".join(map(repr, signatures))
        loading = f"model = tf.saved_model.load({path!r}), then " if path is not None else ""
        super().__init__(
            f"This SavedModel has {len(signatures)} signatures: {names}.",
            f"pass one of them as the model: {loading}model.signatures[{signatures[0]!r}].",
        )


class SeveralTracesError(RfcoreError):
    """A restored function was saved with several traces, or with none."""

    def __init__(self, traces: Sequence[str]) -> None:
        self.traces = tuple(traces)
        listed = "".join(f"\n  [{number}] {trace}" for number, trace in enumerate(traces))
        super().__init__(
            f"This function of a SavedModel was saved with {len(traces)} traces.{listed}",
            "pass one of them as the model: function.concrete_functions[0]."
            if traces
            else "call it once before it is saved, so that it has a trace.",
        )


class UnknownInputError(RfcoreError):
    """`input` names nothing that the model takes."""

    def __init__(self, name: str | int, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        self.nearest = tuple(difflib.get_close_matches(str(name), known, n=3))
        names = ", ".join(map(repr, known[:SHOWN])) + (", …" if len(known) > SHOWN else "")
        has = f"there are {names}" if known else "it takes none"
        choice = (self.nearest or tuple(known) or ("x",))[0]
        super().__init__(
            f"The model has no input {name!r}; {has}.", f"did you mean input={choice!r}?"
        )


class SeveralPlaceholdersError(RfcoreError):
    """A plain graph has several placeholders (or none), and nothing says which is measured."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        shown = ", ".join(map(repr, names[:SHOWN])) + (", …" if len(names) > SHOWN else "")
        has = f"has {len(names)} placeholders: {shown}" if names else "has no placeholder"
        super().__init__(
            f"The graph {has}, and nothing says where the image goes in.",
            f"name the node: input={names[0] if names else 'node'!r}.",
        )


class SeveralInputsError(RfcoreError):
    """The model takes several inputs and says nothing of what the others are."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        measured, *others = names
        arguments = ", ".join([measured, *(f"{name}={name}" for name in others)])
        super().__init__(
            f"The model takes several inputs ({', '.join(names)}), and it does not tell the "
            "shapes of the others.",
            f"bind the others: lambda {measured}: model({arguments}), with "
            'backend="tf"; or give the function an input_signature.',
        )


class HeldInputError(RfcoreError):
    """Another input than the measured one has no static shape."""

    def __init__(self, name: str, shape: object, measured: str) -> None:
        self.name, self.shape = name, shape
        super().__init__(
            f"The input {name!r}, which is not measured, has the shape {shape}, and a size stays "
            "unknown.",
            f"bind it to a value: lambda {measured}: model({measured}, {name}=…), with "
            'backend="tf".',
        )


class InputKindError(RfcoreError):
    """The measured input is not a dense tensor of numbers."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        super().__init__(
            f"The input {name!r} is {kind}, whose positions are not pixels of an array.",
            "measure the part of the model behind it: pass a function of one dense tensor, with "
            'backend="tf", or name another input.',
        )


class UnbuiltModelError(RfcoreError):
    """The forward creates variables: the model was never called before."""

    def __init__(self, variable: str) -> None:
        self.variable = variable
        super().__init__(
            f"The forward creates the variable {variable!r}: this model was never built, and "
            "measuring it would change it.",
            "call it once on an input of the size you ask for: model(tf.zeros([1, 224, 224, 3])).",
        )


class NoSessionError(RfcoreError):
    """The variables of a TF1 graph have their values in a session, and there is none."""

    def __init__(self, variables: Sequence[str]) -> None:
        self.variables = tuple(variables)
        super().__init__(
            f"The graph has variables ({', '.join(variables[:3])}, …) whose values are in no "
            "session, and nothing can be computed without them.",
            'call within "with session:"; only method="exact" needs no values.',
        )

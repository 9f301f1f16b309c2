"""Exceptions about what the user typed: shapes, names, options, texts."""

from __future__ import annotations

from collections.abc import Sequence

from rfcore.errors.base import RfcoreError, listed, nearest

__all__ = [
    "AmbiguousOutputError",
    "FieldFormatError",
    "InputShapeError",
    "LayerNotRunError",
    "LayerSpecError",
    "LayoutError",
    "OptionError",
    "OutputNameError",
    "UnknownLayerError",
]


SHOWN = 8


class OptionError(RfcoreError):
    """An argument has a value outside its few allowed ones."""

    def __init__(
        self, argument: str, value: object, allowed: Sequence[object], *, beside: str = ""
    ) -> None:
        self.argument, self.value, self.allowed = argument, value, tuple(allowed)
        problem = f"does not go with {beside}" if beside else "is not known"
        choices = " or ".join(f"{argument}={choice!r}" for choice in self.allowed[:SHOWN])
        more = f" (of {len(self.allowed)})" if len(self.allowed) > SHOWN else ""
        super().__init__(f"{argument}={value!r} {problem}.", f"write {choices}{more}.")


class LayoutError(RfcoreError):
    """A layout string that cannot be read, or does not fit the input shape."""

    def __init__(self, layout: str, problem: str) -> None:
        self.layout = layout
        super().__init__(
            f"layout={layout!r} {problem}.",
            "leave layout=None for the usual one, or write one letter per axis: N batch, "
            'C channels, any other letter a spatial axis, as in "NCHW", "NHWC", "NCL" or '
            '"NCDHW"; input_shape leaves N out.',
        )


class InputShapeError(RfcoreError):
    """`input_shape` is missing, or not a shape this model can take."""

    def __init__(self, input_shape: object, problem: str, hint: str) -> None:
        self.input_shape = input_shape
        super().__init__(f"input_shape={input_shape!r} {problem}.", hint)


class UnknownLayerError(RfcoreError):
    """No layer and no output of the model has the asked name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        self.nearest = tuple(nearest(name, known))
        if self.nearest:
            others = "".join(f" or {other!r}" for other in self.nearest[1:])
            hint = f"did you mean output={self.nearest[0]!r}{others}?"
        elif known:
            hint = f"known are {listed(known)}; write for example output={known[-1]!r}."
        else:
            hint = "this model has no named layers; leave output=None."
        super().__init__(f"The model has no layer or output called {name!r}.", hint)


class OutputNameError(RfcoreError):
    """`output` is not a name, a number or None."""

    def __init__(self, output: object, known: Sequence[str]) -> None:
        self.output, self.known = output, tuple(known)
        example = f", for example output={known[-1]!r}" if known else ""
        super().__init__(
            f"output={output!r:.60} is a {type(output).__name__}, not the name of a layer.",
            f"name it as the framework does{example}, or give an index or key of the model's "
            "output; output=None is that output itself.",
        )


class LayerNotRunError(RfcoreError):
    """The asked layer exists but does not run in this forward."""

    def __init__(self, name: str, ran: Sequence[str]) -> None:
        self.name, self.ran = name, tuple(ran)
        near = nearest(name, ran) or ran
        super().__init__(
            f"The layer {name!r} exists but produced no tensor in this forward.",
            f"choose a layer that runs, for example output={near[0]!r}"
            + (f" or {listed(near[1:], 3)}." if near[1:] else ".")
            if near
            else "no layer of this model produced one; leave output=None.",
        )


class AmbiguousOutputError(RfcoreError):
    """The asked name stands for several tensors."""

    def __init__(self, name: str, choices: Sequence[str]) -> None:
        self.name, self.choices = name, tuple(choices)
        what = f"The layer {name!r} stands for" if name else "The model returns"
        super().__init__(
            f"{what} {len(choices)} tensors: {listed(choices)}.",
            f"ask for one of them: output={choices[0]!r}.",
        )


class LayerSpecError(RfcoreError):
    """A text or record that describes layers cannot be read."""

    def __init__(self, text: str, problem: str, hint: str) -> None:
        self.text, self.problem = text, problem
        super().__init__(f"In the layer specification {text!r}: {problem}.", hint)


class FieldFormatError(RfcoreError):
    """A dict or JSON text is not a receptive field that this version can read."""

    def __init__(self, problem: str, hint: str) -> None:
        self.problem = problem
        super().__init__(f"This is not a receptive field of rfcore: {problem}.", hint)

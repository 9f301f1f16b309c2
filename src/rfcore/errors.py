"""Every exception of rfcore: each takes data, builds its own message and ends with a hint.

The values stay on the exception as attributes, so that a program can act on them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "AmbiguousBackendError",
    "AmbiguousOutputError",
    "BackendCapabilityError",
    "FieldFormatError",
    "IndependentOutputError",
    "InputShapeError",
    "InputTypeError",
    "IrregularFieldError",
    "LayerNotRunError",
    "LayerSpecError",
    "LayoutError",
    "MergedAxesError",
    "ModelError",
    "NoBackendError",
    "NoOutputError",
    "NoSpatialAxesError",
    "OptionError",
    "OutputNameError",
    "ProbeError",
    "RfcoreError",
    "TruncatedFieldError",
    "UnknownBackendError",
    "UnknownLayerError",
    "UnsupportedOpError",
]


class RfcoreError(Exception):
    """Base of all errors of rfcore: a fact with its values, then a hint with something to type."""

    def __init__(self, message: str, hint: str) -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}\nHint: {hint}")


def _listed(names: Iterable[str], limit: int = 8) -> str:
    known = list(names)
    shown = ", ".join(repr(name) for name in known[:limit])
    return shown + (f", … ({len(known)} in all)" if len(known) > limit else "")


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    candidates = list(known)
    close = difflib.get_close_matches(name, candidates, n=4, cutoff=0.5)
    return close or [other for other in candidates if name and name in other][:4]


class OptionError(RfcoreError):
    """An argument has a value outside its few allowed ones."""

    def __init__(self, argument: str, value: object, allowed: Sequence[object]) -> None:
        self.argument, self.value, self.allowed = argument, value, tuple(allowed)
        super().__init__(
            f"{argument}={value!r} is not known.",
            f"{argument} is one of {', '.join(map(repr, allowed))}.",
        )


class UnknownBackendError(RfcoreError):
    """The named backend is not installed, or its plugin is broken."""

    def __init__(self, name: str, known: Sequence[str], broken: Mapping[str, str]) -> None:
        self.name, self.known, self.broken = name, tuple(known), dict(broken)
        if name in broken:
            message = f"The backend {name!r} is installed but does not load: {broken[name]}"
            hint = "repair or reinstall its distribution; `rfcore backends` shows every reason."
        else:
            message = f"No backend is called {name!r}; installed are {_listed(known)}."
            near = _nearest(name, known)
            hint = (
                f"did you mean backend={near[0]!r}?"
                if near
                else f"install its plugin (`pip install rf-{name}`), or leave backend=None."
            )
        super().__init__(message, hint)


class NoBackendError(RfcoreError):
    """No installed backend accepts the model."""

    def __init__(self, model: object, known: Sequence[str], broken: Mapping[str, str]) -> None:
        self.model_type, self.known, self.broken = type(model), tuple(known), dict(broken)
        where = f"{type(model).__module__}.{type(model).__qualname__}"
        message = f"No backend accepts a model of type {where}; asked were {_listed(known)}."
        if broken:
            message += f" Installed but broken: {_listed(broken)}."
        super().__init__(
            message,
            "install the plugin of its framework (for example `pip install rf-torch`), "
            'or name a backend, as in backend="torch" for a plain function.',
        )


class AmbiguousBackendError(RfcoreError):
    """More than one installed backend accepts the model."""

    def __init__(self, model: object, claims: Sequence[str]) -> None:
        self.model_type, self.claims = type(model), tuple(claims)
        super().__init__(
            f"The backends {_listed(claims)} all accept a model of type "
            f"{type(model).__qualname__}.",
            f"name one: backend={claims[0]!r}.",
        )


class BackendCapabilityError(RfcoreError):
    """The backend does not offer what was asked of it."""

    def __init__(self, backend: str, wanted: str, hint: str) -> None:
        self.backend, self.wanted = backend, wanted
        super().__init__(f"The backend {backend!r} does not offer {wanted}.", hint)


class LayoutError(RfcoreError):
    """A layout string that cannot be read, or does not fit the input shape."""

    def __init__(self, layout: str, problem: str) -> None:
        self.layout = layout
        super().__init__(
            f"layout={layout!r} {problem}.",
            "write one letter per axis: N batch, C channels, any other letter a spatial axis, "
            'as in "NCHW", "NHWC", "NCL" or "NCDHW"; input_shape leaves N out.',
        )


class InputShapeError(RfcoreError):
    """`input_shape` is missing, or not a shape this model can take."""

    def __init__(self, input_shape: object, problem: str, hint: str) -> None:
        self.input_shape = input_shape
        super().__init__(f"input_shape={input_shape!r} {problem}.", hint)


class ModelError(RfcoreError):
    """The model's own forward raised at the asked input (its error is the cause)."""

    def __init__(self, input_shape: Sequence[int], cause: BaseException) -> None:
        self.input_shape = tuple(input_shape)
        first_line = (str(cause).strip() or "no message").splitlines()[0]
        super().__init__(
            f"The model does not run on an input of shape {self.input_shape} (batch included): "
            f"{type(cause).__name__}: {first_line}",
            "check input_shape (it leaves the batch out) and layout; if the sizes are too small "
            "for the network, ask for a larger input. The model's own error is the cause above.",
        )


class UnknownLayerError(RfcoreError):
    """No layer and no output of the model has the asked name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        self.nearest = tuple(_nearest(name, known))
        if self.nearest:
            hint = f"did you mean {' or '.join(map(repr, self.nearest))}?"
        elif known:
            hint = f"known are {_listed(known)}."
        else:
            hint = "this model has no named layers; leave output=None."
        super().__init__(f"The model has no layer or output called {name!r}.", hint)


class OutputNameError(RfcoreError):
    """`output` is not a name, a number or None."""

    def __init__(self, output: object) -> None:
        self.output = output
        super().__init__(
            f"output={output!r:.60} is a {type(output).__name__}, not the name of a layer.",
            'name it as the framework does, for example output="layer4", or give an index or '
            "key of the model's output.",
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


class InputTypeError(RfcoreError):
    """The measured input would have to hold integers or complex numbers."""

    def __init__(self, needed: str) -> None:
        self.needed = needed
        super().__init__(
            f"The model's input holds {needed}, and what it depends on cannot be told by position "
            "of a floating-point input.",
            'measure from where the values are floating point: input="inputs_embeds" where the '
            "model takes embedded tokens, or pass the part of the model behind the embedding.",
        )


class LayerNotRunError(RfcoreError):
    """The asked layer exists but does not run in this forward."""

    def __init__(self, name: str, ran: Sequence[str]) -> None:
        self.name, self.ran = name, tuple(ran)
        near = _nearest(name, ran) or ran
        super().__init__(
            f"The layer {name!r} exists but produced no tensor in this forward.",
            f"choose a layer that runs, for example {_listed(near, 4)}."
            if near
            else "no layer of this model produced one; leave output=None.",
        )


class AmbiguousOutputError(RfcoreError):
    """The asked name stands for several tensors."""

    def __init__(self, name: str, choices: Sequence[str]) -> None:
        self.name, self.choices = name, tuple(choices)
        what = f"The layer {name!r} stands for" if name else "The model returns"
        super().__init__(
            f"{what} {len(choices)} tensors: {_listed(choices)}.",
            f"ask for one of them: output={choices[0]!r}.",
        )


class NoSpatialAxesError(RfcoreError):
    """The asked output has no spatial axes: every unit of it sees the whole input."""

    def __init__(self, output: str, shape: Sequence[int], last_spatial: str | None) -> None:
        self.output, self.shape, self.last_spatial = output, tuple(shape), last_spatial
        name = f"{output!r}" if output else "the model"
        if last_spatial is None:
            hint = "name an inner layer whose output still has spatial axes, as in output='conv1'."
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


class IndependentOutputError(RfcoreError):
    """The asked output does not depend on the input."""

    def __init__(self, output: str, detail: str = "") -> None:
        self.output = output
        name = f"{output!r}" if output else "the model"
        super().__init__(
            f"The output of {name} does not depend on the input{detail}.",
            "check that the forward uses its argument, and that the right input is measured "
            '(global_paths="ignore" cuts paths that run through global reductions).',
        )


class TruncatedFieldError(RfcoreError):
    """The field is cut off by the input's borders, and no larger input could be used."""

    def __init__(self, output: str, axis: int, input_size: int, why: str, hint: str) -> None:
        self.output, self.axis, self.input_size = output, axis, input_size
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
            or "measure an inner layer before the paths of different stride meet, or the "
            "single path, as in output='layer1'.",
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
            'measure a layer before it with output="…", or replace the op by a differentiable '
            'one; method="gradient" gives a lower bound.',
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

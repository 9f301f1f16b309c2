"""The door for what Python can call: functions, `tf.function`s, modules.

They are traced at the size that is asked about, so that whatever their Python does with static
shapes holds. Another size means another trace, unless the graph holds no sizes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import tensorflow as tf

from rf_tf.captured import Captured
from rf_tf.concrete import ConcreteSource, flattened, held_lengths
from rf_tf.errors import HeldInputError, NotAModelError, SeveralInputsError, UnbuiltModelError
from rf_tf.flat import Flat
from rf_tf.kinds import is_polymorphic_function
from rf_tf.sizes import holds_sizes
from rf_tf.sources import GivenInput, Source, chosen_input
from rfcore.errors import RfcoreError
from rfcore.inputs import InputSpec

__all__ = ["FunctionSource", "source_of_callable", "without_new_variables"]


def source_of_callable(model: Any) -> Source:
    """Opens a callable; one with a fixed signature is traced at once, others at a known size.

    Raises:
        NotAModelError: It cannot be called.
        SeveralInputsError: It takes several inputs and does not tell their shapes.
    """
    call = _call(model)
    signature = getattr(call, "input_signature", None)
    if signature is not None:
        return ConcreteSource(_fresh(call).get_concrete_function())
    return FunctionSource(_fresh(call), _inputs(call, model))


class FunctionSource:
    """A callable that is traced at the asked shape.

    Args:
        function: A `tf.function` that takes the inputs by position.
        inputs: Its inputs, in order.
        layers: Where given, the function returns a dict by address, with the layers of these
            names (and types) among them.
    """

    def __init__(
        self,
        function: Any,
        inputs: Iterable[GivenInput],
        layers: Mapping[str, str] | None = None,
    ) -> None:
        self.function = function
        self.inputs = tuple(inputs)
        self.layers = layers
        self._first: Flat | None = None

    def choose(self, name: str | int | None) -> GivenInput:
        """The input by its name or number, the first dense one for None."""
        return chosen_input(self.inputs, name)

    def captured(self, spec: InputSpec) -> Captured:
        """The graph at the asked shape: traced there, or elsewhere if that makes no difference."""
        if self._first is None:
            self._first = self._traced(spec)
            return self._first.imported(spec.shape)
        if not holds_sizes(self._first):
            try:
                return self._first.imported(spec.shape)
            except ValueError:
                # A constant of the first size met the input: trace again.
                return self._traced(spec).imported(spec.shape)
        try:
            return self._traced(spec).imported(spec.shape)
        except RfcoreError:
            raise
        except Exception:
            # The Python around the ops insists on the first size; the ops may not.
            return self._first.imported(spec.shape)

    def _traced(self, spec: InputSpec) -> Flat:
        measured = self.inputs.index(self.choose(spec.name))
        specs = [
            tf.TensorSpec(spec.shape if n == measured else self._held(n, measured), given.dtype)
            for n, given in enumerate(self.inputs)
        ]
        concrete = self.function.get_concrete_function(*specs)
        flat = flattened(concrete, concrete.graph.inputs[measured].op.name)
        if self.layers is None:
            return flat
        outputs = {path[1:-1]: tensor for path, tensor in flat.outputs.items()}
        return replace(flat, outputs=outputs, layers=self.layers)

    def _held(self, number: int, measured: int) -> list[int]:
        given = self.inputs[number]
        lengths = held_lengths(given.shape)
        if lengths is None:
            raise HeldInputError(given.name, given.shape, self.inputs[measured].name)
        return lengths


def _call(model: Any) -> Any:
    """What is called when a model is: its `__call__`, where that is a function of TensorFlow's."""
    if isinstance(model, type):
        name = model.__name__
        hint = f"make an instance first: {name}(…)."
        raise NotAModelError(model, f"it is the class {name}", hint)
    own = getattr(model, "__call__", None)  # noqa: B004
    if not callable(own):
        methods = (name for name in dir(type(model)) if not name.startswith("_"))
        traced = [name for name in methods if is_polymorphic_function(getattr(model, name, None))]
        what = f"one of its methods: model.{traced[0]}" if traced else "a function of one tensor"
        raise NotAModelError(model, "it is not callable", f"pass {what}.")
    return own if is_polymorphic_function(own) and not is_polymorphic_function(model) else model


def _fresh(call: Any) -> Any:
    """A `tf.function` of its own, so that the user's keeps its cache of traces as it is."""
    if is_polymorphic_function(call):
        return tf.function(
            without_new_variables(call.python_function),
            input_signature=call.input_signature,
            autograph=getattr(call, "_autograph", True),
        )
    return tf.function(without_new_variables(call))


def without_new_variables(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function, in which it is an error to make a variable."""

    def refuse(_: Any, **options: Any) -> NoReturn:
        raise UnbuiltModelError(str(options.get("name") or "Variable"))

    def guarded(*args: Any, **kwargs: Any) -> Any:
        with tf.variable_creator_scope(refuse):
            return function(*args, **kwargs)

    guarded.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return guarded


def _inputs(call: Any, model: Any) -> list[GivenInput]:
    function = call.python_function if is_polymorphic_function(call) else call
    dtype = _dtype(model)
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    needed = [p.name for p in parameters if p.default is p.empty]
    if len(needed) > 1:
        raise SeveralInputsError(needed)
    first = needed or [parameter.name for parameter in parameters[:1]] or ["x"]
    return [GivenInput(first[0], None, dtype)]


def _dtype(model: Any) -> tf.DType:
    """The type of a model's input: that of its weights."""
    for variable in getattr(model, "trainable_variables", ()):
        if variable.dtype.is_floating:
            return variable.dtype
    return tf.float32

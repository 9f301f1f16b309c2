"""A model's own forward on its real weights: the captured graph, run in a session of its own.

The model itself is never executed, so that neither its state nor its random numbers move.

The session runs on the CPU, graph optimizers off, with or without oneDNN: that cannot be switched
while TensorFlow is loaded, and need not be. Both kinds of kernels sum window by window, in the same
order each time. NaN stays in the windows that hold it, once max-pooling passes it on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rf_tf.captured import Captured
from rf_tf.constants import UnknownValueError, session_config
from rf_tf.errors import NoSessionError
from rf_tf.pooling import passing_nan
from rf_tf.randomness import draws_numbers, with_seeds
from rf_tf.tracing import captured_model, explained
from rfcore.addresses import resolve
from rfcore.errors import InputShapeError, ModelError, RfcoreError
from rfcore.graph import GraphBuilder
from rfcore.hookspecs import OutputForward, Trace
from rfcore.inputs import InputSpec

__all__ = [
    "Run",
    "Values",
    "computing",
    "located",
    "output_forward",
    "plain_array",
    "plain_type",
    "values_behind",
]

SEED = 0

Run = Callable[[Any, dict[tf.Tensor, NDArray[Any]]], Any]
"""From a tensor, or a list of them, and what is fed to the values."""


@dataclass(frozen=True, slots=True)
class Values:
    """What the copy of the graph needs to be run.

    Attributes:
        fed: What has to be fed in every run.
        assign: The op that gives variables their values, and what it is fed.
        notes: What the reader should know about it.
    """

    fed: dict[tf.Tensor, NDArray[Any]]
    assign: tuple[tf.Operation, dict[tf.Tensor, NDArray[Any]]]
    notes: tuple[str, ...]

    def session(self, graph: tf.Graph) -> tf.compat.v1.Session:
        """A new session in which the variables have their values."""
        session = tf.compat.v1.Session(graph=graph, config=session_config())
        session.run(*self.assign)
        return session


def output_forward(model: Any, spec: InputSpec, output: str | int | None) -> OutputForward:
    """Prepares the forward up to an output, on the variables' present values.

    Args:
        model: Anything that this backend has a door for.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        UnknownLayerError: Nothing has that name.
        NoSessionError: The variables have no values.
    """
    captured, address = located(model, spec, output)
    captured = passing_nan(with_seeds(captured))
    target = captured.outputs[address]
    values = values_behind(captured, (target,))
    place = captured.input.dtype.as_numpy_dtype
    computed = computing(captured, values)

    def run(image: NDArray[Any]) -> NDArray[Any]:
        if image.shape != spec.shape:
            hint = f"give an array of shape {spec.shape}, or ask for a forward of this shape."
            raise InputShapeError(image.shape, "is not what this forward was made for", hint)
        try:
            given = {**values.fed, captured.input: image.astype(place)}
            return plain_array(computed(target, given))
        except tf.errors.OpError as error:
            raise ModelError(spec.shape, error) from error

    return OutputForward(run, plain_type(place), (*values.notes, *captured.warnings))


def computing(captured: Captured, values: Values) -> Run:
    """From tensors and what is fed to their values: the same each time, whatever is drawn."""
    if not draws_numbers(captured.graph):
        session = values.session(captured.graph)
        run: Run = session.run
        return run

    def anew(targets: Any, fed: dict[tf.Tensor, NDArray[Any]]) -> Any:
        # Generators begin again with the session, their states with its variables.
        with values.session(captured.graph) as session:
            return session.run(targets, fed)

    return anew


def located(model: Any, spec: InputSpec, output: str | int | None) -> tuple[Captured, str]:
    """A model's graph, and the address in it of what the user names.

    Raises:
        ModelError: The forward failed.
        UnknownLayerError: Nothing has that name.
    """
    try:
        captured = captured_model(model, spec)
    except Exception as error:
        cause = explained(error)
        if isinstance(cause, RfcoreError):
            raise cause from error
        raise ModelError(spec.shape, cause) from error
    # The names are those of a trace.
    names = dict.fromkeys(captured.outputs, 0)
    trace = Trace(GraphBuilder(spec.shape).finish(), names, {}, tuple(captured.layers))
    return captured, resolve(trace, output)


def values_behind(captured: Captured, targets: Sequence[tf.Tensor], *given: tf.Tensor) -> Values:
    """The values of variables and of other inputs that some tensors need.

    Args:
        captured: The graph.
        targets: The tensors.
        given: Placeholders, beside the measured input, that the caller feeds.

    Raises:
        NoSessionError: A variable has no value.
    """
    fed: dict[tf.Tensor, NDArray[Any]] = {}
    handles: list[tuple[tf.Tensor, NDArray[Any]]] = []
    unknown: list[str] = []
    held: list[str] = []
    known = {captured.input.op, *(tensor.op for tensor in given)}
    for op in _sources(targets):
        result = op.outputs[0]
        if op.name in captured.variables:
            try:
                value = captured.variables[op.name]()
            except UnknownValueError:
                unknown.append(op.name)
                continue
            if op.type == "VarHandleOp":
                handles.append((result, value))
            else:
                fed[result] = value
        elif op.type == "VarHandleOp" or op.name in captured.unread:
            unknown.append(op.name)
        elif op not in known and result.shape.is_fully_defined():
            generator = np.random.default_rng(SEED)
            numbers = generator.random(tuple(result.shape.as_list()))
            fed[result] = numbers.astype(result.dtype.as_numpy_dtype)
            held.append(op.name)
    if unknown:
        raise NoSessionError(unknown)
    notes = tuple(f"the input {name!r} is held at random values" for name in held)
    return Values(fed, _assignment(captured.graph, handles), notes)


def _sources(targets: Sequence[tf.Tensor]) -> list[tf.Operation]:
    """The variables and placeholders that some tensors need."""
    waiting = [target.op for target in targets]
    reached = dict.fromkeys(waiting)
    while waiting:
        for tensor in waiting.pop().inputs:
            if tensor.op not in reached:
                reached[tensor.op] = None
                waiting.append(tensor.op)
    return [op for op in reached if op.type in ("VarHandleOp", "Placeholder")]


def _assignment(
    graph: tf.Graph, handles: list[tuple[tf.Tensor, NDArray[Any]]]
) -> tuple[tf.Operation, dict[tf.Tensor, NDArray[Any]]]:
    given: dict[tf.Tensor, NDArray[Any]] = {}
    with graph.as_default():
        assignments = []
        for handle, value in handles:
            place = tf.compat.v1.placeholder(value.dtype, value.shape)
            assignments.append(tf.raw_ops.AssignVariableOp(resource=handle, value=place))
            given[place] = value
        return tf.group(*assignments), given


def plain_array(value: Any) -> NDArray[Any]:
    """A value in a type of numpy's own."""
    array = np.asarray(value)
    return array.astype(plain_type(array.dtype), copy=False)


def plain_type(dtype: Any) -> np.dtype[Any]:
    """A type of numpy's own that holds the values of a type; bfloat16 is none."""
    found = np.dtype(dtype)
    return found if found.kind in "biufc" else np.dtype(np.float32)

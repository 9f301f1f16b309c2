"""The gradient callable: |d output / d input| on the model's own weights, by `tf.gradients`.

The derivative is taken in the captured graph, a copy, and run there: the model itself is never
executed, so that neither its state nor its random numbers move.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rf_tf.captured import Captured
from rf_tf.constants import UnknownValueError, session_config
from rf_tf.errors import NoSessionError
from rf_tf.tracing import captured_model, explained
from rfcore.addresses import resolve
from rfcore.errors import (
    BackendCapabilityError,
    IndependentOutputError,
    ModelError,
    NoSpatialAxesError,
    RfcoreError,
)
from rfcore.graph import GraphBuilder
from rfcore.hookspecs import MeasuredOutput, Trace
from rfcore.inputs import InputSpec

__all__ = ["measured_output"]

SEED = 0


def measured_output(model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
    """Prepares one backward pass from a random input; each probe runs it.

    Args:
        model: Anything that this backend has a door for.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        NoSpatialAxesError: The output has not the input's axes.
        IndependentOutputError: The output does not depend on the input.
        NoSessionError: The variables have no values.
    """
    try:
        captured = captured_model(model, spec)
    except Exception as error:
        cause = explained(error)
        if isinstance(cause, RfcoreError):
            raise cause from error
        raise ModelError(spec.shape, cause) from error
    address, tensor = _addressed(captured, spec, output)
    shape = tensor.shape
    if shape.rank != len(spec.shape) or not shape.is_fully_defined():
        raise NoSpatialAxesError(address, tuple(n or 0 for n in shape), None)
    cotangent, gradient = _derivative(captured, tensor)
    if gradient is None:
        raise IndependentOutputError(address, " by any path that has a gradient")
    session = tf.compat.v1.Session(graph=captured.graph, config=session_config())
    fed, notes = _values(captured, cotangent, gradient, session)
    fed[captured.input] = _random(captured.input)
    others = tuple(d for d in range(len(spec.shape)) if d not in spec.axes)

    def probe(mask: NDArray[Any]) -> NDArray[Any]:
        wide = np.broadcast_to(np.expand_dims(mask, others), tuple(shape.as_list()))
        given = {**fed, cotangent: wide.astype(tensor.dtype.as_numpy_dtype)}
        try:
            values = np.abs(session.run(gradient, given)).astype(np.float64)
        except tf.errors.OpError as error:
            raise ModelError(spec.shape, error) from error
        summed: NDArray[Any] = values.sum(axis=others)
        return summed

    note = f"one forward on a uniform random input (seed {SEED}); |gradient| summed over channels"
    return MeasuredOutput(
        probe,
        spec.spatial_shape,
        tuple(int(shape[axis]) for axis in spec.axes),
        (note, *notes, *captured.warnings),
    )


def _addressed(
    captured: Captured, spec: InputSpec, output: str | int | None
) -> tuple[str, tf.Tensor]:
    """The tensor that the user names; the names are those of a trace."""
    names = dict.fromkeys(captured.outputs, 0)
    trace = Trace(GraphBuilder(spec.shape).finish(), names, {}, captured.layers)
    address = resolve(trace, output)
    return address, captured.outputs[address]


def _derivative(captured: Captured, tensor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
    """A place for the cotangent of a tensor, and the gradient of the input with it."""
    for end in (captured.input, tensor):
        if not end.dtype.is_floating:
            hint = 'only floating numbers have one; leave method="exact".'
            raise BackendCapabilityError("tf", f"a gradient of {end.dtype.name} values", hint)
    with captured.graph.as_default():
        cotangent = tf.compat.v1.placeholder(tensor.dtype, tensor.shape)
        try:
            (gradient,) = tf.compat.v1.gradients(tensor, captured.input, grad_ys=cotangent)
        except (LookupError, NotImplementedError, TypeError, ValueError) as error:
            hint = f'{str(error).splitlines()[0]}; leave method="exact".'
            raise BackendCapabilityError("tf", "the gradient of this model", hint) from error
    if isinstance(gradient, tf.IndexedSlices):
        with captured.graph.as_default():
            gradient = tf.convert_to_tensor(gradient)
    return cotangent, gradient


def _values(
    captured: Captured,
    cotangent: tf.Tensor,
    gradient: tf.Tensor,
    session: tf.compat.v1.Session,
) -> tuple[dict[tf.Tensor, NDArray[Any]], list[str]]:
    """Gives the copy of the graph what it needs: the values of variables, and other inputs.

    Returns:
        What has to be fed in every run, and what the reader should know about it.

    Raises:
        NoSessionError: A variable has no value.
    """
    fed: dict[tf.Tensor, NDArray[Any]] = {}
    handles: list[tuple[tf.Tensor, NDArray[Any]]] = []
    unknown: list[str] = []
    held: list[str] = []
    known = (captured.input.op, cotangent.op)
    for op in _sources(gradient):
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
            fed[result] = _random(result)
            held.append(op.name)
    if unknown:
        raise NoSessionError(unknown)
    _assign(captured.graph, session, handles)
    return fed, [f"the input {name!r} is held at random values" for name in held]


def _sources(gradient: tf.Tensor) -> list[tf.Operation]:
    """The variables and placeholders that a gradient needs."""
    reached = {gradient.op}
    waiting = [gradient.op]
    while waiting:
        for tensor in waiting.pop().inputs:
            if tensor.op not in reached:
                reached.add(tensor.op)
                waiting.append(tensor.op)
    return [op for op in reached if op.type in ("VarHandleOp", "Placeholder")]


def _assign(
    graph: tf.Graph,
    session: tf.compat.v1.Session,
    handles: list[tuple[tf.Tensor, NDArray[Any]]],
) -> None:
    given: dict[tf.Tensor, NDArray[Any]] = {}
    assignments = []
    with graph.as_default():
        for handle, value in handles:
            place = tf.compat.v1.placeholder(value.dtype, value.shape)
            assignments.append(tf.raw_ops.AssignVariableOp(resource=handle, value=place))
            given[place] = value
    session.run(assignments, given)


def _random(tensor: tf.Tensor) -> NDArray[Any]:
    generator = np.random.default_rng(SEED)
    values = generator.random(tuple(tensor.shape.as_list()))
    return values.astype(tensor.dtype.as_numpy_dtype)

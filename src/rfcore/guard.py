"""Asking a backend: what it answers is checked before it is believed, and what it raises is named.

A backend is somebody else's code. Whatever goes wrong in it becomes a `PluginFaultError` here,
never a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfcore.consistency import contradiction, is_shape
from rfcore.errors import (
    InputShapeError,
    NonFiniteGradientError,
    PluginFaultError,
    RfcoreError,
)
from rfcore.graph import Graph
from rfcore.hookspecs import (
    Backend,
    ForwardBackend,
    Linearization,
    MeasuredOutput,
    OutputForward,
    Trace,
)
from rfcore.inputs import InputSpec
from rfcore.plugins import distribution_of

__all__ = ["ask_forward", "ask_gradient", "ask_input_spec", "ask_trace", "fault"]


def ask_input_spec(
    backend: Backend,
    model: Any,
    input_shape: Sequence[int] | None,
    layout: str | None,
    name: str | int | None,
) -> InputSpec:
    """The measured input, as `Backend.input_spec` tells it.

    Raises:
        PluginFaultError: It raised, or told of no input that can be.
    """
    with _blamed(backend, "input_spec"):
        spec = backend.input_spec(model, input_shape, layout, name)
    problem = _of_spec(spec)
    if problem:
        raise fault(backend, "input_spec", problem)
    return spec


def ask_trace(backend: Backend, model: Any, spec: InputSpec) -> Trace:
    """The trace at the spec's shape, as `Backend.trace` makes it.

    Raises:
        PluginFaultError: It raised, or its graph contradicts itself.
    """
    with _blamed(backend, "trace"):
        trace = backend.trace(model, spec)
    problem = _of_trace(trace, spec)
    if problem:
        raise fault(backend, "trace", problem)
    return trace


def ask_gradient(
    backend: Backend, model: Any, spec: InputSpec, output: str | int | None
) -> MeasuredOutput:
    """An output with its derivative, as `Backend.gradient` offers it.

    What its `at`, and the `value` and `pull` of that, raise or return is checked each time: a
    gradient that is not finite raises `NonFiniteGradientError`, for the model may be why.

    Raises:
        PluginFaultError: It raised, or its shapes are none.
    """
    with _blamed(backend, "gradient"):
        measured = backend.gradient(model, spec, output)
    problem = _of_measured(measured, spec)
    if problem:
        raise fault(backend, "gradient", problem)
    name = "" if output is None else str(output)

    def at(image: NDArray[Any]) -> Linearization:
        if image.shape != spec.shape:
            hint = f"give an array of shape {spec.shape}, batch included."
            raise InputShapeError(image.shape, "is not what this gradient was made for", hint)
        with _blamed(backend, "gradient"):
            linear = measured.at(image)
        if not isinstance(linear, Linearization):
            kind = type(linear).__name__
            raise fault(backend, "gradient", f"ran and returned a {kind}, not a Linearization")
        return Linearization(partial(value, linear), partial(pull, linear))

    def value(linear: Linearization) -> NDArray[Any]:
        with _blamed(backend, "gradient"):
            result = linear.value()
        problem = _of_array(result, measured.shape, "fciub")
        if problem:
            raise fault(backend, "gradient", f"returned a value {problem}")
        return result

    def pull(linear: Linearization, cotangents: NDArray[Any]) -> NDArray[Any]:
        with _blamed(backend, "gradient"):
            gradients = linear.pull(cotangents)
        problem = _of_array(gradients, (len(cotangents), *spec.shape), "f")
        if problem:
            raise fault(backend, "gradient", f"returned gradients {problem}")
        if not np.isfinite(gradients).all():
            raise NonFiniteGradientError(name)
        return gradients

    return replace(measured, at=at)


def ask_forward(
    backend: ForwardBackend, model: Any, spec: InputSpec, output: str | int | None
) -> OutputForward:
    """The forward up to an output, as `ForwardBackend.forward` offers it.

    What its `run` raises or returns is checked each time.

    Raises:
        PluginFaultError: It raised, or offers nothing that can run.
    """
    with _blamed(backend, "forward"):
        forward = backend.forward(model, spec, output)
    problem = _of_forward(forward)
    if problem:
        raise fault(backend, "forward", problem)

    def run(image: NDArray[Any]) -> NDArray[Any]:
        with _blamed(backend, "forward"):
            result = forward.run(image)
        if not isinstance(result, np.ndarray) or result.dtype.kind not in "fciub":
            kind = getattr(result, "dtype", type(result).__name__)
            raise fault(backend, "forward", f"ran and returned {kind}, not an array of numbers")
        return result

    return replace(forward, run=run)


def fault(backend: Backend, method: str, problem: str) -> PluginFaultError:
    """The error that names the backend, its distribution and what is wrong."""
    return PluginFaultError(backend.name, distribution_of(backend.name), method, problem)


@contextmanager
def _blamed(backend: Backend, method: str) -> Iterator[None]:
    try:
        yield
    except RfcoreError:
        raise
    except Exception as error:
        raise fault(backend, method, f"raised {type(error).__name__}: {error}") from error


def _of_spec(spec: object) -> str:
    if not isinstance(spec, InputSpec):
        return f"returned a {type(spec).__name__}, not an InputSpec"
    if not is_shape(spec.shape) or 0 in spec.shape:
        return f"returned the shape {spec.shape!r}, which is no tuple of positive lengths"
    if not isinstance(spec.layout, str) or len(spec.layout) != len(spec.shape):
        return f"returned the layout {spec.layout!r} for the shape {spec.shape}"
    if not is_shape(spec.axes) or not spec.axes or list(spec.axes) != sorted(set(spec.axes)):
        return f"returned the spatial axes {spec.axes!r}, which are no rising numbers"
    if spec.axes[-1] >= len(spec.shape):
        return f"returned the spatial axes {spec.axes} for the shape {spec.shape}"
    return ""


def _of_trace(trace: object, spec: InputSpec) -> str:
    if not isinstance(trace, Trace):
        return f"returned a {type(trace).__name__}, not a Trace"
    if not isinstance(trace.graph, Graph) or not trace.graph.nodes:
        return "returned no graph with nodes"
    problem = contradiction(trace.graph)
    if problem:
        return f"returned a graph that cannot be: {problem}"
    if trace.graph.nodes[0].shape != spec.shape:
        return f"returned a graph over {trace.graph.nodes[0].shape} for an input of {spec.shape}"
    if trace.error is not None and not isinstance(trace.error, Exception):
        return f"returned the error {trace.error!r}, which is no exception"
    if not isinstance(trace.values, Mapping) or not isinstance(trace.shapes, Mapping):
        return "returned values or shapes that are no mapping"
    if not isinstance(trace.layer_types, Mapping) or not all(
        isinstance(text, str) for pair in trace.layer_types.items() for text in pair
    ):
        return "returned types of layers that are no mapping of names to text"
    for address, node in trace.values.items():
        shape = trace.shapes.get(address)
        if not isinstance(address, str) or not is_shape(shape):
            return f"tells no shape of the value {address!r}, but {shape!r}"
        if node is None:
            continue
        if type(node) is not int or not 0 <= node < len(trace.graph.nodes):
            return f"says that the value {address!r} is node {node!r}, which is not there"
        if trace.graph.nodes[node].shape != shape:
            told = trace.graph.nodes[node].shape
            return f"says that the value {address!r} has shape {shape}, and its node {told}"
    return ""


def _of_measured(measured: object, spec: InputSpec) -> str:
    if not isinstance(measured, MeasuredOutput):
        return f"returned a {type(measured).__name__}, not a MeasuredOutput"
    if not callable(measured.at):
        return f"returned {measured.at!r} as `at`, which cannot be called"
    if not is_shape(measured.shape):
        return f"measures an output of shape {measured.shape!r}, which is no tuple of lengths"
    if not isinstance(measured.dtype, np.dtype) or measured.dtype.kind != "f":
        return f"says that its input is {measured.dtype!r}, which is no floating type of numpy"
    if measured.trace is not None:
        problem = _of_trace(measured.trace, spec)
        if problem:
            return f"{problem} (as the trace of a measured output)"
    return _of_output_axes(measured, spec)


def _of_output_axes(measured: MeasuredOutput, spec: InputSpec) -> str:
    axes = measured.axes
    if axes is None:
        return ""
    if not isinstance(axes, tuple) or len(axes) != len(spec.axes):
        return f"tells of the output's axes {axes!r}, with {len(spec.axes)} spatial axes asked"
    moving = [axis for axis in axes if axis is not None]
    known = range(len(measured.shape))
    if not all(type(axis) is int and axis in known for axis in moving) or _repeat(moving):
        return f"tells of the axes {axes!r} of an output of shape {measured.shape}"
    return ""


def _repeat(axes: Sequence[int]) -> bool:
    return len(set(axes)) < len(axes)


def _of_array(result: object, shape: tuple[int, ...], kinds: str) -> str:
    if not isinstance(result, np.ndarray):
        return f"that are a {type(result).__name__}, not an array"
    if result.shape != shape:
        return f"of shape {result.shape}, expected {shape}"
    return "" if result.dtype.kind in kinds else f"of type {result.dtype}"


def _of_forward(forward: object) -> str:
    if not isinstance(forward, OutputForward):
        return f"returned a {type(forward).__name__}, not an OutputForward"
    if not callable(forward.run):
        return f"returned {forward.run!r} to run, which cannot be called"
    if not isinstance(forward.dtype, np.dtype):
        return f"says that its input is {forward.dtype!r}, which is no dtype of numpy"
    return ""

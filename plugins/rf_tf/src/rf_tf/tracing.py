"""One forward of a model, as a graph of what depends on what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rf_tf.captured import Captured
from rf_tf.doors import opened
from rf_tf.engine import record
from rf_tf.shield import eagerly, modules_kept, random_numbers_kept
from rf_tf.sources import SourceSpec
from rfcore.errors import RfcoreError
from rfcore.graph import GraphBuilder
from rfcore.hookspecs import Trace
from rfcore.inputs import InputSpec

__all__ = ["captured_model", "explained", "trace", "traced"]


def trace(model: Any, spec: InputSpec) -> Trace:
    """Captures the forward at the asked shape and records its ops; none of them is run.

    Args:
        model: Anything that this backend has a door for.
        spec: The measured input.
    """
    try:
        captured = captured_model(model, spec)
    except Exception as error:
        return Trace(GraphBuilder(spec.shape).finish(), {}, {}, error=explained(error))
    found = traced(captured)
    return replace(found, layer_types={"": type(model).__name__, **found.layer_types})


def traced(captured: Captured) -> Trace:
    """What a captured graph says of its outputs; none of its ops is run."""
    recording = record(captured)
    values: dict[str, int | None] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for address, node in recording.values.items():
        shape = captured.outputs[address].shape
        if node is not None:
            values[address], shapes[address] = node, recording.graph.nodes[node].shape
        elif shape.is_fully_defined():
            values[address], shapes[address] = None, tuple(shape.as_list())
    return Trace(
        recording.graph,
        values,
        shapes,
        tuple(captured.layers),
        recording.error,
        warnings=captured.warnings,
        layer_types={**_op_types(captured), **captured.layers},
    )


def _op_types(captured: Captured) -> dict[str, str]:
    """The types of the ops that are addressed by their own name; a scope has none."""
    return {
        address: tensor.op.type
        for address, tensor in captured.outputs.items()
        if address in (tensor.op.name, tensor.name)
    }


def captured_model(model: Any, spec: InputSpec) -> Captured:
    """The flat graph of a model at the shape of `spec`."""
    source = spec.source if isinstance(spec, SourceSpec) else None
    with eagerly(), random_numbers_kept(), modules_kept(model):
        return (source or opened(model)).captured(spec)


def explained(error: Exception) -> Exception:
    """An error of a trace, without what autograph puts around it."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, RfcoreError):
            return inner
        inner = inner.__cause__ or inner.__context__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines or lines[0] != "in user code:":
        return error
    plain = ValueError(lines[-1])
    plain.__cause__ = error
    return plain

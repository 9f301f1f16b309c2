"""One forward of a model, as a graph of what depends on what."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from rf_tf.captured import Captured
from rf_tf.doors import opened
from rf_tf.engine import record
from rf_tf.sources import SourceSpec
from rfcore.graph import GraphBuilder
from rfcore.hookspecs import Trace
from rfcore.inputs import InputSpec

__all__ = ["captured_model", "trace"]


def trace(model: Any, spec: InputSpec) -> Trace:
    """Captures the forward at the asked shape and records its ops; none of them is run.

    Args:
        model: Anything that this backend has a door for.
        spec: The measured input.
    """
    try:
        captured = captured_model(model, spec)
    except Exception as error:
        return Trace(GraphBuilder(spec.shape).finish(), {}, {}, error=error)
    recording = record(captured)
    shapes = {
        address: tuple(captured.outputs[address].shape.as_list()) for address in recording.values
    }
    return Trace(
        recording.graph,
        recording.values,
        shapes,
        captured.layers,
        recording.error,
        warnings=captured.warnings,
    )


def captured_model(model: Any, spec: InputSpec) -> Captured:
    """The flat graph of a model at the shape of `spec`."""
    source = spec.source if isinstance(spec, SourceSpec) else None
    with tf.init_scope():
        return (source or opened(model)).captured(spec)

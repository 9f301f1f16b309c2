"""What to type where a field cannot be told: every way out was tried before it is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from rfcore.errors import (
    IrregularFieldError,
    MergedAxesError,
    NoSpatialAxesError,
    RfcoreError,
    TruncatedFieldError,
    UnsupportedOpError,
)
from rfcore.inputs import InputSpec
from rfcore.traces import TraceSet

__all__ = ["REFUSALS", "Measure", "offer_layer_before", "offer_ways_out"]

Measure = Callable[[TraceSet, str | None], object]
"""Measures an output by name, or raises."""

REFUSALS = (IrregularFieldError, MergedAxesError, NoSpatialAxesError, TruncatedFieldError)
FACTORS = (2, 4)


def offer_ways_out(error: RfcoreError, traces: TraceSet, address: str, measure: Measure) -> None:
    """Puts into the hint of a refusal what has an answer instead.

    Args:
        error: One of the `REFUSALS`.
        traces: The traces in which the output has no answer.
        address: The output.
        measure: How another output, or another size, is measured.
    """
    if isinstance(error, NoSpatialAxesError):
        _offer_layer(error, traces, address, measure)
        return
    ways = []
    shape = None
    if isinstance(error, TruncatedFieldError) and error.size_matters:
        shape = _larger_input(traces, address, measure)
    layer = None if shape else _earlier_layer(traces, address, measure)
    if shape is not None:
        ways.append(f"ask at a larger size: input_shape={shape}")
    if layer is not None:
        ways.append(f"measure a layer before it: output={layer!r}")
    if isinstance(error, MergedAxesError):
        ways.append(
            "wrap the model in a function that reshapes this axis to (height, width), both "
            "computed from the shape of the input"
        )
    if ways:
        error.advise(f"{'; or '.join(ways)}.")


def offer_layer_before(error: UnsupportedOpError, traces: TraceSet, measure: Measure) -> None:
    """Puts a layer before an op that cannot be followed into the hint, if there is one.

    Args:
        error: The error that names the op; it may have ended the trace before any output.
        traces: The traces.
        measure: How another output is measured.
    """
    names = [
        name
        for name, node in traces.asked.values.items()
        if name and not name.startswith("[") and node is not None
    ]
    for name in _ever_earlier(names[::-1]):
        if _has(measure, traces, name):
            error.advise(f"measure a layer before it: output={name!r}; or {error.hint}")
            return


def _offer_layer(
    error: NoSpatialAxesError, traces: TraceSet, address: str, measure: Measure
) -> None:
    """Another layer than the error names, where that one has no answer either."""
    if error.last_spatial is not None and _has(measure, traces, error.last_spatial):
        return
    layer = _earlier_layer(traces, address, measure)
    error.advise(
        "pass the part of the model that begins with a feature map, with the shape of that map."
        if layer is None
        else f"measure a layer before it: output={layer!r}."
    )


def _earlier_layer(traces: TraceSet, address: str, measure: Measure) -> str | None:
    """A layer before the asked output whose field can be told, a late one if possible."""
    node = traces.asked.values[address]
    if node is None:
        return None
    before = set(traces.asked.graph.ancestors(node)) - {node}
    # A layer that only passes a value on would be the same question again.
    names = {
        value: name
        for name, value in traces.asked.values.items()
        if name and not name.startswith("[") and value in before
    }
    ordered = [names[value] for value in sorted(names, reverse=True)]
    return next((name for name in _ever_earlier(ordered) if _has(measure, traces, name)), None)


def _ever_earlier(names: list[str]) -> Iterator[str]:
    """The latest name, then others at doubling steps before it, and the earliest."""
    position, step = 0, 1
    while position < len(names) - 1:
        yield names[position]
        position, step = position + step, 2 * step
    yield from names[-1:]


def _larger_input(traces: TraceSet, address: str, measure: Measure) -> tuple[int, ...] | None:
    """An input shape without the batch that is a few times as large and has an answer."""
    spec = traces.spec
    for factor in FACTORS:
        shape = tuple(n * factor if axis in spec.axes else n for axis, n in enumerate(spec.shape))
        larger = replace(spec, shape=shape)
        try:
            measure(TraceSet(traces.backend, traces.model, larger), address or None)
        except RfcoreError:
            continue
        return _without_batch(larger)
    return None


def _without_batch(spec: InputSpec) -> tuple[int, ...]:
    letters = zip(spec.shape, spec.layout, strict=True)
    return tuple(n for n, letter in letters if letter != "N")


def _has(measure: Measure, traces: TraceSet, output: str | None) -> bool:
    try:
        measure(traces, output)
    except RfcoreError:
        return False
    return True

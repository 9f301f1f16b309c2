"""One abstract forward, traced by the backend of the framework that Keras runs on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rf_keras.building import built_model
from rf_keras.delegates import delegate
from rf_keras.errors import FixedSizeError
from rf_keras.forward import Forward
from rf_keras.layer_names import short_names
from rf_keras.measured_input import KerasInput
from rfcore.errors import RfcoreError
from rfcore.graph import Graph
from rfcore.hookspecs import Trace
from rfcore.inputs import InputSpec

__all__ = ["explained", "plain", "runs_at", "trace"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A model that is traced, and its input as the other backend reads it.

    Attributes:
        forward: The model's forward.
        inner: The input of its function, with what that backend keeps for one estimate.
    """

    forward: Forward
    inner: InputSpec


def trace(model: Any, spec: InputSpec) -> Trace:
    """Traces a model, which is left as it is.

    Args:
        model: A Keras layer or model, or a builder of one.
        spec: The measured input, as `measured_input` read it.
    """
    assert isinstance(spec, KerasInput)
    opened = _opened(runs_at(spec), spec)
    return _translated(opened.forward, replace(opened.inner, shape=spec.shape), spec)


def _opened(model: Any, spec: KerasInput) -> Opened:
    """The model's forward, the same one for all traces of one estimate."""
    known: Opened | None = spec.opened.get(id(model))
    # Inputs that are not measured are made for one size.
    if known is not None and not known.forward.notes:
        return known
    # What is kept in the spec does not hold the spec itself: all would be a cycle of garbage.
    forward = Forward(model, replace(spec, opened={}, addresses={}))
    lengths = [n for n, letter in zip(spec.shape, spec.layout, strict=True) if letter != "N"]
    inner = delegate().input_spec(forward.function(), lengths, spec.layout, None)
    opened = spec.opened[id(model)] = Opened(forward, inner)
    return opened


def runs_at(spec: KerasInput) -> Any:
    """The model that runs at a size: a builder's own for it, or the one of the asked size."""
    if spec.builder is None or spec.shape == spec.asked:
        return spec.runs
    try:
        letters = zip(spec.shape, spec.layout, strict=True)
        return built_model(spec.builder, [n for n, letter in letters if letter != "N"])
    except RfcoreError:
        return spec.runs


def plain(spec: InputSpec) -> InputSpec:
    """The spec of the function of one array."""
    return InputSpec(spec.shape, spec.axes, spec.layout)


def _translated(forward: Forward, inner: InputSpec, spec: KerasInput) -> Trace:
    """The other backend's trace in the words of Keras' users."""
    with forward.opened():
        found = delegate().trace(forward.function(), inner)
    # Where the framework remembers its graph of the forward, it does not run for each size.
    addresses, stopped = forward.last
    error = stopped or found.error
    known = {address: f"[{address}]" for address in addresses if f"[{address}]" in found.values}
    values = {address: found.values[key] for address, key in known.items()}
    shapes = {address: found.shapes[key] for address, key in known.items()}
    aliases = short_names(list(dict.fromkeys([*known, *forward.named.names()])))
    return Trace(
        _labelled(found.graph, values, forward.notes),
        _with_aliases(values, aliases),
        _with_aliases(shapes, aliases),
        forward.named.names(),
        explained(error, spec),
        found.concrete,
        found.warnings,
        {"": type(forward.model).__name__, **_with_aliases(forward.named.types(), aliases)},
    )


def _labelled(graph: Graph, values: Mapping[str, int | None], notes: tuple[str, ...]) -> Graph:
    """Gives every node the first layer whose output it leads to, and readers of the input notes."""
    layers: dict[int, str] = {0: ""}
    for address, node in values.items():
        open_nodes = [] if node is None else [node]
        while open_nodes:
            index = open_nodes.pop()
            if index not in layers:
                layers[index] = address.partition("[")[0]
                open_nodes += graph.nodes[index].inputs
    nodes = []
    for index, known in enumerate(graph.nodes):
        said = (known.note, *notes) if 0 in known.inputs else (known.note,)
        note = "; ".join(filter(None, said))
        nodes.append(replace(known, layer=layers.get(index, ""), note=note))
    return Graph(tuple(nodes))


def _with_aliases(found: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """Nested layers by their own name too, just before their path."""
    result = {}
    for address, value in found.items():
        short = aliases.get(address, address)
        if short not in found:
            result[short] = value
        result[address] = value
    return result


def explained(error: Exception | None, spec: KerasInput) -> Exception | None:
    """An error of the forward; of a model that was built for another size, what to do."""
    own = spec.built_for
    if error is None or isinstance(error, RfcoreError) or own is None:
        return error
    pairs = zip(own[1:], spec.shape[1:], strict=False)
    if all(n in (None, m) for n, m in pairs):
        return error
    told = FixedSizeError(spec.shape, own, error)
    told.__cause__ = error
    return told

"""One forward of a model on shapes alone, as a jaxpr, read into a graph.

`jax.make_jaxpr` runs the model's Python on abstract values; nothing is compiled and no weight
is read. What the model's modules return is marked on the way, so that users can ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from rf_jax.forward import Forward, forward_of
from rf_jax.hearing import Heard, Hearing
from rf_jax.interpreter import Interpreter
from rf_jax.measured import JaxInput
from rf_jax.outputs import arrays_by_path
from rf_jax.sharing import Sharing
from rf_jax.values import Constant, Refused, Seen, Value
from rfcore.addresses import addresses_of
from rfcore.errors import InputTypeError
from rfcore.graph import Elementwise, GraphBuilder
from rfcore.hookspecs import Trace
from rfcore.inputs import InputSpec

__all__ = ["Reading", "explained", "read", "read_any", "trace"]

_NOT_KNOWN = "it is a parameter that has no value yet"
_INTEGERS_WANTED = ("must have integer", "must be integer", "integer or boolean type")


@dataclass(frozen=True, slots=True)
class Reading:
    """A forward as a jaxpr of (*parameters, image), and what was read in it.

    Attributes:
        closed: The closed jaxpr.
        forward: The model as a function.
        found: Everything that can be computed, by address.
        trace: What of it can be traced, for the core.
    """

    closed: Any
    forward: Forward
    found: Mapping[str, Heard]
    trace: Trace


def trace(model: Any, spec: InputSpec) -> Trace:
    """Traces one forward of a model or function, which is left as it is.

    Args:
        model: A model, or a function of one array.
        spec: The measured input.
    """
    try:
        return read_any(model, spec).trace
    except Exception as error:
        return Trace(GraphBuilder(spec.shape).finish(), {}, {}, (), explained(error))


def read_any(model: Any, spec: InputSpec) -> Reading:
    """As `read`, on integers (token numbers) where the forward cannot do with floats.

    Raises:
        Exception: Whatever the model's own forward raises on floats.
    """
    try:
        return read(model, spec)
    except Exception as error:
        if isinstance(explained(error), InputTypeError):
            with suppress(Exception):
                return read(model, spec, jnp.int32)
        raise


def read(model: Any, spec: InputSpec, kind: Any = jnp.float32) -> Reading:
    """A model's forward, traced and read.

    Args:
        model: A model, or a function of one array.
        spec: The measured input.
        kind: The type of its values.

    Raises:
        Exception: Whatever the model's own forward raises.
    """
    hearing = Hearing()
    forward = forward_of(model, spec, hearing)
    image = jax.ShapeDtypeStruct(spec.shape, kind)
    stage = jax.make_jaxpr(forward.function, return_shape=True)
    closed, returned = stage(forward.parameters, image)
    builder = GraphBuilder(spec.shape)
    sharing = Sharing(spec.constants if isinstance(spec, JaxInput) else {})
    reader = Interpreter(builder, hearing, forward.separator, sharing)
    consts = [sharing.given(value) for value in closed.consts]
    arguments = _arguments(closed, forward, builder)
    results = reader.run(closed.jaxpr, consts, arguments, position=())
    found = hearing.addressed()
    if not hearing.knows_layers:
        reader.scopes.used(results, ())
        found = {**_by_scopes(reader, builder), **found}
    paths = [path for path, _ in arrays_by_path(returned)]
    shapes = [tuple(atom.aval.shape) for atom in closed.jaxpr.outvars]
    parts = {
        path: Heard(_node(value), shape, (len(closed.jaxpr.eqns), number))
        for number, (path, value, shape) in enumerate(zip(paths, results, shapes, strict=True))
    }
    refused = {
        path for path, value in zip(paths, results, strict=True) if isinstance(value, Refused)
    }
    found.update(addresses_of("", [parts]))
    known = {address: heard for address, heard in found.items() if address not in refused}
    traced = Trace(
        builder.finish(),
        {address: heard.node for address, heard in known.items()},
        {address: heard.shape for address, heard in known.items()},
        forward.layers,
        reader.error,
        layer_types={"": type(model).__name__, **hearing.types},
    )
    return Reading(closed, forward, found, traced)


def _arguments(closed: Any, forward: Forward, builder: GraphBuilder) -> list[Value]:
    """What the jaxpr's arguments stand for: parameters without values, then the image."""
    *parameters, _ = closed.jaxpr.invars
    image = 0
    if forward.note:
        image = builder.add(Elementwise(), (0,), builder.shape(0), "input", forward.note)
    return [*(Constant(v.aval.shape, hidden=_NOT_KNOWN) for v in parameters), Seen(image)]


def _by_scopes(reader: Interpreter, builder: GraphBuilder) -> dict[str, Heard]:
    found: dict[str, Heard] = {}
    for name, values in reader.scopes.outputs().items():
        heard = [
            Heard(value.node, builder.shape(value.node), reader.scopes.positions.get(value, ()))
            for value in values
        ]
        found.update(addresses_of(name, [{"": part} for part in heard]))
    return found


def _node(value: Value) -> int | None:
    return value.node if isinstance(value, Seen) else None


def explained(error: Exception) -> Exception:
    """An error of the forward, told as what it means for the input where that is known."""
    if any(text in str(error) for text in _INTEGERS_WANTED):
        wanted = InputTypeError("integers (such as token numbers)")
        wanted.__cause__ = error
        return wanted
    return error

"""One forward of a model on shapes alone, as a jaxpr, read into a graph.

`jax.make_jaxpr` runs the model's Python on abstract values; nothing is compiled and no weight
is read. What the model's modules return is marked on the way, so that users can ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from rf_jax.forward import Forward, forward_of
from rf_jax.hearing import Hearing
from rf_jax.interpreter import Interpreter
from rf_jax.outputs import arrays_by_path
from rf_jax.values import Constant, Refused, Seen, Value
from rfcore.addresses import addresses_of
from rfcore.errors import InputTypeError
from rfcore.graph import Elementwise, GraphBuilder
from rfcore.hookspecs import Trace
from rfcore.inputs import InputSpec

__all__ = ["Staged", "staged", "trace"]

_NOT_KNOWN = "it is a parameter that has no value yet"


@dataclass(frozen=True, slots=True)
class Staged:
    """A forward as a jaxpr of (*parameters, image).

    Attributes:
        closed: The closed jaxpr.
        outputs: Path of each result in what the model returns.
        forward: The model as a function.
    """

    closed: Any
    outputs: Sequence[str]
    forward: Forward


def trace(model: Any, spec: InputSpec) -> Trace:
    """Traces one forward of a model or function, which is left as it is.

    Args:
        model: A model, or a function of one array.
        spec: The measured input.
    """
    builder = GraphBuilder(spec.shape)
    hearing = Hearing()
    try:
        made = staged(model, spec, hearing)
    except Exception as error:
        return Trace(builder.finish(), {}, {}, (), _explained(error))
    reader = Interpreter(builder, hearing, made.forward.separator)
    results = reader.run(
        made.closed.jaxpr,
        [Constant.given(value) for value in made.closed.consts],
        _arguments(made, builder),
    )
    reader.scopes.used(results, ())
    found: dict[str, tuple[int | None, tuple[int, ...]]] = {}
    if hearing.heard_layers:
        found.update(hearing.addressed())
    else:
        found.update(_by_scopes(reader, builder))
        found.update(hearing.addressed())
    parts = {
        path: (_node(value), tuple(atom.aval.shape))
        for path, value, atom in zip(made.outputs, results, made.closed.jaxpr.outvars, strict=True)
        if not isinstance(value, Refused)
    }
    found.update(addresses_of("", [parts]))
    return Trace(
        builder.finish(),
        {address: node for address, (node, _) in found.items()},
        {address: shape for address, (_, shape) in found.items()},
        made.forward.layers,
        reader.error,
    )


def staged(model: Any, spec: InputSpec, hearing: Hearing) -> Staged:
    """A model's forward as a jaxpr, with what its layers return marked."""
    forward = forward_of(model, spec, hearing)
    image = jax.ShapeDtypeStruct(spec.shape, jnp.float32)
    stage = jax.make_jaxpr(forward.function, return_shape=True)
    closed, shape = stage(forward.parameters, image)
    return Staged(closed, [path for path, _ in arrays_by_path(shape)], forward)


def _arguments(made: Staged, builder: GraphBuilder) -> list[Value]:
    """What the jaxpr's arguments stand for: parameters without values, then the image."""
    *parameters, _ = made.closed.jaxpr.invars
    image = 0
    if made.forward.note:
        shape = builder.shape(0)
        image = builder.add(Elementwise(), (0,), shape, "input", made.forward.note)
    return [*(Constant(v.aval.shape, hidden=_NOT_KNOWN) for v in parameters), Seen(image)]


def _by_scopes(
    reader: Interpreter, builder: GraphBuilder
) -> dict[str, tuple[int | None, tuple[int, ...]]]:
    found: dict[str, tuple[int | None, tuple[int, ...]]] = {}
    for name, values in reader.scopes.outputs().items():
        each = {"" if len(values) == 1 else f"[{i}]": value for i, value in enumerate(values)}
        parts = {path: (_node(value), builder.shape(value.node)) for path, value in each.items()}
        found.update(addresses_of(name, [parts]))
    return found


def _node(value: Value) -> int | None:
    return value.node if isinstance(value, Seen) else None


def _explained(error: Exception) -> Exception:
    """An error of the forward, told as what it means for the input where that is known."""
    text = str(error)
    if (
        "must have integer" in text
        or "must be of integer type" in text
        or "integer or boolean" in text
    ):
        explained = InputTypeError("integers (such as token numbers)")
        explained.__cause__ = error
        return explained
    return error

"""The arguments that an op of control flow hands to the functions that are its bodies."""

from __future__ import annotations

from collections.abc import Sequence

from rf_tf.bodies import Argument, Body
from rf_tf.call import Call
from rf_tf.constants import Constant, UnknownValueError
from rf_tf.folding import Array
from rf_tf.scope import Resource, Scope
from rf_tf.values import Failure, Value

__all__ = ["Operands", "run_body"]

# Elements of a whole-number constant that shapes may depend on.
LARGEST_SHAPE = 64


class Operands:
    """The arguments that an op hands to its functions."""

    def __init__(self, call: Call, first: int) -> None:
        self.call = call
        self.tensors = call.inputs[first:]
        self.values: list[Value] = [call.scope.value(tensor) for tensor in self.tensors]
        self.resources: list[Resource | None] = [
            call.scope.resource(tensor) if tensor.dtype.name == "resource" else None
            for tensor in self.tensors
        ]

    def described(self, *, varying: Sequence[bool] | None = None) -> list[Argument]:
        """What is known of them; values only of those that do not vary between runs."""
        found = []
        for i, (tensor, value) in enumerate(zip(self.tensors, self.values, strict=True)):
            resource = self.resources[i]
            shape = tensor.shape
            if isinstance(value, int):
                found.append(Argument(self.call.builder.shape(value)))
            elif resource is not None:
                found.append(Argument((), handle=resource.handle))
            else:
                static = tuple(shape.as_list()) if shape.is_fully_defined() else None
                fixed = varying is None or not varying[i]
                found.append(Argument(static, self._small(i) if fixed else None))
        return found

    def _small(self, number: int) -> Array | None:
        """The value of a constant that shapes may depend on."""
        tensor, value = self.tensors[number], self.values[number]
        if not isinstance(value, Constant) or not (tensor.dtype.is_integer or tensor.dtype.is_bool):
            return None
        size = tensor.shape.num_elements()
        if size is None or size > LARGEST_SHAPE:
            return None
        try:
            return value.array()
        except UnknownValueError:
            return None

    def body(self, function: str, *, varying: Sequence[bool] | None = None) -> Body:
        """The body of a function that takes them."""
        return self.call.recorder.bodies.body(function, self.described(varying=varying))

    def scope(self, body: Body, values: Sequence[Value]) -> Scope:
        """A body that runs on some values in their place."""
        names = [tensor.name for tensor in body.arguments]
        resources = {
            name: resource
            for name, resource in zip(names, self.resources, strict=True)
            if resource is not None
        }
        arguments = {
            name: value for name, value in zip(names, values, strict=True) if name not in resources
        }
        builder = self.call.builder
        variables = self.call.scope.variables
        return Scope(body.graph, builder, arguments, variables, resources, builder.layer)


def run_body(call: Call, scope: Scope, body: Body) -> list[Value]:
    """Records a body and returns what its results are.

    Raises:
        UnsupportedOpError: Some op of it cannot be recorded.
    """
    call.recorder.through(scope, body.results)
    found: list[Value] = []
    for tensor in body.results:
        value = scope.value(tensor)
        if isinstance(value, Failure):
            raise value.error
        found.append(value)
    return found

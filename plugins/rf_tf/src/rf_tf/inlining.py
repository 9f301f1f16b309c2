"""Calls of functions, replaced by what they call: one flat list of nodes in program order.

Control inputs are left out, since nothing is executed. The functions that If and While take as
bodies stay in the library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.python.framework import op_def_registry

from rfcore.errors import UnsupportedOpError

__all__ = ["inlined", "tensor_name"]

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
DEEPEST = 200

# They name things of the process that made the graph (a gradient, a compiled kernel), or shapes
# at the size it was made for.
FOREIGN = ("_gradient_op_type", "_output_shapes", "_XlaMustCompile", "_noinline", "_class")


def inlined(graph_def: GraphDef) -> tuple[list[NodeDef], dict[str, str]]:
    """Inlines all calls, also calls within calls.

    Returns:
        The flat nodes, and for the results of inlined calls the tensor that each one is now.
        Nodes of the outer graph keep their names; those of a function get the scope in which
        it was called.

    Raises:
        UnsupportedOpError: A function calls itself.
    """
    work = _Inliner(graph_def)
    work.add_outer(graph_def.node)
    return work.finished(), work.results


def tensor_name(reference: str) -> str:
    """A reference to an output in its shortest form: "node" for the first, else "node:1"."""
    return reference.removesuffix(":0")


class _Inliner:
    """The flat nodes so far; references may lead through results of calls until the end."""

    def __init__(self, graph_def: GraphDef) -> None:
        self.functions = {f.signature.name: f for f in graph_def.library.function}
        self.taken = {node.name for node in graph_def.node}
        self.nodes: list[NodeDef] = []
        self.results: dict[str, str] = {}
        self.following: dict[str, int] = {}

    def add_outer(self, nodes: Iterable[NodeDef]) -> None:
        for node in nodes:
            inputs = [tensor_name(ref) for ref in node.input if not ref.startswith("^")]
            self._add(node, node.name, inputs, 0)

    def finished(self) -> list[NodeDef]:
        for call in self.results:
            self.results[call] = self._settled(call)
        for node in self.nodes:
            inputs = [self.results.get(ref, ref) for ref in node.input]
            del node.input[:]
            node.input.extend(inputs)
        return self.nodes

    def _settled(self, reference: str) -> str:
        while reference in self.results:
            reference = self.results[reference]
        return reference

    def _add(self, node: NodeDef, name: str, inputs: Sequence[str], depth: int) -> None:
        called = node.attr["f"].func.name if node.op in CALLS else node.op
        if called in self.functions:
            attributes = node.attr["f"].func.attr if node.op in CALLS else node.attr
            self._call(called, attributes, name, inputs, depth + 1)
            return
        copy = self._copied(node, name)
        copy.input.extend(inputs)
        self.nodes.append(copy)

    def _copied(self, node: NodeDef, name: str) -> NodeDef:
        copy = NodeDef(name=name, op=node.op)
        for key, value in node.attr.items():
            if key not in FOREIGN:
                copy.attr[key].CopyFrom(value)
        return copy

    def _call(
        self,
        called: str,
        attributes: Mapping[str, Any],
        name: str,
        inputs: Sequence[str],
        depth: int,
    ) -> None:
        if depth > DEEPEST:
            raise UnsupportedOpError(called, name, f"its calls are nested {depth} deep")
        function = self.functions[called]
        scope = name.rpartition("/")[0]
        arguments = function.signature.input_arg
        tensors = {arg.name: ref for arg, ref in zip(arguments, inputs, strict=True)}
        body = [_bound(node, attributes) for node in function.node_def]
        names = [self._fresh(f"{scope}/{node.name}" if scope else node.name) for node in body]
        for node, fresh in zip(body, names, strict=True):
            for number, reference in enumerate(self._references(node)):
                tensors[reference] = tensor_name(f"{fresh}:{number}")
        for node, fresh in zip(body, names, strict=True):
            body_inputs = [tensors[ref] for ref in node.input if not ref.startswith("^")]
            self._add(node, fresh, body_inputs, depth)
        for number, result in enumerate(function.signature.output_arg):
            self.results[tensor_name(f"{name}:{number}")] = tensors[function.ret[result.name]]

    def _fresh(self, name: str) -> str:
        fresh = name
        while fresh in self.taken:
            number = self.following.get(name, 1)
            self.following[name] = number + 1
            fresh = f"{name}_{number}"
        self.taken.add(fresh)
        return fresh

    def _references(self, node: NodeDef) -> Iterator[str]:
        """How the nodes of a function call the results of one of them, in order."""
        if node.op in self.functions:
            results = self.functions[node.op].signature.output_arg
        else:
            definition = op_def_registry.get(node.op)
            if definition is None:
                raise UnsupportedOpError(node.op, node.name, "this TensorFlow does not know it")
            results = definition.output_arg
        for result in results:
            if result.number_attr:
                count = node.attr[result.number_attr].i
            elif result.type_list_attr:
                count = len(node.attr[result.type_list_attr].list.type)
            else:
                count = 1
            for number in range(count):
                yield f"{node.name}:{result.name}:{number}"


def _bound(node: NodeDef, attributes: Mapping[str, Any]) -> NodeDef:
    """The node with its function's own attributes ("$T") filled in by those of the call."""
    open_keys = [key for key, value in node.attr.items() if value.placeholder]
    if not open_keys:
        return node
    bound = NodeDef()
    bound.CopyFrom(node)
    for key in open_keys:
        bound.attr[key].CopyFrom(attributes[node.attr[key].placeholder])
    return bound

"""Variables of a flat graph: handles of known shape, and reads that follow an assignment.

Nothing is executed, so that an assignment is a fact about what later reads return.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

from rf_tf.flat import Variable
from rf_tf.library import called_by
from rfcore.errors import UnsupportedOpError

__all__ = ["following_assignments", "handle_node", "is_write", "value_node"]

# What an assignment leaves in the variable: the op on its old value and the operand.
ASSIGNMENTS = {"AssignAddVariableOp": "AddV2", "AssignSubVariableOp": "Sub"}
READS = frozenset({"ReadVariableOp", "ResourceGather", "ResourceGatherNd"})
HARMLESS = frozenset({"VariableShape", "VarIsInitializedOp"})
# They change the state of a generator, and all that they return is constant to us.
RANDOM = ("Rng", "Stateful")


def handle_node(name: str, variable: Variable) -> NodeDef:
    """A handle that tells the type and shape of its variable to shape inference."""
    node = NodeDef(name=name, op="VarHandleOp")
    node.attr["dtype"].type = variable.dtype.as_datatype_enum
    node.attr["shape"].shape.CopyFrom(variable.shape.as_proto())
    node.attr["shared_name"].s = name.encode()
    return node


def value_node(name: str, dtype: tf.DType, shape: tf.TensorShape) -> NodeDef:
    """A value that is given from outside."""
    node = NodeDef(name=name, op="Placeholder")
    node.attr["dtype"].type = dtype.as_datatype_enum
    node.attr["shape"].shape.CopyFrom(shape.as_proto())
    return node


def following_assignments(
    nodes: Sequence[NodeDef], functions: Iterable[FunctionDef], handles: Collection[str]
) -> list[NodeDef]:
    """The nodes without assignments, each read after one replaced by what was assigned.

    Args:
        nodes: In program order, as the graph of a traced function is.
        functions: What the bodies of control flow may be.
        handles: Names of the nodes that stand for variables.

    Raises:
        UnsupportedOpError: A variable is read after an op changed it in a way that is not told.
    """
    library = {function.signature.name: function for function in functions}
    return list(_Assignments(library, handles).through(nodes))


def is_write(node: NodeDef) -> bool:
    """Whether an op changes the variable that it takes first."""
    resource = node.op.startswith("Resource") and node.op not in READS
    return node.op.startswith("Assign") or resource


class _Assignments:
    """What the variables hold as the program goes on."""

    def __init__(self, functions: Mapping[str, FunctionDef], handles: Collection[str]) -> None:
        self.functions = functions
        self.handle = {name: name for name in handles}
        self.held: dict[str, str] = {}
        self.changed: dict[str, NodeDef] = {}

    def through(self, nodes: Sequence[NodeDef]) -> Iterator[NodeDef]:
        for node in nodes:
            variable = self.handle.get(node.input[0]) if node.input else None
            if node.op == "Identity" and variable is not None:
                self.handle[node.name] = variable
                yield node
            elif node.op == "AssignVariableOp" and variable is not None:
                self.held[variable] = node.input[1]
                self.changed.pop(variable, None)
            elif node.op in ASSIGNMENTS and variable is not None:
                yield from self._updated(node, variable)
            elif node.op == "ReadVariableOp" and variable is not None:
                yield self._read(node, variable)
            else:
                self._other(node)
                yield node

    def _read(self, node: NodeDef, variable: str) -> NodeDef:
        if variable in self.changed:
            by = self.changed[variable]
            raise UnsupportedOpError(
                by.op, by.name, f"it changes the variable {variable!r}, which is read after it"
            )
        if variable not in self.held:
            return node
        return _renamed("Identity", node.name, [self.held[variable]], {"T": node.attr["dtype"]})

    def _updated(self, node: NodeDef, variable: str) -> Iterator[NodeDef]:
        old = f"{node.name}/before"
        read = NodeDef(name=old, op="ReadVariableOp", input=[variable])
        read.attr["dtype"].CopyFrom(node.attr["dtype"])
        yield self._read(read, variable)
        op = ASSIGNMENTS[node.op]
        yield _renamed(op, node.name, [old, node.input[1]], {"T": node.attr["dtype"]})
        self.held[variable] = node.name

    def _other(self, node: NodeDef) -> None:
        """Whatever else takes a handle would see the old value, and may change it."""
        for reference in node.input:
            variable = self.handle.get(reference)
            if variable is None or node.op in HARMLESS or node.op.startswith(RANDOM):
                continue
            if variable in self.held or variable in self.changed:
                raise UnsupportedOpError(
                    node.op, node.name, f"it takes the variable {variable!r} after a change of it"
                )
            if self._writes(node):
                self.changed[variable] = node

    def _writes(self, node: NodeDef) -> bool:
        """Whether an op, or a function that it runs, changes variables."""
        if is_write(node):
            return True
        return any(
            self._writes(inner)
            for name in called_by(node)
            if name in self.functions
            for inner in self.functions[name].node_def
        )


def _renamed(op: str, name: str, inputs: list[str], attributes: Mapping[str, Any]) -> NodeDef:
    node = NodeDef(name=name, op=op, input=inputs)
    for key, value in attributes.items():
        node.attr[key].CopyFrom(value)
    return node

"""The door for plain graphs of TensorFlow 1: a `tf.Graph` or `GraphDef` with the names of nodes.

Any node can be the input; it is cut out and a placeholder of the asked shape put in its place.
What does not lie between it and the ends of the graph is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

from rf_tf.captured import Captured
from rf_tf.constants import UnknownValueError
from rf_tf.errors import SeveralPlaceholdersError, UnknownInputError
from rf_tf.flat import Flat, graph_of
from rf_tf.handles import is_write, value_node
from rf_tf.inlining import inlined, tensor_name
from rf_tf.library import reachable
from rf_tf.naming import SHAPES
from rf_tf.sources import GivenInput
from rfcore.errors import UnsupportedOpError
from rfcore.inputs import InputSpec

__all__ = ["GraphSource"]

REFERENCE_VARIABLES = frozenset({"Variable", "VariableV2"})
# What writes to variables of TensorFlow 1, beside the assignments to resources.
WRITES = ("Apply", "SparseApply", "Scatter", "CountUpTo", "Save", "Restore", "IsVariable")


class GraphSource:
    """A plain graph; another input size is another import of it."""

    def __init__(self, model: Any) -> None:
        given = isinstance(model, tf.Graph)
        self.definition: GraphDef = model.as_graph_def() if given else model
        self.graph: tf.Graph = model if given else graph_of(self.definition)
        self.session = tf.compat.v1.get_default_session() if given else None
        self.names = tuple(node.name for node in self.definition.node)
        self._flat: dict[str, Flat] = {}

    def choose(self, name: str | int | None) -> GivenInput:
        """The node that the user names; the only placeholder for None.

        Raises:
            UnknownInputError: There is no such node.
            SeveralPlaceholdersError: No node is named, and there is not just one placeholder.
        """
        places = [node.name for node in self.definition.node if node.op == "Placeholder"]
        if name is None and len(places) != 1:
            raise SeveralPlaceholdersError(places)
        if isinstance(name, str):
            node = name.removesuffix(":0")
            if node not in self.names:
                raise UnknownInputError(name, self.names)
        elif not 0 <= (name or 0) < len(places):
            raise UnknownInputError(name or 0, places)
        else:
            node = places[name or 0]
        tensor = self.graph.get_tensor_by_name(f"{node}:0")
        shape = tensor.shape
        lengths = None if shape.rank is None else tuple(shape.as_list())
        kind = "a tensor of strings" if tensor.dtype == tf.string else ""
        return GivenInput(node, lengths, tensor.dtype, kind)

    def captured(self, spec: InputSpec) -> Captured:
        """The part of the graph behind the measured node, at the asked shape."""
        given = self.choose(spec.name)
        if given.name not in self._flat:
            self._flat[given.name] = self._cut(given)
        return self._flat[given.name].imported(spec.shape)

    def _cut(self, given: GivenInput) -> Flat:
        nodes, _ = inlined(self.definition)
        place = value_node(given.name, given.dtype, tf.TensorShape(None))
        nodes = [place if node.name == given.name else node for node in nodes]
        kept, ends = _between(nodes, given.name)
        _refuse_reads_after_writes(self.definition, kept, given.name)
        outputs = {"": ends[0]} if len(ends) == 1 else {f"[{end}]": end for end in ends}
        variables = {
            node.name: self._reader(node)
            for node in kept
            if node.op in REFERENCE_VARIABLES or node.op == "VarHandleOp"
        }
        functions = reachable(kept, self.definition.library.function)
        return Flat(
            [_as_value(node) for node in kept],
            functions,
            self.definition.versions.producer,
            given.name,
            outputs,
            {name: read for name, read in variables.items() if read is not None},
            {node.name: node.op for node in self.definition.node},
            unread=frozenset(name for name, read in variables.items() if read is None),
        )

    def _reader(self, variable: NodeDef) -> Callable[[], NDArray[Any]] | None:
        """How to read a variable in the default session, where that is one of this graph."""
        session = self.session
        if session is None or session.graph is not self.graph:
            return None
        fetched = variable.name
        if variable.op == "VarHandleOp":
            fetched = next(
                (
                    node.name
                    for node in self.definition.node
                    if node.op == "ReadVariableOp" and node.input[0] == variable.name
                ),
                "",
            )
        if not fetched:
            return None

        def read() -> NDArray[Any]:
            try:
                return np.asarray(session.run(f"{fetched}:0"))
            except tf.errors.FailedPreconditionError as error:
                raise UnknownValueError(f"{variable.name!r} has no value yet") from error

        return read


def _between(nodes: Iterable[NodeDef], source: str) -> tuple[list[NodeDef], list[str]]:
    """The nodes behind one node with all that they need, and the ends among them."""
    by_name = {node.name: node for node in nodes}
    users: dict[str, list[str]] = {name: [] for name in by_name}
    for node in by_name.values():
        for reference in node.input:
            users[reference.partition(":")[0]].append(node.name)
    written = _closure([n.name for n in by_name.values() if _writes(n)], users)
    behind = _closure([source], users, stop=SHAPES, ops=by_name) - written
    sources = {name: [ref.partition(":")[0] for ref in by_name[name].input] for name in by_name}
    needed = _closure(behind, sources)
    kept = [node for name, node in by_name.items() if name in needed]
    ends = [
        name
        for name in by_name
        if name in behind and by_name[name].op not in SHAPES and not behind & {*users[name]}
    ]
    return kept, [end for end in ends if end != source]


def _closure(
    start: Iterable[str],
    edges: Mapping[str, Iterable[str]],
    stop: Iterable[str] = (),
    ops: Mapping[str, NodeDef] | None = None,
) -> set[str]:
    """All that can be reached along the edges, `start` included, not going on from some ops."""
    reached = set(start)
    waiting = list(reached)
    while waiting:
        name = waiting.pop()
        if ops is not None and ops[name].op in stop:
            continue
        for following in edges[name]:
            if following not in reached:
                reached.add(following)
                waiting.append(following)
    return reached


def _writes(node: NodeDef) -> bool:
    return is_write(node) or (node.op.startswith(WRITES) and node.op != "ScatterNd")


def _refuse_reads_after_writes(definition: GraphDef, kept: Iterable[NodeDef], source: str) -> None:
    """Refuses a graph in which the input goes through a variable: written, then read."""
    by_name = {node.name: node for node in definition.node}
    data: dict[str, list[str]] = {name: [] for name in by_name}
    every: dict[str, list[str]] = {name: [] for name in by_name}
    for node in by_name.values():
        for reference in node.input:
            name = reference.removeprefix("^").partition(":")[0]
            every[name].append(node.name)
            if not reference.startswith("^"):
                data[name].append(node.name)
    behind = _closure([source], data)
    remaining = {node.name for node in kept}
    for node in by_name.values():
        if not (_writes(node) and node.name in behind and node.input):
            continue
        variable = tensor_name(node.input[0]).partition(":")[0]
        later = _closure([node.name], every)
        read = [name for name in data[variable] if name in later and name in remaining]
        if variable not in behind and read:
            reason = f"it changes the variable {variable!r}, which {read[0]!r} reads after it"
            raise UnsupportedOpError(node.op, node.name, reason)


def _as_value(node: NodeDef) -> NodeDef:
    """A variable of the reference kind as a placeholder of its shape; other nodes as they are."""
    if node.op not in REFERENCE_VARIABLES:
        return node
    shape = tf.TensorShape(node.attr["shape"].shape)
    return value_node(node.name, tf.as_dtype(node.attr["dtype"].type), shape)

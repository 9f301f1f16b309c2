"""Functions that a flat graph still needs: the bodies of its control flow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

__all__ = ["called_by", "reachable"]


def called_by(node: NodeDef) -> Iterator[str]:
    """Names of the functions that a node takes as attributes."""
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        for function in value.list.func:
            yield function.name


def reachable(nodes: Iterable[NodeDef], library: Iterable[FunctionDef]) -> Sequence[FunctionDef]:
    """The functions that some nodes run, and those that these run in turn."""
    known = {function.signature.name: function for function in library}
    found: dict[str, FunctionDef] = {}
    waiting = [name for node in nodes for name in (*called_by(node), node.op)]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            function = found[name] = known[name]
            waiting += [n for node in function.node_def for n in (*called_by(node), node.op)]
    return [function for name, function in known.items() if name in found]

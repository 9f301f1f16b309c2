"""One op of a TensorFlow graph, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rf_tf.bodies import Bodies
from rf_tf.constants import LARGEST_PATTERN, Constant, Test, UnknownValueError
from rf_tf.fills import is_partly_zero
from rf_tf.folding import Array
from rf_tf.scope import Scope
from rf_tf.single import inferred_shape
from rf_tf.values import Value
from rfcore.errors import UnsupportedOpError
from rfcore.fills import Fill
from rfcore.graph import Elementwise, GraphBuilder, Pattern
from rfcore.kept_fills import Fills

__all__ = ["Call", "Recorder", "Result", "Rule"]

Result = Value | None
Shape = tuple[int, ...]


class Recorder(Protocol):
    """What rules of control flow ask of the recording."""

    builder: GraphBuilder
    fills: Fills
    bodies: Bodies

    def through(self, scope: Scope, targets: Sequence[tf.Tensor]) -> None:
        """Records the ops that lead to some tensors of a scope."""


class Call:
    """An op with its operands and ways to ask about them.

    Attributes:
        op: The op.
        name: Its type, as in "Conv2D".
        scope: The graph that it is in.
        recorder: The recording.
        builder: The graph that is being built.
        fills: Where nodes hold a known constant.
    """

    __slots__ = ("builder", "fills", "inputs", "name", "op", "recorder", "scope")

    def __init__(self, op: Any, scope: Scope, recorder: Recorder) -> None:
        self.op, self.name, self.scope, self.recorder = op, str(op.type), scope, recorder
        self.inputs: Sequence[tf.Tensor] = op.inputs
        self.builder, self.fills = recorder.builder, recorder.fills

    def attr(self, name: str) -> Any:
        """An attribute of the op; strings as text."""
        value = self.op.get_attr(name)
        return value.decode() if isinstance(value, bytes) else value

    def attr_or(self, name: str, default: Any) -> Any:
        """An attribute that older ops may lack."""
        return self.attr(name) if any(a.name == name for a in self.op.op_def.attr) else default

    @property
    def shape(self) -> Shape:
        """Shape of the (first) result."""
        return self.result_shape(0)

    def result_shape(self, number: int) -> Shape:
        """Shape of one result."""
        shape = self.op.outputs[number].shape
        if not shape.is_fully_defined():
            shape = self._inferred(number)
        return self._static(shape, self.op.outputs[number].name)

    def source_shape(self, number: int) -> Shape:
        """Shape of one operand."""
        node = self.node(number)
        if node is not None:
            return self.builder.shape(node)
        tensor = self.inputs[number]
        if tensor.shape.is_fully_defined():
            return self._static(tensor.shape, tensor.name)
        return self.array(number).shape

    def _static(self, shape: tf.TensorShape, name: str) -> Shape:
        if not shape.is_fully_defined():
            raise self.refused(f"the shape of {name!r} is not known: {shape}")
        return tuple(shape.as_list())

    def _inferred(self, number: int) -> tf.TensorShape:
        """The shape of a result from what the recording knows of its operands."""
        operands = [
            self.array(i) if self.node(i) is None else self.source_shape(i)
            for i in range(len(self.inputs))
        ]
        try:
            return inferred_shape(self.op, number, operands)
        except ValueError as error:
            raise self.refused(f"its shape cannot be told: {error}") from error

    def value(self, number: int) -> Value:
        """What an operand is."""
        return self.scope.value(self.inputs[number])

    def node(self, number: int) -> int | None:
        """The node of an operand; None for a constant."""
        found = self.scope.values.get(self.inputs[number].name)
        return found if isinstance(found, int) else None

    def operand(self, number: int) -> int:
        """The node of an operand that this rule needs to depend on the input."""
        node = self.node(number)
        if node is None:
            raise self.refused("an operand that is not its image depends on the input")
        return node

    def dependent(self) -> list[int]:
        """The nodes of all operands that depend on the input."""
        found = (self.node(number) for number in range(len(self.inputs)))
        return [node for node in found if node is not None]

    def constant(self, number: int) -> Constant:
        """An operand as a constant."""
        return self.scope.constant(self.inputs[number])

    def array(self, number: int) -> Array:
        """The value of a constant operand that this rule needs to know."""
        if self.node(number) is not None:
            raise self.refused(f"its operand {number} depends on the input and says where to look")
        try:
            return self.constant(number).array()
        except UnknownValueError as error:
            raise self.refused(
                f"the value of its constant operand {number} is needed, but {error.reason}"
            ) from error

    def integers(self, number: int) -> list[int]:
        """A constant operand of whole numbers, flattened."""
        return [int(n) for n in self.array(number).ravel()]

    def dims(self, number: int, rank: int) -> list[int]:
        """A constant operand that names axes, as non-negative numbers."""
        return [n % rank for n in self.integers(number)] if rank else []

    def size(self, number: int) -> int:
        """Number of elements of an operand."""
        return int(np.prod(self.source_shape(number), dtype=np.int64))

    def where(self, number: int, test: Test) -> Fill:
        """Where a test holds of a constant operand; nowhere if its value is not known."""
        constant = self.constant(number)
        return Fill.of(self.source_shape(number), lambda: constant.holds(test))

    def pattern(self, number: int, arrange: Callable[[Array], Array] | None = None) -> Pattern:
        """Where a constant operand is not zero, read when needed.

        Args:
            number: The operand.
            arrange: Brings its axes into the order that the op kind wants.
        """
        constant = self.constant(number)

        def load() -> NDArray[np.bool_] | None:
            zeros = constant.holds(is_partly_zero)
            if zeros is None or not zeros.any():
                return None
            return ~(zeros if arrange is None else arrange(zeros))

        return Pattern(load)

    def elementwise(self, nodes: Sequence[int], shape: Sequence[int]) -> int:
        """Adds an elementwise node."""
        return self.builder.elementwise(nodes, shape, self.name)

    def joined(self, nodes: Sequence[int], shape: Sequence[int]) -> int:
        """One node that sees all of some nodes, which may be that node itself."""
        if len(nodes) == 1 and self.builder.shape(nodes[0]) == tuple(shape):
            return nodes[0]
        return self.elementwise(nodes, shape)

    def gated(self, node: int, hidden: Fill, shape: Sequence[int]) -> int:
        """Adds an elementwise node that is not seen where a fill is."""
        if hidden.size > LARGEST_PATTERN:
            return self.unread(self.elementwise((node,), shape), hidden.size)
        return self.builder.add(Elementwise((hidden.open(),)), (node,), shape, self.name)

    def unread(self, node: int, size: int) -> int:
        """Adds a node that says that a constant was too large to look for zeros in it."""
        return self.bounded(
            node, f"a constant of {size} elements is taken as non-zero everywhere, an upper bound"
        )

    def bounded(self, node: int, note: str) -> int:
        """Adds a node that passes everything on, and says why that is only an upper bound."""
        shape = self.builder.shape(node)
        text = f"{self.name}: {note}"
        return self.builder.add(Elementwise(), (node,), shape, self.name, text, exact=False)

    def noted(self, node: int, note: str) -> int:
        """Adds a node that passes everything on, exactly, and says something about it."""
        shape = self.builder.shape(node)
        return self.builder.add(Elementwise(), (node,), shape, self.name, f"{self.name}: {note}")

    def everything(self, node: int, shape: Sequence[int]) -> int:
        """Adds nodes in which every position of `shape` sees all of `node`."""
        rank = len(self.builder.shape(node))
        reduced = self.builder.reduce(node, range(rank), False, self.name)
        return self.elementwise((reduced,), shape)

    def taps(self, node: int, dim: int, taps: NDArray[Any]) -> int:
        """Adds a map along one axis."""
        return self.builder.axis_map(node, dim, np.asarray(taps), self.name)

    def refused(self, reason: str) -> UnsupportedOpError:
        """The error that says why this op has no exact rule here."""
        return UnsupportedOpError(self.name, self.builder.layer, reason)


Rule = Callable[[Call], Result | Sequence[Result]]
"""From an op to what its result is, or its results are; None where nothing is seen."""

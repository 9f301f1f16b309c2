"""The values of tensors that do not depend on the input, read only when they are asked for.

Shapes, indices, paddings and masks are small and mostly computed by a few well-known ops, which
numpy folds. Whatever else leads to an asked value is copied out of the graph, without its
control edges, and run alone. Nothing that depends on the measured input is ever run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rf_tf.folding import FOLDS, Array
from rfcore.graph import Mask

__all__ = [
    "LARGEST_PATTERN",
    "Constant",
    "Evaluator",
    "Test",
    "UnknownValueError",
    "is_random_op",
    "session_config",
]

# The largest constant that is evaluated to look for zeros in it, in elements.
LARGEST_PATTERN = 1 << 26

Test = Callable[[Array], NDArray[np.bool_]]

_RANDOM = (
    "RandomUniform RandomUniformInt RandomStandardNormal TruncatedNormal RandomShuffle RandomGamma "
    "RandomPoisson RandomPoissonV2 Multinomial ParameterizedTruncatedNormal StatefulUniform "
    "StatefulUniformInt StatefulUniformFullInt StatefulStandardNormal StatefulStandardNormalV2 "
    "StatefulTruncatedNormal StatefulRandomBinomial RngReadAndSkip NonDeterministicInts"
)
_RANDOM_OPS = frozenset(_RANDOM.split())


class UnknownValueError(Exception):
    """A constant's value cannot be had; `reason` says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Constant:
    """A tensor that does not depend on the input.

    Args:
        load: Returns its value, or raises `UnknownValueError`. Called at most once.
        is_random: Whether its value is drawn anew in every run.
    """

    __slots__ = ("_is_random", "_load", "_value")

    def __init__(
        self, load: Callable[[], Array], is_random: Callable[[], bool] = lambda: False
    ) -> None:
        self._load, self._is_random = load, is_random
        self._value: Array | None = None

    @property
    def is_random(self) -> bool:
        """Whether another run would give another value."""
        return self._is_random()

    def array(self) -> Array:
        """The value.

        Raises:
            UnknownValueError: It is random, or not known.
        """
        if self._value is None:
            if self.is_random:
                raise UnknownValueError("its values are drawn at random")
            self._value = self._load()
        return self._value

    def holds(self, test: Test) -> Mask | None:
        """Where a test holds of the value; None where that is not known."""
        try:
            return np.asarray(test(self.array()))
        except UnknownValueError:
            return None


def is_random_op(kind: str) -> bool:
    """Whether an op's result differs between runs."""
    return kind in _RANDOM_OPS


class Evaluator:
    """The values of the tensors of one graph.

    Args:
        known: What is known of a tensor by name: a `Constant`, "dependent" where it depends on
            the input, or None where its op computes it.
        shape: The shape of a tensor that depends on the input; None where it is not known.
    """

    def __init__(
        self,
        known: Callable[[tf.Tensor], Constant | str | None],
        shape: Callable[[tf.Tensor], tuple[int, ...] | None],
    ) -> None:
        self._known, self._shape = known, shape
        self._values: dict[str, Array] = {}
        self._random: dict[str, bool] = {}

    def constant(self, tensor: tf.Tensor) -> Constant:
        """A tensor as a constant that is read when needed."""
        return Constant(lambda: self.array(tensor), lambda: self.is_random(tensor))

    def array(self, tensor: tf.Tensor) -> Array:
        """The value of a tensor.

        Raises:
            UnknownValueError: It depends on the input, or on something without a known value.
        """
        name = tensor.name
        if name not in self._values:
            self._values[name] = self._computed(tensor)
        return self._values[name]

    def is_random(self, tensor: tf.Tensor) -> bool:
        """Whether a tensor's value comes from a random op."""
        name = tensor.name
        if name not in self._random:
            found = self._known(tensor)
            if isinstance(found, Constant):
                self._random[name] = found.is_random
            elif found is not None or _is_static(tensor):
                self._random[name] = False
            else:
                self._random[name] = is_random_op(tensor.op.type) or any(
                    self.is_random(source) for source in tensor.op.inputs
                )
        return self._random[name]

    def _computed(self, tensor: tf.Tensor) -> Array:
        found = self._known(tensor)
        if isinstance(found, Constant):
            return found.array()
        if found is not None:
            raise UnknownValueError("its values depend on the input")
        if _is_static(tensor):
            return self._static_value(tensor)
        fold = FOLDS.get(tensor.op.type)
        if fold is not None:
            folded = fold(tensor.op, [self.array(source) for source in tensor.op.inputs])
            if folded is not None:
                return folded
        return self._run(tensor)

    def _static_value(self, tensor: tf.Tensor) -> Array:
        """What a tensor holds by the shape of its op's operand alone."""
        op = tensor.op
        source = op.inputs[tensor.value_index if op.type == "ShapeN" else 0]
        lengths = self._shape(source)
        if lengths is None:
            raise UnknownValueError(f"the shape of {source.name!r} is not known")
        kind = tensor.dtype.as_numpy_dtype
        if op.type == "Size":
            return np.asarray(np.prod(lengths, dtype=np.int64), kind)
        if op.type == "Rank":
            return np.asarray(len(lengths), kind)
        if op.type == "ZerosLike":
            return np.zeros(lengths, kind)
        if op.type == "OnesLike":
            return np.ones(lengths, kind)
        return np.asarray(lengths, kind)

    def _run(self, target: tf.Tensor) -> Array:
        """Runs the ops that lead to a tensor, in a graph of their own."""
        if not _is_plain(target.dtype):
            raise UnknownValueError(f"it is a {target.dtype.name}, not an array")
        feeds: dict[str, Array] = {}
        body = tf.compat.v1.GraphDef()
        for op in self._leading_to(target, feeds):
            node = body.node.add()
            node.CopyFrom(op.node_def)
            del node.input[:]
            node.input.extend(_fed(t) if t.name in feeds else t.name for t in op.inputs)
            node.ClearField("device")
        for name, value in feeds.items():
            node = body.node.add(name=name.replace(":", "__fed_"), op="Placeholder")
            node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        body.versions.CopyFrom(target.graph.as_graph_def(from_version=1 << 30).versions)
        _add_functions(body, target.graph)
        scratch = tf.Graph()
        with scratch.as_default():
            tf.import_graph_def(body, name="")
        with tf.compat.v1.Session(graph=scratch, config=session_config()) as session:
            try:
                value = session.run(
                    target.name, {f"{n.replace(':', '__fed_')}:0": v for n, v in feeds.items()}
                )
            except (tf.errors.OpError, ValueError) as error:
                raise UnknownValueError(f"computing it failed ({_first_line(error)})") from error
        return np.asarray(value)

    def _leading_to(self, target: tf.Tensor, feeds: dict[str, Array]) -> list[Any]:
        """The ops to run; what is known without running is added to `feeds`."""
        ops: dict[str, Any] = {target.op.name: target.op}
        pending = list(target.op.inputs)
        if target.op.type in ("Placeholder", "PlaceholderWithDefault"):
            raise UnknownValueError(f"it comes from the placeholder {target.op.name!r}")
        while pending:
            tensor = pending.pop()
            if tensor.name in feeds or tensor.op.name in ops:
                continue
            if self._is_leaf(tensor):
                feeds[tensor.name] = self.array(tensor)
                continue
            ops[tensor.op.name] = tensor.op
            pending.extend(tensor.op.inputs)
        return list(ops.values())

    def _is_leaf(self, tensor: tf.Tensor) -> bool:
        return (
            self._known(tensor) is not None
            or _is_static(tensor)
            or tensor.op.type in ("Placeholder", "PlaceholderWithDefault")
        )


def _is_static(tensor: tf.Tensor) -> bool:
    return tensor.op.type in ("Shape", "ShapeN", "Size", "Rank") or (
        tensor.op.type in ("ZerosLike", "OnesLike") and _is_plain(tensor.dtype)
    )


def _is_plain(dtype: tf.DType) -> bool:
    return dtype not in (tf.variant, tf.resource, tf.string)


def _fed(tensor: tf.Tensor) -> str:
    return str(tensor.name.replace(":", "__fed_"))


def _add_functions(body: Any, graph: tf.Graph) -> None:
    if any(_names_functions(node.attr) for node in body.node):
        body.library.CopyFrom(graph.as_graph_def().library)


def _names_functions(attributes: Mapping[str, Any]) -> bool:
    return any(_functions_in(value) for value in attributes.values())


def _functions_in(value: Any) -> Iterator[str]:
    if value.HasField("func"):
        yield value.func.name
    yield from (function.name for function in value.list.func)


def session_config() -> tf.compat.v1.ConfigProto:
    """Sessions on the CPU that run a few ops as they are."""
    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

"""Ops without a rule: pulled back by TensorFlow's own derivative of that one op.

The op is copied into a graph of its own, with random positive operands of the recorded shapes,
and the non-zeros of its vector-Jacobian product say what depends on what. Two draws are united,
so that a zero by chance of the values does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from rf_tf.call import Call
from rf_tf.constants import UnknownValueError, session_config
from rf_tf.folding import Array
from rf_tf.single import copied
from rfcore.errors import UnsupportedOpError
from rfcore.graph import Mask, Opaque

__all__ = ["opaque", "opaque_linear"]

DRAWS = 2


def opaque(call: Call) -> list[int]:
    """Adds one node per result, each pulled back by the op's own derivative."""
    note = f"{call.name} has no rule and was measured through its own derivative"
    return _measured(call, note, exact=False)


def opaque_linear(call: Call) -> list[int]:
    """The same for ops that are linear in what depends on the input: their derivative is exact."""
    return _measured(call, "", exact=True)


def _measured(call: Call, note: str, *, exact: bool) -> list[int]:
    dependent = [i for i, _ in enumerate(call.inputs) if call.node(i) is not None]
    for i in dependent:
        if not call.inputs[i].dtype.is_floating:
            kind = call.inputs[i].dtype.name
            raise call.refused(f"it has no rule, and its operand of type {kind} no derivative")
    if not dependent:
        raise call.refused("it has no rule")
    nodes = [call.operand(i) for i in dependent]
    return [
        call.builder.add(
            Opaque(_Pullback(_Copied(call, dependent, number))),
            nodes,
            call.result_shape(number),
            call.name,
            note,
            exact=exact,
        )
        for number in range(len(call.op.outputs))
    ]


class _Pullback:
    """The masks of one result's operands, its derivative prepared on the first use."""

    def __init__(self, copied: _Copied) -> None:
        self._copied = copied
        self._derivative: Callable[[Array], list[list[Array]]] | None = None

    def __call__(self, mask: Mask) -> list[Mask]:
        if self._derivative is None:
            self._derivative = self._copied.derivative()
        draws = self._derivative(mask)
        return [
            np.any([gradients[i] != 0 for gradients in draws], axis=0) for i in range(len(draws[0]))
        ]


class _Copied:
    """One op in a graph of its own."""

    def __init__(self, call: Call, dependent: Sequence[int], number: int) -> None:
        self._op, self._dependent, self._number = call.op, dependent, number
        self._shapes = [call.source_shape(i) for i in dependent]
        self._constants = {
            i: call.constant(i) for i, _ in enumerate(call.inputs) if i not in dependent
        }
        self._name, self._layer = call.name, call.builder.layer

    def derivative(self) -> Callable[[Array], list[list[Array]]]:
        """From a cotangent to the gradients of the dependent operands, for each draw."""
        scratch = tf.Graph()
        with scratch.as_default():
            leaves = [
                tf.compat.v1.placeholder(self._op.inputs[i].dtype, shape)
                for i, shape in zip(self._dependent, self._shapes, strict=True)
            ]
            result = self._result(leaves)
            cotangent = tf.compat.v1.placeholder(result.dtype, result.shape)
            gradients = self._gradients(result, leaves, cotangent)
        session = tf.compat.v1.Session(graph=scratch, config=session_config())
        draws = [self._draw(leaves, seed) for seed in range(DRAWS)]
        kind = result.dtype.as_numpy_dtype

        def derivative(mask: Array) -> list[list[Array]]:
            fed = {cotangent.name: mask.astype(kind)}
            try:
                return [session.run(gradients, draw | fed) for draw in draws]
            except tf.errors.OpError as error:
                raise self._failed(error) from error

        return derivative

    def _result(self, leaves: Sequence[tf.Tensor]) -> tf.Tensor:
        operands = dict(zip(self._dependent, leaves, strict=True))
        for i, constant in self._constants.items():
            try:
                operands[i] = tf.constant(constant.array(), self._op.inputs[i].dtype)
            except UnknownValueError as error:
                reason = f"it has no rule, and of its operand {i} {error.reason}"
                raise self._refused(reason) from error
        try:
            copy = copied(self._op, [operands[i] for i in sorted(operands)])
        except ValueError as error:
            raise self._refused(f"it has no rule, and cannot be run alone ({error})") from error
        result: tf.Tensor = copy.outputs[self._number]
        return result

    def _gradients(
        self, result: tf.Tensor, leaves: Sequence[tf.Tensor], cotangent: tf.Tensor
    ) -> list[tf.Tensor]:
        try:
            found = tf.gradients(result, list(leaves), [cotangent])
        except (LookupError, TypeError, ValueError, NotImplementedError) as error:
            raise self._failed(error) from error
        # An op that TensorFlow calls not differentiable would look as if it saw nothing.
        if any(gradient is None for gradient in found):
            raise self._refused("it has neither a rule nor a derivative")
        return [tf.convert_to_tensor(gradient) for gradient in found]

    def _draw(self, leaves: Sequence[tf.Tensor], seed: int) -> dict[str, Array]:
        generator = np.random.default_rng(seed)
        return {
            leaf.name: (generator.random(shape) + 0.5).astype(leaf.dtype.as_numpy_dtype)
            for leaf, shape in zip(leaves, self._shapes, strict=True)
        }

    def _failed(self, error: Exception) -> UnsupportedOpError:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        return self._refused(f"it has no rule, and its derivative failed ({line})")

    def _refused(self, reason: str) -> UnsupportedOpError:
        return UnsupportedOpError(self._name, self._layer, reason)

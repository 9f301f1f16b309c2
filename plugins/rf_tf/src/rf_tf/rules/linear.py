"""Matrix products and Einstein sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rf_tf.call import Call, Rule
from rf_tf.constants import LARGEST_PATTERN
from rf_tf.labels import Labels, labels_of
from rfcore.graph import Contract, Pattern

__all__ = ["RULES"]


def product(call: Call, operands: Sequence[Labels], result: Labels) -> int:
    """A sum of products of one or two operands, either of which may be constant.

    Args:
        call: The op.
        operands: Labels of the axes of each operand.
        result: Labels of the axes of the result.
    """
    nodes = [call.node(number) for number in range(len(operands))]
    dependent = [(n, labels) for n, labels in zip(nodes, operands, strict=True) if n is not None]
    if len(dependent) == 2:
        return _of_two(call, dependent, result)
    ((node, labels),) = dependent
    constant: Labels = ()
    pattern: Pattern | None = None
    if len(operands) == 2:
        number = nodes.index(None)
        constant, pattern = operands[number], call.pattern(number)
    return call.builder.add(
        Contract((labels,), result, constant, pattern), [node], call.shape, call.name
    )


def _of_two(call: Call, factors: Sequence[tuple[int, Labels]], result: Labels) -> int:
    """Each factor is seen where the other one is not known to be zero."""
    zeros = [call.fills.find(node, "zero") for node, _ in factors]
    if zeros == [None, None]:
        op = Contract(tuple(labels for _, labels in factors), result)
        return call.builder.add(op, [node for node, _ in factors], call.shape, call.name)
    parts = []
    for i, (node, labels) in enumerate(factors):
        fill, others = zeros[1 - i], factors[1 - i][1]
        if fill is None or fill.size > LARGEST_PATTERN:
            whole = call.builder.add(Contract((labels,), result), [node], call.shape, call.name)
            parts.append(whole if fill is None else call.unread(whole, fill.size))
        else:
            varying, zero = fill.varying()
            constant = tuple(others[dim] for dim in varying)
            op = Contract((labels,), result, constant, zero.open())
            parts.append(call.builder.add(op, [node], call.shape, call.name))
    return call.elementwise(parts, call.shape)


def matrix_product(call: Call) -> int:
    """Matrix times matrix, transposed or not, with broadcast axes in front."""
    flipped = [
        bool(call.attr_or(plain, False) or call.attr_or(adjoint, False))
        for plain, adjoint in (("transpose_a", "adj_x"), ("transpose_b", "adj_y"))
    ]
    rank = len(call.shape)
    # 0, 1, 2 are rows, what is summed over and columns; the axes in front come after.
    lead = range(3, 3 + rank - 2)
    left, right = ((1, 0) if flipped[0] else (0, 1)), ((2, 1) if flipped[1] else (1, 2))
    operands = []
    for number, matrix in enumerate((left, right)):
        shape = call.source_shape(number)
        front = list(lead[rank - len(shape) :])
        for i, length in enumerate(shape[:-2]):
            # An axis of length 1 is broadcast, and so is not the result's own.
            if length == 1 and call.shape[rank - len(shape) + i] != 1:
                front[i] = 100 * (number + 1) + i
        operands.append((*front, *matrix))
    return product(call, operands, (*lead, 0, 2))


def einstein_sum(call: Call) -> int:
    """`Einsum` of one or two operands."""
    shapes = [call.source_shape(i) for i in range(len(call.inputs))]
    operands, result = labels_of(call.attr("equation"), shapes, call.shape)
    if any(len(set(labels)) < len(labels) for labels in (*operands, result)):
        raise call.refused(f"its equation {call.attr('equation')!r} takes a diagonal")
    return product(call, operands, result)


def cross(call: Call) -> int:
    """The cross product of three-vectors: of each component the two others."""
    parts = [
        call.taps(node, len(call.shape) - 1, np.array([[1, 2], [0, 2], [0, 1]]))
        for node in call.dependent()
    ]
    return call.joined(parts, call.shape)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), matrix_product),
    "Einsum": einstein_sum,
    "Cross": cross,
}

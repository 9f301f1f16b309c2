"""Matrix products of any form, and the linear algebra on the last two axes."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from rf_jax.bands import band
from rf_jax.call import Call, Rule
from rf_jax.values import Constant, Seen
from rfcore.graph import Contract, Pattern

__all__ = ["RULES"]

Labels = tuple[int, ...]


class Factor(NamedTuple):
    """One operand of a product, and the labels of its axes."""

    value: Seen | Constant
    labels: Labels


def product(call: Call) -> int:
    """`dot_general`: a sum of products over contracted axes."""
    left, right, result = _labelled(call)
    if isinstance(left.value, Seen) and isinstance(right.value, Seen):
        return _product_of_two(call, left, right, result)
    seen, constant = (left, right) if isinstance(left.value, Seen) else (right, left)
    assert isinstance(seen.value, Seen)
    assert isinstance(constant.value, Constant)
    weights = constant.value
    if weights.is_positional and not weights.hidden and call.fits(weights):
        resized = _resized(call, seen, constant, result)
        if resized is not None:
            return resized
    op = Contract((seen.labels,), result)
    if not weights.hidden and call.fits(weights):
        op = Contract((seen.labels,), result, constant.labels, weights.pattern())
    node = call.builder.add(op, [seen.value.node], call.shape, call.name)
    return node if call.fits(weights) else call.unread(node, weights)


def _labelled(call: Call) -> tuple[Factor, Factor, Labels]:
    (contracted, matching), (batches, their_batches) = call.params["dimension_numbers"]
    left = list(range(len(call.shapes[0])))
    right = [len(left) + d for d in range(len(call.shapes[1]))]
    for ours, theirs in (*zip(contracted, matching, strict=True),):
        right[theirs] = left[ours]
    for ours, theirs in zip(batches, their_batches, strict=True):
        right[theirs] = left[ours]
    result = (
        *(left[d] for d in batches),
        *(n for d, n in enumerate(left) if d not in contracted and d not in batches),
        *(n for d, n in enumerate(right) if d not in matching and d not in their_batches),
    )
    one, other = call.operands
    return Factor(one, tuple(left)), Factor(other, tuple(right)), result


def _product_of_two(call: Call, left: Factor, right: Factor, result: Labels) -> int:
    """Each factor is seen where the other one is not known to be zero."""
    factors = (left, right)
    nodes = [factor.value.node for factor in factors if isinstance(factor.value, Seen)]
    zeros = [factor.value.fills.zero for factor in factors if isinstance(factor.value, Seen)]
    if zeros == [None, None]:
        op = Contract((left.labels, right.labels), result)
        return call.builder.add(op, nodes, call.shape, call.name)
    parts = []
    for node, (_, labels), (_, others), zero in zip(
        nodes, factors, factors[::-1], zeros[::-1], strict=True
    ):
        op = Contract((labels,), result)
        if zero is not None and call.fits(zero):
            varying = tuple(others[d] for d, n in enumerate(zero.shape) if n > 1)
            op = Contract((labels,), result, varying, _open(zero))
        part = call.builder.add(op, [node], call.shape, call.name)
        too_large = zero is not None and not call.fits(zero)
        parts.append(call.unread(part, zero) if too_large and zero is not None else part)
    return call.elementwise(parts, call.shape)


def _open(zero: Constant) -> Pattern:
    return Pattern(zero.holds(lambda mask: ~mask.squeeze()))


def _resized(call: Call, seen: Factor, constant: Factor, result: Labels) -> int | None:
    """A product with a computed matrix of few entries per column: resizing along one axis.

    Weights that are not given but computed from positions say which inputs each output is made
    of; as a table of taps they stay local, where a product would sum over the whole axis.
    """
    contracted = [label for label in constant.labels if label in seen.labels]
    made = [label for label in constant.labels if label not in seen.labels]
    if len(constant.labels) != 2 or len(contracted) != 1 or len(made) != 1:
        return None
    assert isinstance(seen.value, Seen)
    assert isinstance(constant.value, Constant)
    table = band(constant.value, constant.labels.index(contracted[0]))
    if table is None:
        return None
    dim = seen.labels.index(contracted[0])
    node = call.taps(seen.value.node, dim, table)
    labels = [made[0] if d == dim else label for d, label in enumerate(seen.labels)]
    return call.transpose(node, [labels.index(label) for label in result])


def matrices(call: Call) -> list[int]:
    """Decompositions and solvers: every entry of a result sees whole matrices, as it may."""
    results = []
    for shape in call.results:
        parts = []
        for operand, source in zip(call.operands, call.shapes, strict=True):
            if isinstance(operand, Seen):
                rank = len(source)
                node = call.reduce(operand.node, (rank - 2, rank - 1), keepdims=False)
                lead = call.builder.shape(node)
                node = call.reshape(node, (*lead, *(1,) * (len(shape) - len(lead))))
                parts.append(call.elementwise((node,), shape))
        text = "every entry of the matrices is taken to matter to all, an upper bound"
        results.append(call.bounded(call.elementwise(parts, shape), text))
    return results


def everything(call: Call, note: str) -> list[int]:
    """Every result sees all of every operand."""
    return [
        call.bounded(
            call.elementwise([call.everything(node, shape) for node in call.nodes()], shape), note
        )
        for shape in call.results
    ]


_MATRICES = (
    "cholesky lu qr eigh eig svd triangular_solve geqrf householder_product tridiagonal_solve schur"
)
_SOLVED = "all of its operands are taken to matter to all of the solution, an upper bound"

RULES: dict[str, Rule] = {
    "dot_general": product,
    **dict.fromkeys(_MATRICES.split(), matrices),
    "linear_solve": partial(everything, note=_SOLVED),
    "custom_linear_solve": partial(everything, note=_SOLVED),
}

"""Matrix products and dense layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from rf_torch.call import Call, Rule
from rf_torch.constants import LARGEST_PATTERN
from rfcore.graph import Contract

__all__ = ["RULES", "product"]

Labels = tuple[int, ...]


def product(
    call: Call,
    left: torch.Tensor,
    right: torch.Tensor,
    labels: tuple[Labels, Labels, Labels],
    shape: Sequence[int],
) -> int | None:
    """A labelled product of two tensors, either of which may be constant.

    Args:
        call: The op.
        left: The first factor.
        right: The second factor.
        labels: Labels of the axes of both and of the result, as in `Contract`.
        shape: Shape of the result.
    """
    nodes = [call.node(left), call.node(right)]
    dependent = [(n, lab) for n, lab in zip(nodes, labels, strict=False) if n is not None]
    if len(dependent) == 2:
        return _product_of_two(call, dependent, labels[2], shape)
    if not dependent:
        return None
    constant, other = (right, labels[1]) if nodes[0] is not None else (left, labels[0])
    op = Contract((dependent[0][1],), labels[2], other, call.tape.pattern(constant))
    return call.builder.add(op, [dependent[0][0]], shape, call.name)


def _product_of_two(
    call: Call, factors: Sequence[tuple[int, Labels]], result: Labels, shape: Sequence[int]
) -> int:
    """Each factor is seen where the other one is not known to be zero."""
    fills = [call.fills.find(node, "zero") for node, _ in factors]
    if fills == [None, None]:
        op = Contract(tuple(labels for _, labels in factors), result)
        return call.builder.add(op, [node for node, _ in factors], shape, call.name)
    parts = []
    for (node, labels), fill, (_, others) in zip(factors, fills[::-1], factors[::-1], strict=True):
        if fill is None or fill.size > LARGEST_PATTERN:
            whole = call.builder.add(Contract((labels,), result), [node], shape, call.name)
            parts.append(whole if fill is None else call.unread(whole, fill.size))
        else:
            varying, zero = fill.varying()
            op = Contract((labels,), result, tuple(others[d] for d in varying), zero.open())
            parts.append(call.builder.add(op, [node], shape, call.name))
    return call.elementwise(parts, shape)


def _added(call: Call, total: int | None, bias: torch.Tensor) -> int | None:
    node = call.node(bias) if call.given.get("beta", 1) != 0 else None
    parts = [n for n in (total, node) if n is not None]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 and node is None else call.elementwise(parts, call.shape)


MATRIX: tuple[Labels, Labels, Labels] = ((0, 1), (1, 2), (0, 2))
BATCHED: tuple[Labels, Labels, Labels] = ((3, 0, 1), (3, 1, 2), (3, 0, 2))


def mm(call: Call) -> int | None:
    """Matrix times matrix."""
    return product(call, call["self"], call["mat2"], MATRIX, call.shape)


def addmm(call: Call) -> int | None:
    """Matrix times matrix, plus a bias."""
    return _added(call, product(call, call["mat1"], call["mat2"], MATRIX, call.shape), call["self"])


def bmm(call: Call) -> int | None:
    """Matrix times matrix, batched."""
    return product(call, call["self"], call["mat2"], BATCHED, call.shape)


def baddbmm(call: Call) -> int | None:
    """Matrix times matrix, batched, plus a bias."""
    batches = product(call, call["batch1"], call["batch2"], BATCHED, call.shape)
    return _added(call, batches, call["self"])


def mv(call: Call) -> int | None:
    """Matrix times vector."""
    return product(call, call["self"], call["vec"], ((0, 1), (1,), (0,)), call.shape)


def dot(call: Call) -> int | None:
    """Vector times vector."""
    return product(call, call["self"], call["tensor"], ((0,), (0,), ()), call.shape)


def linear(call: Call) -> int | None:
    """A dense layer on the last axis."""
    image, weight = call["input"], call["weight"]
    lead = tuple(range(2, 2 + len(image.shape) - 1))
    transformed = product(call, image, weight, ((*lead, 0), (1, 0), (*lead, 1)), call.shape)
    return _added(call, transformed, call["bias"])


def addmv(call: Call) -> int | None:
    """Matrix times vector, plus a bias."""
    image = product(call, call["mat"], call["vec"], ((0, 1), (1,), (0,)), call.shape)
    return _added(call, image, call["self"])


def addbmm(call: Call) -> int | None:
    """Matrix times matrix, summed over the batch, plus a bias."""
    labels = ((3, 0, 1), (3, 1, 2), (0, 2))
    return _added(
        call, product(call, call["batch1"], call["batch2"], labels, call.shape), call["self"]
    )


def addr(call: Call) -> int | None:
    """Vector times vector as a matrix, plus a bias."""
    outer = product(call, call["vec1"], call["vec2"], ((0,), (1,), (0, 1)), call.shape)
    return _added(call, outer, call["self"])


def trilinear(call: Call) -> int | None:
    """`nn.Bilinear`: three factors, broadcast along axes of length 1, summed over some axes."""
    factors = [call["i1"], call["i2"], call["i3"]]
    rank = factors[0].ndim + len(call["expand1"])
    labels = [
        tuple(d for d in range(rank) if d not in call[f"expand{number}"]) for number in (1, 2, 3)
    ]
    nodes = [call.node(factor) for factor in factors]
    dependent = [(n, lab) for n, lab in zip(nodes, labels, strict=True) if n is not None]
    constants = [i for i, node in enumerate(nodes) if node is None]
    result = tuple(d for d in range(rank) if d not in call["sumdim"])
    constant: Labels = ()
    pattern = None
    if len(constants) == 1:
        constant, pattern = labels[constants[0]], call.tape.pattern(factors[constants[0]])
    op = Contract(tuple(lab for _, lab in dependent), result, constant, pattern)
    summed = call.builder.add(op, [n for n, _ in dependent], call.shape, call.name)
    if len(constants) < 2:
        return summed
    return call.bounded(summed, "zeros in its two constant factors are not looked for")


def cross(call: Call) -> int:
    """The cross product: of each component the two others."""
    parts = []
    others = np.array([[1, 2], [0, 2], [0, 1]])
    for argument in ("self", "other"):
        if (node := call.node(call[argument])) is not None:
            parts.append(call.taps(node, call["dim"] % len(call.shape), others))
    return call.elementwise(parts, call.shape)


def distances(call: Call) -> int:
    """`cdist`: each pair of rows."""
    parts = []
    for argument, dim in (("x1", -1), ("x2", -2)):
        node = call.node(call[argument])
        if node is not None:
            rank = len(call.builder.shape(node))
            rows = call.builder.reduce(node, [rank - 1], True, call.name)
            if dim == -2:
                order = [*range(rank - 2), rank - 1, rank - 2]
                rows = call.builder.transpose(rows, order, call.name)
            parts.append(rows)
    return call.elementwise(parts, call.shape)


def own_distances(call: Call) -> int:
    """`pdist`: each pair of different rows."""
    node = call.operand("self")
    pairs = np.stack(np.triu_indices(call.builder.shape(node)[0], 1), axis=1)
    rows = call.builder.reduce(node, [1], False, call.name)
    return call.taps(rows, 0, pairs)


RULES: dict[str, Rule] = {
    "aten.mm": mm,
    "aten.addmm": addmm,
    "aten._addmm_activation": addmm,
    "aten.bmm": bmm,
    "aten.baddbmm": baddbmm,
    "aten.addbmm": addbmm,
    "aten.mv": mv,
    "aten.addmv": addmv,
    "aten.addr": addr,
    "aten.dot": dot,
    "aten.vdot": dot,
    "aten.linear": linear,
    "aten._trilinear": trilinear,
    "aten.linalg_cross": cross,
    "aten._cdist_forward": distances,
    "aten._euclidean_dist": distances,
    "aten._pdist_forward": own_distances,
}

"""Sums of products pulled back: matrix products, attention, constants with zeros in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rfcore.graph import Contract, Mask
from rfcore.masks import Site, any_over

__all__ = ["pull_contract"]


def pull_contract(op: Contract, mask: Mask, site: Site) -> tuple[Mask, ...]:
    """Pulls a mask back through a sum of products (see `pullback.pull`)."""
    pattern = op.pattern.read() if op.pattern is not None else None
    labels = op.result
    if pattern is not None:
        _check_constant(op, pattern, site)
        mask, labels = _through_pattern(op, mask, pattern)
    return tuple(_relabel(mask, labels, wanted) for wanted in op.operands)


def _check_constant(op: Contract, pattern: Mask, site: Site) -> None:
    shapes = zip((*op.operands, op.result), (*site.operands, site.shape), strict=True)
    known = {label: n for labels, shape in shapes for label, n in zip(labels, shape, strict=True)}
    for label, n in zip(op.constant, pattern.shape, strict=True):
        if known.get(label, n) != n:
            raise ValueError(f"a constant of shape {pattern.shape} does not fit {site.shape}")


def _through_pattern(op: Contract, mask: Mask, pattern: Mask) -> tuple[Mask, tuple[int, ...]]:
    """Contracts the mask with the constant's non-zeros, keeping every label of an operand."""
    wanted = {label for labels in op.operands for label in labels}
    uniform = [d for d, label in enumerate(op.result) if mask.shape[d + 1] == 1]
    squeezed = mask.reshape([n for d, n in enumerate(mask.shape) if d - 1 not in uniform])
    labels = [label for d, label in enumerate(op.result) if d not in uniform]
    pattern, constant = _decisive(pattern, op.constant, {*labels, *wanted})
    kept = sorted(wanted & {*op.result, *op.constant})
    present = [label for label in kept if label in labels or label in constant]
    numbers = {label: i + 1 for i, label in enumerate(sorted({*labels, *constant}))}
    seen = np.einsum(
        squeezed.astype(np.float32),
        [0, *(numbers[label] for label in labels)],
        pattern.astype(np.float32),
        [numbers[label] for label in constant],
        [0, *(numbers[label] for label in present)],
        optimize=True,
    )
    return seen > 0, tuple(present)


def _decisive(
    pattern: Mask, labels: Sequence[int], asked: set[int]
) -> tuple[Mask, tuple[int, ...]]:
    """A pattern without the axes that make no difference.

    Over labels that nobody asks for it is enough that some entry is non-zero. After that, a
    weight that is zero here and there by accident is dense again.
    """
    summed = tuple(dim for dim, label in enumerate(labels) if label not in asked)
    pattern = any_over(pattern, summed)
    left = [label for label in labels if label in asked]
    for dim in reversed(range(len(left))):
        first = pattern.take([0], axis=dim)
        if bool((pattern == first).all()):
            pattern = first.squeeze(dim)
            del left[dim]
    return pattern, tuple(left)


def _relabel(mask: Mask, labels: Sequence[int], wanted: Sequence[int]) -> Mask:
    """Reorders a labelled mask to `wanted` labels: any over the others, uniform where new."""
    drop = tuple(dim + 1 for dim, label in enumerate(labels) if label not in wanted)
    mask = any_over(mask, drop)
    left = [label for label in labels if label in wanted]
    present = [label for label in wanted if label in left]
    mask = mask.transpose(0, *(left.index(label) + 1 for label in present))
    for dim, label in enumerate(wanted):
        if label not in left:
            mask = np.expand_dims(mask, dim + 1)
    return mask

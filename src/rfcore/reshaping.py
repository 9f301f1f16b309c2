"""Reshapes pulled back: which axes on one side make up which on the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rfcore.graph import Mask
from rfcore.masks import Shape, Site, collapse, refuse_oversize

__all__ = ["factor_groups", "pull_reshape"]


def pull_reshape(mask: Mask, site: Site) -> tuple[Mask, ...]:
    """Pulls a mask back through a reshape (see `pullback.pull`).

    Raises:
        MaskTooLargeError: Positions that are asked for alike would have to be told one by one.
    """
    source = site.operands[0]
    probes = mask.shape[0]
    if 0 in source:
        return (np.zeros((probes, *(1,) * len(source)), bool),)
    middle: list[int] = [probes]
    result: list[int] = [probes]
    rearranged: list[int] = []
    for out_dims, in_dims in factor_groups(site.shape, source):
        uniform = all(mask.shape[dim + 1] == 1 for dim in out_dims)
        if uniform:
            middle += [1] * len(out_dims)
            result += [1] * len(in_dims)
        elif len(out_dims) == 1 and len(in_dims) == 1:
            middle.append(mask.shape[out_dims[0] + 1])
            result.append(mask.shape[out_dims[0] + 1])
        else:
            middle += [site.shape[dim] for dim in out_dims]
            result += [source[dim] for dim in in_dims]
            after = [dim for dim in out_dims if site.shape[dim] > 1]
            before = [dim for dim in in_dims if source[dim] > 1]
            rearranged += before if max(len(after), len(before)) > 1 else []
    refuse_oversize(tuple(result))
    pulled = np.broadcast_to(mask, middle).reshape(result)
    # An axis that stays whole stays full: uniform would be an upper bound where it is elastic.
    for dim in rearranged:
        pulled = collapse(pulled, dim + 1)
    return (pulled,)


def factor_groups(left: Shape, right: Shape) -> Iterator[tuple[list[int], list[int]]]:
    """Splits two shapes of equal size into the smallest runs of axes with equal products."""
    i = j = 0
    while i < len(left) or j < len(right):
        lefts, rights = [], []
        left_size = right_size = 1
        if i < len(left):
            lefts.append(i)
            left_size = left[i]
            i += 1
        if j < len(right) and (not lefts or left_size != 1 or right[j] == 1):
            rights.append(j)
            right_size = right[j]
            j += 1
        while left_size != right_size:
            if left_size < right_size:
                lefts.append(i)
                left_size *= left[i]
                i += 1
            else:
                rights.append(j)
                right_size *= right[j]
                j += 1
        yield lefts, rights

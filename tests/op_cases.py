"""Small ops of every kind at random, masks over their results, and the sites they stand in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rfcore.graph import (
    AxisMap,
    Concatenate,
    Contract,
    Cumulative,
    Elementwise,
    Gather,
    Mask,
    Op,
    Overwrite,
    Pattern,
    Reduce,
    Reshape,
    Transpose,
    Window,
    WindowAxis,
)
from rfcore.masks import Site

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """An op with the shapes around it."""

    op: Op
    result: Shape
    operands: tuple[Shape, ...]


def shapes(min_rank: int = 1, max_rank: int = 4, longest: int = 5) -> st.SearchStrategy[Shape]:
    lengths = st.integers(1, longest)
    return st.lists(lengths, min_size=min_rank, max_size=max_rank).map(tuple).filter(_small)


def _small(shape: Sequence[int]) -> bool:
    return math.prod(shape) <= 80


def booleans(shape: Sequence[int]) -> st.SearchStrategy[Mask]:
    return arrays(np.bool_, tuple(shape))


def patterns(shape: Sequence[int]) -> st.SearchStrategy[Pattern]:
    return booleans(shape).map(lambda value: Pattern(lambda: value))


@st.composite
def masks(draw: st.DrawFn, shape: Shape) -> Mask:
    """Several probes over `shape`, each axis full or of length 1."""
    uniform = [draw(st.booleans()) for _ in shape]
    probes = draw(st.integers(1, 3))
    form = (1 if u else n for u, n in zip(uniform, shape, strict=True))
    return draw(booleans((probes, *form)))


@st.composite
def elementwise(draw: st.DrawFn) -> Case:
    result = draw(shapes())
    operands = tuple(draw(broadcast_to(result)) for _ in range(draw(st.integers(1, 3))))
    gates: tuple[Pattern | None, ...] = ()
    if draw(st.booleans()):
        gates = tuple(draw(st.none() | broadcast_to(result).flatmap(patterns)) for _ in operands)
    return Case(Elementwise(gates), result, operands)


@st.composite
def broadcast_to(draw: st.DrawFn, shape: Shape) -> Shape:
    """A shape that broadcasts to `shape`."""
    kept = shape[draw(st.integers(0, len(shape) - 1)) :]
    return tuple(1 if draw(st.booleans()) else n for n in kept)


@st.composite
def window(draw: st.DrawFn) -> Case:
    """Channels, or none, anywhere among one or two spatial axes and a batch."""
    spatial = draw(st.integers(1, 2))
    order = draw(st.permutations(["batch", "channels", *range(spatial)]))
    axes = tuple(draw(window_axes(order.index(number))) for number in range(spatial))
    groups, into, out = (draw(st.integers(1, n)) for n in (3, 2, 2))
    with_channels = draw(st.booleans())
    channels = (groups * into, groups * out) if with_channels else (into, into)
    operand, result = [1] * len(order), [1] * len(order)
    operand[order.index("batch")] = result[order.index("batch")] = draw(st.integers(1, 2))
    operand[order.index("channels")], result[order.index("channels")] = channels
    for axis in axes:
        operand[axis.dim] = draw(st.integers(1, 6))
        result[axis.dim] = draw(st.integers(1, 4))
    kernel = [axis.kernel_size for axis in axes]
    pairs = (groups * out, into) if with_channels else (1, 1)
    groups = groups if with_channels else 1
    op = Window(
        axes,
        order.index("channels") if with_channels else None,
        groups,
        draw(st.none() | patterns((*pairs, *kernel)) | shared_patterns(pairs, kernel)),
    )
    return Case(op, tuple(result), (tuple(operand),))


@st.composite
def window_axes(draw: st.DrawFn, dim: int) -> WindowAxis:
    return WindowAxis(
        dim,
        kernel_size=draw(st.integers(1, 4)),
        stride=draw(st.integers(1, 3)),
        dilation=draw(st.integers(1, 3)),
        low=draw(st.integers(-3, 5)),
        base_dilation=draw(st.integers(1, 3)),
    )


@st.composite
def shared_patterns(draw: st.DrawFn, pairs: tuple[int, int], kernel: list[int]) -> Pattern:
    """One kernel for all pairs of channels, its taps any set and not only a box."""
    taps = draw(booleans(kernel))
    return Pattern(lambda: np.broadcast_to(taps, (*pairs, *kernel)))


@st.composite
def reduce(draw: st.DrawFn) -> Case:
    operand = draw(shapes())
    dims = draw(st.sets(st.integers(0, len(operand) - 1), min_size=1))
    order = draw(st.permutations(sorted(dims)))
    if draw(st.booleans()):
        kept = tuple(1 if d in dims else n for d, n in enumerate(operand))
        return Case(Reduce(tuple(order)), kept, (operand,))
    left = tuple(n for d, n in enumerate(operand) if d not in dims)
    return Case(Reduce(tuple(order), keepdims=False), left, (operand,))


@st.composite
def cumulative(draw: st.DrawFn) -> Case:
    shape = draw(shapes())
    op = Cumulative(draw(st.integers(0, len(shape) - 1)), draw(st.booleans()))
    return Case(op, shape, (shape,))


@st.composite
def axis_map(draw: st.DrawFn) -> Case:
    operand = draw(shapes())
    dim = draw(st.integers(0, len(operand) - 1))
    table = (draw(st.integers(1, 5)), draw(st.integers(1, 3)))
    taps = draw(arrays(np.int64, table, elements=st.integers(-1, operand[dim] - 1)))
    result = (*operand[:dim], len(taps), *operand[dim + 1 :])
    return Case(AxisMap(dim, taps), result, (operand,))


@st.composite
def reshape(draw: st.DrawFn) -> Case:
    """Two ways to group one list of factors, ones among them."""
    factors = draw(
        st.lists(st.sampled_from([1, 2, 2, 3, 3, 5]), min_size=1, max_size=5).filter(_small)
    )
    shape = st.sets(st.integers(1, len(factors))).map(
        lambda cuts: tuple(
            math.prod(factors[a:b])
            for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), len(factors)], strict=True)
        )
    )
    return Case(Reshape(), draw(shape), (draw(shape),))


@st.composite
def transpose(draw: st.DrawFn) -> Case:
    operand = draw(shapes())
    order = tuple(draw(st.permutations(range(len(operand)))))
    return Case(Transpose(order), tuple(operand[i] for i in order), (operand,))


@st.composite
def concatenate(draw: st.DrawFn) -> Case:
    """Operands with constant gaps between them and at both ends."""
    first = draw(shapes(longest=3))
    dim = draw(st.integers(0, len(first) - 1))
    operands, starts, end = [], [], draw(st.integers(0, 2))
    for _ in range(draw(st.integers(1, 3))):
        operands.append((*first[:dim], draw(st.integers(1, 3)), *first[dim + 1 :]))
        starts.append(end)
        end += operands[-1][dim] + draw(st.integers(0, 2))
    result = (*first[:dim], end, *first[dim + 1 :])
    return Case(Concatenate(dim, tuple(starts)), result, tuple(operands))


@st.composite
def contract(draw: st.DrawFn) -> Case:
    sizes = [draw(st.integers(1, 3)) for _ in range(4)]
    some = st.permutations(range(4)).flatmap(
        lambda p: st.integers(1, 3).map(lambda n: tuple(p[:n]))
    )
    operands = draw(st.lists(some, min_size=1, max_size=2))
    constant = draw(st.just(()) | some)
    known = sorted({label for labels in (*operands, constant) for label in labels})
    result = tuple(draw(st.permutations(known))[: draw(st.integers(0, len(known)))])
    pattern = draw(patterns([sizes[label] for label in constant])) if constant else None
    op = Contract(tuple(operands), result, constant, pattern)
    return Case(
        op,
        tuple(sizes[label] for label in result),
        tuple(tuple(sizes[label] for label in labels) for labels in operands),
    )


@st.composite
def gather(draw: st.DrawFn) -> Case:
    operand, result = draw(shapes(max_rank=3)), draw(shapes(max_rank=3))
    table = (math.prod(result), draw(st.integers(1, 2)))
    elements = st.integers(-1, math.prod(operand) - 1)
    return Case(Gather(draw(arrays(np.int64, table, elements=elements))), result, (operand,))


@st.composite
def overwrite(draw: st.DrawFn) -> Case:
    result = draw(shapes())
    starts, counts, steps = [], [], []
    for n in result:
        start, step = draw(st.integers(0, n - 1)), draw(st.integers(1, 3))
        starts.append(start)
        steps.append(step)
        counts.append(draw(st.integers(1, (n - 1 - start) // step + 1)))
    names = draw(st.sampled_from([("base",), ("value",), ("base", "value"), ("value", "base")]))
    op = Overwrite(tuple(starts), tuple(counts), tuple(steps), names)
    operands = tuple(result if name == "base" else tuple(counts) for name in names)
    return Case(op, result, operands)


CASES: dict[str, st.SearchStrategy[Case]] = {
    "elementwise": elementwise(),
    "window": window(),
    "reduce": reduce(),
    "cumulative": cumulative(),
    "axis_map": axis_map(),
    "reshape": reshape(),
    "transpose": transpose(),
    "concatenate": concatenate(),
    "contract": contract(),
    "gather": gather(),
    "overwrite": overwrite(),
}


def site_of(case: Case, probes: int, elastic: tuple[bool, ...], *, known: bool = True) -> Site:
    lost = np.zeros((probes, 2), bool)
    return Site(case.result, case.operands, elastic, lost, known)


def written_out(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """The mask with its uniform axes at full length, which must be all that it lacks."""
    for got, n in zip(mask.shape[1:], shape, strict=True):
        assert got in (1, n)
    return np.broadcast_to(mask, (len(mask), *shape))

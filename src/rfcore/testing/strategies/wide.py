"""Networks as the campaign draws them: blocks of every kind, on one to three axes.

Paths that are joined are cropped to the length of the shortest, so that any two fit together:
strides that do not match, and what a framework would refuse to add, are drawn on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any, Literal

from hypothesis import assume
from hypothesis import strategies as st

from rfcore.graph import AxisMap, Graph, Node
from rfcore.layers import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    GlobalPooling,
    Layer,
    LayersBackend,
    Normalization,
    Pooling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing.case import Case
from rfcore.testing.strategies.singles import Place, single_layers

__all__ = ["wide_cases"]

Path = tuple[Layer, ...]
Join = Literal["add", "multiply", "concatenate"]
PoolingKind = Literal["max", "average"]
LENGTHS = {1: (13, 61), 2: (9, 37), 3: (7, 17)}
LONGEST = {1: 150, 2: 80, 3: 34}
# Below this length a border is not told from the middle, and refused by some builders' ops only.
SHORTEST = 10
BORDERED = ("Padding", "Roll", "Upsampling")
# A multiple of all strides that are products of few 2s and 3s.
GROWTH = 6**5
# Dependence is measured position by position; more outputs than this take too long.
LARGEST = {1: 150, 2: 3000, 3: 6000}


@st.composite
def wide_cases(draw: st.DrawFn) -> Case:
    """A network of up to four blocks that runs at its size, every map at least 2 long."""
    rank = draw(st.sampled_from([1, 1, 1, 2, 2, 3]))
    lengths = tuple(draw(st.integers(*LENGTHS[rank])) for _ in range(rank))
    if draw(st.booleans()):
        # Along axes that are alike, one walk answers for all.
        lengths = lengths[:1] * rank
    channels = draw(st.sampled_from([2, 4]))
    # What sees everything hides all that goes on beside it: in a few networks only.
    kinds = draw(st.sampled_from([*5 * (_BLOCKS,), _BLOCKS_WITH_GLOBAL_PATHS]))
    path = draw(_chains(lengths, channels, kinds, 4))
    assume(path)
    return Case(
        name="random", layers=path, input_shape=lengths, source="walking taps", channels=channels
    )


@st.composite
def _chains(
    draw: st.DrawFn, lengths: tuple[int, ...], channels: int, kinds: Sequence[Any], longest: int
) -> Path:
    """Blocks one after the other; those that do not fit are left out."""
    path: Path = ()
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=longest)):
        block = draw(kind(lengths, channels))
        after = _lengths_after(block, lengths)
        if after is not None:
            path, lengths = path + block, after
    return path


def _lengths_after(layers: Path, lengths: tuple[int, ...]) -> tuple[int, ...] | None:
    """The lengths behind some layers; None where a map gets too short or too long."""
    after = _lengths(layers, lengths)
    if after is None or max(after) > LONGEST[len(after)] or prod(after) > LARGEST[len(after)]:
        return None
    return after


def _lengths(layers: Path, lengths: tuple[int, ...]) -> tuple[int, ...] | None:
    """The lengths behind some layers; None where the layers do not run at these lengths."""
    if not layers:
        return lengths
    backend = LayersBackend()
    trace = backend.trace(layers, backend.input_spec(layers, lengths, None, None))
    if trace.error is not None:
        return None
    if any(_is_short(trace.graph, node) for node in trace.graph.nodes):
        return None
    gated = any(isinstance(layer, Branches) and _pools_all(layer) for layer in layers)
    spatial = [shape[1:] for shape in trace.shapes.values()]
    if any(min(shape) < 2 and not (gated and max(shape) == 1) for shape in spatial):
        return None
    return trace.shapes[""][1:]


def _is_short(graph: Graph, node: Node) -> bool:
    """Whether a layer that treats borders in its own way has little else than borders."""
    if not isinstance(node.op, AxisMap) or node.name not in BORDERED:
        return False
    return graph.nodes[node.inputs[0]].shape[node.op.dim] < SHORTEST


def _pools_all(branches: Branches) -> bool:
    return any(isinstance(layer, GlobalPooling) for path in branches.paths for layer in path)


@st.composite
def _single(draw: st.DrawFn, lengths: tuple[int, ...], channels: int) -> Path:
    groups = tuple(g for g in (1, 1, 2, channels) if channels % g == 0)
    layer = draw(single_layers(Place(lengths, groups)))
    walkable = all(n > 3 for n in lengths)
    return (layer,) if walkable else ()


@st.composite
def _joined(
    draw: st.DrawFn, lengths: tuple[int, ...], channels: int, paths: Sequence[Path]
) -> Path:
    """Paths cropped to the shortest of them, then joined."""
    ends = [_lengths_after(path, lengths) for path in paths]
    fitting = [(path, end) for path, end in zip(paths, ends, strict=True) if end is not None]
    if len(fitting) < 2:
        return ()
    shortest = tuple(map(min, zip(*(end for _, end in fitting), strict=True)))
    cropped = []
    for path, end in fitting:
        spare = [n - m for n, m in zip(end, shortest, strict=True)]
        low = tuple(draw(st.integers(0, min(n, 3))) for n in spare)
        high = tuple(n - m for n, m in zip(spare, low, strict=True))
        cropped.append((*path, Cropping(low, high)) if any(spare) else path)
    path = (Branches(tuple(cropped)),)
    # Crops that fit one size only stand for strides that do not match; a few of them will do.
    larger = tuple(n + GROWTH for n in lengths)
    # Hypothesis likes small numbers; one in the middle is drawn as rarely as it should be.
    if _lengths(path, larger) is None and draw(st.integers(0, 29)) != 17:
        return ()
    join: Join = draw(st.sampled_from(["add", "add", "multiply", "concatenate"]))
    joined = replace(path[0], join=join)
    # Back to as many channels as everywhere, so that what follows can be added.
    return (joined, Convolution(1)) if join == "concatenate" else (joined,)


@st.composite
def _residual(draw: st.DrawFn, lengths: tuple[int, ...], channels: int) -> Path:
    stride = draw(st.sampled_from([1, 1, 2, 3]))
    size = draw(st.sampled_from([3, 5]))
    dilation = draw(st.sampled_from([1, 2])) if stride == 1 else 1
    half = dilation * (size // 2)
    groups = draw(st.sampled_from([1, channels]))
    body: Path = (
        Convolution(size, stride, half, dilation, groups),
        Normalization(),
        Activation(),
        Convolution(3, padding=1),
    )
    shortcuts: Sequence[Path] = [(Convolution(1, stride),), (Pooling(stride, kind="average"),)]
    skip: Path = () if stride == 1 else draw(st.sampled_from(shortcuts))
    return draw(_joined(lengths, channels, (skip, body)))


@st.composite
def _dense(draw: st.DrawFn, lengths: tuple[int, ...], channels: int) -> Path:
    steps: list[Layer] = []
    for _ in range(draw(st.integers(1, 3))):
        size, dilation = draw(st.sampled_from([1, 3])), draw(st.sampled_from([1, 2]))
        grown = (Activation(), Convolution(size, 1, dilation * (size // 2), dilation))
        steps.append(Branches(((), grown), "concatenate"))
    return (*steps, Convolution(1))


@st.composite
def _inception(draw: st.DrawFn, lengths: tuple[int, ...], channels: int) -> Path:
    count = draw(st.integers(2, 3))
    return draw(
        _joined(
            lengths,
            channels,
            [draw(_chains(lengths, channels, (_single,), 3)) for _ in range(count)],
        )
    )


@st.composite
def _decoder(draw: st.DrawFn, lengths: tuple[int, ...], channels: int) -> Path:
    """A level of a U-Net, or a path with another stride that comes back."""
    scale = draw(st.sampled_from([2, 2, 3]))
    down: Layer = draw(
        st.sampled_from(
            [
                Pooling(scale),
                Convolution(scale + 1, scale, "same"),
                Convolution(3, scale, 1),
                Pooling(scale, ceil_mode=True),
            ]
        )
    )
    up: Layer = draw(
        st.sampled_from(
            [
                Upsampling(scale),
                Upsampling(scale, "linear"),
                TransposedConvolution(scale, scale),
                TransposedConvolution(scale + 2, scale, 1),
                TransposedConvolution(3, scale, 1, 1, scale - 1),
            ]
        )
    )
    below = draw(_chains(tuple(n // scale for n in lengths), channels, (_single,), 2))
    return draw(_joined(lengths, channels, ((), (down, *below, up))))


@st.composite
def _global(draw: st.DrawFn, lengths: tuple[int, ...], channels: int) -> Path:
    kind: PoolingKind = draw(st.sampled_from(["max", "average"]))
    gate = (GlobalPooling(kind), Convolution(1), Activation("sigmoid"))
    blocks: Sequence[Path] = [
        (Branches(((), gate), "multiply"),),
        (Normalization("instance"),),
    ]
    return draw(st.sampled_from(blocks))


Blocks = Sequence[Callable[[tuple[int, ...], int], st.SearchStrategy[Path]]]
_BLOCKS: Blocks = (
    *7 * (_single,),
    *2 * (_residual,),
    _dense,
    *2 * (_inception,),
    *2 * (_decoder,),
)
_BLOCKS_WITH_GLOBAL_PATHS: Blocks = (*_BLOCKS, _global)

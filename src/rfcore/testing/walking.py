"""Taps of written-out layers, walked back one by one: slow, obvious, independent of the graph.

It shares no code with the translation of layers, the pullbacks or the fit, which makes it evidence.
Axes do not mix in written-out layers, so each is walked by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from rfcore.layers import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    DepthToSpace,
    Flip,
    GlobalPooling,
    Identity,
    Layer,
    Normalization,
    Padding,
    Pooling,
    Roll,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing.case import same_padding

__all__ = ["EndlessWalk", "NoLawError", "SizedWalk", "along_axis"]


class NoLawError(Exception):
    """What a layer reads follows no law that holds on an endless line."""


def along_axis(layers: Sequence[Layer], axis: int) -> tuple[Layer, ...]:
    """The layers as one spatial axis has them: a plain int for every length."""
    return tuple(_along(layer, axis) for layer in layers)


def _along(layer: Layer, axis: int) -> Layer:
    if isinstance(layer, Branches):
        return replace(layer, paths=tuple(along_axis(path, axis) for path in layer.paths))
    values = {f.name: getattr(layer, f.name) for f in fields(layer)}
    own = {name: value[axis] for name, value in values.items() if isinstance(value, tuple)}
    if isinstance(layer, Pooling) and layer.stride is None:
        own["stride"] = own.get("kernel_size", layer.kernel_size)
    return replace(layer, **own)


@dataclass(slots=True)
class _Walk:
    """Layers along one axis, walked back from their output.

    Attributes:
        layers: The layers, with plain ints.
        length: Positions of their input.
        lengths: Positions of each layer's input, then those of the last one's output.
    """

    layers: tuple[Layer, ...]
    length: int
    lengths: list[int] = field(init=False)
    _paths: dict[int, list[Any]] = field(init=False)
    _known: dict[tuple[int, int], frozenset[int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.lengths, self._paths = [self.length], {}
        for number, layer in enumerate(self.layers):
            n = self.lengths[-1]
            if isinstance(layer, Branches):
                walks = [type(self)(path, n) for path in layer.paths]
                self._paths[number] = walks
                self.lengths.append(max(walk.lengths[-1] for walk in walks))
            else:
                self.lengths.append(_length_after(layer, n))

    def seen(self, output: int) -> frozenset[int]:
        """The input positions that one output reads."""
        return self._seen(len(self.layers), output)

    def _seen(self, count: int, position: int) -> frozenset[int]:
        """The input positions that one position behind the first `count` layers reads."""
        if count == 0:
            return frozenset([position])
        key = (count, position)
        if key not in self._known:
            parts = (self._seen(count - 1, p) for p in self._read(count - 1, position))
            self._known[key] = frozenset().union(*parts)
        return self._known[key]

    def _read(self, number: int, j: int) -> set[int]:
        layer = self.layers[number]
        if not isinstance(layer, Branches):
            return self.read(layer, j, self.lengths[number])
        ends = [(walk, walk.lengths[-1]) for walk in self._paths[number]]
        # A path that ends in a single position is broadcast.
        single = self.lengths[number + 1] > 1
        parts = [walk.seen(0 if single and length == 1 else j) for walk, length in ends]
        return set().union(*parts)

    def read(self, layer: Layer, j: int, n: int) -> set[int]:
        """The positions of its input, `n` of them, that output `j` of a single layer reads."""
        raise NotImplementedError


class EndlessWalk(_Walk):
    """The walk as if the input had no borders: what a law says of the outputs."""

    __slots__ = ()

    def read(self, layer: Layer, j: int, n: int) -> set[int]:
        """As in `_Walk`; positions may lie outside.

        Raises:
            NoLawError: The layer reads all positions, or as the input's size has it.
        """
        if _sees_everything(layer):
            raise NoLawError("everything")
        match layer:
            case Upsampling(scale=1, mode="aligned"):
                return {j}
            case Upsampling(scale=2, mode="aligned"):
                # Output 2i lies at i - i / (2n - 1), output 2i + 1 before i + 1.
                return {(j + 1) // 2 - 1, (j + 1) // 2}
            case Upsampling(mode="aligned"):
                raise NoLawError("aligned corners")
        return _taps(layer, j, n)


class SizedWalk(_Walk):
    """The walk at the input's true size, with all that happens at borders."""

    __slots__ = ()

    def read(self, layer: Layer, j: int, n: int) -> set[int]:
        """As in `_Walk`; only positions that are there."""
        if _sees_everything(layer):
            return set(range(n))
        return {_at_border(layer, p, n) for p in _taps(layer, j, n)} & set(range(n))


def _taps(layer: Layer, j: int, n: int) -> set[int]:
    """Where output `j` of a layer looks, on an endless line of which 0 … n - 1 are the input."""
    match layer:
        case Identity() | Activation() | Normalization():
            return {j}
        case Convolution() | Pooling():
            k, s, d, low, _ = _window(layer, n)
            return {j * s - low + tap * d for tap in range(k)}
        case TransposedConvolution(
            kernel_size=int(k), stride=int(s), padding=int(cut), dilation=int(d)
        ):
            # Input i adds to the outputs i s - cut + tap d.
            shifted = (j + cut - tap * d for tap in range(k))
            return {position // s for position in shifted if position % s == 0}
        case Upsampling(scale=int(s), mode="nearest") | DepthToSpace(scale=int(s)):
            return {j // s}
        case Upsampling(scale=int(s), mode="aligned"):
            # Output j lies at j (n - 1) / (n s - 1).
            whole, share = divmod(j * (n - 1), max(n * s - 1, 1))
            return {whole, whole + 1} if share else {whole}
        case Upsampling(scale=int(s), mode=mode):
            # Output j lies at (j + 1/2) / s - 1/2; linear weights reach less than 1 far, cubic 2,
            # and both vanish on all positions but the own one.
            centre, reach = 2 * j + 1 - s, (2 if mode == "cubic" else 1) * 2 * s
            if centre % (2 * s) == 0:
                return {centre // (2 * s)}
            return {i for i in range(j // s - 4, j // s + 5) if abs(centre - 2 * s * i) < reach}
        case SpaceToDepth(scale=int(s)):
            return {j * s + tap for tap in range(s)}
        case Padding(low=int(low)):
            return {j - low}
        case Cropping(low=int(low)):
            return {j + low}
        case Subsampling(step=int(s), start=int(start)):
            return {start + j * s}
        case Roll(shift=int(shift)):
            return {j - shift}
        case Flip(axes=int(axes)):
            return {n - 1 - j if axes else j}
    raise NotImplementedError(f"no walk through {layer}")


def _window(layer: Convolution | Pooling, n: int) -> tuple[int, int, int, int, int]:
    """Kernel size, stride, dilation, and the padding on either side."""
    k, s, d = map(_plain, (layer.kernel_size, layer.stride, layer.dilation))
    if isinstance(layer.padding, str):
        return k, s, d, *same_padding(n, k, s, d)
    return k, s, d, _plain(layer.padding), _plain(layer.padding)


def _plain(value: object) -> int:
    assert isinstance(value, int), "the walk takes the layers of one axis: along_axis(layers, axis)"
    return value


def _at_border(layer: Layer, position: int, n: int) -> int:
    """Which position a layer takes for one that may lie outside of its input."""
    match layer:
        case Padding(mode="reflect"):
            position = -position if position < 0 else position
            return 2 * (n - 1) - position if position >= n else position
        case Padding(mode="edge") | Upsampling():
            return min(max(position, 0), n - 1)
        case Padding(mode="circular") | Roll():
            return position % n
    return position


def _length_after(layer: Layer, n: int) -> int:
    match layer:
        case Convolution() | Pooling():
            k, s, d, low, high = _window(layer, n)
            spare = n + low + high - (d * (k - 1) + 1)
            count = spare // s + 1
            # One window more in ceil mode, if some positions are left and it begins before the end.
            more = isinstance(layer, Pooling) and layer.ceil_mode and spare % s
            return count + 1 if more and count * s - low < n else count
        case TransposedConvolution(
            kernel_size=int(k),
            stride=int(s),
            padding=int(cut),
            dilation=int(d),
            output_padding=int(extra),
        ):
            return (n - 1) * s - 2 * cut + d * (k - 1) + extra + 1
        case Upsampling(scale=int(s)) | DepthToSpace(scale=int(s)):
            return n * s
        case SpaceToDepth(scale=int(s)):
            return n // s
        case Padding(low=int(low), high=int(high)):
            return low + n + high
        case Cropping(low=int(low), high=int(high)):
            return n - low - high
        case Subsampling(step=int(s), start=int(start)):
            return len(range(start, n, s))
        case GlobalPooling():
            return 1
    return n


def _sees_everything(layer: Layer) -> bool:
    match layer:
        case GlobalPooling() | Normalization(statistics="instance"):
            return True
    return False

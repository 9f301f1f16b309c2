"""Walk taps back one by one over an endless line: slow, obvious, independent of the pullbacks."""

from collections.abc import Sequence

from rfcore.layers import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    Identity,
    Layer,
    Padding,
    Pooling,
    TransposedConvolution,
    Upsampling,
)


def seen_by_walking(layers: Sequence[Layer], outputs: set[int]) -> set[int]:
    """The input positions behind some outputs of layers whose parameters are all plain ints."""
    positions = outputs
    for layer in reversed(layers):
        positions = set().union(*(_read_by(layer, position) for position in positions))
    return positions


def _read_by(layer: Layer, j: int) -> set[int]:
    match layer:
        case Identity() | Activation():
            return {j}
        case Convolution(kernel_size=k, stride=s, padding=p, dilation=d):
            return {j * s - p + tap * d for tap in range(k)}
        case Pooling(kernel_size=k, stride=s, padding=p, dilation=d):
            s = k if s is None else s
            return {j * s - p + tap * d for tap in range(k)}
        case TransposedConvolution(kernel_size=k, stride=s, padding=p, dilation=d):
            # Input i adds to the outputs i * s - p + tap * d.
            shifted = (j + p - tap * d for tap in range(k))
            return {position // s for position in shifted if position % s == 0}
        case Upsampling(scale=s, mode="nearest"):
            return {j // s}
        case Upsampling(scale=s, mode="linear"):
            # Output j lies at (j + 1/2) / s - 1/2 and reads every position nearer than 1 to it.
            centre = 2 * j + 1 - s
            return {i for i in range(j // s - 2, j // s + 3) if abs(centre - 2 * s * i) < 2 * s}
        case Padding(low=low):
            return {j - low}
        case Cropping(low=low):
            return {j + low}
        case Branches(paths=paths):
            return set().union(*(seen_by_walking(path, {j}) for path in paths))
    raise AssertionError(f"no walk through {layer}")

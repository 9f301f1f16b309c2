"""A second method for the field: spoil input positions, run the true forward, see who notices.

No gradients, no rules, no tracing. NaN survives every sum and product, so an output that turns
NaN depends on a position that was filled with it. Fields found this way share no code with
rfcore, which makes them evidence.

Limits of the evidence: `0 * NaN` is NaN, so masked or pruned kernels look dense, and an op that
swallows NaN looks blind. For both, pass `reach=change_reaches`, which perturbs by finite noise.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Network = Callable[[Tensor], Tensor]
"""Maps (batch, channels, *input_spatial) to (batch, channels, *output_spatial), in float64."""

Index = tuple[int, ...]
"""One output position: an index per spatial axis."""

Reach = Callable[[Network, int, Tensor, Sequence[Index]], Tensor]
"""Does spoiling the masked positions of row r change the output at indices[r]?"""

# Rows of one forward; strips of several thousand pixels must fit in memory.
BATCH = 16
# Small noise survives saturating gates, large noise pushes its way through dead ReLUs.
NOISE_SCALES = (1.0, 1.0, 1e3, 1e6)


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Runs convolutions as im2col and matrix product: no tiles over which NaN could smear."""
    with (
        torch.no_grad(),
        # Naming a TF32 choice here warns on machines without an Intel GPU.
        torch.backends.mkldnn.flags(enabled=False, allow_tf32=None),
        torch.backends.nnpack.flags(enabled=False),
    ):
        yield


def layer_output(model: nn.Module, name: str = "") -> Network:
    """Returns a float64 evaluation copy of `model` that gives the output of its layer `name`.

    Args:
        model: any module; it is copied, never changed.
        name: dotted name of a submodule; empty for the model itself.
    """
    trunk = copy.deepcopy(model).double().eval()
    captured: list[Tensor] = []

    def capture(_module: nn.Module, _inputs: object, output: object) -> None:
        captured[:] = [_first_tensor(output)]

    trunk.get_submodule(name).register_forward_hook(capture)

    def network(inputs: Tensor) -> Tensor:
        trunk(inputs)
        return captured.pop()

    return network


def nan_reaches(network: Network, channels: int, masks: Tensor, indices: Sequence[Index]) -> Tensor:
    """Returns, per row, whether NaN at the masked positions arrives at the output index.

    Args:
        network: the network under test.
        channels: channels of its input; all of them are spoiled.
        masks: booleans of shape (rows, *input_spatial), true where to spoil.
        indices: one output index per row.
    """
    background = _noise((1, channels, *masks.shape[1:]), seed=0)
    spoiled = background.masked_fill(masks[:, None], torch.nan)
    with plain_kernels():
        return _at(network(spoiled).isnan(), indices)


def change_reaches(
    network: Network, channels: int, masks: Tensor, indices: Sequence[Index]
) -> Tensor:
    """Returns, per row, whether finite noise at the masked positions changes the output index.

    Both runs have the same shapes and so the same order of summation: an output that sees none
    of the noise is the same to the last bit.

    Args:
        network: the network under test.
        channels: channels of its input; all of them are perturbed.
        masks: booleans of shape (rows, *input_spatial), true where to perturb.
        indices: one output index per row.
    """
    reached = torch.zeros(len(masks), dtype=torch.bool)
    shape = (len(masks), channels, *masks.shape[1:])
    for trial, scale in enumerate(NOISE_SCALES):
        clean = _noise(shape, seed=2 * trial)
        noisy = torch.where(masks[:, None], scale * _noise(shape, seed=2 * trial + 1), clean)
        with plain_kernels():
            reached |= _at(network(noisy) != network(clean), indices)
    return reached


def seen_intervals(
    network: Network,
    input_shape: Sequence[int],
    indices: Sequence[Index],
    axis: int,
    reach: Reach = nan_reaches,
) -> list[tuple[int, int]]:
    """Returns `[lo, hi)` along one input axis for each output index, in two log2(N) forwards.

    Whether a spoiled prefix is noticed is monotone in its length, so the shortest noticed prefix
    ends at the first position seen, and the shortest noticed suffix begins at the last.

    Args:
        network: the network under test.
        input_shape: (channels, *spatial), without the batch.
        indices: output positions to ask for.
        axis: spatial axis, 0 for the first one after the channels.
        reach: the way to spoil the input.

    Raises:
        ValueError: an output sees nothing, or is spoiled before anything was filled in.
    """
    channels, *spatial = input_shape
    length = spatial[axis]
    rows = [*indices, *indices]

    def noticed(lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
        prefixes, suffixes = np.split(lengths[:, None], 2)
        positions = np.arange(length)
        along = np.concatenate([positions < prefixes, positions >= length - suffixes])
        return _reached(network, channels, _slabs(along, spatial, axis), rows, reach)

    silent, heard = np.zeros(len(rows), np.int64), np.full(len(rows), length)
    if noticed(silent).any():
        raise ValueError(f"outputs {list(indices)} are spoiled although no input was")
    if not noticed(heard).all():
        raise ValueError(f"outputs {list(indices)} do not all notice a spoiled input")
    while (heard - silent > 1).any():
        middle = (silent + heard) // 2
        hit = noticed(middle)
        silent, heard = np.where(hit, silent, middle), np.where(hit, middle, heard)
    prefixes, suffixes = np.split(heard, 2)
    return [(int(p) - 1, length - int(s) + 1) for p, s in zip(prefixes, suffixes, strict=True)]


def seen_interval(
    network: Network,
    input_shape: Sequence[int],
    index: Index,
    axis: int,
    reach: Reach = nan_reaches,
) -> tuple[int, int]:
    """Returns `[lo, hi)` along one input axis for one output index; see `seen_intervals`."""
    return seen_intervals(network, input_shape, [index], axis, reach)[0]


def seen_positions(
    network: Network,
    input_shape: Sequence[int],
    index: Index,
    axis: int,
    reach: Reach = nan_reaches,
) -> NDArray[np.bool_]:
    """Returns, for each position along one axis, whether the output index sees any of its slab.

    One forward row per position: for small inputs, and the only way to see holes.

    Args:
        network: the network under test.
        input_shape: (channels, *spatial), without the batch.
        index: the output position.
        axis: spatial axis, 0 for the first one after the channels.
        reach: the way to spoil the input.
    """
    channels, *spatial = input_shape
    masks = _slabs(np.eye(spatial[axis], dtype=np.bool_), spatial, axis)
    return _reached(network, channels, masks, [index] * len(masks), reach)


def seen_points(
    network: Network, input_shape: Sequence[int], index: Index, reach: Reach = nan_reaches
) -> NDArray[np.bool_]:
    """Returns an array of shape (*input_spatial): true where the output index sees the point."""
    channels, *spatial = input_shape
    points = int(np.prod(spatial))
    masks = torch.eye(points, dtype=torch.bool).reshape(points, *spatial)
    return _reached(network, channels, masks, [index] * points, reach).reshape(spatial)


def measured_field(
    network: Network, input_shape: Sequence[int], axis: int = 0, reach: Reach = nan_reaches
) -> tuple[int, int, int]:
    """Returns (size, stride, padding) along one axis, from three neighbours in the middle.

    For networks whose field moves evenly; decoders have phases, ask `seen_intervals` for them.

    Args:
        network: the network under test.
        input_shape: (channels, *spatial), large enough that the three fields touch no border.
        axis: spatial axis, 0 for the first one after the channels.
        reach: the way to spoil the input.

    Raises:
        ValueError: a field touches a border, or the neighbours share no size and stride.
    """
    with plain_kernels():
        output_shape = network(_noise((1, *input_shape), seed=0)).shape[2:]
    middle = [length // 2 for length in output_shape]
    indices = [(*middle[:axis], middle[axis] + step, *middle[axis + 1 :]) for step in (-1, 0, 1)]
    intervals = seen_intervals(network, input_shape, indices, axis, reach)
    if any(lo == 0 or hi == input_shape[1 + axis] for lo, hi in intervals):
        raise ValueError(f"the fields {intervals} touch a border of {tuple(input_shape)}")
    (before, _), (lo, hi), (after, _) = intervals
    size, stride = hi - lo, after - lo
    if stride == 0 or stride != lo - before or {end - start for start, end in intervals} != {size}:
        raise ValueError(f"the neighbours {intervals} share no size and stride")
    return size, stride, middle[axis] * stride - lo


def _reached(
    network: Network, channels: int, masks: Tensor, indices: Sequence[Index], reach: Reach
) -> NDArray[np.bool_]:
    starts = range(0, len(masks), BATCH)
    parts = [
        reach(network, channels, masks[start : start + BATCH], indices[start : start + BATCH])
        for start in starts
    ]
    return torch.cat(parts).numpy()


def _slabs(along: NDArray[np.bool_], spatial: Sequence[int], axis: int) -> Tensor:
    shape = [len(along)] + [length if a == axis else 1 for a, length in enumerate(spatial)]
    return torch.from_numpy(along).reshape(shape).expand(-1, *spatial)


def _at(changed: Tensor, indices: Sequence[Index]) -> Tensor:
    rows = [row[:, *index].any() for row, index in zip(changed, indices, strict=True)]
    return torch.stack(rows)


def _noise(shape: Sequence[int], *, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _first_tensor(output: Any) -> Tensor:
    while not isinstance(output, Tensor):
        output = next(iter(output.values() if isinstance(output, Mapping) else output))
    return output

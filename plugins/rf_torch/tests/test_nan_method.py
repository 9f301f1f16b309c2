"""The second method itself, on nets whose fields are derived by hand."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nan_method import (
    change_reaches,
    layer_output,
    measured_field,
    plain_kernels,
    seen_interval,
    seen_intervals,
    seen_points,
    seen_positions,
)
from networks.causal import TCN
from networks.patchgan import PatchGAN
from networks.pixelcnn import FunctionalMaskedConv2d, InPlaceMaskedConv2d, PixelCNN
from networks.residual import BagNet33, resnet18
from networks.sequence import Wav2Vec2Encoder
from networks.small import (
    AlignedPaths,
    DilatedChain,
    MisalignedPaths,
    SizeDependentPaths,
    StackedAlignedPaths,
    UnequalAxes,
)
from networks.unet import UNet


def centre_of(*spatial: int) -> tuple[int, ...]:
    return tuple(length // 2 for length in spatial)


@pytest.mark.parametrize(
    ("network", "input_shape", "axis", "expected"),
    [
        # size = 1 + sum((k - 1) d J), stride = prod(s), padding = sum(p J).
        pytest.param(nn.Conv1d(1, 1, 5, padding=2), (1, 16), 0, (5, 1, 2), id="conv-1d"),
        pytest.param(nn.Conv2d(1, 1, (3, 7), (1, 2)), (1, 16, 32), 1, (7, 2, 0), id="conv-2d"),
        pytest.param(nn.Conv3d(1, 1, 3, padding=1), (1, 8, 9, 8), 1, (3, 1, 1), id="conv-3d"),
        pytest.param(nn.MaxPool1d(3, 2, 1), (1, 16), 0, (3, 2, 1), id="max-pool"),
        pytest.param(nn.AvgPool2d(2), (1, 16, 16), 0, (2, 2, 0), id="average-pool"),
        pytest.param(PatchGAN(1), (3, 64, 32), 0, (16, 2, 5), id="patchgan-16"),
        pytest.param(PatchGAN(2), (3, 96, 48), 0, (34, 4, 11), id="patchgan-34"),
        pytest.param(PatchGAN(3), (3, 160, 64), 0, (70, 8, 23), id="patchgan-70"),
        pytest.param(BagNet33(), (3, 96, 48), 0, (33, 8, 0), id="bagnet-33"),
        pytest.param(Wav2Vec2Encoder(), (1, 2400), 0, (400, 320, 0), id="wav2vec2"),
        pytest.param(TCN(2, (1, 2)), (1, 32), 0, (7, 1, 6), id="tcn-k2"),
        pytest.param(TCN(3, (1, 2, 4), stacks=2), (1, 160), 0, (57, 1, 56), id="tcn-k3-twice"),
        pytest.param(AlignedPaths(), (1, 32, 32), 0, (3, 4, 1), id="aligned-paths"),
        pytest.param(StackedAlignedPaths(), (1, 64, 64), 1, (11, 8, 5), id="stacked-paths"),
        pytest.param(SizeDependentPaths(), (1, 33, 33), 0, (3, 4, 1), id="same-odd"),
        pytest.param(SizeDependentPaths(), (1, 32, 32), 0, (3, 4, 0), id="same-even"),
        pytest.param(UnequalAxes(), (1, 40, 40), 0, (7, 4, 0), id="unequal-height"),
        pytest.param(UnequalAxes(), (1, 40, 40), 1, (5, 4, 0), id="unequal-width"),
    ],
)
def test_measured_field_is_the_closed_form(
    network: nn.Module, input_shape: tuple[int, ...], axis: int, expected: tuple[int, int, int]
) -> None:
    assert measured_field(layer_output(network), input_shape, axis) == expected


@pytest.mark.parametrize("dimensions", [1, 2])
@pytest.mark.parametrize(
    ("dilations", "seen", "extent"),
    [
        ((2, 2, 2), 7, 13),
        ((1, 2, 3), 13, 13),
        ((1, 2, 5), 17, 17),
        ((1, 2, 9), 21, 25),
        ((2, 4, 8), 15, 29),
    ],
)
def test_holes_of_dilated_chains(
    dilations: tuple[int, ...], seen: int, extent: int, dimensions: int
) -> None:
    spatial = (33, 5)[:dimensions]
    network = layer_output(DilatedChain(dilations, dimensions=dimensions))
    positions = np.flatnonzero(seen_positions(network, (1, *spatial), centre_of(*spatial), 0))
    assert (len(positions), positions[-1] - positions[0] + 1) == (seen, extent)


@pytest.mark.parametrize("convolution", [InPlaceMaskedConv2d, FunctionalMaskedConv2d])
@pytest.mark.parametrize(("layers", "seen"), [(1, 4), (2, 11), (3, 21), (4, 34), (5, 50), (6, 69)])
def test_pixelcnn_sees_only_pixels_before(
    layers: int, seen: int, convolution: type[InPlaceMaskedConv2d | FunctionalMaskedConv2d]
) -> None:
    network = layer_output(PixelCNN(layers, convolution=convolution))
    points = seen_points(network, (1, 15, 15), (7, 7), change_reaches)
    assert points.sum() == seen
    assert not points.flatten()[7 * 15 + 7 :].any()


def test_nan_leaks_through_zero_weights_where_change_does_not() -> None:
    network = layer_output(PixelCNN(1))
    assert seen_points(network, (1, 5, 5), (2, 2)).sum() == 9
    assert seen_points(network, (1, 5, 5), (2, 2), change_reaches).sum() == 4


def test_change_finds_what_nan_swallowing_hides() -> None:
    convolution = layer_output(nn.Conv1d(1, 1, 3, padding=1))

    def swallowing(x: Tensor) -> Tensor:
        return convolution(x.nan_to_num())

    with pytest.raises(ValueError, match=r"do not all notice a spoiled input"):
        seen_interval(swallowing, (1, 9), (4,), 0)
    assert seen_interval(swallowing, (1, 9), (4,), 0, change_reaches) == (3, 6)


@pytest.mark.parametrize(
    ("network", "halo", "sizes"),
    [
        pytest.param(UNet(1), 8, {18}, id="transposed-1"),
        pytest.param(UNet(1, up="bilinear"), 10, {20}, id="bilinear-1"),
        pytest.param(UNet(2, up="nearest"), 22, {44}, id="nearest-2"),
        pytest.param(UNet(2, up="bilinear"), 26, {48, 52}, id="bilinear-2"),
        pytest.param(UNet(3), 46, {92, 100}, id="transposed-3"),
    ],
)
def test_unet_phases(network: UNet, halo: int, sizes: set[int]) -> None:
    period = 2 ** len(network.ups)
    start = 64 + 64 % period
    indices = [(start + phase, 8) for phase in range(period + 1)]
    *phases, again = seen_intervals(layer_output(network), (1, 160, 16), indices, 0)
    assert {hi - lo for lo, hi in phases} == sizes
    assert min(lo for lo, _ in phases) == start - halo
    assert max(hi for _, hi in phases) == start + period + halo
    assert again == tuple(edge + period for edge in phases[0])


def test_paths_of_two_strides_have_intervals_but_no_field() -> None:
    network = layer_output(MisalignedPaths())
    intervals = seen_intervals(network, (1, 32, 32), [(j, 3) for j in range(6)], 0)
    assert intervals == [(j, max(j + 3, 2 * j + 1)) for j in range(6)]
    with pytest.raises(ValueError, match=r"share no size and stride"):
        measured_field(network, (1, 32, 32))


def test_global_paths_touch_both_borders() -> None:
    network = layer_output(nn.Sequential(nn.Conv1d(1, 4, 3, padding=1), nn.GroupNorm(2, 4)))
    assert seen_interval(network, (1, 24), (12,), 0) == (0, 24)
    with pytest.raises(ValueError, match=r"touch a border of \(1, 24\)"):
        measured_field(network, (1, 24))


def test_a_network_that_makes_its_own_nan_is_refused() -> None:
    with pytest.raises(ValueError, match=r"are spoiled although no input was"):
        seen_interval(lambda x: x / 0 * 0, (1, 8), (4,), 0)


def test_layer_output_takes_inner_layers_and_containers() -> None:
    network = resnet18()
    # 7x7 stride 2 and 3x3 stride 2 give 11; layer1 is four 3x3 at stride 4.
    assert measured_field(layer_output(network, "maxpool"), (3, 64, 32)) == (11, 4, 5)
    assert measured_field(layer_output(network, "layer1"), (3, 96, 32)) == (43, 4, 21)
    boxed = Boxed(nn.Conv1d(1, 1, 3))
    assert measured_field(layer_output(boxed), (1, 16)) == (3, 1, 0)


@pytest.mark.parametrize(
    ("network", "channels"),
    [
        pytest.param(resnet18(), 3, id="batch-norm-statistics"),
        pytest.param(PixelCNN(2), 1, id="weights-masked-in-forward"),
    ],
)
def test_layer_output_leaves_the_model_alone(network: nn.Module, channels: int) -> None:
    network.train()
    before = copy.deepcopy(network.state_dict())
    layer_output(network)(torch.zeros(1, channels, 32, 32, dtype=torch.float64))
    after = network.state_dict()
    assert network.training
    assert not network._forward_hooks
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_plain_kernels_restores_the_settings() -> None:
    def current() -> list[object]:
        return [torch.backends.mkldnn.enabled, torch.is_grad_enabled()]

    before = current()
    with plain_kernels():
        assert current() == [False, False]
    assert current() == before


@settings(deadline=None, max_examples=25)
@given(
    chain=st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 2), st.integers(0, 3), st.integers(1, 3)),
        min_size=1,
        max_size=3,
    )
)
def test_seen_positions_agree_with_walking_the_taps(
    chain: list[tuple[int, int, int, int]],
) -> None:
    network = layer_output(nn.Sequential(*[nn.Conv1d(1, 1, *window) for window in chain]))
    index = network(torch.zeros(1, 1, 64, dtype=torch.float64)).shape[-1] // 2
    positions = {index}
    for kernel_size, stride, padding, dilation in reversed(chain):
        positions = {
            position * stride - padding + tap * dilation
            for position in positions
            for tap in range(kernel_size)
        }
    inside = sorted(position for position in positions if 0 <= position < 64)
    assert np.flatnonzero(seen_positions(network, (1, 64), (index,), 0)).tolist() == inside
    assert seen_interval(network, (1, 64), (index,), 0) == (inside[0], inside[-1] + 1)


class Boxed(nn.Module):
    """Returns its only tensor inside a dict of tuples."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> dict[str, tuple[Tensor, ...]]:
        return {"boxed": (self.inner(x),)}

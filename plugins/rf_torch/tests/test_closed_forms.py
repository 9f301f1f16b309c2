"""Fields with a derivation: decoders by phase, holes, causal masks, paths that meet, windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

import rfcore
from nan_method import seen_intervals
from networks.causal import TCN, LeftPaddedConv1d
from networks.from_transformers import transformers_swin_tiny
from networks.pixelcnn import FunctionalMaskedConv2d, InPlaceMaskedConv2d, PixelCNN
from networks.small import (
    AlignedPaths,
    DilatedChain,
    MisalignedPaths,
    SizeDependentPaths,
    StackedAlignedPaths,
    UnequalAxes,
)
from networks.unet import UNet, Upsampling, ValidUNet
from rf_torch.tracing import trace
from rfcore.errors import IrregularFieldError, TruncatedFieldError
from rfcore.field import AxisField
from rfcore.graph import Mask
from rfcore.inputs import input_spec
from rfcore.walk import Walker, one_hot

IMAGE = (3, 224, 224)


def sizes(axis: AxisField, outputs: int) -> Counter[int]:
    return Counter(hi - lo for lo, hi in map(axis.interval, range(outputs)))


# Sizes by phase and the halo of a block of outputs that is aligned to the total stride.
CONVOLVED = {1: ({18}, 8), 2: ({44}, 22), 3: ({92, 100}, 46), 4: ({188, 204}, 94)}
CONVOLVED[5] = ({380, 412}, 190)
INTERPOLATED = {1: ({20}, 10), 2: ({48, 52}, 26), 3: ({108, 116}, 54), 4: ({220, 236}, 110)}
INTERPOLATED[5] = ({444, 476}, 222)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("up", "expected"),
    [
        pytest.param("transposed", CONVOLVED, id="transposed"),
        pytest.param("nearest", CONVOLVED, id="nearest"),
        pytest.param("bilinear", INTERPOLATED, id="bilinear"),
    ],
)
def test_phases_of_unets(
    up: Upsampling, depth: int, expected: dict[int, tuple[set[int], int]]
) -> None:
    phases, halo = expected[depth]
    field = rfcore.estimate(UNet(depth, up=up).eval(), input_shape=(1, 224, 224))
    assert (field.stride, field.output_shape) == ((1, 1), (224, 224))
    assert field.exact
    for axis in field.axes:
        block = range(2**depth)
        assert 2**depth % axis.period == 0
        assert sizes(axis, 2**depth).keys() == phases
        assert min(axis.interval(j)[0] for j in block) == -halo
        assert max(axis.interval(j)[1] for j in block) == 2**depth + halo
        assert axis.size == max(phases)


@pytest.mark.parametrize(
    ("size", "outputs"), [pytest.param(572, 388, id="published"), pytest.param(204, 20, id="least")]
)
def test_phases_of_the_valid_unet(size: int, outputs: int) -> None:
    field = rfcore.estimate(ValidUNet().eval(), input_shape=(1, size, size))
    assert (field.stride, field.output_shape) == ((1, 1), (outputs, outputs))
    for axis in field.axes:
        assert sizes(axis, 16) == {188: 4, 204: 12}
        # Nothing is padded: the first output begins with the input, the last ends with it.
        assert axis.interval(0)[0] == 0
        assert axis.interval(outputs - 1)[1] == size


@pytest.mark.parametrize("dimensions", [1, 2, 3])
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
def test_holes_are_kept_as_density(
    dilations: tuple[int, ...], seen: int, extent: int, dimensions: int
) -> None:
    # Sizes below the extent as well: a field may be larger than its input.
    spatial = (64, 33, 20)[:dimensions]
    model = DilatedChain(dilations, dimensions=dimensions)
    field = rfcore.estimate(model, input_shape=(1, *spatial))
    assert field.size == (extent,) * dimensions
    assert field.density == (Fraction(seen, extent),) * dimensions
    assert field.padding == (extent // 2,) * dimensions


def seen_from(model: nn.Module, input_shape: Sequence[int], index: Sequence[int]) -> Mask:
    """Which pixels one output sees: a walk of one point, without rows and without a fit."""
    spec = input_spec(input_shape, layout=None)
    traced = trace(model, spec)
    node = traced.values[""]
    assert node is not None
    point = one_hot(traced.graph.nodes[node].shape, spec.axes, [index])
    mask = Walker(traced.graph).influence(node, point).mask
    return np.broadcast_to(mask, (1, *spec.shape))[0, 0, 0]


@pytest.mark.parametrize("convolution", [InPlaceMaskedConv2d, FunctionalMaskedConv2d])
@pytest.mark.parametrize(("layers", "count"), [(1, 4), (2, 11), (3, 21), (4, 34), (5, 50), (6, 69)])
def test_pixelcnn_sees_only_pixels_before(
    layers: int, count: int, convolution: type[InPlaceMaskedConv2d | FunctionalMaskedConv2d]
) -> None:
    model = PixelCNN(layers, convolution=convolution)
    points = seen_from(model, (1, 15, 15), (7, 7))
    assert points.sum() == count
    assert not points.flatten()[7 * 15 + 7 :].any()
    # Each layer adds a row above and a column on either side.
    field = rfcore.estimate(model, input_shape=(1, 15, 15))
    assert field.size == (layers + 1, 2 * layers + 1)
    assert field.padding == (layers, layers)


@pytest.mark.parametrize(
    ("kernel_size", "dilations", "stacks", "size"),
    [
        pytest.param(2, (1, 2), 1, 7, id="k2"),
        pytest.param(3, (1, 2, 4), 2, 57, id="k3-twice"),
        pytest.param(3, tuple(2**i for i in range(6)), 1, 253, id="k3-deep"),
        pytest.param(4, tuple(2**i for i in range(7)), 1, 763, id="k4-deeper"),
    ],
)
def test_tcn_sees_the_present_and_the_past(
    kernel_size: int, dilations: tuple[int, ...], stacks: int, size: int
) -> None:
    assert size == 1 + 2 * (kernel_size - 1) * stacks * sum(dilations)
    model = TCN(kernel_size, dilations, stacks=stacks).eval()
    (axis,) = rfcore.estimate(model, input_shape=(1, 224)).axes
    assert (axis.size, axis.stride, axis.interval(0)[1]) == (size, 1, 1)


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_strided_causal_convolutions_look_ahead_of_their_last_step(stride: int) -> None:
    # Output j stands for the samples up to (j + 1) * stride, and sees none after j * stride.
    (axis,) = rfcore.estimate(LeftPaddedConv1d(1, 1, 4, stride), input_shape=(1, 50)).axes
    assert [axis.interval(j) for j in range(3)] == [
        (j * stride - 3, j * stride + 1) for j in range(3)
    ]


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        # Size, stride, padding, at sizes for which both paths have the same shape.
        pytest.param(AlignedPaths(), 35, (3, 4, 1), id="aligned"),
        pytest.param(AlignedPaths(), 224, (3, 4, 1), id="aligned-224"),
        pytest.param(StackedAlignedPaths(), 63, (11, 8, 5), id="stacked"),
        pytest.param(StackedAlignedPaths(), 224, (11, 8, 5), id="stacked-224"),
        pytest.param(SizeDependentPaths(), 9, (3, 4, 1), id="same-9"),
        pytest.param(SizeDependentPaths(), 8, (3, 4, 0), id="same-8"),
        pytest.param(SizeDependentPaths(), 33, (3, 4, 1), id="same-33"),
        pytest.param(SizeDependentPaths(), 32, (3, 4, 0), id="same-32"),
    ],
)
def test_two_paths_that_meet(model: nn.Module, size: int, expected: tuple[int, int, int]) -> None:
    field = rfcore.estimate(model, input_shape=(1, size, size))
    assert list(zip(field.size, field.stride, field.padding, strict=True)) == [expected] * 2
    assert field.offset == (expected[0] / 2 - expected[2],) * 2
    assert field.exact


def test_holes_between_two_paths() -> None:
    # Outputs of the first net see 3 pixels of every 4; the second net takes three of them.
    field = rfcore.estimate(StackedAlignedPaths(), input_shape=(1, 224, 224))
    assert field.density == (Fraction(9, 11),) * 2


def test_paths_of_two_strides_have_no_field() -> None:
    with pytest.raises(IrregularFieldError, match="low edge moves by 1 and its high edge by 2"):
        rfcore.estimate(MisalignedPaths(), input_shape=(1, 224, 224))
    paths = rfcore.estimate(MisalignedPaths(), input_shape=(1, 224, 224), output=["left", "right"])
    assert [(field.size[0], field.stride[0]) for field in paths.values()] == [(1, 2), (3, 1)]


def test_axes_may_differ() -> None:
    field = rfcore.estimate(UnequalAxes(), input_shape=(1, 224, 200))
    assert (field.size, field.stride, field.padding) == ((7, 5), (4, 4), (0, 0))
    assert field.input_shape == (224, 200)


class SwinStages(nn.Module):
    """Swin's feature maps (batch, channels, height, width): embedding, then one per stage."""

    WINDOW = 7

    def __init__(self, depths: Sequence[int] = (2, 2, 6, 2)) -> None:
        from transformers import SwinConfig, SwinModel

        super().__init__()
        self.depths = tuple(depths)
        heads = [3 * 2**level for level in range(len(depths))]
        self.swin = SwinModel(SwinConfig(embed_dim=12, depths=[*depths], num_heads=heads))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        output: Any = self.swin(x, output_hidden_states=True)
        maps: tuple[Tensor, ...] = output.reshaped_hidden_states
        return maps

    def interval(self, stage: int, index: int) -> tuple[int, int]:
        """Pixels that an output of a stage sees, window by window on an endless line of patches.

        Attention in windows of 7 tokens, shifted by 3 in every second block; after each stage
        but the last, two neighbours merge.
        Source: Liu et al., "Swin Transformer", ICCV 2021, figures 2 to 4.
        """
        first = last = index
        for level in range(stage, 0, -1):
            if level < len(self.depths):
                first, last = 2 * first, 2 * last + 1
            for block in reversed(range(self.depths[level - 1])):
                shift = block % 2 * (self.WINDOW // 2)
                first = (first - shift) // self.WINDOW * self.WINDOW + shift
                last = ((last - shift) // self.WINDOW + 1) * self.WINDOW + shift - 1
        return 4 * first, 4 * (last + 1)


@pytest.mark.parametrize("stage", [1, 2])
def test_derived_intervals_of_swin_are_what_nan_shows(stage: int) -> None:
    model = SwinStages((2, 2, 2)).double().eval()

    def network(x: Tensor) -> Tensor:
        outputs: tuple[Tensor, ...] = model(x)
        return outputs[stage]

    # One output of each phase, in the middle of a strip as narrow as Swin's windows allow.
    length, start = 448 * stage, 7 * 4
    indices = [(start + phase, 3) for phase in range(7)]
    seen = seen_intervals(network, (3, length, 112), indices, 0)
    assert seen == [model.interval(stage, start + phase) for phase in range(7)]


def test_windows_of_swin_give_each_stage_seven_phases() -> None:
    model = SwinStages().eval()
    fields = rfcore.estimate(model, input_shape=(3, 448, 448), output=[1, 2, 3, 4])
    for stage, field in fields.items():
        assert field.stride == (min(4 * 2**stage, 32),) * 2
        assert field.exact
        for axis in field.axes:
            assert axis.period == 7
            assert [axis.interval(j) for j in range(7)] == [
                model.interval(stage, j) for j in range(7)
            ]
    assert fields[1].size == (84, 84)
    assert {hi - lo for lo, hi in map(fields[1].axes[0].interval, range(7))} == {56, 84}


def test_first_stage_of_swin_at_224() -> None:
    model = SwinStages().eval()
    field = rfcore.estimate(model, input_shape=IMAGE, output=1)
    assert (field.size, field.output_shape) == ((84, 84), (28, 28))
    inner = rfcore.estimate(
        transformers_swin_tiny(), input_shape=IMAGE, output="encoder.layers.0[1]"
    )
    assert inner == field


def test_at_224_the_last_stage_of_swin_is_one_window_and_no_law_can_be_seen() -> None:
    with pytest.raises(TruncatedFieldError, match=r"'swin\.encoder\.layers\.3") as caught:
        rfcore.estimate(SwinStages().eval(), input_shape=IMAGE, output=4)
    assert caught.value.input_size == 224

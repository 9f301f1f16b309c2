"""Structure that depends on the input's size, sizes a model refuses, and axes in other places."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rfcore
from nan_method import layer_output, seen_intervals
from networks.small import SamePaddedConv2d
from networks.unet import UNet
from rfcore.errors import (
    IndependentOutputError,
    IrregularFieldError,
    MergedAxesError,
    ModelError,
    NoSpatialAxesError,
    RfcoreError,
    TruncatedFieldError,
    UnsupportedOpError,
)


def conv(
    kernel_size: int | tuple[int, int] = 3,
    stride: int | tuple[int, int] = 1,
    *,
    valid: bool = False,
) -> nn.Conv2d:
    """One channel, and padding that keeps the size unless `valid`."""
    sizes = (kernel_size,) * 2 if isinstance(kernel_size, int) else kernel_size
    height, width = (0, 0) if valid else (sizes[0] // 2, sizes[1] // 2)
    return nn.Conv2d(1, 1, sizes, stride, (height, width))


class Forward(nn.Module):
    """A forward written as a function of the input and some layers."""

    def __init__(self, function: Callable[..., Any], *layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Any:
        return self.function(x, *self.layers)


def numbers(field: rfcore.ReceptiveField) -> list[tuple[int, int | Fraction, int]]:
    """Size, stride and padding per axis."""
    return list(zip(field.size, field.stride, field.padding, strict=True))


# Structure that depends on the size


def resized(**options: Any) -> nn.Module:
    return Forward(lambda x, layer: F.interpolate(layer(x), **options), conv())


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        # Cells of 32 pixels, and one more on either side for the convolution.
        pytest.param(nn.Sequential(conv(), nn.AdaptiveAvgPool2d(7)), 224, (34, 32, 1), id="avg"),
        pytest.param(nn.Sequential(conv(), nn.AdaptiveMaxPool2d(7)), 224, (34, 32, 1), id="max"),
        # A 3x3 on cells of 4 pixels: 12, and the first convolution's 2.
        pytest.param(
            nn.Sequential(conv(), nn.AdaptiveAvgPool2d(16), conv()), 64, (14, 4, 5), id="then-conv"
        ),
        # Cells [5i/2, 5(i+1)/2), rounded outwards: [0, 3), [2, 5), [5, 8), [7, 10), …
        pytest.param(nn.AdaptiveAvgPool2d(8), 20, (3, Fraction(5, 2), 0), id="uneven"),
        pytest.param(nn.Sequential(conv(), nn.AdaptiveAvgPool2d(16)), 16, (3, 1, 1), id="identity"),
        # Output j takes pixel 2j.
        pytest.param(resized(size=32), 64, (3, 2, 1), id="nearest"),
        # It lies at 2j + 1/2, between pixels 2j and 2j + 1.
        pytest.param(resized(size=32, mode="bilinear"), 64, (4, 2, 1), id="bilinear"),
        # Output j lies at j/2 - 1/4, between two pixels, and the convolution sees one more.
        pytest.param(
            resized(size=128, mode="bilinear"), 64, (4, Fraction(1, 2), 2), id="bilinear-up"
        ),
    ],
)
def test_a_fixed_grid_has_the_field_of_the_asked_size(
    model: nn.Module, size: int, expected: tuple[int, int | Fraction, int]
) -> None:
    field = rfcore.estimate(model, input_shape=(1, size, size))
    assert numbers(field) == [expected] * 2
    assert field.exact


def test_a_fixed_grid_whose_cells_follow_no_law_is_refused() -> None:
    # Cells of 17 pixels in five: [0, 4), [3, 7), [6, 11), [10, 14), [13, 17).
    model = nn.Sequential(conv(), nn.AdaptiveAvgPool2d(5))
    with pytest.raises(RfcoreError) as caught:
        rfcore.estimate(model, input_shape=(1, 17, 17))
    assert isinstance(caught.value, TruncatedFieldError | IrregularFieldError)


@pytest.mark.parametrize(("size", "grid"), [(17, 5), (16, 5), (20, 8), (64, 7), (50, 24), (13, 6)])
def test_a_fixed_grid_is_never_wrong(size: int, grid: int) -> None:
    model = nn.Sequential(conv(), nn.AdaptiveAvgPool2d(grid))
    try:
        field = rfcore.estimate(model, input_shape=(1, size, size))
    except (TruncatedFieldError, IrregularFieldError):
        return
    # Cell i begins at floor(i * size / grid) and ends at ceil((i + 1) * size / grid).
    for index in range(grid):
        expected = (index * size // grid - 1, -(-(index + 1) * size // grid) + 1)
        assert field.axes[0].interval(index) == expected


def wide_when_large(kernel_size: int) -> nn.Module:
    def forward(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
        x = first(x)
        return second(x) if x.shape[-1] > 300 else x

    return Forward(forward, conv(kernel_size), conv(5))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param(8, (3, 1, 1), id="tiny"),
        pytest.param(224, (3, 1, 1), id="below"),
        pytest.param(300, (3, 1, 1), id="just-below"),
        pytest.param(301, (7, 1, 3), id="just-above"),
        pytest.param(512, (7, 1, 3), id="above"),
    ],
)
def test_a_branch_on_the_size_has_the_field_of_the_asked_size(
    size: int, expected: tuple[int, int, int]
) -> None:
    field = rfcore.estimate(wide_when_large(3), input_shape=(1, size, size))
    assert numbers(field) == [expected] * 2


def test_a_branch_that_hides_the_field_is_named() -> None:
    # 81 pixels in 40: neither edge of any output can be seen, and larger inputs take the branch.
    with pytest.raises(TruncatedFieldError, match=r"another network, beginning with .*'layers\.1'"):
        rfcore.estimate(wide_when_large(81), input_shape=(1, 40, 40))


def test_a_pyramid_of_fixed_grids_is_local_without_them() -> None:
    def pyramid(x: Tensor, layer: nn.Module) -> Tensor:
        maps = [F.adaptive_avg_pool2d(layer(x), bins) for bins in (1, 2, 4)]
        return torch.cat([x, *(F.interpolate(m, size=x.shape[2:]) for m in maps)], dim=1)

    model = Forward(pyramid, conv())
    assert rfcore.estimate(model, input_shape=(1, 64, 64)).is_global == (True, True)
    local = rfcore.estimate(model, input_shape=(1, 64, 64), global_paths="ignore")
    assert numbers(local) == [(1, 1, 0)] * 2


# Models that refuse other sizes


class PositionEmbedding(nn.Module):
    """Patches of 4 pixels, an embedding for each, then 3x3 convolutions."""

    def __init__(self, patches: int, convolutions: int) -> None:
        super().__init__()
        self.patches = conv(4, 4, valid=True)
        self.positions = nn.Parameter(torch.randn(1, 1, patches, patches))
        self.trunk = nn.Sequential(*[conv() for _ in range(convolutions)])

    def forward(self, x: Tensor) -> Tensor:
        return self.trunk(self.patches(x) + self.positions)


class FixedSize(nn.Module):
    """Refuses all sizes but one."""

    def __init__(self, size: int, *layers: nn.Module) -> None:
        super().__init__()
        self.size = size
        self.trunk = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] != (self.size, self.size):
            raise ValueError(f"expected {self.size} pixels, got {tuple(x.shape[-2:])}")
        return self.trunk(x)


class FlattenedHead(nn.Module):
    """A trunk, then one dense layer over all of its positions."""

    def __init__(self, size: int, outputs: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(conv(), nn.MaxPool2d(2), conv())
        self.head = nn.Linear((size // 2) ** 2, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(x).flatten(1))


@pytest.mark.parametrize(
    ("model", "size", "output", "expected"),
    [
        pytest.param(PositionEmbedding(16, 1), 64, None, (12, 4, 4), id="positions"),
        pytest.param(PositionEmbedding(8, 2), 32, None, (20, 4, 8), id="positions-deeper"),
        pytest.param(FixedSize(16, conv(), conv(), conv()), 16, None, (7, 1, 3), id="check"),
        pytest.param(FixedSize(64, conv(3, 2), conv(3, 2)), 64, None, (7, 4, 3), id="strided"),
        pytest.param(FixedSize(64, UNet(2)), 64, None, (44, 1, 22), id="decoder"),
        pytest.param(FixedSize(16, conv(), conv()), 16, "trunk.0", (3, 1, 1), id="inner-layer"),
        pytest.param(FlattenedHead(32, 4), 32, "trunk", (8, 2, 3), id="before-the-head"),
        # 15 of 16 pixels: the low edge of one output and the high edge of another are in sight.
        pytest.param(FixedSize(16, *[conv()] * 7), 16, None, (15, 1, 7), id="almost-whole"),
    ],
)
def test_a_model_of_one_size_shows_its_field_where_it_fits(
    model: nn.Module, size: int, output: str | None, expected: tuple[int, int, int]
) -> None:
    field = rfcore.estimate(model, input_shape=(1, size, size), output=output)
    assert numbers(field) == [expected] * 2
    assert field.exact


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        pytest.param(PositionEmbedding(8, 6), RuntimeError, id="positions"),
        pytest.param(FixedSize(32, *[conv(9) for _ in range(9)]), ValueError, id="check"),
    ],
)
def test_a_model_of_one_size_that_hides_its_field_is_refused(
    model: nn.Module, cause: type[Exception]
) -> None:
    with pytest.raises(TruncatedFieldError, match="the model takes no larger input") as caught:
        rfcore.estimate(model, input_shape=(1, 32, 32))
    assert (caught.value.axis, caught.value.input_size) == (0, 32)
    assert isinstance(caught.value.__cause__, cause)


def test_a_dense_layer_over_all_positions_is_global() -> None:
    head = FlattenedHead(32, 256)
    model = Forward(lambda x, layer: layer(x).unflatten(1, (1, 16, 16)), head)
    field = rfcore.estimate(model, input_shape=(1, 32, 32))
    assert field.is_global == (True, True)
    assert all("'layers.0.head'" in note for note in field.notes)
    with pytest.raises(IndependentOutputError, match="once global paths are cut"):
        rfcore.estimate(model, input_shape=(1, 32, 32), global_paths="ignore")


def test_logits_of_a_model_of_one_size() -> None:
    with pytest.raises(NoSpatialAxesError) as caught:
        rfcore.estimate(FlattenedHead(32, 4), input_shape=(1, 32, 32))
    assert caught.value.last_spatial == "trunk"


@pytest.mark.parametrize("size", [3, 9, 17])
def test_sizes_too_small_for_the_network_are_its_own_error(size: int) -> None:
    model = nn.Sequential(conv(7, 2, valid=True), conv(7, 2, valid=True))
    with pytest.raises(ModelError, match="ask for a larger input") as caught:
        rfcore.estimate(model, input_shape=(1, size, size))
    assert caught.value.input_shape == (1, 1, size, size)
    assert isinstance(caught.value.__cause__, RuntimeError)


# Odd, unequal and tiny sizes


@pytest.mark.parametrize(
    ("spatial", "outputs"),
    [
        ((1, 1), (1, 1)),
        ((1, 50), (1, 13)),
        ((3, 2), (1, 1)),
        ((223, 221), (56, 56)),
        ((224, 32), (56, 8)),
        ((31, 1000), (8, 250)),
    ],
)
def test_the_size_of_the_input_does_not_change_the_field(
    spatial: tuple[int, int], outputs: tuple[int, int]
) -> None:
    model = nn.Sequential(conv(7, 2), nn.MaxPool2d(3, 2, 1))
    field = rfcore.estimate(model, input_shape=(1, *spatial))
    assert numbers(field) == [(11, 4, 5)] * 2
    assert (field.input_shape, field.output_shape) == (spatial, outputs)


def test_a_single_output_has_a_stride_too() -> None:
    model = nn.Sequential(conv(7, 2, valid=True), conv(7, 2, valid=True))
    field = rfcore.estimate(model, input_shape=(1, 19, 224))
    assert numbers(field) == [(19, 4, 0)] * 2
    assert field.output_shape == (1, 52)


def chains_with_ceil_mode() -> nn.Module:
    return nn.Sequential(
        conv(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        conv(),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.MaxPool2d(2, 2, ceil_mode=True),
    )


@pytest.mark.parametrize("size", range(20, 41))
def test_ceil_mode_at_every_size_is_what_nan_shows(size: int) -> None:
    model, input_shape = chains_with_ceil_mode(), (1, size, 9)
    field = rfcore.estimate(model, input_shape=input_shape)
    network = layer_output(model)
    assert (
        field.output_shape == network(torch.zeros(1, *input_shape, dtype=torch.float64)).shape[2:]
    )
    indices = [(index, 0) for index in range(field.output_shape[0])]
    seen = seen_intervals(network, input_shape, indices, 0)
    assert seen == [field.box(index, clip=True)[0] for index in indices]
    # The windows lie as without ceil_mode: one more may follow at the end.
    assert numbers(field)[0] == (2 + 2 + 2 * (2 + 2) + 4 + 1, 8, 1 + 2 + 2)


@pytest.mark.parametrize("size", [33, 224, 225, 226, 227, 228, 229, 230])
def test_same_padding_belongs_to_the_asked_size(size: int) -> None:
    kernels = ((7, 2), (3, 2), (3, 1), (3, 2))
    model = nn.Sequential(*[SamePaddedConv2d(1, 1, kernel, stride) for kernel, stride in kernels])
    # Per layer TensorFlow pads max((ceil(n / s) - 1) s + k - n, 0), its smaller half in front.
    field_size, total_stride, padding, length = 1, 1, 0, size
    for kernel, stride in kernels:
        outputs = -(-length // stride)
        padding += max((outputs - 1) * stride + kernel - length, 0) // 2 * total_stride
        field_size += (kernel - 1) * total_stride
        total_stride, length = total_stride * stride, outputs
    field = rfcore.estimate(model, input_shape=(1, size, 224))
    assert numbers(field)[0] == (field_size, total_stride, padding)
    assert numbers(field)[1] == (27, 8, 6)
    assert field.output_shape == (length, 28)


def test_one_and_three_dimensions() -> None:
    line = nn.Sequential(nn.Conv1d(2, 2, 5, 2), nn.Conv1d(2, 2, 3, 2))
    assert numbers(rfcore.estimate(line, input_shape=(2, 100))) == [(9, 4, 0)]
    volume = nn.Sequential(
        nn.Conv3d(1, 2, 3, 1, 1), nn.MaxPool3d((1, 2, 2)), nn.Conv3d(2, 2, (3, 3, 1), 1, (1, 1, 0))
    )
    for spatial in ((20, 32, 32), (4, 4, 4)):
        field = rfcore.estimate(volume, input_shape=(1, *spatial))
        assert numbers(field) == [(5, 1, 2), (8, 2, 3), (4, 2, 1)]
        assert field.output_shape == (spatial[0], spatial[1] // 2, spatial[2] // 2)


# Axes in other places

# 5x3 with stride 2 in height: 5 / 2 / 2 and 3 / 1 / 1.
OBLONG = [(5, 2, 2), (3, 1, 1)]


def oblong(channels: int = 3) -> nn.Conv2d:
    return nn.Conv2d(channels, 4, (5, 3), (2, 1), (2, 1))


def permuted(*order: int) -> nn.Module:
    return Forward(lambda x, layer: layer(x).permute(order), oblong())


def from_channels_last(*order: int) -> nn.Module:
    return Forward(lambda x, layer: layer(x.permute(0, 3, 1, 2)).permute(order), oblong())


@pytest.mark.parametrize(
    ("model", "input_shape", "layout"),
    [
        pytest.param(from_channels_last(0, 2, 3, 1), (64, 48, 3), "NHWC", id="nhwc"),
        pytest.param(from_channels_last(0, 2, 3, 1), (64, 48, 3), "nhwc", id="nhwc-lower-case"),
        pytest.param(from_channels_last(0, 1, 2, 3), (64, 48, 3), "NHWC", id="nhwc-to-nchw"),
        pytest.param(permuted(0, 2, 3, 1), (3, 64, 48), None, id="to-nhwc"),
        pytest.param(permuted(0, 3, 2, 1), (3, 64, 48), None, id="to-nwhc"),
        pytest.param(permuted(0, 1, 3, 2), (3, 64, 48), None, id="to-ncwh"),
        pytest.param(permuted(2, 3, 0, 1), (3, 64, 48), None, id="to-hwnc"),
    ],
)
def test_axes_are_the_inputs_wherever_the_output_has_them(
    model: nn.Module, input_shape: tuple[int, ...], layout: str | None
) -> None:
    field = rfcore.estimate(model, input_shape=input_shape, layout=layout)
    assert numbers(field) == OBLONG
    assert (field.input_shape, field.output_shape) == ((64, 48), (32, 48))


def test_a_square_map_that_is_transposed_keeps_the_axes_of_the_input() -> None:
    field = rfcore.estimate(permuted(0, 1, 3, 2), input_shape=(3, 64, 64))
    assert numbers(field) == OBLONG
    both = Forward(lambda x, one, two: two(one(x).mT), conv((5, 3)), conv((5, 3)))
    assert numbers(rfcore.estimate(both, input_shape=(1, 64, 64))) == [(7, 1, 3)] * 2


@pytest.mark.parametrize("layout", ["LNC", "TNC"])
def test_time_may_come_first(layout: str) -> None:
    layer = nn.Conv1d(3, 4, 5, 2, 2)
    model = Forward(lambda x, layer: layer(x.permute(1, 2, 0)).permute(2, 0, 1), layer)
    field = rfcore.estimate(model, input_shape=(100, 3), layout=layout)
    assert numbers(field) == [(5, 2, 2)]
    assert (field.input_shape, field.output_shape) == ((100,), (50,))


def test_input_without_channels() -> None:
    line = Forward(lambda x, layer: layer(x[:, None])[:, 0], nn.Conv1d(1, 1, 5))
    assert numbers(rfcore.estimate(line, input_shape=(100,))) == [(5, 1, 0)]
    image = Forward(lambda x, layer: layer(x[:, None])[:, 0], conv((5, 3)))
    field = rfcore.estimate(image, input_shape=(64, 48), layout="NHW")
    assert numbers(field) == [(5, 1, 2), (3, 1, 1)]


def test_frames_of_a_video_are_an_axis() -> None:
    model = Forward(lambda x, layer: layer(x[0])[None], conv())
    field = rfcore.estimate(model, input_shape=(8, 1, 64, 64), layout="NTCHW")
    assert numbers(field) == [(1, 1, 0), (3, 1, 1), (3, 1, 1)]


@pytest.mark.parametrize(
    ("frequencies", "frames"),
    [pytest.param(64, 100, id="oblong"), pytest.param(64, 64, id="square")],
)
def test_an_axis_that_is_averaged_away_is_global(frequencies: int, frames: int) -> None:
    model = Forward(lambda x, layer: layer(x).mean(2), oblong(1))
    field = rfcore.estimate(model, input_shape=(1, frequencies, frames))
    assert field.is_global == (True, False)
    assert numbers(field)[1] == (3, 1, 1)
    assert field.output_shape == (1, frames)
    assert any(note.startswith("axis 0") and "aten.mean" in note for note in field.notes)


def test_a_fixed_number_of_frequencies_that_becomes_channels_is_global() -> None:
    def forward(x: Tensor, image: nn.Module, line: nn.Module) -> Tensor:
        return line(image(x).flatten(1, 2))

    model = Forward(forward, oblong(1), nn.Conv1d(4 * 32, 4, 3, padding=1))
    field = rfcore.estimate(model, input_shape=(1, 64, 100))
    assert field.is_global == (True, False)
    assert numbers(field)[1] == (5, 1, 2)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda x, dim: x + x.mean(dim, keepdim=True), id="mean"),
        pytest.param(lambda x, dim: x.softmax(dim), id="softmax"),
        pytest.param(lambda x, dim: torch.fft.fft(x, dim=dim).abs(), id="fft"),
    ],
)
def test_one_axis_may_be_global_and_the_other_not(
    function: Callable[[Tensor, int], Tensor], axis: int
) -> None:
    model = Forward(lambda x, layer: function(layer(x), 2 + axis), conv())
    field = rfcore.estimate(model, input_shape=(1, 64, 80))
    assert field.is_global == (axis == 0, axis == 1)
    assert numbers(field)[1 - axis] == (3, 1, 1)
    assert field.output_shape == (64, 80)
    assert [note.split(":")[0] for note in field.notes] == [f"axis {axis}"]


@pytest.mark.parametrize("axis", [0, 1])
def test_a_dense_layer_along_one_axis_is_global_there(axis: int) -> None:
    def forward(x: Tensor, layer: nn.Module, dense: nn.Module) -> Tensor:
        return dense(layer(x).movedim(2 + axis, -1)).movedim(-1, 2 + axis)

    model = Forward(forward, conv(), nn.Linear(64, 64))
    field = rfcore.estimate(model, input_shape=(1, 64, 64))
    assert field.is_global == (axis == 0, axis == 1)
    assert numbers(field)[1 - axis] == (3, 1, 1)
    assert field.output_shape == (64, 64)
    assert field.box((3, 3))[axis] == (0, 64)


# Axes that mix


def test_a_sum_with_its_own_transpose_has_no_field() -> None:
    model = Forward(lambda x, layer: layer(x) + layer(x).mT, conv())
    with pytest.raises(IrregularFieldError) as caught:
        rfcore.estimate(model, input_shape=(1, 64, 64))
    assert caught.value.axis == 0


def test_a_sum_with_its_own_transpose_needs_a_square() -> None:
    model = Forward(lambda x, layer: layer(x) + layer(x).mT, conv())
    with pytest.raises(ModelError):
        rfcore.estimate(model, input_shape=(1, 64, 32))


def test_a_product_with_its_own_transpose_mixes_rows_and_columns() -> None:
    # (x xᵀ)[i, j] sees all of rows i and j, so that columns are global and rows have no law.
    model = Forward(lambda x, layer: layer(x) @ layer(x).mT, conv())
    try:
        field = rfcore.estimate(model, input_shape=(1, 64, 64))
    except (IrregularFieldError, MergedAxesError):
        return
    assert field.is_global[1]
    assert not field.exact or not field.is_global[0]


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda x: x.flatten(2), id="flattened"),
        pytest.param(lambda x: x.flatten(2).transpose(1, 2), id="tokens"),
    ],
)
def test_tokens_run_over_both_axes(function: Callable[[Tensor], Tensor]) -> None:
    model = Forward(lambda x, layer: function(layer(x)), conv(4, 4, valid=True))
    with pytest.raises(MergedAxesError, match="runs over several spatial axes") as caught:
        rfcore.estimate(model, input_shape=(1, 64, 80))
    assert 16 * 20 in caught.value.shape
    assert caught.value.shape[caught.value.dim] == 16 * 20
    # The hint: name a layer before the axes are flattened.
    field = rfcore.estimate(model, input_shape=(1, 64, 80), output="layers.0")
    assert numbers(field) == [(4, 4, 0)] * 2


@pytest.mark.parametrize("length", [16, 32, 64])
def test_frames_as_long_as_the_input(length: int) -> None:
    """At 16 pixels the frames have the shape that the input had; no other size is like that."""
    model = Forward(lambda x, layer: layer(x.reshape(-1, 16)).view(1, -1, 8).mT, nn.Linear(16, 8))
    [axis] = rfcore.estimate(model, input_shape=(1, length)).axes
    assert (axis.size, axis.stride, axis.padding) == (16, 16, 0)


class OnMergedPositions(nn.Module):
    """A layer on rows of features, and a kernel that lacks a cross of taps in one channel."""

    def __init__(self, layer: nn.Module, channels: int, dilation: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.layer = layer
        self.crossed = nn.Conv2d(
            channels, channels, 3, padding=dilation, dilation=dilation, groups=channels
        )
        self.crossed.weight.data[0, 0, 1] = self.crossed.weight.data[0, 0, :, 1] = 0

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).movedim(1, -1)
        return self.crossed(self.layer(x.flatten(0, 2)).view(x.shape).movedim(-1, 1))


@pytest.mark.parametrize(
    ("layer", "channels"),
    [
        pytest.param(nn.Linear(256, 256), 256, id="dense layer"),
        # Rows of outputs have to be walked one by one here.
        pytest.param(nn.Tanh(), 8, id="few channels"),
    ],
)
def test_channels_that_differ_before_merged_positions(layer: nn.Module, channels: int) -> None:
    field = rfcore.estimate(OnMergedPositions(layer, channels, 20), input_shape=(1, 32, 32))
    assert numbers(field) == [(3 + 2 * 20, 1, 21)] * 2
    assert field.exact


def test_masks_that_are_too_large_are_the_reason_of_a_refusal() -> None:
    with pytest.raises(UnsupportedOpError, match=r"takes a mask of shape \(1, \d+, 512\), more"):
        rfcore.estimate(OnMergedPositions(nn.Tanh(), 512, 20), input_shape=(1, 32, 32))
    # The smallest of the larger inputs does not show 1403 pixels, and the next one is too large.
    with pytest.raises(TruncatedFieldError, match=r"back at a larger size takes a mask of shape"):
        rfcore.estimate(OnMergedPositions(nn.Tanh(), 8, 700), input_shape=(1, 32, 32))

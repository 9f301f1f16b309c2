"""Pooling of every kind, with its ceilings, paddings, indices, and the way back."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dependence import (
    Model,
    assert_bounded,
    assert_refused,
    assert_traced,
    assert_traced_exactly,
    traced,
)

LINE = (1, 2, 7)
IMAGE = (1, 1, 4, 6)
VOLUME = (1, 1, 3, 4, 4)

MAX_POOLS = [
    pytest.param(
        nn.MaxPool1d(kernel, stride, padding, dilation, ceil_mode=ceil),
        id=f"k{kernel}-s{stride}-p{padding}-d{dilation}{'-ceil' * ceil}",
    )
    for kernel, stride, padding, dilation, ceil in itertools.product(
        (2, 3), (1, 2, 3), (0, 1), (1, 2), (False, True)
    )
]
AVG_POOLS = [
    pytest.param(
        nn.AvgPool1d(kernel, stride, padding, ceil, counted),
        id=f"k{kernel}-s{stride}-p{padding}{'-ceil' * ceil}{'-counted' * counted}",
    )
    for kernel, stride, padding, ceil, counted in itertools.product(
        (2, 3), (2, 3), (0, 1), (False, True), (False, True)
    )
]
OTHERS: dict[str, tuple[Model, tuple[int, ...]]] = {
    "lp": (nn.LPPool1d(2, 3, 2), LINE),
    "lp-ceil": (nn.LPPool1d(2, 2, ceil_mode=True), LINE),
    "lp-2d": (nn.LPPool2d(2, 2), IMAGE),
    "lp-3d": (nn.LPPool3d(2, 2), VOLUME),
    "max-over-everything": (nn.MaxPool1d(7), LINE),
    "avg-over-everything": (nn.AvgPool1d(7), LINE),
    "max-with-indices": (nn.MaxPool1d(2, return_indices=True), LINE),
    "adaptive-max-with-indices": (nn.AdaptiveMaxPool1d(3, return_indices=True), LINE),
    "max-2d": (nn.MaxPool2d((2, 3), (2, 1), (1, 1)), IMAGE),
    "max-2d-dilated": (nn.MaxPool2d(2, 1, dilation=(1, 2)), IMAGE),
    "max-2d-ceil": (nn.MaxPool2d(3, 2, ceil_mode=True), IMAGE),
    "max-2d-with-indices": (nn.MaxPool2d(2, return_indices=True), IMAGE),
    "avg-2d-ceil": (nn.AvgPool2d((3, 2), ceil_mode=True, padding=1), IMAGE),
    "avg-2d-divisor": (nn.AvgPool2d(2, divisor_override=3), IMAGE),
    "adaptive-2d": (nn.AdaptiveAvgPool2d((3, None)), IMAGE),
    "adaptive-2d-one-row": (nn.AdaptiveAvgPool2d((1, 3)), IMAGE),
    "adaptive-max-2d": (nn.AdaptiveMaxPool2d((2, 3)), IMAGE),
    "global-2d": (nn.AdaptiveAvgPool2d(1), IMAGE),
    "max-3d": (nn.MaxPool3d(2, 1), VOLUME),
    "max-3d-with-indices": (nn.MaxPool3d(2, return_indices=True), VOLUME),
    "avg-3d": (nn.AvgPool3d((1, 2, 3)), VOLUME),
    "adaptive-3d": (nn.AdaptiveAvgPool3d(2), VOLUME),
    "adaptive-max-3d": (nn.AdaptiveMaxPool3d(2), VOLUME),
    "max-without-batch": (nn.MaxPool1d(2), (2, 7)),
    "avg-without-batch": (nn.AvgPool1d(2), (2, 7)),
    "max-2d-without-batch": (nn.MaxPool2d(2), (2, 4, 4)),
    "avg-2d-without-batch": (nn.AvgPool2d(2), (2, 4, 4)),
    "adaptive-without-batch": (nn.AdaptiveAvgPool2d(2), (2, 4, 4)),
}


@pytest.mark.parametrize("layer", MAX_POOLS)
def test_max_pooling_sees_its_window(layer: nn.Module) -> None:
    assert_traced(layer, LINE)


@pytest.mark.parametrize("layer", AVG_POOLS)
def test_average_pooling_sees_its_window(layer: nn.Module) -> None:
    assert_traced(layer, LINE)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 9])
@pytest.mark.parametrize("kind", [nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d])
def test_adaptive_pooling_sees_its_cell(kind: type[nn.Module], size: int) -> None:
    assert_traced(kind(size), LINE)


@pytest.mark.parametrize(("model", "shape"), OTHERS.values(), ids=OTHERS)
def test_pooling_sees_its_window(model: Model, shape: tuple[int, ...]) -> None:
    assert_traced(model, shape)


def unpooled(x: Tensor, *options: int) -> Tensor:
    return F.max_unpool1d(*F.max_pool1d(x, *options, return_indices=True), *options)


def unpooled_2d(x: Tensor) -> Tensor:
    return F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=x.shape[2:])


UNPOOLED: dict[str, tuple[Model, tuple[int, ...]]] = {
    "tiling": (lambda x: unpooled(x, 2), (1, 1, 7)),
    "dense": (lambda x: unpooled(x, 3, 1), (1, 1, 7)),
    "overlapping": (lambda x: unpooled(x, 3, 2), (1, 1, 7)),
    "padded": (lambda x: unpooled(x, 3, 2, 1), (1, 1, 7)),
    "2d": (unpooled_2d, (1, 1, 4, 4)),
}


@pytest.mark.parametrize(("model", "shape"), UNPOOLED.values(), ids=UNPOOLED)
def test_unpooling_sees_the_windows_around_a_position(model: Model, shape: tuple[int, ...]) -> None:
    assert_traced_exactly(model, shape, bases=60)


def test_unpooling_in_three_dimensions_tiles() -> None:
    def model(x: Tensor) -> Tensor:
        return F.max_unpool3d(*F.max_pool3d(x, 2, return_indices=True), 2)

    block = torch.block_diag(torch.ones(8, 8), torch.ones(8, 8)).bool()
    order = torch.arange(16).view(2, 2, 4).unfold(2, 2, 2).permute(2, 0, 1, 3).reshape(-1)
    expected = torch.empty(16, 16, dtype=torch.bool)
    expected[order[:, None], order] = block
    assert (traced(model, (1, 1, 2, 2, 4)).matrix == expected.numpy()).all()


def test_unpooling_to_constant_places_moves_values_there() -> None:
    places = torch.tensor([[[5, 0, 3]]])
    assert_traced_exactly(lambda x: F.max_unpool1d(x, places, 2), (1, 1, 3))


def test_unpooling_by_other_indices_is_bounded() -> None:
    def model(x: Tensor) -> Tensor:
        pooled, places = F.max_pool1d(x, 2, return_indices=True)
        return F.max_unpool1d(pooled, places.flip(2), 2)

    assert_bounded(model, (1, 1, 6), "come from no pooling")


def test_random_windows_are_refused() -> None:
    layer = nn.FractionalMaxPool2d(2, output_size=(2, 2))
    assert_refused(layer, IMAGE, "aten.fractional_max_pool2d", "drawn at random")

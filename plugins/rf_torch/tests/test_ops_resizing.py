"""`F.interpolate` in every mode, scale and alignment."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch.nn.functional as F
from torch import Tensor, nn

from dependence import assert_traced

SCALES = (2, 3, 1.5, 0.5, 0.3, 2.5)
BOTH = [*itertools.product((False, True), repeat=2)]
SIZES = (1, 2, 3, 4, 6, 7, 11, 14)


def resized(**options: Any) -> Callable[[Tensor], Tensor]:
    return lambda x: F.interpolate(x, **options)


@pytest.mark.parametrize("recompute", [None, True, False])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear", "area"])
def test_a_line_is_scaled(mode: str, scale: float, recompute: bool | None) -> None:
    options = {"mode": mode, "scale_factor": scale, "recompute_scale_factor": recompute}
    assert_traced(resized(**options), (1, 1, 7))
    if mode == "linear":
        assert_traced(resized(**options, align_corners=True), (1, 1, 7))


@pytest.mark.parametrize("length", [7, 12])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("mode", "corners"),
    [
        ("nearest", None),
        ("nearest-exact", None),
        ("area", None),
        ("linear", False),
        ("linear", True),
    ],
)
def test_a_line_is_resized(mode: str, corners: bool | None, size: int, length: int) -> None:
    assert_traced(resized(mode=mode, size=size, align_corners=corners), (1, 1, length))


@pytest.mark.parametrize("scale", [2, (3, 1.5), 0.5, (0.3, 2), (1, 2)], ids=str)
@pytest.mark.parametrize(("corners", "recompute"), BOTH)
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_an_image_is_scaled(mode: str, corners: bool, recompute: bool, scale: Any) -> None:
    options = {"mode": mode, "scale_factor": scale, "recompute_scale_factor": recompute}
    assert_traced(resized(**options, align_corners=corners), (1, 1, 4, 6))


@pytest.mark.parametrize("size", [(2, 3), (8, 9), (4, 6), (1, 1), (3, 12)], ids=str)
@pytest.mark.parametrize(("corners", "smooth"), BOTH)
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_an_image_is_resized(mode: str, corners: bool, smooth: bool, size: Any) -> None:
    options = {"mode": mode, "size": size, "antialias": smooth}
    assert_traced(resized(**options, align_corners=corners), (1, 1, 4, 6))


@pytest.mark.parametrize("scale", [2, 0.5, (3, 1.5), (1, 2)], ids=str)
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_an_image_is_scaled_smoothly(mode: str, scale: Any) -> None:
    options = {"mode": mode, "scale_factor": scale, "antialias": True}
    assert_traced(resized(**options, align_corners=False), (1, 1, 4, 6))


@pytest.mark.parametrize(
    "options",
    [
        {"scale_factor": 2, "mode": "trilinear"},
        {"scale_factor": (2, 1.5, 0.5), "mode": "trilinear", "align_corners": True},
        {"scale_factor": 1.5},
        {"size": (2, 3, 4), "mode": "nearest-exact"},
        {"size": (2, 2, 3), "mode": "area"},
    ],
    ids=str,
)
def test_a_volume_is_resized(options: dict[str, Any]) -> None:
    assert_traced(resized(**options), (1, 1, 2, 3, 3))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Upsample(scale_factor=2),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Upsample(size=(5, 2), mode="bicubic", align_corners=True),
        nn.UpsamplingNearest2d(2),
        nn.UpsamplingBilinear2d(2),
    ],
    ids=str,
)
def test_a_layer_resizes(layer: nn.Module) -> None:
    assert_traced(layer, (1, 1, 3, 3))

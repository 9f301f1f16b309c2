"""Padding, moving, splitting, joining and reshaping: where each position goes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dependence import Model, assert_refused, assert_traced, assert_traced_exactly

LINE = (1, 2, 7)
IMAGE = (1, 4, 4, 4)
VOLUME = (1, 1, 3, 3, 3)

PADS = [
    *((mode, pad) for mode in ("reflect", "replicate", "circular") for pad in ((1, 2), (3, 0))),
    *((mode, pad) for mode in ("replicate", "circular") for pad in ((4, 4), (-1, 2), (-2, -1))),
    *(("constant", pad) for pad in ((1, 2), (-1, 1), (-1, -2), (0, -3), (0, 0, 1, 1))),
    ("reflect", (2, -1)),
]


@pytest.mark.parametrize(("mode", "pad"), PADS, ids=str)
def test_padding_of_a_line(mode: str, pad: tuple[int, ...]) -> None:
    assert_traced(lambda x: F.pad(x, pad, mode), LINE)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_padding_of_images_and_volumes(mode: str) -> None:
    assert_traced(lambda x: F.pad(x, (1, 2, 2, 0), mode), (1, 1, 4, 4))
    assert_traced(lambda x: F.pad(x, (1, 0, 1, 1, 0, 1), mode), VOLUME)


MOVED: dict[str, Model] = {
    "flip-of-no-axis": lambda x: x.flip([]),
    "roll": lambda x: x.roll(2, -1),
    "roll-two-axes": lambda x: x.roll((1, -2), (1, 2)),
    "roll-flattened": lambda x: x.roll(3),
    "flip": lambda x: x.flip(-1),
    "flip-two-axes": lambda x: x.flip((1, 2)),
    "rot90": lambda x: x.rot90(1, (1, 2)),
    "rot90-thrice": lambda x: x.rot90(3, (1, 2)),
    "rot90-twice": lambda x: x.rot90(2, (1, 2)),
    "rot90-not-at-all": lambda x: x.rot90(4, (1, 2)),
    "strided-slice": lambda x: x[..., 1::3],
    "slice-from-the-end": lambda x: x[..., -5:-1:2],
    "negative-step-by-flip": lambda x: x.flip(-1)[..., ::2],
    "narrow": lambda x: x.narrow(-1, 2, 3),
    "narrow-copy": lambda x: torch.narrow_copy(x, -1, 2, 3),
    "select": lambda x: x.select(-1, -2),
    "chunk": lambda x: x.chunk(3, -1),
    "chunks-joined-in-reverse": lambda x: torch.cat(x.chunk(2, -1)[::-1], -1),
    "split": lambda x: x.split([1, 2, 4], -1),
    "split-copy": lambda x: torch.split_copy(x, 3, -1),
    "tensor-split": lambda x: torch.tensor_split(x, (2, 5), -1),
    "unbind": lambda x: x.unbind(-1),
    "movedim": lambda x: x.movedim(1, 2),
    "permute-to-contiguous": lambda x: x.permute(2, 0, 1).contiguous(),
    "expand": lambda x: x[:, :1].expand(1, 3, 7),
    "expand-to-more-axes": lambda x: x.expand(3, 1, 2, 7),
    "repeat": lambda x: x.repeat(1, 2, 2),
    "tile": lambda x: x.tile(3),
    "repeat-interleave": lambda x: x.repeat_interleave(2, -1),
    "repeat-interleave-unevenly": lambda x: x.repeat_interleave(
        torch.tensor([1, 0, 2, 1, 1, 3, 1]), -1
    ),
    "stack-with-constant": lambda x: torch.stack([x, torch.zeros_like(x), x.flip(-1)], 1),
    "cat-with-constants": lambda x: torch.cat([torch.zeros(1, 2, 2), x, torch.ones(1, 2, 1)], -1),
    "cat-with-nothing": lambda x: torch.cat([torch.zeros(0), x], -1),
    "hstack": lambda x: torch.hstack([x, x]),
    "flatten-and-unflatten": lambda x: x.flatten(1).unflatten(1, (7, 2)),
    "reshape-of-transposed": lambda x: x.transpose(1, 2).reshape(1, 2, 7),
    "matrix-transpose": lambda x: x.mT,
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "diagonal": lambda x: x.diagonal(1, 2, 1),
    "diagonal-of-a-batch": lambda x: torch.diagonal(x, -1, 1, 2),
    "diag-embed": torch.diag_embed,
    "diag-embed-elsewhere": lambda x: torch.diag_embed(x, 1, 0, 2),
    "trace": lambda x: x[0].trace(),
    "block-diag": lambda x: torch.block_diag(x[0], x[0, 0, :2], x[0, :, :2]),
    "tril": lambda x: x.tril(1),
    "triu": lambda x: x.triu(2),
    "unfold": lambda x: x.unfold(-1, 3, 2),
    "unfold-averaged": lambda x: x.unfold(-1, 3, 1).mean(-1),
    "as-strided": lambda x: x.as_strided((1, 2, 3, 3), (14, 7, 2, 1)),
    "as-strided-with-offset": lambda x: x.as_strided((3, 2), (1, 4), 2),
    "slice-scatter": lambda x: torch.slice_scatter(x, x[..., :3], 2, 1, 7, 2),
    "select-scatter": lambda x: torch.select_scatter(x, x[..., 0], 2, 3),
    "diagonal-scatter": lambda x: torch.diagonal_scatter(x, x[..., 0], 0, 1, 2),
    "as-strided-scatter": lambda x: torch.as_strided_scatter(x, x[0, :, 0], (2,), (7,)),
    "combinations": lambda x: torch.combinations(x[0, 0]),
    "meshgrid": lambda x: torch.meshgrid(x[0, 0], x[0, 1], indexing="ij"),
    "differences": torch.diff,
    "gradient": lambda x: torch.gradient(x, dim=-1)[0],
    "trapezoids": lambda x: torch.cumulative_trapezoid(x, dim=-1),
    "by-the-length": lambda x: x[..., : x.shape[-1] // 2],
}
MOVED_IN_IMAGES: dict[str, Model] = {
    "pixel-shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel-unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel-shuffle": lambda x: F.channel_shuffle(x, 2),
    "rot90": lambda x: x.rot90(1, (2, 3)),
    "slices-of-two-axes": lambda x: x[:, :, 1::2, ::3],
    "diagonal": lambda x: torch.diagonal(x, 0, 2, 3),
    "windows": lambda x: x.unfold(2, 2, 2).unfold(3, 2, 2),
    "window-partition": lambda x: (
        x.view(1, 4, 2, 2, 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(4, 4, 2, 2)
    ),
    "space-to-depth": lambda x: torch.cat([x[..., ::2, ::2], x[..., 1::2, 1::2]], 1),
    "shift-of-half-the-channels": lambda x: torch.cat([x[:, :2].roll(1, 2), x[:, 2:]], 1),
    "unfold": lambda x: F.unfold(x, 2, padding=1),
    "unfold-dilated": lambda x: F.unfold(x, (2, 1), dilation=2, stride=(1, 2)),
    "zero-pad": nn.ZeroPad2d((1, 0, 2, 0)),
    "reflection-pad": nn.ReflectionPad2d(1),
    "replication-pad": nn.ReplicationPad2d((0, 1, 2, 0)),
    "circular-pad": nn.CircularPad2d(1),
}
FOLDS: dict[str, dict[str, Any]] = {
    "tiling": {"kernel_size": 2, "stride": 2},
    "overlapping": {"kernel_size": 2},
    "padded": {"kernel_size": 3, "padding": 1},
    "dilated": {"kernel_size": 2, "dilation": 2},
    "uneven": {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)},
}


@pytest.mark.parametrize("model", MOVED.values(), ids=MOVED)
def test_positions_of_a_line_are_followed(model: Model) -> None:
    assert_traced(model, LINE)


@pytest.mark.parametrize("model", MOVED_IN_IMAGES.values(), ids=MOVED_IN_IMAGES)
def test_positions_of_an_image_are_followed(model: Model) -> None:
    assert_traced(model, IMAGE)


@pytest.mark.parametrize("options", FOLDS.values(), ids=FOLDS)
def test_columns_fold_into_the_image_they_came_from(options: dict[str, Any]) -> None:
    def model(x: Tensor) -> Tensor:
        return F.fold(F.unfold(x, **options), x.shape[2:], **options)

    assert_traced(model, (1, 2, 4, 4))


def test_folding_is_the_way_back_of_unfolding() -> None:
    """Windows that differ go to different positions."""
    columns = (1, 8, 9)
    assert_traced_exactly(lambda x: F.fold(x, (4, 4), 2), columns, bases=1)


STRIDED_VIEWS: dict[str, Model] = {
    "of-a-transposed-tensor": lambda x: x.transpose(1, 2).as_strided((3, 2), (1, 4), 2),
    "of-a-slice": lambda x: x[..., 1:].as_strided((3, 2), (1, 4)),
}


@pytest.mark.parametrize("model", STRIDED_VIEWS.values(), ids=STRIDED_VIEWS)
def test_strides_over_a_strided_view_are_refused(model: Model) -> None:
    assert_refused(model, LINE, "aten.as_strided", "itself a strided view")


def test_strides_past_the_end_of_a_view_are_refused() -> None:
    def model(x: Tensor) -> Tensor:
        return torch.cat([x, x])[:1].as_strided((2, 7), (7, 1), 14)

    assert_refused(model, LINE, "aten.as_strided", "reaches past the end")


def test_bytes_read_as_another_type_are_refused() -> None:
    assert_refused(lambda x: x.view(torch.int16), LINE, "aten.view", "another")

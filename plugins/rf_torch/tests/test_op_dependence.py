"""Op by op: what the trace says each output sees is what trying every input finds.

Trying gives two bounds. What changes an output is seen for certain (a lower bound); what turns
it NaN or changes it may be (an upper bound, for NaN passes through weights of zero too). The
trace lies between them, and where it lies above both it has to say that it is not exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dependence import changed, spoiled, traced

Case = tuple[Callable[[Tensor], Any], tuple[int, ...]]

LINE = (1, 2, 9)
IMAGE = (1, 2, 4, 5)
SQUARE = (1, 1, 6, 6)


def _masked() -> nn.Module:
    layer = nn.Conv1d(2, 2, 3, padding=1)
    with torch.no_grad():
        layer.weight[:, :, 1:] = 0
        layer.weight[0, 1] = 0
    return layer


def _banded(x: Tensor) -> Tensor:
    return x @ torch.ones(9, 9).tril().triu(-2).to(x.dtype)


def _written_in_place(x: Tensor) -> Tensor:
    y = x * 2
    y[..., 1:] += x[..., :-1]
    y[:, :1, ::3] = 0
    return y


def _filled_buffer(x: Tensor) -> Tensor:
    buffer = x.new_zeros(1, 2, 12)
    buffer[..., 2:11] = x
    buffer[..., 0] = x[..., 4]
    return buffer


def _causal_by_hand(x: Tensor) -> Tensor:
    scores = x.transpose(1, 2) @ x
    hidden = torch.ones(9, 9, dtype=torch.bool).triu(1)
    weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
    return (weights @ x.transpose(1, 2)).transpose(1, 2)


def _attention(**options: Any) -> Callable[[Tensor], Tensor]:
    def attend(x: Tensor) -> Tensor:
        tokens = x.transpose(1, 2)
        return F.scaled_dot_product_attention(tokens, tokens, tokens, **options)

    return attend


BAND = torch.ones(9, 9, dtype=torch.bool).tril(1).triu(-1)

CASES: dict[str, Case] = {
    "conv-even-strided": (nn.Conv1d(2, 3, 4, 2, 1), LINE),
    "conv-dilated-grouped": (nn.Conv1d(2, 4, 2, dilation=3, groups=2), LINE),
    "conv-same-even": (nn.Conv1d(2, 2, 4, padding="same"), LINE),
    "conv-circular": (nn.Conv1d(2, 2, 3, padding=2, padding_mode="circular"), LINE),
    "conv-reflect": (nn.Conv1d(2, 2, 4, padding=2, padding_mode="reflect"), LINE),
    "conv-replicate": (nn.Conv1d(2, 2, 3, padding=2, padding_mode="replicate"), LINE),
    "conv-2d-anisotropic": (nn.Conv2d(2, 1, (1, 4), (2, 1), (0, 3), (1, 2)), IMAGE),
    "conv-2d-circular": (nn.Conv2d(2, 1, 3, padding=(1, 2), padding_mode="circular"), IMAGE),
    "conv-3d": (nn.Conv3d(1, 1, (3, 2, 1), (1, 2, 1), (1, 0, 0)), (1, 1, 3, 4, 3)),
    "conv-masked-kernel": (_masked(), LINE),
    "conv-transposed": (nn.ConvTranspose1d(2, 2, 3, 2, 1, 1), LINE),
    "conv-transposed-dilated-grouped": (
        nn.ConvTranspose1d(2, 4, 3, 3, 2, groups=2, dilation=2),
        LINE,
    ),
    "conv-transposed-2d": (nn.ConvTranspose2d(2, 3, (3, 2), (2, 1), (1, 0), (1, 0)), IMAGE),
    "max-pool-ceil": (nn.MaxPool1d(3, 2, 1, ceil_mode=True), LINE),
    "max-pool-dilated": (nn.MaxPool2d(2, 1, dilation=2), IMAGE),
    "avg-pool-ceil": (nn.AvgPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    "avg-pool-without-padding": (nn.AvgPool1d(3, 2, 1, count_include_pad=False), LINE),
    "adaptive-avg-pool": (nn.AdaptiveAvgPool1d(4), LINE),
    "adaptive-max-pool": (nn.AdaptiveMaxPool2d((3, 2)), IMAGE),
    "global-pool": (nn.AdaptiveAvgPool2d(1), IMAGE),
    "unfold-fold": (
        lambda x: F.fold(F.unfold(x, 2, stride=2), (6, 6), 2, stride=2),
        SQUARE,
    ),
    "unfold": (lambda x: F.unfold(x, (2, 3), padding=(0, 1)), IMAGE),
    "tensor-unfold": (lambda x: x.unfold(2, 3, 2), LINE),
    "pixel-shuffle": (lambda x: F.pixel_shuffle(x, 2), (1, 4, 2, 3)),
    "pixel-unshuffle": (lambda x: F.pixel_unshuffle(x, 2), (1, 1, 4, 6)),
    "channel-shuffle": (lambda x: F.channel_shuffle(x, 2), (1, 4, 2, 3)),
    "roll": (lambda x: torch.roll(x, (1, -2), (2, 3)), IMAGE),
    "flip": (lambda x: x.flip(2), LINE),
    "rot90": (lambda x: x.rot90(1, (2, 3)), IMAGE),
    "pad-constant-and-crop": (lambda x: F.pad(x, (2, -3)), LINE),
    "pad-circular-2d": (lambda x: F.pad(x, (1, 2, 1, 0), mode="circular"), IMAGE),
    "strided-slices": (lambda x: x[..., ::2] + x[..., :5], LINE),
    "repeat": (lambda x: x.repeat(1, 1, 2), LINE),
    "repeat-interleave": (lambda x: x.repeat_interleave(2, 2), LINE),
    "split-and-cat": (lambda x: torch.cat([*x.split(4, 2)][::-1], 2), LINE),
    "cat-with-constants": (lambda x: torch.cat([torch.zeros(1, 2, 3), x], 2), LINE),
    "unbind-and-stack": (lambda x: torch.stack(x.unbind(2)[::2], 2), LINE),
    "where-constant": (lambda x: torch.where(torch.arange(9) > 4, x, x.flip(2)), LINE),
    "where-dependent": (lambda x: torch.where(x > 0, x, x.flip(2)), LINE),
    "masked-fill": (lambda x: x.masked_fill(torch.arange(9) < 3, 0.0), LINE),
    "times-constant-zeros": (lambda x: x * (torch.arange(9) > 3), LINE),
    "tril": (lambda x: x.tril(1), IMAGE),
    "index-one": (lambda x: x[:, :, torch.tensor([0, 3, 3, -1])], LINE),
    "index-two": (lambda x: x[:, :, torch.tensor([[0], [2]]), torch.tensor([[1, 4]])], IMAGE),
    "index-boolean": (lambda x: x[:, :, torch.arange(9) % 3 == 1], LINE),
    "index-select": (lambda x: x.index_select(2, torch.tensor([8, 0])), LINE),
    "index-by-input": (lambda x: x[:, :, x[0, 0, :3].argsort()], LINE),
    "einsum": (lambda x: torch.einsum("nchw,nchv->nhwv", x, x), (1, 2, 3, 4)),
    "banded-product": (_banded, LINE),
    "linear-over-space": (nn.Linear(9, 4), LINE),
    "softmax": (lambda x: x.softmax(2), LINE),
    "layer-norm": (nn.LayerNorm(9), LINE),
    "group-norm": (nn.GroupNorm(1, 2), LINE),
    "instance-norm": (nn.InstanceNorm1d(2), LINE),
    "batch-norm": (nn.BatchNorm1d(2).eval(), LINE),
    "cumsum": (lambda x: x.cumsum(2), LINE),
    "sort": (lambda x: x.sort(2).values, LINE),
    "fft": (lambda x: torch.fft.rfft(x).abs(), LINE),
    "attention": (_attention(), LINE),
    "attention-causal": (_attention(is_causal=True), LINE),
    "attention-banded": (_attention(attn_mask=BAND), LINE),
    "attention-causal-by-hand": (_causal_by_hand, LINE),
    "lstm": (nn.LSTM(2, 3, batch_first=True), (1, 5, 2)),
    "in-place-through-views": (_written_in_place, LINE),
    "filled-buffer": (_filled_buffer, LINE),
}
RESIZED = [
    (mode, scale, corners)
    for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
    for scale in (2, 3, 1.5, 0.5)
    for corners in ((None, True) if mode in ("bilinear", "bicubic") else (None,))
]


def check(model: Callable[[Tensor], Any], shape: tuple[int, ...]) -> None:
    found = traced(model, shape)
    certain = changed(model, shape)
    possible = certain | spoiled(model, shape)
    assert not (certain & ~found.matrix).any(), "an influence was missed"
    if found.exact:
        assert not (found.matrix & ~possible).any(), "an influence was made up, and not flagged"
    else:
        assert found.notes


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(("model", "shape"), CASES.values(), ids=CASES.keys())
def test_an_op_is_traced_as_trying_shows(
    model: Callable[[Tensor], Any], shape: tuple[int, ...]
) -> None:
    check(model, shape)


@pytest.mark.parametrize(("mode", "scale", "corners"), RESIZED)
def test_resizing_is_traced_as_trying_shows(mode: str, scale: float, corners: bool | None) -> None:
    def resize(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=scale, mode=mode, align_corners=corners)

    check(resize, (1, 1, 6, 4))


@pytest.mark.parametrize("name", ["index-by-input"])
def test_what_is_only_bounded_says_so(name: str) -> None:
    model, shape = CASES[name]
    assert not traced(model, shape).exact


def test_the_check_can_fail() -> None:
    """A convolution traced with another dilation than the one that runs is found out."""
    layer = nn.Conv1d(1, 1, 3, padding=2, dilation=2)
    other = nn.Conv1d(1, 1, 3, padding=1)
    shape = (1, 1, 9)
    missed = changed(layer, shape) & ~traced(other, shape).matrix
    assert missed.any()

"""Convolutions of every kind, and kernels with zeros in them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm

from dependence import Model, assert_traced, assert_traced_exactly, traced

LINE = (1, 2, 7)
IMAGE = (1, 2, 4, 4)
VOLUME = (1, 1, 3, 4, 3)

PLAIN: dict[str, tuple[Model, tuple[int, ...]]] = {
    "odd": (nn.Conv1d(2, 3, 3, padding=1), LINE),
    "even-strided": (nn.Conv1d(2, 3, 4, 2, 1), LINE),
    "dilated": (nn.Conv1d(2, 2, 2, dilation=3), LINE),
    "stride-over-kernel": (nn.Conv1d(2, 2, 2, stride=3), LINE),
    "grouped": (nn.Conv1d(2, 4, 3, groups=2), LINE),
    "depthwise": (nn.Conv1d(2, 2, 3, groups=2, padding=1), LINE),
    "same-odd-dilated": (nn.Conv1d(2, 2, 3, padding="same", dilation=2), LINE),
    "same-even": (nn.Conv1d(2, 2, 4, padding="same"), LINE),
    "same-even-dilated": (nn.Conv1d(2, 2, 4, padding="same", dilation=2), LINE),
    "valid": (nn.Conv1d(2, 2, 4, padding="valid"), LINE),
    "circular": (nn.Conv1d(2, 2, 3, padding=2, padding_mode="circular"), LINE),
    "circular-same": (nn.Conv1d(2, 2, 4, padding="same", padding_mode="circular"), LINE),
    "reflect": (nn.Conv1d(2, 2, 4, padding=2, padding_mode="reflect"), LINE),
    "replicate": (nn.Conv1d(2, 2, 3, padding=2, padding_mode="replicate"), LINE),
    "without-batch": (nn.Conv1d(2, 2, 3), (2, 7)),
    "2d": (nn.Conv2d(2, 2, (3, 2), padding=(1, 0)), IMAGE),
    "2d-anisotropic": (nn.Conv2d(2, 1, (1, 4), (2, 1), (0, 3), (1, 2)), IMAGE),
    "2d-same": (nn.Conv2d(2, 1, (2, 3), padding="same"), IMAGE),
    "2d-grouped": (nn.Conv2d(2, 2, 3, groups=2), IMAGE),
    "2d-circular": (nn.Conv2d(2, 1, 3, padding=(1, 2), padding_mode="circular"), IMAGE),
    "2d-reflect": (nn.Conv2d(2, 1, 3, padding=(1, 2), padding_mode="reflect"), IMAGE),
    "2d-without-batch": (nn.Conv2d(2, 2, 3), (2, 4, 4)),
    "3d": (nn.Conv3d(1, 1, (3, 2, 1), (1, 2, 1), (1, 0, 0)), VOLUME),
    "3d-circular": (nn.Conv3d(1, 1, 3, padding=1, padding_mode="circular"), VOLUME),
    "transposed-2d": (nn.ConvTranspose2d(2, 3, (3, 2), (2, 1), (1, 0), (1, 0)), (1, 2, 3, 3)),
    "transposed-2d-grouped": (nn.ConvTranspose2d(2, 4, 3, 2, 1, 1, 2), (1, 2, 3, 3)),
    "transposed-3d": (nn.ConvTranspose3d(1, 1, 2, 2), (1, 1, 2, 2, 2)),
    "transposed-without-batch": (nn.ConvTranspose2d(2, 1, 2), (2, 3, 3)),
    "kernel-from-input": (lambda x: F.conv1d(x, x[:, :, :3]), LINE),
}


def _transposed() -> Iterator[Any]:
    choices = itertools.product((1, 2, 3, 4), (1, 2, 3), (0, 1), (0, 1, 2), (1, 2), (1, 2))
    for kernel, stride, padding, more, dilation, groups in choices:
        length = 4 * stride - 2 * padding + dilation * (kernel - 1) + more + 1
        if more < max(stride, dilation) and (more == 0 or more < stride) and length > 0:
            layer = nn.ConvTranspose1d(2, 2, kernel, stride, padding, more, groups, True, dilation)
            name = f"k{kernel}-s{stride}-p{padding}-o{more}-d{dilation}-g{groups}"
            yield pytest.param(layer, id=name)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(("model", "shape"), PLAIN.values(), ids=PLAIN)
def test_a_convolution_sees_its_kernel(model: Model, shape: tuple[int, ...]) -> None:
    assert_traced(model, shape)


@pytest.mark.parametrize("layer", [*_transposed()])
def test_a_transposed_convolution_sees_its_kernel(layer: nn.Module) -> None:
    assert_traced(layer, (1, 2, 5))


Change = Callable[[Tensor], object]


def edited(layer: nn.Module, change: Change) -> nn.Module:
    """The layer after an edit of its weight."""
    with torch.no_grad():
        change(layer.weight)
    return layer


def zeroed(*index: Any) -> Change:
    return lambda weight: weight.__setitem__(index, 0)


def at_random(weight: Tensor) -> None:
    generator = torch.Generator().manual_seed(1)
    weight.mul_(torch.rand(weight.shape, generator=generator) < 0.5)


class MaskedInPlace(nn.Module):
    """PixelCNN's way: the mask is multiplied into the weight by every forward."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(2, 2, 3, padding=1)
        self.register_buffer("mask", torch.tensor([1.0, 1.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        self.layer.weight.data *= self.mask
        return self.layer(x)


class MaskedByReplacing(MaskedInPlace):
    def forward(self, x: Tensor) -> Tensor:
        self.layer.weight.data = self.layer.weight.data * self.mask
        return self.layer(x)


class WithWeight(nn.Module):
    """A function of the input and one weight."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], *shape: int) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.randn(*shape))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.weight)


class Mask(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kept", torch.tensor([1.0, 0.0, 1.0]))

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.kept


def _masked_copy(x: Tensor, weight: Tensor) -> Tensor:
    kernel = weight.clone()
    kernel[:, :, -1] = 0
    kernel[0, 1] = 0
    return F.conv1d(x, kernel, padding=1)


def _changed_between(x: Tensor, weight: Tensor) -> Tensor:
    """A mask is used, changed, and used again: each use has its own zeros."""
    mask = torch.ones(7).to(x)
    mask[:2] = 0
    left = x * mask
    mask[:2] = 1
    mask[-1] = 0
    return left + (x * mask).flip(-1) + 0 * weight.sum()


@torch.no_grad()
def _pruned(structured: bool) -> nn.Module:
    layer = nn.Conv1d(2, 3, 3, padding=1)
    if structured:
        return prune.ln_structured(layer, "weight", amount=1, n=2, dim=0)
    return prune.random_unstructured(layer, "weight", amount=6)


@torch.no_grad()
def _old_spectral_norm() -> nn.Module:
    layer = spectral_norm(nn.Conv1d(2, 2, 3))
    layer(torch.randn(1, 2, 7))
    return layer.eval()


def _parametrized() -> nn.Module:
    layer = nn.Conv1d(2, 2, 3, padding=1)
    parametrize.register_parametrization(layer, "weight", Mask())
    return layer


CROSS = torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])

ZEROS: dict[str, tuple[Model, tuple[int, ...]]] = {
    "one-tap": (edited(nn.Conv1d(2, 2, 3, padding=1), zeroed(..., 0)), LINE),
    "one-pair-of-channels": (edited(nn.Conv1d(2, 2, 3), zeroed(0, 1)), LINE),
    "one-output-channel": (edited(nn.Conv1d(2, 2, 3), zeroed(0)), LINE),
    "at-random": (edited(nn.Conv1d(2, 3, 4, 2, 1), at_random), LINE),
    "at-random-grouped": (edited(nn.Conv1d(2, 4, 3, groups=2), at_random), LINE),
    "depthwise": (edited(nn.Conv1d(2, 2, 3, groups=2), zeroed(0, 0, 1)), LINE),
    "transposed": (edited(nn.ConvTranspose1d(2, 3, 3, 2), at_random), LINE),
    "transposed-grouped": (
        edited(nn.ConvTranspose1d(2, 4, 3, 2, 1, 1, groups=2), at_random),
        LINE,
    ),
    "transposed-dilated": (edited(nn.ConvTranspose1d(2, 2, 3, 2, 1, dilation=2), at_random), LINE),
    "2d-at-random": (edited(nn.Conv2d(2, 2, 3, padding=1), at_random), IMAGE),
    "2d-grouped": (edited(nn.Conv2d(2, 4, (3, 2), groups=2), at_random), IMAGE),
    "2d-cross": (edited(nn.Conv2d(2, 2, 3), lambda weight: weight.mul_(CROSS)), IMAGE),
    "2d-transposed": (edited(nn.ConvTranspose2d(2, 2, (3, 2), 2), at_random), IMAGE),
    "mask-in-place": (MaskedInPlace(), LINE),
    "mask-by-replacing": (MaskedByReplacing(), LINE),
    "mask-as-parametrization": (_parametrized(), LINE),
    "pruned": (_pruned(structured=False), LINE),
    "pruned-channels": (_pruned(structured=True), LINE),
    "weight-norm": (parametrizations.weight_norm(nn.Conv1d(2, 2, 3)), LINE),
    "weight-norm-with-zeros": (
        parametrizations.weight_norm(edited(nn.Conv1d(2, 2, 3), zeroed(..., 0))),
        LINE,
    ),
    "spectral-norm": (parametrizations.spectral_norm(nn.Conv1d(2, 2, 3)).eval(), LINE),
    "spectral-norm-by-hook": (_old_spectral_norm(), LINE),
    "copy-written-in-slices": (WithWeight(_masked_copy, 2, 2, 3), LINE),
    "mask-that-changes": (WithWeight(_changed_between, 1), LINE),
    "kernel-flipped": (
        edited(WithWeight(lambda x, w: F.conv1d(x, w.flip(-1)), 2, 2, 3), zeroed(..., 0)),
        LINE,
    ),
    "kernel-padded": (WithWeight(lambda x, w: F.conv1d(x, F.pad(w, (2, 0))), 2, 2, 2), LINE),
    "kernel-triangular": (WithWeight(lambda x, w: F.conv1d(x, torch.tril(w)), 2, 2, 3), LINE),
    "kernel-concatenated": (
        WithWeight(lambda x, w: F.conv1d(x, torch.cat([w, torch.zeros(2, 2, 1)], 2)), 2, 2, 2),
        LINE,
    ),
    "kernel-of-the-inputs-type": (
        lambda x: F.conv1d(
            x, torch.tensor([1, 0, 1]).view(1, 1, 3).repeat(2, 1, 1).to(x), groups=2
        ),
        LINE,
    ),
    "kernel-like-the-input": (
        lambda x: F.conv1d(x, torch.zeros_like(x[:, :, :3]) + torch.tensor([0.0, 1.0, 1.0]).to(x)),
        LINE,
    ),
    "kernel-new-zeros": (
        lambda x: F.conv1d(x, x.new_zeros(2, 2, 3).index_fill(2, torch.tensor([1]), 1.0)),
        LINE,
    ),
    "kernel-expanded": (
        edited(
            WithWeight(lambda x, w: F.conv1d(x, w.expand(2, 1, 3), groups=2), 1, 1, 3),
            zeroed(..., 1),
        ),
        LINE,
    ),
}


@pytest.mark.parametrize(("model", "shape"), ZEROS.values(), ids=ZEROS)
def test_zeros_among_weights_are_structure(model: Model, shape: tuple[int, ...]) -> None:
    assert_traced_exactly(model, shape)


@pytest.mark.parametrize("layer", [nn.Conv1d(2, 2, 3), nn.ConvTranspose1d(2, 2, 3)])
def test_weights_that_are_all_zero_count_as_untrained(layer: nn.Module) -> None:
    dense = traced(layer, LINE).matrix
    assert (traced(edited(layer, zeroed(...)), LINE).matrix == dense).all()


def test_masks_of_a_forward_never_reach_the_users_weights() -> None:
    model = MaskedInPlace()
    before = model.layer.weight.detach().clone()
    traced(model, LINE)
    assert torch.equal(model.layer.weight, before)


def test_a_layer_made_by_the_forward_is_dense() -> None:
    class Unbuilt(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if not hasattr(self, "layer"):
                self.layer = nn.Conv1d(2, 2, 3)
            return self.layer(x)

    dense = traced(nn.Conv1d(2, 2, 3), LINE).matrix
    assert (traced(Unbuilt(), LINE).matrix == dense).all()

"""The fakes that all traces of one estimate share, and when they must not be used again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import rfcore
from rf_torch.constants import ConstantTape
from rf_torch.stand_ins import Fakes
from rf_torch.zeros import Zeros


def shared() -> tuple[Fakes, torch.Tensor, torch.Tensor]:
    """Fakes with one weight in them, the weight, and its fake."""
    fakes, weight = Fakes(), nn.Parameter(torch.ones(4, 3))
    fakes.begin()
    return fakes, weight, fakes.of(weight)


def test_the_next_trace_has_the_same_fake_in_a_mode_of_its_own() -> None:
    fakes, weight, fake = shared()
    before = fakes.mode
    fakes.begin()
    assert fakes.of(weight) is fake
    assert fakes.mode is not before
    assert fakes.mode.from_tensor(weight) is fake
    with fakes.mode:
        assert (fake + weight).shape == (4, 3)
    assert fakes.real[id(fake)] is weight


CHANGES: dict[str, Callable[[torch.Tensor], object]] = {
    "written in place": lambda fake: fake.detach().mul_(2),
    "other data": lambda fake: setattr(fake, "data", torch.empty(2, 2)),
    "without gradient": lambda fake: fake.requires_grad_(False),
    "with an attribute": lambda fake: setattr(fake, "cache", 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_fake_that_a_forward_changed_is_made_anew(change: str) -> None:
    fakes, weight, fake = shared()
    with fakes.mode, torch.no_grad():
        CHANGES[change](fake)
    fakes.begin()
    assert fakes.of(weight) is not fake
    assert fakes.of(weight).shape == (4, 3)


def test_memory_shared_with_a_weight_of_an_earlier_trace_is_noticed() -> None:
    fakes, weight, _ = shared()
    tied = weight.detach()[:2]
    fakes.begin()
    fakes.of(tied)
    assert fakes.is_outdated
    fakes.begin()
    assert fakes.of(tied).untyped_storage()._cdata == fakes.of(weight).untyped_storage()._cdata


class Stateful(nn.Module):
    """Replaces its kernel by a wider one in its first forward, and must see 3 pixels each time."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 1, 3))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        result = nn.functional.conv1d(image, self.weight)
        self.weight.data = torch.ones(1, 1, 5)
        return result


def test_every_trace_sees_the_weights_as_the_user_left_them() -> None:
    assert rfcore.estimate(Stateful(), input_shape=(1, 32)).size == (3,)


def kernel(*zeros: int) -> nn.Conv1d:
    """A convolution with a kernel of ones and some zeros in it."""
    layer = nn.Conv1d(1, 1, 5, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1)
        layer.weight[..., list(zeros)] = 0
    return layer


class Rearranged(nn.Module):
    """A kernel of 5 that is permuted, copied and sliced before it is used."""

    def __init__(self, *zeros: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(kernel(*zeros).weight.detach().permute(2, 1, 0).clone())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        weight = self.weight.permute(2, 1, 0).contiguous()[..., 1:]
        return nn.functional.conv1d(image, weight)


@pytest.mark.parametrize(
    ("zeros", "size"), [((), 4), ((0,), 4), ((1,), 3), ((1, 4), 2), ((0, 1, 2), 2)], ids=str
)
def test_zeros_are_found_in_rearranged_kernels(zeros: tuple[int, ...], size: int) -> None:
    """By hand: taps 1 to 4 remain, less those at either end that are zero."""
    assert rfcore.estimate(Rearranged(*zeros), input_shape=(1, 32)).size == (size,)


class Masked(nn.Module):
    """A dense kernel whose last two taps are written over with zeros in a copy."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 1, 5))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        weight = self.weight.clone()
        weight[..., 3:] = 0
        return nn.functional.conv1d(image, weight)


def test_a_write_to_a_copy_of_a_dense_kernel_counts() -> None:
    assert rfcore.estimate(Masked(), input_shape=(1, 32)).size == (3,)


@pytest.mark.parametrize(
    ("values", "absent"),
    [
        (torch.ones(3), True),
        (torch.tensor([1.0, 0.0]), False),
        (torch.tensor([1.0, -0.0]), False),
        (torch.tensor([torch.nan, 1.0]), True),
        (torch.tensor([True, False]), False),
        (torch.tensor([1e-45]), True),
        (torch.ones(2, device="meta"), False),
    ],
    ids=["ones", "zero", "minus zero", "nan", "false", "denormal", "meta"],
)
def test_zeros_are_told_from_what_only_looks_like_them(values: torch.Tensor, absent: bool) -> None:
    assert Zeros().absent_from(values) is absent


def test_a_tape_without_history_answers_from_the_weight_itself() -> None:
    fakes, weight, fake = shared()
    tape = ConstantTape(fakes.real, fakes.zeros)
    assert tape.pattern(fake).read() is None
    fakes, weight, fake = shared()
    with torch.no_grad():
        weight[0] = 0
    found = ConstantTape(fakes.real, fakes.zeros).pattern(fake).read()
    assert found is not None
    assert found[1:].all()
    assert not found[0].any()

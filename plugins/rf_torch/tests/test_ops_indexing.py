"""Reads and writes at indices: constant ones are followed, others bounded with a note."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn, tensor

from dependence import (
    Model,
    assert_bounded,
    assert_refused,
    assert_traced,
    assert_traced_exactly,
    traced,
)

LINE = (1, 2, 7)
ONCE = tensor([True, False, True, False, False, True, True])
PAIRS = tensor([[True] * 3 + [False] * 4, [False] * 4 + [True] * 3])
EACH_ITS_OWN = tensor([[[0, 1, 2], [4, 5, 6]]])


def placed(index: Any, value: Any) -> Model:
    """`y[index] = value(x)` on a copy of the input."""

    def model(x: Tensor) -> Tensor:
        y = x.clone()
        y[index] = value(x) if callable(value) else value
        return y

    return model


READS: dict[str, Model] = {
    "one-axis": lambda x: x[:, :, tensor([0, 3, 3])],
    "negative": lambda x: x[..., tensor([-1, -7, 2])],
    "list": lambda x: x[..., [0, 2]],
    "two-axes": lambda x: x[:, tensor([0, 1, 1]), tensor([2, 3, -1])],
    "two-axes-broadcast": lambda x: x[:, tensor([[0], [1]]), tensor([2, 3, 5])],
    "two-axes-apart": lambda x: x[tensor([0, 0]), :, tensor([1, 2])],
    "of-two-dimensions": lambda x: x[..., tensor([[0, 1], [2, 6]])],
    "of-no-dimension": lambda x: x[..., tensor(3)],
    "with-new-axis": lambda x: x[:, None, :, tensor([1, 2])],
    "with-integer": lambda x: x[:, 0, tensor([1, 2])],
    "boolean": lambda x: x[..., ONCE],
    "boolean-bytes": lambda x: x[..., ONCE.nonzero()[:, 0]],
    "boolean-on-two-axes": lambda x: x[:, PAIRS],
    "boolean-and-integers": lambda x: x[:, tensor([True, False]), tensor([4])],
    "nothing": lambda x: torch.cat([x, x[..., tensor([], dtype=torch.long)]], -1),
    "computed": lambda x: x[0, :, (torch.arange(3)[:, None] - torch.arange(3) + 2).view(-1)],
    "where-even": lambda x: x[:, :, torch.arange(7)[torch.arange(7) % 2 == 0]],
    "of-no-batch": lambda x: x[0][torch.meshgrid(torch.arange(2), tensor([1, 5]), indexing="ij")],
    "index-select": lambda x: x.index_select(-1, tensor([6, 0, 0])),
    "take": lambda x: x.take(tensor([[0, 13], [2, -1]])),
    "take-along": lambda x: torch.take_along_dim(x, tensor([[[1, 2, 3]]]), -1),
    "take-along-flat": lambda x: torch.take_along_dim(x, tensor([1, 2, 3])),
    "gather": lambda x: x.gather(-1, EACH_ITS_OWN),
    "gather-alike": lambda x: x.gather(-1, tensor([[[0, 1, 2], [0, 1, 2]]])),
    "gather-channels": lambda x: x.gather(1, tensor([[[1, 0, 0]]])),
    "gather-of-fewer": lambda x: x.gather(-1, tensor([[[6, 0]]])),
    "masked-select": lambda x: x.masked_select(torch.arange(7) % 2 == 0),
    "bucketize": lambda x: torch.bucketize(x, tensor([0.0, 1.0]).to(x)),
    "searchsorted": lambda x: torch.searchsorted(tensor([0.0, 1.0]).to(x), x),
    "isin": lambda x: torch.isin((x > 0).long(), tensor([1, 2])),
    "one-hot": lambda x: F.one_hot((x > 0).long(), 2),
    "table": lambda x: F.embedding(tensor([[0, 1, 1]]), x[0].t()),
}
WRITES: dict[str, Model] = {
    "put": placed((tensor([0]), tensor([1]), tensor([2])), 5.0),
    "put-values": placed((..., tensor([1, 2])), lambda x: x[..., :2]),
    "put-on-two-axes": placed((0, tensor([0, 1]), tensor([2, 3])), lambda x: x[0, :, 6]),
    "put-on-axes-apart": placed((tensor([0]), slice(None), tensor([3])), lambda x: x[:, :, 0]),
    "put-where-boolean": placed((..., ONCE), 0.0),
    "put-where-boolean-on-two-axes": placed((slice(None), PAIRS), lambda x: x.sum()),
    "put-where-positive": lambda x: placed(x > 0, 0.0)(x),
    "put-twice-adding": lambda x: x.index_put(
        (tensor([0, 0]), tensor([1, 0]), tensor([2, 2])), x[0, :, 0], accumulate=True
    ),
    "put-in-constants": lambda x: (
        torch.zeros(1, 2, 9).to(x).index_put((tensor([0]), tensor([1])), x[0, 0, :1])
    ),
    "index-add": lambda x: x.index_add(-1, tensor([0, 2, 2]), x[..., :3]),
    "index-add-to-constants": lambda x: (
        torch.zeros(1, 2, 4).to(x).index_add(-1, tensor([0, 2, 2]), x[..., :3])
    ),
    "index-copy": lambda x: x.index_copy(-1, tensor([0, 2]), x[..., -2:]),
    "index-copy-of-constants": lambda x: x.index_copy(
        -1, tensor([0, 2]), torch.zeros(1, 2, 2).to(x)
    ),
    "index-fill": lambda x: x.index_fill(-1, tensor([0, 2]), 0.0),
    "index-fill-from-input": lambda x: x.index_fill(-1, tensor([0, 2]), x.sum()),
    "scatter": lambda x: torch.zeros(1, 2, 7).to(x).scatter(-1, EACH_ITS_OWN, x[..., :3]),
    "scatter-over-input": lambda x: x.scatter(-1, tensor([[[1, 0], [2, 3]]]), x[..., -2:]),
    "scatter-value": lambda x: x.scatter(-1, tensor([[[1, 0], [2, 3]]]), 0.0),
    "scatter-add": lambda x: x.scatter_add(-1, tensor([[[1, 0, 1], [2, 3, 6]]]), x[..., :3]),
    "scatter-mean": lambda x: x.scatter_reduce(
        -1, tensor([[[1, 0, 1], [2, 3, 6]]]), x[..., :3], "mean", include_self=False
    ),
    "scatter-sum-of-more": lambda x: (
        torch.zeros(1, 2, 4).to(x).scatter_reduce(-1, tensor([[[1, 0], [2, 3]]]), x, "sum")
    ),
    "put-flat": lambda x: x.put(tensor([1, -2]), x[0, 0, :2]),
    "put-flat-adding": lambda x: x.put(tensor([1, 1]), x[0, 0, :2], accumulate=True),
    "masked-scatter": lambda x: x.masked_scatter(torch.arange(7) % 2 == 0, x.flip(-1)),
    "masked-scatter-of-constants": lambda x: x.masked_scatter(ONCE, torch.zeros(8).to(x)),
}
SELECTING: dict[str, Model] = {
    "scatter-max": lambda x: x.scatter_reduce(
        -1, tensor([[[1, 0, 1], [2, 3, 6]]]), x[..., :3], "amax"
    ),
    "index-max": lambda x: x.index_reduce(-1, tensor([0, 2, 2]), x[..., :3], "amax"),
    "one-hot-of-argmax": lambda x: F.one_hot(x.argmax(-1), 7),
    "put-mean-where-positive": lambda x: placed(x > 0, x.mean())(x),
}
BY_INPUT: dict[str, tuple[Model, str]] = {
    "index": (lambda x: x[..., (x[0, 0, :3] > 0).long()], "whole axis"),
    "index-beside-constant": (
        lambda x: x[:, (x[0, 0, :3] > 0).long(), tensor([1, 2, 3])],
        "whole axis",
    ),
    "index-into-constant": (lambda x: torch.arange(14.0)[(x > 0).long()], "whole axis"),
    "index-select": (lambda x: x.index_select(-1, (x[0, 0, :3] > 0).long()), "whole axis"),
    "gather": (lambda x: x.gather(-1, x.argsort(-1)), "whole axis"),
    "take": (lambda x: x.take((x[0, 0] > 0).long()), "everything"),
    "masked-select": (lambda x: x.masked_select(x > 0).sum(), "each output may see all"),
    "scatter": (lambda x: torch.zeros(7).to(x).scatter(0, x[0, 0].argsort(), x[0, 1]), "written"),
    "index-add": (lambda x: x.index_add(-1, (x[0, 0, :3] > 0).long(), x[..., :3]), "written"),
    "index-fill": (lambda x: x.index_fill(-1, (x[0, 0, :1] > 0).long(), 0.0), "written"),
    "put": (lambda x: x.put((x[0, 0, :1] > 0).long(), x[0, 1, :1]), "written"),
    "index-put": (
        lambda x: x.index_put((tensor([0]), tensor([0]), (x[0, 1, :1] > 0).long()), x.sum()),
        "written",
    ),
    "table-and-rows": (lambda x: F.embedding((x[0, 0] > 0).long(), x[0]), "whole table"),
}


@pytest.mark.parametrize("model", READS.values(), ids=READS)
def test_reads_at_constant_indices(model: Model) -> None:
    assert traced(model, LINE).exact
    assert_traced(model, LINE)


@pytest.mark.parametrize("model", WRITES.values(), ids=WRITES)
def test_writes_at_constant_indices(model: Model) -> None:
    assert traced(model, LINE).exact
    assert_traced(model, LINE)


@pytest.mark.filterwarnings("ignore:index_reduce")
@pytest.mark.parametrize("model", SELECTING.values(), ids=SELECTING)
def test_writes_that_select_among_values(model: Model) -> None:
    assert_traced_exactly(model, (1, 2, 7), bases=60)


@pytest.mark.parametrize(("model", "said"), BY_INPUT.values(), ids=BY_INPUT)
def test_indices_from_the_input_are_bounded(model: Model, said: str) -> None:
    assert_bounded(model, LINE, said)


def test_repeated_places_are_bounded() -> None:
    model = placed((..., tensor([1, 1])), lambda x: x[..., 5:])
    assert_bounded(model, LINE, "its indices repeat")


def test_random_indices_are_refused() -> None:
    assert_refused(lambda x: x[..., torch.randperm(7)], LINE, "aten.index", "drawn at random")


class Tokens(nn.Module):
    """Token numbers, a table and a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 4)
        self.layer = nn.Conv1d(4, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.table((x.abs() * 4).long() % 50).transpose(1, 2))


def test_a_table_is_looked_up_position_by_position() -> None:
    assert_traced(Tokens(), (1, 6))


# Quarters of a pixel, so that no rounding moves a weight off zero.
SHIFTED = tensor([[[1.0, 0.0, 0.125], [0.0, 1.0, 0.0]]])
TURNED = tensor([[[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]])


def sampled(theta: Tensor, **options: Any) -> Model:
    def model(x: Tensor) -> Tensor:
        grid = F.affine_grid(theta.to(x), (1, 1, 4, 4), align_corners=False)
        return F.grid_sample(x, grid, align_corners=False, **options)

    return model


SAMPLED: dict[str, Model] = {
    "shifted": sampled(SHIFTED),
    "turned": sampled(TURNED),
    "nearest": sampled(SHIFTED, mode="nearest"),
    "to-the-border": sampled(SHIFTED * 2, padding_mode="border"),
    "cubic": sampled(SHIFTED, mode="bicubic", padding_mode="reflection"),
}


@pytest.mark.parametrize("model", SAMPLED.values(), ids=SAMPLED)
def test_a_constant_grid_samples_just_its_pixels(model: Model) -> None:
    assert_traced_exactly(model, (1, 1, 4, 4))


def test_a_grid_from_the_input_is_bounded() -> None:
    def warped(x: Tensor) -> Tensor:
        flow = x.permute(0, 2, 3, 1).repeat(1, 1, 1, 2).tanh()
        return F.grid_sample(x, flow, align_corners=True)

    def transformed(x: Tensor) -> Tensor:
        grid = F.affine_grid(torch.eye(2, 3)[None].to(x) * x.mean(), (1, 1, 3, 3), True)
        return F.grid_sample(x, grid, align_corners=True)

    for model in (warped, transformed):
        assert_bounded(model, (1, 1, 3, 3), "see the whole image")


def test_a_constant_image_is_sampled_position_by_position() -> None:
    def model(x: Tensor) -> Tensor:
        flow = x.permute(0, 2, 3, 1).repeat(1, 1, 1, 2).tanh()
        return F.grid_sample(torch.arange(9.0).view(1, 1, 3, 3).to(x), flow, align_corners=True)

    assert_traced_exactly(model, (1, 1, 3, 3))

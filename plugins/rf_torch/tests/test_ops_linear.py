"""Products: matrices, einsum, dense layers over space, patterns of zeros, attention by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, einsum, nn

from dependence import Model, assert_bounded, assert_traced, assert_traced_exactly, traced

LINE = (1, 2, 7)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


BAND = drawn(7, 7).tril(1).triu(-1)
ENDS = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 2.0])


class Weighted(nn.Module):
    """A function of the input and some weights."""

    def __init__(self, function: Callable[..., Tensor], *weights: Tensor) -> None:
        super().__init__()
        self.function = function
        self.weights = nn.ParameterList([nn.Parameter(weight) for weight in weights])

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.weights)


def dense(weight: Tensor) -> nn.Module:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data = weight
    return layer


class OfTwoRows(nn.Module):
    """`nn.Bilinear` of the two channels."""

    def __init__(self, sparse: bool) -> None:
        super().__init__()
        self.layer = nn.Bilinear(7, 7, 3)
        if sparse:
            self.layer.weight.data *= BAND != 0

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x[:, 0], x[:, 1])


DENSE: dict[str, Model] = {
    "linear": nn.Linear(7, 3),
    "linear-without-bias": nn.Linear(7, 2, bias=False),
    "linear-flattened": nn.Sequential(nn.Flatten(), nn.Linear(14, 3)),
    "bilinear": OfTwoRows(sparse=False),
    "mm": Weighted(lambda x, w: x[0] @ w, drawn(7, 3)),
    "mm-from-the-left": Weighted(lambda x, w: w @ x[0], drawn(3, 2)),
    "mm-with-itself": lambda x: x[0] @ x[0].T,
    "bmm-with-itself": lambda x: torch.bmm(x, x.mT),
    "matmul-broadcast": Weighted(lambda x, w: x @ w, drawn(3, 7, 2)),
    "matmul-broadcast-from-the-left": Weighted(lambda x, w: w @ x, drawn(2, 1, 3, 2)),
    "mv": Weighted(lambda x, w: x[0] @ w, drawn(7)),
    "vm": Weighted(lambda x, w: w @ x[0], drawn(2)),
    "dot": Weighted(lambda x, w: x[0, 0] @ w, drawn(7)),
    "dot-with-itself": lambda x: x[0, 0] @ x[0, 1],
    "outer": lambda x: torch.outer(x[0, 0], x[0, 1]),
    "inner": lambda x: torch.inner(x[0], x[0]),
    "kron": lambda x: torch.kron(x[0], x[0, :, :2]),
    "tensordot": Weighted(lambda x, w: torch.tensordot(x, w, dims=2), drawn(2, 7, 3)),
    "addr": lambda x: torch.addr(torch.zeros(2, 7).to(x), x[0, :, 0], x[0, 0]),
    "matrix-power": lambda x: torch.matrix_power(x[0, :, :2], 2),
    "cross": lambda x: torch.linalg.cross(x[..., :3], x[..., 3:6]),
    "cdist": lambda x: torch.cdist(x, x.flip(1)),
    "cdist-of-one-norm": lambda x: torch.cdist(x, x.flip(1) + 1, p=1),
    "pdist": lambda x: F.pdist(x[0].T),
    "pairwise-distance": lambda x: F.pairwise_distance(x[:, 0], x[:, 1]),
    "cosine-similarity": lambda x: F.cosine_similarity(x[:, :1], x[:, 1:], dim=1),
    "covariance": lambda x: torch.cov(x[0].T),
    "einsum-over-channels": Weighted(lambda x, w: einsum("ncl,cd->ndl", x, w), drawn(2, 3)),
    "einsum-of-itself": lambda x: einsum("ncl,ncm->nlm", x, x),
    "einsum-transposing": lambda x: einsum("ncl->nlc", x),
    "einsum-summing": lambda x: einsum("ncl->nc", x),
    "einsum-pointwise": lambda x: einsum("ncl,ncl->nl", x, x.flip(-1)),
    "einsum-ellipsis": Weighted(lambda x, w: einsum("...l,lk->...k", x, w), drawn(7, 3)),
    "einsum-of-three": lambda x: einsum("ncl,ncm,nck->nlmk", x[..., :2], x[..., 2:4], x[..., 4:]),
    "einsum-diagonal": lambda x: einsum("ii->i", x[0, :, :2]),
    "einsum-trace": lambda x: einsum("ii", x[0, :, :2]),
    "einsum-outer": lambda x: einsum("i,j->ij", x[0, 0], x[0, 1]),
}
PATTERNS: dict[str, Model] = {
    "linear-banded": dense(BAND),
    "linear-triangular": dense(drawn(7, 7).tril()),
    "linear-sparse": dense(drawn(5, 7) * (drawn(5, 7) > 0.2)),
    "linear-flattened-triangular": nn.Sequential(nn.Flatten(), dense(drawn(14, 14).tril())),
    "bilinear-sparse": OfTwoRows(sparse=True),
    "mm-banded": Weighted(lambda x, w: x[0] @ w, BAND),
    "bmm-banded": Weighted(torch.bmm, BAND[None]),
    "mv-with-zeros": Weighted(lambda x, w: x[0] @ w, ENDS),
    "addmm": Weighted(lambda x, w, b: torch.addmm(b, x[0], w), BAND, drawn(7)),
    "addmm-of-both": Weighted(lambda x, w: torch.addmm(x[0], x[0].flip(-1), w), BAND),
    "addmm-without-its-bias": Weighted(
        lambda x, w: torch.addmm(x[0], x[0].flip(-1), w, beta=0), BAND
    ),
    "baddbmm": Weighted(lambda x, w: torch.baddbmm(x, x, w), BAND[None]),
    "addbmm": Weighted(lambda x, w: torch.addbmm(x[0], x, w), BAND[None]),
    "addmv": Weighted(lambda x, w: torch.addmv(x[0, :, 0], x[0], w), ENDS),
    "tensordot": Weighted(lambda x, w: torch.tensordot(x, w, dims=([2], [0])), BAND),
    "multi-dot": Weighted(lambda x, v, w: torch.linalg.multi_dot([x[0], v, w]), BAND, BAND),
    "dense-on-merged-pixels": Weighted(
        lambda x, w: (x.mT.reshape(-1, 2) @ w).view(1, 7, 3) * x[:, :1].mT, drawn(2, 3).triu()
    ),
    "einsum": Weighted(lambda x, w: einsum("ncl,lm->ncm", x, w), BAND),
    "einsum-pointwise": Weighted(lambda x, w: einsum("ncl,cl->ncl", x, w), BAND[:2]),
    "einsum-by-channel": Weighted(
        lambda x, w: einsum("ncl,clm->ncm", x, w), torch.stack([BAND, BAND.T.tril()])
    ),
    "einsum-bilinear": Weighted(
        lambda x, w: einsum("nl,klm,nm->nk", x[:, 0], w, x[:, 1]), BAND.expand(3, 7, 7)
    ),
    "cumulative-by-matrix": lambda x: x @ torch.ones(7, 7).triu().to(x),
    "triangular-product": lambda x: (x.mT @ x).tril() @ x.mT,
    "triangular-product-times-mask": lambda x: ((x.mT @ x) * (BAND != 0)) @ x.mT,
    "zeros-on-the-right": lambda x: x @ (x.mT @ x).tril(),
    "masked-elementwise-product": lambda x: (
        (x[:, :, :, None] * x[:, :, None]).triu() * x[..., None, :]
    ),
    "zeros-through-views": lambda x: (
        (x.mT @ x).tril().view(1, 1, 7, 7).expand(1, 2, 7, 7) @ x[..., None]
    ),
}


@pytest.mark.parametrize("model", DENSE.values(), ids=DENSE)
def test_products_see_what_they_sum_over(model: Model) -> None:
    assert traced(model, LINE).exact
    assert_traced(model, LINE)


@pytest.mark.parametrize("model", PATTERNS.values(), ids=PATTERNS)
def test_zeros_in_a_factor_are_structure(model: Model) -> None:
    assert_traced_exactly(model, LINE)


def test_a_dense_layer_of_zeros_counts_as_untrained() -> None:
    expected = traced(nn.Linear(7, 3), LINE).matrix
    assert (traced(dense(torch.zeros(3, 7)), LINE).matrix == expected).all()


MEASURED: dict[str, Model] = {
    "inverse": lambda x: torch.linalg.inv(torch.eye(2).to(x) * 9 + x[0, :, :2]),
    "solve": lambda x: torch.linalg.solve(torch.eye(2).to(x) * 9 + x[0, :, :2], x[0]),
    "determinant": lambda x: torch.linalg.det(x[0, :, :2]),
    "exponential": lambda x: torch.matrix_exp(x[0, :, :2]),
}


@pytest.mark.parametrize("model", MEASURED.values(), ids=MEASURED)
def test_matrix_functions_are_measured_by_their_derivative(model: Model) -> None:
    assert_bounded(model, LINE, "measured through its own derivative")

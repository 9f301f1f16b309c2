"""Zeros and low values that were filled in hide other operands only where they really are."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dependence import assert_traced, assert_traced_exactly

SHAPE = (1, 1, 3, 4)
COLUMN = torch.tensor([0.0, 1.0, 1.0, 1.0])
FIRST_ROW_LOW = torch.zeros(4, 4)
FIRST_ROW_LOW[0] = -2e4


def test_padding_is_not_zero_only_because_what_it_surrounds_is() -> None:
    def model(x: Tensor) -> Tensor:
        padded = F.pad(x * COLUMN, (0, 0, 1, 1), value=1.0)
        return padded * F.pad(x, (0, 0, 1, 1), mode="replicate")

    assert_traced_exactly(model, SHAPE)


def test_a_softmax_over_nothing_but_low_values_sees_them() -> None:
    assert_traced(lambda x: F.softmax(x + FIRST_ROW_LOW, dim=-1), (1, 1, 4, 4))


def test_a_low_value_that_is_taken_away_is_not_low() -> None:
    causal = torch.full((4, 4), -2e4).triu(1)

    def model(x: Tensor) -> Tensor:
        return F.softmax(torch.add(x, x.flip(-1) + causal, alpha=-1), dim=-1)

    assert_traced(model, (1, 1, 4, 4))

"""Faults of single torch rules: each is caught by a network beside its layers written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

import rfcore
from networks.neutral import network
from rf_torch.kinds import kind_of
from rf_torch.rules import RULES
from rfcore.layers import (
    Branches,
    Convolution,
    Flip,
    GlobalPooling,
    Padding,
    Pooling,
    Roll,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing import Case
from rfcore.testing.agreement import Outcome, assert_same, outcome_of

Change = Callable[[dict[str, Any]], dict[str, Any]]

GATE = (GlobalPooling(), Convolution(1))
# The op, what its rule is told instead, and a network in which that matters.
FAULTS: dict[str, tuple[str, Change, tuple[Any, ...], tuple[int, ...]]] = {
    "dilation dropped": (
        "aten.convolution",
        lambda given: {"dilation": [1]},
        (Convolution(3, dilation=2),),
        (20,),
    ),
    "stride dropped": (
        "aten.convolution",
        lambda given: {"stride": [1]},
        (Convolution(3, stride=2),),
        (20,),
    ),
    "padding dropped": (
        "aten.convolution",
        lambda given: {"padding": [0]},
        (Convolution(3, padding=1),),
        (20,),
    ),
    "axes of a convolution swapped": (
        "aten.convolution",
        lambda given: {"dilation": given["dilation"][::-1]},
        (Convolution(3, dilation=(1, 2)),),
        (20, 20),
    ),
    "transposed convolution read as a plain one": (
        "aten.convolution",
        lambda given: {"transposed": False},
        (TransposedConvolution(4, 2, 1),),
        (20,),
    ),
    "dilation of pooling dropped": (
        "aten.max_pool2d_with_indices",
        lambda given: {"dilation": [1, 1]},
        (Pooling(3, 1, dilation=2),),
        (20, 20),
    ),
    "stride of pooling dropped": (
        "aten.max_pool2d_with_indices",
        lambda given: {"stride": [1, 1]},
        (Pooling(2),),
        (20, 20),
    ),
    "padding of average pooling dropped": (
        "aten.avg_pool2d",
        lambda given: {"padding": [0, 0]},
        (Pooling(3, 2, 1, kind="average", ceil_mode=True),),
        (20, 20),
    ),
    "aligned corners ignored": (
        "aten.upsample_linear1d",
        lambda given: {"align_corners": False},
        (Upsampling(3, "aligned"),),
        (20,),
    ),
    "scale of resizing ignored": (
        "aten.upsample_nearest1d",
        lambda given: {"scale_factors": None, "scales": 3.0},
        (Upsampling(2),),
        (20,),
    ),
    "low and high padding swapped": (
        "aten.constant_pad_nd",
        lambda given: {"pad": given["pad"][::-1]},
        (Padding(3, 1), Convolution(3)),
        (20,),
    ),
    "sides of a reflected border swapped": (
        "aten.reflection_pad1d",
        lambda given: {"padding": given["padding"][::-1]},
        (Padding(3, 1, "reflect"), Convolution(3)),
        (20,),
    ),
    "roll in the other direction": (
        "aten.roll",
        lambda given: {"shifts": [-n for n in given["shifts"]]},
        (Roll(2),),
        (20,),
    ),
    "another axis flipped": (
        "aten.flip",
        lambda given: {"dims": [d ^ 1 for d in given["dims"]]},
        (Flip((1, 0)),),
        (20, 20),
    ),
    "reduction over another axis": (
        "aten.mean",
        lambda given: {"dim": [0]},
        (Branches(((), GATE), "multiply"),),
        (20,),
    ),
    "linear taken for nearest": (
        "aten.upsample_bilinear2d",
        lambda given: {},
        (Upsampling(2, "linear"),),
        (20, 20),
    ),
    "cubic taken for linear": (
        "aten.upsample_bicubic2d",
        lambda given: {},
        (Upsampling(2, "cubic"),),
        (20, 20),
    ),
}
INSTEAD = {
    "linear taken for nearest": "aten.upsample_nearest2d",
    "cubic taken for linear": "aten.upsample_bilinear2d",
}


@contextmanager
def committed(name: str) -> Iterator[None]:
    """The rules with one of the faults."""
    op, change, *_ = FAULTS[name]
    right = RULES[INSTEAD.get(name, op)]

    def wrong(call: Any) -> Any:
        call.given.update(change(call.given))
        return right(call)

    kind_of.cache_clear()
    with mock.patch.dict(RULES, {op: wrong}):
        yield
    kind_of.cache_clear()


def outcomes(name: str) -> tuple[Outcome, Outcome]:
    """What torch says of a fault's network, and what its layers say."""
    *_, layers, shape = FAULTS[name]
    case = Case(name="", layers=layers, input_shape=shape, source="")
    known = outcome_of(lambda: rfcore.estimate(layers, input_shape=shape))
    model = network(case)
    found = outcome_of(lambda: rfcore.estimate(model, input_shape=(case.channels, *shape)))
    return found, known


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_rule_is_caught(name: str) -> None:
    assert_same(*outcomes(name))
    with committed(name), pytest.raises(AssertionError):
        assert_same(*outcomes(name))


class OneOfTwoGroups(nn.Module):
    """Two paths, of 3 and 7 taps, that a grouped convolution keeps apart; the first is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow, self.wide = nn.Conv1d(1, 1, 3, padding=1), nn.Conv1d(1, 1, 7, padding=3)
        self.apart = nn.Conv1d(2, 2, 1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.apart(torch.cat([self.narrow(x), self.wide(x)], 1))[:, :1]


def test_groups_that_are_ignored_are_caught() -> None:
    model = OneOfTwoGroups()
    assert rfcore.estimate(model, input_shape=(1, 30)).size == (3,)
    right = RULES["aten.convolution"]

    def wrong(call: Any) -> Any:
        call.given["groups"] = 1
        return right(call)

    kind_of.cache_clear()
    with mock.patch.dict(RULES, {"aten.convolution": wrong}):
        found = outcome_of(lambda: rfcore.estimate(model, input_shape=(1, 30)))
    kind_of.cache_clear()
    assert found.field is None or found.field.size != (3,)

"""Faults of single JAX rules: each is caught by a network beside its layers written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

import rfcore
from jax_neutral import network
from rf_jax.rules import RULES
from rfcore.layers import (
    Branches,
    Convolution,
    Cropping,
    Flip,
    GlobalPooling,
    Padding,
    Pooling,
    Subsampling,
    TransposedConvolution,
)
from rfcore.testing import Case
from rfcore.testing.agreement import Outcome, assert_same, outcome_of

Change = Callable[[Mapping[str, Any]], dict[str, Any]]

GATE = (GlobalPooling("max"), Convolution(1))


def swapped(sides: Any) -> list[Any]:
    return [tuple(side[:2][::-1]) + tuple(side[2:]) for side in sides]


# The primitive, what its rule is told instead, and a network in which that matters.
FAULTS: dict[str, tuple[str, Change, tuple[Any, ...], tuple[int, ...]]] = {
    "dilation dropped": (
        "conv_general_dilated",
        lambda params: {"rhs_dilation": (1,)},
        (Convolution(3, dilation=2),),
        (20,),
    ),
    "stride dropped": (
        "conv_general_dilated",
        lambda params: {"window_strides": (1,)},
        (Convolution(3, 2),),
        (20,),
    ),
    "low and high padding of a convolution swapped": (
        "conv_general_dilated",
        lambda params: {"padding": swapped(params["padding"])},
        (Convolution(4, 2, padding="same"),),
        (21,),
    ),
    "stride of a transposed convolution dropped": (
        "conv_general_dilated",
        lambda params: {"lhs_dilation": (1,)},
        (TransposedConvolution(4, 2, 1),),
        (20,),
    ),
    "dilation of pooling dropped": (
        "reduce_window_max",
        lambda params: {"window_dilation": (1, 1, 1)},
        (Pooling(3, 1, dilation=2),),
        (20,),
    ),
    "stride of pooling dropped": (
        "reduce_window_max",
        lambda params: {"window_strides": (1, 1, 1)},
        (Pooling(2),),
        (20,),
    ),
    "sides of padding swapped": (
        "pad",
        lambda params: {"padding_config": swapped(params["padding_config"])},
        (Padding(3, 1), Convolution(3)),
        (20,),
    ),
    "beginning of a slice ignored": (
        "slice",
        lambda params: {"start_indices": (0,) * len(params["start_indices"])},
        (Cropping(3, 1), Convolution(3)),
        (20,),
    ),
    "steps of a slice ignored": (
        "slice",
        lambda params: {"strides": None},
        (Subsampling(2),),
        (20,),
    ),
    "another axis reversed": (
        "rev",
        lambda params: {"dimensions": tuple(3 - d for d in params["dimensions"])},
        (Flip((1, 0)),),
        (20, 20),
    ),
    "reduction over another axis": (
        "reduce_max",
        lambda params: {"axes": (0,)},
        (Branches(((), GATE), "multiply"),),
        (20,),
    ),
}


@contextmanager
def committed(name: str) -> Iterator[None]:
    """The rules with one of the faults."""
    primitive, change, *_ = FAULTS[name]
    right = RULES[primitive]

    def wrong(call: Any) -> Any:
        return right(replace(call, params={**call.params, **change(call.params)}))

    with mock.patch.dict(RULES, {primitive: wrong}):
        yield


def outcomes(name: str) -> tuple[Outcome, Outcome]:
    """What JAX says of a fault's network, and what its layers say."""
    *_, layers, shape = FAULTS[name]
    case = Case(name="", layers=layers, input_shape=shape, source="")
    known = outcome_of(lambda: rfcore.estimate(layers, input_shape=shape))
    model = network(case)
    found = outcome_of(lambda: rfcore.estimate(model, input_shape=(*shape, case.channels)))
    return found, known


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_rule_is_caught(name: str) -> None:
    assert_same(*outcomes(name))
    with committed(name), pytest.raises(AssertionError):
        assert_same(*outcomes(name))

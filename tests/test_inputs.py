"""Reading `input_shape` and `layout`: every layout in use, and every way to get one wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rfcore.errors import InputShapeError, LayoutError
from rfcore.inputs import CHANNELS_FIRST, CHANNELS_LAST, InputSpec, input_spec


@pytest.mark.parametrize(
    ("input_shape", "layout", "shape", "axes", "spatial"),
    [
        pytest.param((100,), None, (1, 100), (1,), (100,), id="default NL"),
        pytest.param((2, 100), None, (1, 2, 100), (2,), (100,), id="default NCL"),
        pytest.param((3, 5, 7), None, (1, 3, 5, 7), (2, 3), (5, 7), id="default NCHW"),
        pytest.param((3, 5, 7, 9), None, (1, 3, 5, 7, 9), (2, 3, 4), (5, 7, 9), id="default NCDHW"),
        pytest.param((5, 7, 3), "NHWC", (1, 5, 7, 3), (1, 2), (5, 7), id="NHWC"),
        pytest.param((100, 2), "NLC", (1, 100, 2), (1,), (100,), id="NLC"),
        pytest.param((5, 7), "NHW", (1, 5, 7), (1, 2), (5, 7), id="no channels"),
        pytest.param((3, 5, 7), "CNHW", (3, 1, 5, 7), (2, 3), (5, 7), id="batch not first"),
        pytest.param((5, 7, 3), "HWCN", (5, 7, 3, 1), (0, 1), (5, 7), id="batch last"),
        pytest.param((8, 3, 5, 7), "NTCHW", (1, 8, 3, 5, 7), (1, 3, 4), (8, 5, 7), id="video"),
        pytest.param((5, 7, 3), "nhwc", (1, 5, 7, 3), (1, 2), (5, 7), id="small letters"),
        pytest.param([3, 5, 7], None, (1, 3, 5, 7), (2, 3), (5, 7), id="a list"),
        pytest.param(np.array([3, 5, 7]), None, (1, 3, 5, 7), (2, 3), (5, 7), id="an array"),
        pytest.param((3.0, 5.0, 7.0), None, (1, 3, 5, 7), (2, 3), (5, 7), id="whole floats"),
    ],
)
def test_a_shape_is_read_with_its_layout(
    input_shape: Any,
    layout: str | None,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    spatial: tuple[int, ...],
) -> None:
    spec = input_spec(input_shape, layout=layout)
    assert (spec.shape, spec.axes, spec.spatial_shape) == (shape, axes, spatial)
    assert all(type(n) is int for n in spec.shape)
    assert spec.name is None


def test_a_backend_brings_its_own_defaults() -> None:
    spec = input_spec((5, 7, 3), layout=None, layouts=CHANNELS_LAST, name="image")
    assert spec == InputSpec((1, 5, 7, 3), (1, 2), "NHWC", "image")


@pytest.mark.parametrize("layouts", [CHANNELS_FIRST, CHANNELS_LAST], ids=["first", "last"])
def test_default_layouts_have_the_rank_they_are_for(layouts: dict[int, str]) -> None:
    assert all(len(layout) == rank + 1 for rank, layout in layouts.items())


@pytest.mark.parametrize(
    ("input_shape", "problem"),
    [
        pytest.param(None, "is needed", id="missing"),
        pytest.param((), "is not a sequence of positive integers", id="empty"),
        pytest.param((3, 0, 7), "is not a sequence of positive integers", id="zero"),
        pytest.param((3, -5, 7), "is not a sequence of positive integers", id="negative"),
        pytest.param((3, 5.5, 7), "is not a sequence of positive integers", id="a fraction"),
        pytest.param((3, float("nan")), "is not a sequence of positive integers", id="nan"),
        pytest.param((3, float("inf")), "is not a sequence of positive integers", id="inf"),
        pytest.param((3, None, 7), "is not a sequence of positive integers", id="None inside"),
        pytest.param((True, 5, 7), "is not a sequence of positive integers", id="bool"),
        pytest.param("345", "is not a sequence of positive integers", id="text"),
        pytest.param(224, "is not a sequence of positive integers", id="one number"),
        pytest.param((1, 2, 3, 4, 5), "has 5 axes, and only [1, 2, 3, 4] axes", id="rank"),
    ],
)
def test_a_shape_that_cannot_be_read_is_refused(input_shape: Any, problem: str) -> None:
    with pytest.raises(InputShapeError) as caught:
        input_spec(input_shape, layout=None)
    assert problem in caught.value.message
    assert repr(caught.value.input_shape) == repr(input_shape)
    assert "input_shape" in caught.value.hint


@pytest.mark.parametrize(
    ("layout", "problem"),
    [
        pytest.param("CHW", "does not say which axis is the batch (N)", id="no batch"),
        pytest.param("NC", "has no spatial axis", id="no spatial axis"),
        pytest.param("NHHC", "does not name each axis by one letter of its own", id="twice"),
        pytest.param("N HWC", "does not name each axis by one letter of its own", id="blank"),
        pytest.param("", "does not name each axis by one letter of its own", id="empty"),
        pytest.param("NCL", "has 2 axes beside the batch, input_shape=(3, 5, 7)", id="short"),
        pytest.param("NCDHW", "has 4 axes beside the batch, input_shape=(3, 5, 7)", id="long"),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(layout: str, problem: str) -> None:
    with pytest.raises(LayoutError) as caught:
        input_spec((3, 5, 7), layout=layout)
    assert problem in caught.value.message
    assert caught.value.layout == layout
    assert "one letter per axis" in caught.value.hint


def test_an_empty_layout_is_refused_at_any_rank() -> None:
    with pytest.raises(LayoutError):
        input_spec((1, 2, 3, 4, 5), layout="")


@pytest.mark.parametrize(
    ("axes", "shape"),
    [(None, (1, 3, 15, 17)), ((1,), (1, 3, 5, 17)), ((), (1, 3, 5, 7))],
    ids=["all", "one", "none"],
)
def test_a_spec_grows_on_spatial_axes_only(
    axes: tuple[int, ...] | None, shape: tuple[int, ...]
) -> None:
    spec = input_spec((3, 5, 7), layout=None, name=1)
    grown = spec.grown(10, axes)
    assert grown == InputSpec(shape, (2, 3), "NCHW", 1)
    assert spec.shape == (1, 3, 5, 7)

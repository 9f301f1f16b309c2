"""What can be measured on: drawn numbers, stacks, streams, and everything that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfcore.erf.sources import source
from rfcore.errors import (
    NoInputsError,
    NonFiniteError,
    OptionError,
    TooFewInputsError,
    UnfitInputError,
)
from rfcore.inputs import InputSpec, input_spec
from toy_erf import dense, measured

SPEC = input_spec((2, 3, 4), layout=None)
FLOAT32 = np.dtype(np.float32)
IMAGES = np.random.default_rng(0).normal(size=(5, 2, 3, 4))


def read(inputs: Any, spec: InputSpec = SPEC, count: int = 9, seed: int = 0) -> list[np.ndarray]:
    return list(islice(source(inputs, spec, FLOAT32, seed).arrays(), count))


class Tensor:
    """An array of some framework: numpy can read it, and that is all."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.values if dtype is None else self.values.astype(dtype)


class Broken:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise RuntimeError("call detach() first\nor else")


WAYS: dict[str, Any] = {
    "a stack": IMAGES,
    "a stack of another framework": Tensor(IMAGES),
    "a list of images": list(IMAGES),
    "a generator of images": lambda: (image for image in IMAGES),
    "a list of batches": [IMAGES[:2], IMAGES[2:3], IMAGES[3:]],
    "images and batches": [IMAGES[0], IMAGES[1:4], IMAGES[4]],
    "tensors": [Tensor(IMAGES[:3]), Tensor(IMAGES[3:])],
    "an empty batch in between": [IMAGES[:0], IMAGES],
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_give_the_same_inputs_reads_them(way: str) -> None:
    inputs = WAYS[way]
    arrays = read(inputs() if callable(inputs) else inputs)
    assert len(arrays) == 5
    for array, image in zip(arrays, IMAGES, strict=True):
        assert array.shape == (1, 2, 3, 4)
        assert array.dtype == FLOAT32
        np.testing.assert_array_equal(array[0], image.astype(np.float32))


def test_one_array_without_a_batch_is_one_input() -> None:
    (array,) = read(IMAGES[0])
    np.testing.assert_array_equal(array[0], IMAGES[0].astype(np.float32))


@pytest.mark.parametrize("dtype", ["u1", "i8", "?", "f2", "f8", ">f4"])
def test_numbers_of_any_kind_become_the_models(dtype: str) -> None:
    values = np.arange(24).reshape(2, 3, 4) % 2
    (array,) = read(values.astype(dtype))
    assert array.dtype == FLOAT32
    np.testing.assert_array_equal(array[0], values)


def test_the_batch_is_where_the_layout_has_it() -> None:
    spec = input_spec((3, 4, 2), layout="HWCN")
    arrays = read(np.moveaxis(IMAGES.transpose(0, 2, 3, 1), 0, -1), spec)
    assert [array.shape for array in arrays] == [(3, 4, 2, 1)] * 5
    np.testing.assert_array_equal(arrays[3][..., 0], IMAGES[3].transpose(1, 2, 0).astype("f4"))


def test_a_model_of_a_fixed_batch_gets_the_same_input_several_times() -> None:
    fixed = InputSpec((4, 2, 3, 4), (2, 3), "NCHW")
    (array,) = read(IMAGES[:1], fixed)
    np.testing.assert_array_equal(array, np.repeat(IMAGES[:1], 4, axis=0).astype(np.float32))


def test_a_stream_is_read_no_farther_than_needed() -> None:
    taken = []

    def stream() -> Iterator[np.ndarray]:
        for number, image in enumerate(IMAGES):
            taken.append(number)
            yield image

    model = dense(3, 2, 3, 4)
    found = measured(model, inputs=stream(), count=2, input_shape=(2, 3, 4))
    assert (found.count, taken) == (2, [0, 1])


@given(st.sampled_from(["normal", "uniform"]), st.integers(0, 2**40), st.integers(0, 8))
def test_the_ith_random_input_depends_on_the_seed_and_i_only(
    inputs: str, seed: int, number: int
) -> None:
    one = read(inputs, count=number + 1, seed=seed)[number]
    again = read(inputs, count=9, seed=seed)[number]
    assert one.tobytes() == again.tobytes()
    assert one.tobytes() != read(inputs, count=9, seed=seed + 1)[number].tobytes()
    assert len({array.tobytes() for array in read(inputs, count=9, seed=seed)}) == 9


@pytest.mark.parametrize(
    ("inputs", "mean", "variance", "fourth"),
    # The fourth central moments are 3 and 1/80, so that s² strays by √((m₄ − σ⁴)/n).
    [("normal", 0, 1, 3), ("uniform", 1 / 2, 1 / 12, 1 / 80)],
)
def test_random_inputs_are_distributed_as_their_name_says(
    inputs: str, mean: float, variance: float, fourth: float
) -> None:
    spec = input_spec((100_000,), layout=None)
    (values,) = read(inputs, spec, count=1)
    n = values.size
    assert abs(values.mean() - mean) < 4 * np.sqrt(variance / n)
    assert abs(values.var() - variance) < 4 * np.sqrt((fourth - variance**2) / n)
    if inputs == "uniform":
        assert 0 <= values.min() < values.max() <= 1


REFUSED: dict[str, tuple[Any, int, str, str]] = {
    "another size": (np.ones((2, 5, 6)), 0, "shape (2, 5, 6), and (2, 3, 4)", "neither resized"),
    "channels last": (np.ones((3, 4, 2)), 0, "shape (3, 4, 2)", "axes seem to be in another order"),
    "one axis too few": (np.ones((3, 4)), 0, "shape (3, 4), and (2, 3, 4)", "input_shape=(3, 4)"),
    "two axes too many": (np.ones((1, 1, 2, 3, 4)), 0, "(1, 1, 2, 3, 4)", "input_shape="),
    "a stack of another size": (np.ones((9, 2, 5, 6)), 0, "shape (2, 5, 6)", "nor cropped"),
    "the third of a list": ([*IMAGES[:2], np.ones(3)], 2, "shape (3,)", "nor cropped"),
    "the second batch": ([IMAGES[:3], np.ones((2, 9))], 3, "shape (2, 9)", "nor cropped"),
    "pairs of a loader": ([(IMAGES, 3)], 0, "is a tuple", "for images, _ in loader"),
    "nested lists": (IMAGES.tolist(), 0, "is a list, not an array", "numpy.asarray"),
    "a dict": ({"images": IMAGES}, 0, "is a str, not an array", "give arrays"),
    "a number": (3, 0, "is a int, neither an array nor a stream", '"normal"'),
    "nothing": (None, 0, "is a NoneType, neither", '"normal"'),
    "texts": (np.array(["a"]), 0, "values of type <U1", "tensor.detach()"),
    "objects": (np.array([None]), 0, "values of type object", "numpy array of numbers"),
    "complex": (IMAGES * 1j, 0, "values of type complex128", "numpy array of numbers"),
    "a tensor that refuses": (Broken(), 0, "(RuntimeError: call detach() first", "detach()"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_input_is_refused_with_its_number(name: str) -> None:
    inputs, number, problem, hint = REFUSED[name]
    with pytest.raises(UnfitInputError) as caught:
        measured(dense(3, 2, 3, 4), inputs=inputs, input_shape=(2, 3, 4))
    assert caught.value.index == number
    assert caught.value.message.startswith(f"Input {number} ")
    assert problem in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("inputs", ["gaussian", "images/", ""])
def test_a_text_that_is_no_distribution_is_refused(inputs: str) -> None:
    with pytest.raises(OptionError, match="inputs="):
        measured(dense(3, 2, 3, 4), inputs=inputs, input_shape=(2, 3, 4))


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        (np.ones((0, 2, 3, 4)), "the stack holds no input"),
        ([], "the stream of inputs is empty"),
        (iter(()), "the stream of inputs is empty"),
        ([np.ones((0, 2, 3, 4))], "the stream of inputs is empty"),
        (np.full((2, 2, 3, 4), np.nan), "all 2 inputs were left out"),
    ],
    ids=["stack", "list", "generator", "batches", "all left out"],
)
def test_no_input_at_all_is_an_error(inputs: Any, problem: str) -> None:
    with pytest.raises(NoInputsError, match=problem):
        measured(dense(3, 2, 3, 4), inputs=inputs, input_shape=(2, 3, 4), on_nan="skip")


@pytest.mark.parametrize("inputs", [IMAGES, list(IMAGES)], ids=["stack", "list"])
def test_fewer_inputs_than_asked_for_are_an_error(inputs: Any) -> None:
    with pytest.raises(TooFewInputsError, match="count=6") as caught:
        measured(dense(3, 2, 3, 4), inputs=inputs, count=6, input_shape=(2, 3, 4))
    assert (caught.value.asked, caught.value.found) == (6, 5)
    assert "count=5" in caught.value.hint
    assert measured(dense(3, 2, 3, 4), inputs=inputs, count=5, input_shape=(2, 3, 4)).complete


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39], ids=str)
def test_an_input_that_is_not_finite_is_named_and_skipped_when_asked(value: float) -> None:
    stack = IMAGES.copy()
    stack[3, 1, 1, 1] = value
    model = dense(3, 2, 3, 4)
    # 1e39 is finite, but not in float32.
    options: dict[str, Any] = {"input_shape": (2, 3, 4)}
    if value == 1e39:
        assert not np.isfinite(list(source(stack, SPEC, FLOAT32, 0).arrays())[3]).all()
        return
    with pytest.raises(NonFiniteError, match="Input 3 holds NaN or infinities") as caught:
        measured(model, inputs=stack, **options)
    assert (caught.value.index, caught.value.what, caught.value.count) == (3, "input", 1)
    assert 'on_nan="skip"' in caught.value.hint
    found = measured(model, inputs=stack, on_nan="skip", **options)
    assert (found.count, found.skipped, found.complete) == (4, 1, True)
    others = measured(model, inputs=np.delete(stack, 3, axis=0), **options)
    assert found.total.tobytes() == others.total.tobytes()
    assert "skipped: 1" in str(found)

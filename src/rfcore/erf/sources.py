"""The inputs to measure on: drawn, given as a stack, or read one by one from a stream.

Each comes out as one array of the model's full shape and floating type, in an order that is the
same each time, so that a measurement can be taken up again where it was left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count as counting
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import NoInputsError, OptionError, RfcoreError, UnfitInputError
from rfcore.errors.effective import shape_problem
from rfcore.inputs import InputSpec

__all__ = ["Source", "source"]

Array = NDArray[Any]

DRAWN: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Array]] = {
    "normal": lambda generator, shape: generator.standard_normal(shape),
    "uniform": lambda generator, shape: generator.random(shape),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where inputs come from.

    Attributes:
        label: What it is, for a reader.
        length: How many there are; None where only the end tells, or where there is none.
        endless: Whether there are always more.
        arrays: Begins at the first again. The arrays are of the spec's full shape, and may hold
            NaN; one that does not fit raises `UnfitInputError` with its number.
    """

    label: str
    length: int | None
    endless: bool
    arrays: Callable[[], Iterator[Array]]


def source(inputs: Any, spec: InputSpec, dtype: np.dtype[Any], seed: int) -> Source:
    """Reads the argument `inputs`.

    Args:
        inputs: "normal" or "uniform"; one array without the batch; an array with it; or an
            iterable of either.
        spec: The measured input.
        dtype: The floating type that the model takes.
        seed: For drawn inputs; the i-th depends on (seed, i) only.

    Raises:
        OptionError: A text that is no distribution.
        NoInputsError: There is none.
        UnfitInputError: What was given is no array of numbers, or of another shape.
    """
    shape = tuple(n for n, letter in zip(spec.shape, spec.layout, strict=True) if letter != "N")
    batch = spec.layout.index("N")

    def fitted(array: Array) -> Array:
        # Values that the type cannot hold become infinite, and are reported as such.
        with np.errstate(over="ignore"):
            one = np.expand_dims(array.astype(dtype), batch)
        # An array of its own: what the model writes into must not be the user's.
        return np.array(np.broadcast_to(one, spec.shape), order="C")

    if isinstance(inputs, str):
        if inputs not in DRAWN:
            raise OptionError("inputs", inputs, tuple(DRAWN))
        draw = DRAWN[inputs]

        def drawn() -> Iterator[Array]:
            for number in counting():
                yield fitted(draw(np.random.default_rng([seed, number]), shape))

        return Source(f"{inputs}, seed {seed}", None, True, drawn)
    if _is_array(inputs):
        parts = list(_split(_array(inputs, 0), 0, shape, batch))
        if not parts:
            hint = "give at least one input: an array of shape " + str((1, *shape))
            raise NoInputsError("the stack holds no input", hint)
        return Source("given", len(parts), False, lambda: map(fitted, parts))
    if not isinstance(inputs, Iterable):
        raise UnfitInputError(
            0,
            f"is a {type(inputs).__name__}, neither an array nor a stream of them",
            'give an array, a list or generator of arrays, or "normal" or "uniform".',
        )

    def streamed() -> Iterator[Array]:
        number = 0
        for item in inputs:
            for array in _split(_array(item, number), number, shape, batch):
                yield fitted(array)
                number += 1

    return Source("given", None, False, streamed)


def _is_array(value: object) -> bool:
    return hasattr(value, "__array__") or hasattr(value, "__array_interface__")


def _array(value: Any, number: int) -> Array:
    """What a framework or numpy calls an array, as numpy's."""
    if not _is_array(value):
        kind = type(value).__name__
        hint = "give arrays: numpy.asarray(…) makes one of nested lists."
        if isinstance(value, tuple | list | dict):
            hint += " From a loader of pairs take the images: (images for images, _ in loader)."
        raise UnfitInputError(number, f"is a {kind}, not an array", hint)
    try:
        array = np.asarray(value)
        if array.dtype.kind in "OUSMmc":
            raise TypeError(f"it holds values of type {array.dtype}")
        # Types that numpy learns from frameworks, such as bfloat16, are of no kind that it knows.
        return array if array.dtype.kind in "fiub" else array.astype(np.float32)
    except RfcoreError:
        raise
    except Exception as error:
        raise UnfitInputError(
            number,
            f"cannot be read as an array of real numbers ({type(error).__name__}: {error})",
            "give a numpy array of numbers, as tensor.detach().cpu().numpy() is one.",
        ) from error


def _split(array: Array, number: int, shape: tuple[int, ...], batch: int) -> Iterator[Array]:
    """The inputs of a batch, or the one that an array without a batch is."""
    given = array.shape
    if len(given) == len(shape) + 1:
        given = (*given[:batch], *given[batch + 1 :])
    if given != shape:
        raise shape_problem(number, given, shape)
    if array.ndim == len(shape):
        return iter([array])
    return iter(np.moveaxis(array, batch, 0))

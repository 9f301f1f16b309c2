"""One model at one input size: run it clean, run it with some of its input spoiled, compare.

No trace and no rule takes part in this. NaN survives sums and products, so an output that turns
NaN depends on what was spoiled; where an op swallows NaN, or weights of zero let it through,
finite noise tells, from small (which saturating gates pass) to so large that it shows through
dead activations and many layers of small weights. Integers (token numbers) know neither: they are
drawn from 0 and 1, which every vocabulary has, and spoiled by taking the other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import ForwardError, InputTypeError
from rfcore.guard import ask_forward
from rfcore.hookspecs import ForwardBackend
from rfcore.inputs import InputSpec

__all__ = ["NAN", "Box", "Fill", "Trial"]

Box = tuple[slice, ...]
"""Positions along all axes of the input, batch and channels included."""

SEED = 0
NOISE = 1000
# Of both signs, since a dead unit wakes for one of them only.
SCALES = (1.0, 1e6, -1e6, 1e3, -1e3, 1e18, -1e18)
# Beyond this power of its largest number a type overflows in the first layer.
HEADROOM = 0.8
# Share of ones in draws of token numbers: what hides behind a maximum of many needs few of them.
SHARES = (0.5, 0.1, 0.9, 0.02, 0.98, 0.5)
# Of the largest change, in units of the type's precision.
ROUNDINGS = 64


@dataclass(frozen=True, slots=True)
class Fill:
    """What spoils an input.

    Attributes:
        scale: Factor of the noise; None for NaN.
        seed: Of the clean input.
    """

    scale: float | None
    seed: int = SEED


NAN = Fill(None)


class Trial:
    """A model at one input size.

    Attributes:
        spec: The measured input.
        runs: How many times the model ran.
        nan_spreads: Whether NaN was found to come through where noise does not.

    Args:
        backend: The model's backend.
        model: The model.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        InputTypeError: The input holds neither floats nor integers.
        ForwardError: The forward does not return the same array twice.
        RfcoreError: The backend's own, where the model does not run.
    """

    def __init__(
        self, backend: ForwardBackend, model: Any, spec: InputSpec, output: str | int | None
    ) -> None:
        self.spec = spec
        self.runs = 0
        self.nan_spreads = False
        self._forward = ask_forward(backend, model, spec, output)
        self._clean: dict[int, tuple[NDArray[Any], NDArray[Any]]] = {}
        self._positive = False
        self.dtype = np.dtype(self._forward.dtype)
        if self.dtype.kind not in "fiu":
            raise InputTypeError(str(self.dtype))
        image, first = self.clean(SEED)
        if not np.isfinite(first).all():
            # Logarithms and roots want inputs above zero.
            self._clean.clear()
            self._positive = True
            image, first = self.clean(SEED)
        if not _same(first, self._run(image)).all():
            raise ForwardError("gives different values for the same input")

    @property
    def holds_numbers(self) -> bool:
        """Whether the input holds integers, which cannot be NaN."""
        return self.dtype.kind in "iu"

    def rounding(self, changes: NDArray[np.float64]) -> float:
        """What a change has to exceed not to be the rounding of kernels that mix far values."""
        dtype = self.clean(SEED)[1].dtype
        if dtype.kind not in "fc":
            return 0.0
        return ROUNDINGS * float(np.finfo(dtype).eps) * float(changes.max(initial=0.0))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the backend says about its forward."""
        return self._forward.notes

    @property
    def shape(self) -> tuple[int, ...]:
        """The full shape of the output."""
        return self.clean(SEED)[1].shape

    @property
    def finite_fills(self) -> tuple[Fill, ...]:
        """Noise of all sizes; that which tells most comes first, and on a second input again."""
        if self.holds_numbers:
            return tuple(Fill(1.0, SEED + draw) for draw in range(len(SHARES)))
        largest = float(np.finfo(self.dtype).max) ** HEADROOM
        scales = [scale for scale in SCALES if abs(scale) <= largest]
        return (*(Fill(scale) for scale in scales), *(Fill(s, SEED + 1) for s in scales[:2]))

    def clean(self, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """An unspoiled input and what the model makes of it."""
        if seed not in self._clean:
            image = self._image(seed)
            self._clean[seed] = image, self._run(image)
        return self._clean[seed]

    def _image(self, seed: int) -> NDArray[Any]:
        if self.holds_numbers:
            draws = np.random.default_rng(seed).random(self.spec.shape)
            return np.asarray(draws < SHARES[seed - SEED], self.dtype)
        noise = _noise(self.spec.shape, seed)
        return (np.abs(noise) + 0.1 if self._positive else noise).astype(self.dtype)

    def changes(self, boxes: list[Box], fill: Fill) -> NDArray[np.float64]:
        """How much each value of the output changes when some of the input is spoiled.

        Args:
            boxes: What is spoiled.
            fill: What with. For noise only values that stay finite count, since an overflow
                passes weights of zero as NaN does.

        Returns:
            An array of the output's shape, 0 where it is the same to the last bit; 1 where NaN
            changed it.
        """
        image, clean = self.clean(fill.seed)
        spoiled = image.copy()
        noise = None
        if self.holds_numbers:
            noise = (1 - image).astype(self.dtype)
        elif fill.scale is not None:
            noise = (_noise(image.shape, NOISE + fill.seed) * fill.scale).astype(self.dtype)
        for box in boxes:
            spoiled[box] = np.nan if noise is None else noise[box]
        result = self._run(spoiled)
        if result.shape != clean.shape:
            raise ForwardError(f"gives shape {clean.shape} and then {result.shape}")
        same = _same(clean, result)
        if noise is None:
            return np.asarray(~same, np.float64)
        wide = np.complex128 if clean.dtype.kind == "c" else np.float64
        with np.errstate(all="ignore"):
            change = np.abs(result.astype(wide) - clean.astype(wide))
        return np.where(same | ~np.isfinite(change), 0.0, change)

    def _run(self, image: NDArray[Any]) -> NDArray[Any]:
        self.runs += 1
        # The model may write into what it is given.
        return self._forward.run(image.copy())


def _noise(shape: tuple[int, ...], seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(shape)


def _same(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.bool_]:
    """Where two arrays of one shape are the same, NaN included."""
    if first.shape != second.shape:
        raise ForwardError(f"gives shape {first.shape} and then {second.shape}")
    return np.asarray((first == second) | ((first != first) & (second != second)))

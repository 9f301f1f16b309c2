"""The kinds of ops: how a position of a result depends on positions of its operands.

About a dozen cover all frameworks. Constants leave no more than a `Pattern` of their zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rfcore.taps import Move, border_outputs, copies_from_afar, keeps_a_law, single_move

__all__ = [
    "AxisMap",
    "Concatenate",
    "Contract",
    "Cumulative",
    "Elementwise",
    "Gather",
    "Input",
    "Mask",
    "Op",
    "Opaque",
    "Overwrite",
    "Pattern",
    "Reduce",
    "Reshape",
    "Shape",
    "Transpose",
    "Window",
    "WindowAxis",
    "booleans",
]

Mask = NDArray[np.bool_]
Shape = tuple[int, ...]
T = TypeVar("T")


class Pattern:
    """Where a constant operand is non-zero, read only when the answer may depend on it.

    Args:
        load: Returns a boolean array, or None where the constant is dense. A weight that is
            entirely zero is untrained, which counts as dense too. Called at most once.
    """

    __slots__ = ("_load", "_told", "_value")

    def __init__(self, load: Callable[[], Mask | None]) -> None:
        # Let go of once it was called: it often holds what in turn holds this pattern.
        self._load: Callable[[], Mask | None] | None = load
        self._value: Mask | None = None
        self._told: dict[Hashable, Any] = {}

    @property
    def is_open(self) -> bool:
        """Whether it was read, and every entry counts."""
        return self._load is None and self._value is None

    def once(self, question: Hashable, answer: Callable[[], T]) -> T:
        """What `answer` returned when this question about the pattern was asked first."""
        if question not in self._told:
            self._told[question] = answer()
        found: T = self._told[question]
        return found

    def told(self, question: Hashable) -> Any:
        """The answer to a question that was asked once, or None."""
        return self._told.get(question)

    def read(self) -> Mask | None:
        """The pattern, or None where every entry counts."""
        if self._load is not None:
            value = booleans(self._load())
            self._value = None if value is None or bool(value.all()) else value
            self._load = None
        return self._value


def booleans(loaded: object) -> Mask | None:
    """What a pattern loaded, unless it is none: zeros of another type would be found nowhere."""
    if loaded is None or (isinstance(loaded, np.ndarray) and loaded.dtype == bool):
        return loaded
    kind = loaded.dtype if isinstance(loaded, np.ndarray) else type(loaded).__name__
    raise TypeError(f"its pattern is of type {kind}, not an array of booleans")


@dataclass(frozen=True, slots=True)
class Op:
    """Base of the op kinds: how an output position depends on operand positions."""


@dataclass(frozen=True, slots=True)
class Input(Op):
    """The measured input itself; always node 0."""


@dataclass(frozen=True, slots=True)
class Elementwise(Op):
    """Same position in every operand, with broadcasting aligned at the last axis.

    Attributes:
        gates: Where the result depends on each operand at all (a constant factor that is zero
            elsewhere, a constant `where` predicate), broadcastable to the result; None for
            everywhere. Empty for no gates.
    """

    gates: tuple[Pattern | None, ...] = ()


@dataclass(frozen=True, slots=True)
class WindowAxis:
    """One spatial axis of a window op.

    Output j sees the positions `j * stride - low + tap * dilation` of its input after
    `base_dilation - 1` gaps were put between neighbours (transposed convolution).
    """

    dim: int
    kernel_size: int
    stride: int = 1
    dilation: int = 1
    low: int = 0
    base_dilation: int = 1


@dataclass(frozen=True, slots=True)
class Window(Op):
    """Convolution, transposed convolution or pooling.

    Attributes:
        axes: The spatial axes.
        channel_dim: The axis of channels, mixed within each group; None keeps channels apart.
        groups: Number of channel groups.
        pattern: Non-zero kernel entries, shape (out_channels, in_channels // groups, *kernel).
    """

    axes: tuple[WindowAxis, ...]
    channel_dim: int | None = None
    groups: int = 1
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Reduce(Op):
    """Any function over whole axes (sum, mean, max, norm statistics), kept or dropped."""

    dims: tuple[int, ...]
    keepdims: bool = True


@dataclass(frozen=True, slots=True)
class Cumulative(Op):
    """Output i along `dim` sees the inputs up to and including i (from i on if `reverse`)."""

    dim: int
    reverse: bool = False


@dataclass(frozen=True, eq=False)
class AxisMap(Op):
    """Output i along `dim` sees the inputs `taps[i]`; -1 stands for none.

    Slices, crops, padding of every kind, rolls, flips, repeats, resizing and gathers along one
    axis are all of this kind.

    Attributes:
        taps: Integer array of shape (output length, taps per output).
    """

    dim: int
    taps: NDArray[np.int64]

    @property
    def mirrors(self) -> bool:
        """Whether later outputs see earlier inputs."""
        return bool(self.taps[0, 0] > self.taps[-1, -1] >= 0)

    # Every output of a network asks these of every map before it.
    @cached_property
    def keeps_a_law(self) -> bool:
        """See `taps.keeps_a_law`."""
        return keeps_a_law(self.taps)

    @cached_property
    def copies_from_afar(self) -> bool:
        """See `taps.copies_from_afar`."""
        return copies_from_afar(self.taps)

    @cached_property
    def move(self) -> Move | None:
        """See `taps.single_move`."""
        return single_move(self.taps)

    @cached_property
    def border(self) -> Mask:
        """See `taps.border_outputs`."""
        return border_outputs(self.taps)


@dataclass(frozen=True, slots=True)
class Reshape(Op):
    """The same values in the same order under another shape."""


@dataclass(frozen=True, slots=True)
class Transpose(Op):
    """Output axis i is input axis `order[i]`."""

    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Concatenate(Op):
    """Operands one after the other along `dim`, constant ones left out.

    Attributes:
        starts: Where each dependent operand begins.
    """

    dim: int
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Contract(Op):
    """A sum of products in Einstein notation: matmul, einsum, attention, dense layers.

    Attributes:
        operands: Labels of each dependent operand's axes.
        result: Labels of the result's axes.
        constant: Labels of the one constant operand's axes, if there is one.
        pattern: Where that constant operand is non-zero.
    """

    operands: tuple[tuple[int, ...], ...]
    result: tuple[int, ...]
    constant: tuple[int, ...] = ()
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Gather(Op):
    """Output position i, flattened, sees the flattened inputs `taps[i]`; -1 stands for none."""

    taps: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Overwrite(Op):
    """A base with a box of it replaced by another value (writes through views).

    Attributes:
        starts: First written index per axis.
        counts: Written indices per axis.
        steps: Their spacing per axis.
        operands: Which of "base" and "value" depend on the input, in operand order.
    """

    starts: tuple[int, ...]
    counts: tuple[int, ...]
    steps: tuple[int, ...]
    operands: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Opaque(Op):
    """An op without a rule, pulled back by its framework's own vector-Jacobian product.

    Attributes:
        pull: Takes one full boolean mask of the output's shape and returns one full boolean
            mask per operand.
    """

    pull: Callable[[Mask], Sequence[Mask]]

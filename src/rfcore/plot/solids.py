"""Inputs with three axes: what is under the boxes, and where it is cut."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from numpy.typing import ArrayLike, NDArray

from rfcore.field import Interval
from rfcore.plot.canvas import CHOSEN
from rfcore.plot.heat import BOX, as_map, colors, draw_values
from rfcore.plot.images import draw_input

__all__ = ["Backdrop", "Plane", "Solid"]

# The axes that a slice shows, downwards and to the right; the third is cut.
Plane = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Solid:
    """An input with three axes, and what one output sees of it.

    Attributes:
        shape: Depth, height and width.
        box: One unclipped (lo, hi) per axis; None where it is not known.
        center: Where it is cut, in pixels.
    """

    shape: tuple[int, ...]
    box: Sequence[Interval] | None
    center: Sequence[float]

    @property
    def middle(self) -> tuple[int, ...]:
        """The pixel at the centre, or the nearest that the input has."""
        return tuple(
            min(max(math.floor(place), 0), length - 1)
            for place, length in zip(self.center, self.shape, strict=True)
        )

    @property
    def views(self) -> list[int]:
        """Pixels that input and box take together, per axis."""
        box = self.box or [(0, length) for length in self.shape]
        return [
            max(length, hi) - min(0, lo) for length, (lo, hi) in zip(self.shape, box, strict=True)
        ]

    def box_in(self, plane: Plane) -> list[Sequence[Interval]]:
        """The box as a slice shows it, if there is one."""
        return [] if self.box is None else [[self.box[axis] for axis in plane]]


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What lies under the boxes: a board, a volume in grey, or a gradient in colours.

    Attributes:
        values: The volume or the gradient, of shape (depth, height, width); None for a board.
        palette: Their colours.
        norm: Which value has which.
        box: How a box stands out from them.
        tint: How much of its colour the inside of a box takes.
    """

    values: NDArray[np.float64] | None
    palette: Colormap
    norm: Normalize
    box: Mapping[str, Any]
    tint: float

    @classmethod
    def of_volume(cls, shape: tuple[int, ...], volume: ArrayLike | None) -> Self:
        """A volume in grey, or a board."""
        values = None if volume is None else as_map(volume, shape, 3)
        norm = Normalize(0, 1) if values is None else Normalize(values.min(), values.max())
        return cls(values, colormaps["gray"], norm, CHOSEN, 0.15)

    @classmethod
    def of_gradient(cls, shape: tuple[int, ...], gradient: ArrayLike, *, log: bool) -> Self:
        """A gradient in colours that are the same in all slices."""
        values = as_map(gradient, shape, 3)
        return cls(values, *colors(values, log=log), BOX, 0)

    def draw(self, axes: Axes, solid: Solid, plane: Plane) -> None:
        """Draws one slice of it through the solid's middle."""
        down, right = plane
        if self.values is None:
            draw_input(axes, (solid.shape[down], solid.shape[right]), None)
            return
        across = cut_axis(plane)
        cut = np.take(self.values, solid.middle[across], axis=across)
        draw_values(axes, cut if down < right else cut.T, self.palette, self.norm)


def cut_axis(plane: Plane) -> int:
    """The axis that a slice does not show."""
    (across,) = {0, 1, 2} - set(plane)
    return across

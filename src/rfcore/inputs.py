"""Which shape goes into a model and which of its axes are spatial."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from rfcore.errors import InputShapeError, LayoutError

__all__ = ["CHANNELS_FIRST", "CHANNELS_LAST", "InputSpec", "input_spec"]

CHANNELS_FIRST: Mapping[int, str] = {1: "NL", 2: "NCL", 3: "NCHW", 4: "NCDHW"}
# Letters for many spatial axes, the usual ones last.
SPATIAL = "ABEFGIJKLMOPQRSUVXYZTDHW"
CHANNELS_LAST: Mapping[int, str] = {1: "NL", 2: "NLC", 3: "NHWC", 4: "NDHWC"}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The measured input of a model.

    Attributes:
        shape: The full shape, batch included.
        axes: Which of its axes are spatial, in array order.
        layout: One letter per axis: N batch, C channels, any other a spatial axis.
        name: Which input of the model it is; None for the first.
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    layout: str
    name: str | int | None = None

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """The lengths of the spatial axes."""
        return tuple(self.shape[axis] for axis in self.axes)

    def grown(self, amount: int, axes: Collection[int] | None = None) -> InputSpec:
        """The same input with `amount` more pixels on its spatial axes (or on some of them).

        Args:
            amount: Pixels to add.
            axes: Numbers of spatial axes, counted among the spatial ones; None for all.
        """
        chosen = [axis for i, axis in enumerate(self.axes) if axes is None or i in axes]
        shape = tuple(n + amount if i in chosen else n for i, n in enumerate(self.shape))
        return replace(self, shape=shape)


def input_spec(
    input_shape: Sequence[int] | None,
    *,
    layout: str | None,
    layouts: Mapping[int, str] = CHANNELS_FIRST,
    name: str | int | None = None,
) -> InputSpec:
    """Reads the user's `input_shape` and `layout`.

    Args:
        input_shape: Shape without the batch, in the framework's own order.
        layout: One letter per axis with the batch, or None for the backend's default.
        layouts: The backend's default layout by rank of `input_shape`.
        name: Which input is measured.

    Raises:
        InputShapeError: Missing, not positive integers, or a rank without a default layout.
        LayoutError: Unreadable, or for another rank than the shape's.
    """
    if input_shape is None:
        raise InputShapeError(
            None,
            "is needed: this model does not tell the shape of its input",
            "give it without the batch, for example input_shape=(3, 224, 224).",
        )
    shape = _positive_integers(input_shape)
    if layout is None and len(shape) not in layouts:
        raise InputShapeError(
            shape,
            f"has {len(shape)} axes, and only {sorted(layouts)} axes have a default layout",
            "leave the batch out of input_shape, or name the axes, for example "
            f'layout="NC{SPATIAL[1 - len(shape) :]}".',
        )
    if layout is not None and not isinstance(layout, str):
        raise LayoutError(str(layout), f"is a {type(layout).__name__}, not a text")
    letters = (layouts[len(shape)] if layout is None else layout).upper()
    _check_layout(letters, shape)
    sizes = iter(shape)
    full = tuple(1 if letter == "N" else next(sizes) for letter in letters)
    axes = tuple(i for i, letter in enumerate(letters) if letter not in "NC")
    return InputSpec(full, axes, letters, name)


def _positive_integers(input_shape: Sequence[int]) -> tuple[int, ...]:
    try:
        shape = tuple(input_shape)
        whole = all(not isinstance(n, bool) and int(n) == n for n in shape)
    except (TypeError, ValueError, OverflowError):
        shape, whole = (), False
    if not shape or not whole or any(n < 1 for n in shape):
        raise InputShapeError(
            input_shape,
            "is not a sequence of positive integers",
            "give the shape without the batch, for example input_shape=(3, 224, 224).",
        )
    return tuple(int(n) for n in shape)


def _check_layout(letters: str, shape: tuple[int, ...]) -> None:
    if not letters.isalpha() or len(set(letters)) != len(letters):
        raise LayoutError(letters, "does not name each axis by one letter of its own")
    if letters.count("N") != 1:
        raise LayoutError(letters, "does not say which axis is the batch (N)")
    if not set(letters) - {"N", "C"}:
        raise LayoutError(letters, "has no spatial axis")
    if len(letters) - 1 != len(shape):
        problem = f"has {len(letters) - 1} axes beside the batch, input_shape={shape} has "
        raise LayoutError(letters, f"{problem}{len(shape)}")

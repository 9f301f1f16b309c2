"""Images of any size to draw on: matplotlib's sample photograph, a checkerboard, the user's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cbook import get_sample_data
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray
from PIL import Image, UnidentifiedImageError

from rfcore.errors import PlotError
from rfcore.plot.canvas import PALE

__all__ = ["as_picture", "checkerboard", "draw_input", "read_image", "sample_image"]

PHOTOGRAPH = "grace_hopper.jpg"
# No screen shows more squares, and a board need not be as large as its input.
MOST_BOARD_PIXELS = 512
DARK, LIGHT = 0.89, 0.95
# What is drawn on an image has to stand out.
FADED = 0.75


def sample_image(height: int, width: int) -> NDArray[np.uint8]:
    """matplotlib's sample photograph, of Grace Hopper, cut and scaled to a size.

    Args:
        height: Rows.
        width: Columns.

    Returns:
        RGB of shape (height, width, 3).

    Raises:
        PlotError: A length is not positive, or matplotlib came without its sample data.
    """
    _check_size(height, width)
    try:
        path = get_sample_data(PHOTOGRAPH, asfileobj=False)
        return read_image(Path(str(path)), height, width)
    except (OSError, PlotError) as error:
        raise PlotError(
            "This matplotlib came without its sample photograph.",
            f"draw on a board: rfcore.plot.checkerboard({height}, {width}).",
        ) from error


def read_image(path: str | Path, height: int, width: int) -> NDArray[np.uint8]:
    """An image file, cut around its middle and scaled to a size.

    Args:
        path: Anything that pillow reads.
        height: Rows.
        width: Columns.

    Returns:
        RGB of shape (height, width, 3).

    Raises:
        PlotError: There is no image to read, or a length is not positive.
    """
    _check_size(height, width)
    try:
        with Image.open(path) as image:
            whole = image.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        problem = "cannot be read as an image" if Path(path).is_file() else "does not exist"
        raise PlotError(
            f"The image {str(path)!r} {problem}.", "name a PNG or JPEG file."
        ) from error
    scale = min(whole.width / width, whole.height / height)
    left, top = (whole.width - width * scale) / 2, (whole.height - height * scale) / 2
    box = (left, top, left + width * scale, top + height * scale)
    scaled = whole.resize((width, height), Image.Resampling.LANCZOS, box=box, reducing_gap=3)
    return np.asarray(scaled)


def checkerboard(height: int, width: int, *, tile: int | None = None) -> NDArray[np.float64]:
    """A pale grey board, on which lines and dots stand out.

    Args:
        height: Rows.
        width: Columns.
        tile: Pixels along the side of a square; None for about eight squares along the longer side.

    Returns:
        Grey of shape (height, width), in [0, 1].

    Raises:
        PlotError: A length is not positive.
    """
    _check_size(height, width)
    tile = _tile(height, width) if tile is None else tile
    if tile < 1:
        raise PlotError(f"A square of {tile} pixels is none.", "give tile=1 or more.")
    odd = (np.arange(height)[:, None] // tile + np.arange(width) // tile) % 2
    return np.where(odd, DARK, LIGHT)


def as_picture(image: ArrayLike, height: int, width: int) -> NDArray[Any]:
    """An image that fits an input of (height, width) and that matplotlib shows as it is.

    Raises:
        PlotError: It has another shape, or values that are no colours.
    """
    array = np.asarray(image)
    if array.shape not in ((height, width), (height, width, 3), (height, width, 4)):
        raise PlotError(
            f"The image has shape {array.shape}, the input {(height, width)}.",
            f"give an array of shape ({height}, {width}) or ({height}, {width}, 3).",
        )
    if array.dtype == bool:
        array = array.astype(np.uint8)
    if array.dtype.kind not in "uif" or not np.isfinite(array).all():
        raise PlotError(
            f"The image of type {array.dtype} holds values that are no numbers.",
            "give finite numbers: numpy.nan_to_num(image).",
        )
    if array.ndim == 2:
        return array.astype(np.float64)
    brightest = 1 if array.dtype.kind == "f" else 255
    if array.min() < 0 or array.max() > brightest:
        raise PlotError(
            f"The colours of the image run from {array.min():g} to {array.max():g}, not from 0 to "
            f"{brightest}.",
            "bring them there: (image - image.min()) / (image.max() - image.min()).",
        )
    return array


def draw_input(axes: Axes, shape: Sequence[int], image: ArrayLike | None) -> None:
    """Draws an image, or a board, where the input of (height, width) is, and a frame around it."""
    height, width = shape
    extent = (0, width, height, 0)
    if image is None:
        axes.imshow(_board(height, width), cmap="gray", vmin=0, vmax=1, extent=extent)
    else:
        picture = as_picture(image, height, width)
        axes.imshow(picture, cmap="gray", extent=extent, alpha=FADED)
    axes.add_patch(Rectangle((0, 0), width, height, fill=False, edgecolor=PALE, linewidth=1.2))


def _board(height: int, width: int) -> NDArray[np.float64]:
    """The board of a size, with fewer pixels where it is large."""
    tile = _tile(height, width)
    y, x = (
        np.linspace(0, n, min(n, MOST_BOARD_PIXELS), endpoint=False) // tile
        for n in (height, width)
    )
    return np.where((y[:, None] + x) % 2, DARK, LIGHT)


def _tile(height: int, width: int) -> int:
    return int(2 ** max(0, math.floor(math.log2(max(height, width) / 8))))


def _check_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise PlotError(
            f"There is no image of {height} × {width} pixels.", "give lengths of 1 and more."
        )

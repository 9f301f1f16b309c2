"""Maps of gradients in colours, linear or logarithmic, and the bar that tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from rfcore.errors import PlotError
from rfcore.plot.canvas import INK, PALE, TEXT_SIZE

__all__ = ["BOX", "add_colorbar", "as_map", "colors", "draw_values"]

# From white, so that what has no gradient stays paper, through colours whose lightness falls
# evenly and that colour-blind readers see alike.
HEAT: Colormap = ListedColormap(
    np.vstack([[1, 1, 1, 1], colormaps["magma_r"](np.linspace(0.03, 1, 255))]), name="rfcore.heat"
)
# What stands out from all of them.
BOX: Mapping[str, Any] = {"color": "#009E73", "linestyle": "-"}
SIGNED: Colormap = colormaps["PuOr_r"]
# Float32 gradients are noise below this share of the largest.
LOG_RANGE = 1e-6


def as_map(values: ArrayLike, shape: tuple[int, ...] | None, rank: int) -> NDArray[np.float64]:
    """The values of a map, checked.

    Raises:
        PlotError: They are no numbers, or of another shape.
    """
    found = np.asarray(values)
    if found.dtype.kind not in "uifb" or not np.isfinite(found).all():
        raise PlotError(
            f"The map of type {found.dtype} holds values that are no finite numbers.",
            "give finite numbers: numpy.nan_to_num(values).",
        )
    if found.ndim != rank or 0 in found.shape or (shape is not None and found.shape != shape):
        wanted = f"of shape {shape}" if shape is not None else f"with {rank} axes"
        raise PlotError(
            f"The map has shape {found.shape}; it should be {wanted}.",
            "sum a gradient over batch and channels: numpy.abs(gradient).sum(axis=(0, 1)).",
        )
    return found.astype(np.float64)


def colors(values: NDArray[np.float64], *, log: bool) -> tuple[Colormap, Normalize]:
    """The colours of a map: white is zero, and signs have a hue each.

    Raises:
        PlotError: Negative values have no logarithm.
    """
    largest = float(np.abs(values).max())
    if values.min() < 0:
        if log:
            raise PlotError(
                f"The map runs down to {values.min():.3g}, and has no logarithm there.",
                "give magnitudes: numpy.abs(values).",
            )
        return SIGNED, Normalize(-largest, largest)
    if largest == 0:
        return HEAT, Normalize(0, 1)
    if log:
        smallest = float(values[values > 0].min())
        low = max(smallest, largest * LOG_RANGE)
        return HEAT, LogNorm(min(low, largest / 10), largest)
    return HEAT, Normalize(0, largest)


def draw_values(
    axes: Axes, values: NDArray[np.float64], palette: Colormap, norm: Normalize
) -> AxesImage:
    """Draws a map where its input is, and a frame around it."""
    height, width = values.shape
    shown = axes.imshow(
        np.ma.masked_equal(values, 0) if isinstance(norm, LogNorm) else values,
        cmap=palette,
        norm=norm,
        extent=(0, width, height, 0),
        interpolation="nearest",
    )
    frame = Rectangle((0, 0), width, height, fill=False, edgecolor=PALE, linewidth=1.2)
    axes.add_patch(frame)
    return shown


def add_colorbar(axes: Axes, mappable: ScalarMappable, label: str) -> None:
    """A colour bar beside the axes and as high as they are, in nobody else's room."""
    place = axes.inset_axes((1.03, 0, 0.045, 1))
    figure: Any = axes.figure
    bar = figure.colorbar(mappable, cax=place)
    bar.set_label(label, fontsize=TEXT_SIZE, color=INK)
    bar.outline.set_edgecolor(PALE)
    place.tick_params(labelsize=TEXT_SIZE, color=PALE, labelcolor=INK)

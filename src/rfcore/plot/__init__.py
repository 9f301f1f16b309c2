"""Pictures of receptive fields, on matplotlib: axes in, axes out.

Every function draws into the `axes` that it is given, or makes a figure of its own, and returns
the `Axes`; those with several panels return the `Figure`. No window is opened, and neither pyplot
nor rcParams are touched: save a picture with `axes.figure.savefig("picture.png")`.
"""

from __future__ import annotations

from rfcore.errors import MissingExtraError

try:
    import matplotlib as _matplotlib  # noqa: F401 (asked for here, so that its absence has a hint)
except ModuleNotFoundError as error:
    raise MissingExtraError from error

from rfcore.plot.grids import grid
from rfcore.plot.growth import growth
from rfcore.plot.heatmaps import effective, gradient
from rfcore.plot.images import checkerboard, read_image, sample_image
from rfcore.plot.panels import panels
from rfcore.plot.profiles import profile, radial
from rfcore.plot.slices import effective_slices, slices
from rfcore.plot.timelines import timeline

__all__ = [
    "checkerboard",
    "effective",
    "effective_slices",
    "gradient",
    "grid",
    "growth",
    "panels",
    "profile",
    "radial",
    "read_image",
    "sample_image",
    "slices",
    "timeline",
]

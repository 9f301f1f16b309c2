"""The pictures that are kept: what is drawn in each, and the command that draws them anew.

    python tests/pictures.py            all of them
    python tests/pictures.py grid erf   these

Look at what has changed before you commit it. Words and legends are left out, for fonts are drawn a
little differently by each release of FreeType, and layouts make room for them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

import rfcore
from rfcore import AxisField, EffectiveReceptiveField, ReceptiveField, plot
from rfcore.erf import Setting

FOLDER = Path(__file__).parent / "pictures"
DPI = 60


def field(text: str, *shape: int) -> ReceptiveField:
    return rfcore.estimate(text, input_shape=shape)


def gaussian(shape: tuple[int, ...], center: tuple[float, ...], sigma: float) -> Any:
    values = np.ones(())
    for length, middle in zip(shape, center, strict=True):
        line = np.exp(-0.5 * ((np.arange(length) + 0.5 - middle) / sigma) ** 2)
        values = np.multiply.outer(values, line)
    return values


def measured(exact: ReceptiveField, sigma: float, *index: int) -> EffectiveReceptiveField:
    """A Gaussian, cut at the exact field."""
    center = exact.center(index)
    values = gaussian(exact.input_shape, center, sigma)
    inside = np.zeros(exact.input_shape)
    inside[tuple(slice(*pair) for pair in exact.box(index, clip=True))] = 1
    return EffectiveReceptiveField(3 * values * inside, 3, center, Setting(index=index), exact)


SMALL = field("conv 3 s2 p1, conv 3 p1", 8, 12)
PLAIN = field("conv 5 s2 p2, conv 7 p3, conv 5 s2", 48, 64)
DECODER = field("conv 3 p1, maxpool 4, conv 3 p1, up 4", 32, 48)
LINE = field("conv 3 s2 p1, conv 3 p1", 40)
CAUSAL = ReceptiveField((AxisField(40, 40, (-6,), (1,)),))
SOLID = field("conv 3x5x7 s2 p1x0x3", 8, 24, 32)
LAYERS = {
    str(depth): field(", ".join(["conv 3x5 p1x2"] * depth), 32, 64) for depth in range(1, 8)
} | {"pooled": field("[skip | globalpool]+", 32, 64)}
WAVES = np.sin(np.arange(8 * 12.0)).reshape(8, 12)

CASES: dict[str, Callable[[], Any]] = {
    "grid": lambda: plot.grid(PLAIN, naive=True),
    "grid-photograph": lambda: plot.grid(PLAIN, plot.sample_image(48, 64), index=(0, 3)),
    "grid-far-larger": lambda: plot.grid(field("conv 101 p50", 4, 4)),
    "grid-thin": lambda: plot.grid(field("conv 3x9 s1x4 p1x4", 8, 400)),
    "grid-decoder": lambda: plot.grid(DECODER),
    "timeline": lambda: plot.timeline(LINE),
    "timeline-causal": lambda: plot.timeline(CAUSAL, index=(9,)),
    "growth": lambda: plot.growth(LAYERS),
    "slices": lambda: plot.slices(SOLID),
    "slices-effective": lambda: plot.effective_slices(measured(SOLID, 2, 2, 5, 8), log=True),
    "gradient": lambda: plot.gradient(WAVES, SMALL),
    "effective": lambda: plot.effective(measured(PLAIN, 5, 5, 7), contours=(0.5, 0.9, 0.99)),
    "effective-log": lambda: plot.effective(measured(PLAIN, 3, 5, 7), log=True),
    "profile": lambda: plot.profile(measured(PLAIN, 5, 5, 7)),
    "profile-line": lambda: plot.profile(measured(LINE, 2, 9), log=True),
    "radial": lambda: plot.radial(measured(PLAIN, 5, 5, 7), log=True),
    "panels": lambda: plot.panels({"a": SMALL, "b": PLAIN}),
    "panels-lines": lambda: plot.panels({"a": LINE, "b": CAUSAL}),
    "panels-solids": lambda: plot.panels({"a": SOLID, "b": SOLID}, index=(0, 0, 0)),
}


def figure_of(drawn: Any) -> Figure:
    figure = drawn if isinstance(drawn, Figure) else drawn.figure
    assert isinstance(figure, Figure)
    return figure


def png(name: str, change: Callable[[Figure], None] | None = None) -> bytes:
    """A picture without its words, changed first if it should be."""
    figure = figure_of(CASES[name]())
    if change is not None:
        change(figure)
    for text in figure.findobj(Text):
        text.set_visible(False)
    # They keep room for their words, visible or not.
    for legend in figure.findobj(Legend):
        legend.remove()
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or CASES:
        (FOLDER / f"{name}.png").write_bytes(png(name))

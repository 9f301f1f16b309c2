"""What all pictures share: their colours, their sizes, their frames and their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure, SubFigure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

__all__ = [
    "CHOSEN",
    "FIRST",
    "INK",
    "LAST",
    "LINE_WIDTH",
    "NEAR",
    "OTHER",
    "PALE",
    "TEXT_SIZE",
    "TITLE_SIZE",
    "add_legend",
    "axes_in",
    "dress",
    "dressed_legend",
    "figure_in",
    "formats",
    "line_sample",
    "new_figure",
    "pixels",
]

# Colours that colour-blind readers tell apart, and a line style each for print.
# Source: Okabe and Ito, "Color Universal Design", 2008.
FIRST: Mapping[str, Any] = {"color": "#0072B2", "linestyle": (0, (4, 1.5))}
CHOSEN: Mapping[str, Any] = {"color": "#D55E00", "linestyle": "-"}
LAST: Mapping[str, Any] = {"color": "#009E73", "linestyle": (0, (1, 1))}
NEAR: Mapping[str, Any] = {"color": "#777777", "linestyle": "-"}
OTHER = "#AA3377"  # a purple, darker than that of Okabe and Ito, which thin lines would lose
INK, PALE = "#333333", "#8a8a8a"
TITLE_SIZE, TEXT_SIZE = 15, 12
LINE_WIDTH = 2.4
POINTS_PER_INCH = 72
TICK_STEPS = (1, 2, 5, 10)


def formats() -> frozenset[str]:
    """The formats in which a figure can be saved, as the ends of file names."""
    return frozenset(FigureCanvasBase.get_supported_filetypes())


def new_figure(width: float, height: float) -> Figure:
    """A figure, in inches, that belongs to no window."""
    figure = Figure(figsize=(width, height), layout="constrained")
    engine = figure.get_layout_engine()
    assert engine is not None  # asked for in the line before
    engine.set(w_pad=0.15, h_pad=0.15)  # type: ignore[call-arg]
    return figure


def axes_in(axes: Axes | None, width: float, height: float) -> Axes:
    """The axes that were given, or those of a new figure of that size in inches."""
    return new_figure(width, height).add_subplot() if axes is None else axes


def figure_in(axes: Axes) -> Figure | SubFigure:
    """The figure that axes are in."""
    figure = axes.figure
    assert figure is not None  # only removed axes have none
    return figure


def dress(axes: Axes, title: str, facts: str, *, beyond: bool = False) -> None:
    """A title, the facts below it, and quiet axes.

    Args:
        axes: Where.
        title: One line.
        facts: Lines between the title and the axes.
        beyond: Whether the facts may run over what is to the right of the axes.
    """
    lines = facts.count("\n") + 1 if facts else 0
    # The title, if only a blank one, keeps the room above free.
    shown = title or ("\N{NO-BREAK SPACE}" if beyond else "")
    axes.set_title(shown, fontsize=TITLE_SIZE, loc="left", color=INK, pad=8 + 16 * lines)
    text = axes.annotate(
        facts,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 6),
        textcoords="offset points",
        fontsize=TEXT_SIZE,
        color=INK,
        annotation_clip=False,
    )
    text.set_in_layout(not beyond)
    axes.tick_params(labelsize=TEXT_SIZE, color=PALE, labelcolor=INK)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(PALE)


def pixels(axis: Axis, label: str, most_ticks: int = 5) -> None:
    """Makes an axis one of whole pixels (or steps, as the label says)."""
    axis.set_major_locator(MaxNLocator(most_ticks, integer=True, steps=TICK_STEPS))
    axis.set_label_text(label, fontsize=TEXT_SIZE, color=INK)


def line_sample(label: str, style: Mapping[str, Any], width: float = LINE_WIDTH) -> Line2D:
    """The entry of a legend for a line or a mark."""
    return Line2D([], [], linewidth=width, label=label, **style)


def dressed_legend(legend: Legend) -> Legend:
    """Makes a legend look as it does in every picture."""
    legend.set_frame_on(False)
    for text in legend.get_texts():
        text.set_fontsize(TEXT_SIZE)
        text.set_color(INK)
    return legend


def add_legend(axes: Axes, handles: Sequence[Artist], columns: int, below: float = 40) -> None:
    """A legend under the axes, where it hides nothing.

    Args:
        axes: The axes that it belongs to.
        handles: Its entries.
        columns: At most so many side by side.
        below: Points below the axes, past the labels of its ticks.
    """
    drop = ScaledTranslation(0, -below / POINTS_PER_INCH, figure_in(axes).dpi_scale_trans)
    legend = axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=axes.transAxes + drop,
        borderaxespad=0,
        borderpad=0,
        ncols=min(columns, len(handles)),
        fontsize=TEXT_SIZE,
    )
    dressed_legend(legend)

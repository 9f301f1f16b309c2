"""Pictures of receptive fields: what some outputs of each feature map see of the input."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rfcore.errors import RfcoreError
from rfcore.field import AxisField, ReceptiveField

__all__ = ["MissingExtraError", "PlotError", "draw_fields"]


class MissingExtraError(RfcoreError, ImportError):
    """matplotlib is not installed."""

    def __init__(self) -> None:
        super().__init__("rfcore.plot needs matplotlib.", "pip install 'rfcore[plot]'")


class PlotError(RfcoreError):
    """There is no picture of these fields."""


try:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch, Rectangle
    from matplotlib.ticker import MaxNLocator
except ModuleNotFoundError as error:
    raise MissingExtraError from error

# Colours that colour-blind readers tell apart, and a line style each for print.
# Source: Okabe and Ito, "Color Universal Design", 2008.
FIRST: Mapping[str, Any] = {"color": "#0072B2", "linestyle": (0, (4, 1.5))}
CHOSEN: Mapping[str, Any] = {"color": "#D55E00", "linestyle": "-"}
LAST: Mapping[str, Any] = {"color": "#009E73", "linestyle": (0, (1, 1))}
NEAR: Mapping[str, Any] = {"color": "#777777", "linestyle": "-"}
INK, PALE = "#333333", "#8a8a8a"
TITLE_SIZE, TEXT_SIZE = 15, 12
LINE_WIDTH = 2.4
MOST_CENTRES = 400
MOST_COLUMNS = 3
PANEL_INCHES = 4.6
LINE_INCHES = 0.36
TICK_STEPS = (1, 2, 5, 10)


def draw_fields(
    fields: Mapping[str, ReceptiveField] | ReceptiveField,
    image: ArrayLike | None = None,
    index: Sequence[int] | None = None,
) -> Figure:
    """Draws one panel per feature map: the input, and what three or more outputs see of it.

    Boxes and intervals are not clipped: what reaches into padding lies outside of the input.

    Args:
        fields: Fields with one or two axes, by the name of their feature map.
        image: For two axes, the input as (height, width) or (height, width, 3 or 4); None for a
            grey checkerboard.
        index: The output that is drawn solid; None for the one in the middle.

    Returns:
        A figure that belongs to no window: call its `savefig`, or show it in a notebook.

    Raises:
        PlotError: There are no fields, they have other axes, or the image does not fit.
        IndexError: `index` is not inside every output.
    """
    named = {"": fields} if isinstance(fields, ReceptiveField) else dict(fields)
    ranks = sorted({len(field.axes) for field in named.values()})
    if ranks not in ([1], [2]):
        raise PlotError(
            f"Fields of one axis or of two can be drawn, all alike; these have {ranks or 'none'}.",
            "choose two axes of a field: ReceptiveField(field.axes[1:]).",
        )
    chosen = {name: _chosen(field, index) for name, field in named.items()}
    label = "middle output" if index is None else f"output {', '.join(map(str, index))}"
    if ranks == [1]:
        return _draw_timelines(named, chosen, label)
    return _draw_maps(named, chosen, label, None if image is None else np.asarray(image))


def _chosen(field: ReceptiveField, index: Sequence[int] | None) -> tuple[int, ...]:
    if index is None:
        return tuple(n // 2 for n in field.output_shape)
    field.box(index)  # raises where it lies outside
    return tuple(i % n for i, n in zip(index, field.output_shape, strict=True))


def _draw_maps(
    fields: Mapping[str, ReceptiveField],
    chosen: Mapping[str, tuple[int, ...]],
    label: str,
    image: NDArray[Any] | None,
) -> Figure:
    columns = min(len(fields), MOST_COLUMNS)
    rows = math.ceil(len(fields) / columns)
    size = (PANEL_INCHES * columns, (PANEL_INCHES + 1.5 * LINE_INCHES) * rows + 2 * LINE_INCHES)
    figure = _figure(size)
    for number, (name, field) in enumerate(fields.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        _draw_input(axes, field, image)
        _draw_centres(axes, field)
        _draw_boxes(axes, field, chosen[name])
        axes.set_aspect("equal")
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=TICK_STEPS))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=TICK_STEPS))
        axes.set_xlabel("pixels", fontsize=TEXT_SIZE, color=INK)
        _dress(axes, name, field)
    labels = ("first output", label, "last output")
    handles = [
        Line2D([], [], linewidth=LINE_WIDTH, label=label, **style)
        for label, style in zip(labels, (FIRST, CHOSEN, LAST), strict=True)
    ]
    if any(math.prod(field.output_shape) <= MOST_CENTRES for field in fields.values()):
        handles.append(_dot())
    _add_legend(figure, handles, columns=4 if columns > 1 else 2)
    return figure


def _draw_input(axes: Axes, field: ReceptiveField, image: NDArray[Any] | None) -> None:
    height, width = field.input_shape
    extent = (0, width, height, 0)
    if image is None:
        board = _checkerboard(height, width)
        axes.imshow(board, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="nearest")
    elif image.shape in ((height, width), (height, width, 3), (height, width, 4)):
        axes.imshow(image, cmap="gray", extent=extent, interpolation="nearest")
    else:
        raise PlotError(
            f"The image has shape {image.shape}, the input {field.input_shape}.",
            f"give an array of shape ({height}, {width}) or ({height}, {width}, 3).",
        )
    axes.add_patch(Rectangle((0, 0), width, height, fill=False, edgecolor=PALE, linewidth=1.2))


def _checkerboard(height: int, width: int) -> NDArray[np.float64]:
    tile = 2 ** max(0, math.floor(math.log2(max(height, width) / 8)))
    y, x = (np.linspace(0, n, min(n, 512), endpoint=False) // tile for n in (height, width))
    odd = (y[:, None] + x[None, :]) % 2
    return np.where(odd, 0.89, 0.95)


def _draw_centres(axes: Axes, field: ReceptiveField) -> None:
    if math.prod(field.output_shape) <= MOST_CENTRES:
        centres = [field.center(output) for output in np.ndindex(*field.output_shape)]
        y, x = zip(*centres, strict=True)
        axes.plot(x, y, ".", color=INK, markersize=5, markeredgewidth=0, zorder=3)


def _draw_boxes(axes: Axes, field: ReceptiveField, chosen: tuple[int, ...]) -> None:
    height, width = field.output_shape
    styles = {(0, 0): FIRST, (height - 1, width - 1): LAST, chosen: CHOSEN}
    corners = [(0, 0), field.input_shape]
    for output, style in styles.items():
        (top, bottom), (left, right) = field.box(output)
        corners += [(top, left), (bottom, right)]
        place = ((left, top), right - left, bottom - top)
        axes.add_patch(Rectangle(*place, fill=False, linewidth=LINE_WIDTH, zorder=4, **style))
        if output == chosen:
            axes.add_patch(Rectangle(*place, color=style["color"], alpha=0.2, linewidth=0))
    ys, xs = zip(*corners, strict=True)
    margin = 0.05 * max(max(ys) - min(ys), max(xs) - min(xs))
    axes.set_xlim(min(xs) - margin, max(xs) + margin)
    axes.set_ylim(max(ys) + margin, min(ys) - margin)


def _draw_timelines(
    fields: Mapping[str, ReceptiveField], chosen: Mapping[str, tuple[int, ...]], label: str
) -> Figure:
    shown = {
        name: _outputs_to_show(field.axes[0], chosen[name][0]) for name, field in fields.items()
    }
    heights = [len(outputs) + 3 for outputs in shown.values()]
    figure = _figure((9.5, LINE_INCHES * (sum(heights) + 1.5)))
    grid = figure.add_gridspec(len(fields), 1, height_ratios=heights)
    below: Axes | None = None
    for row, (name, field) in enumerate(fields.items()):
        below = figure.add_subplot(grid[row], sharex=below)
        _draw_timeline(below, field.axes[0], shown[name])
        below.xaxis.set_major_locator(MaxNLocator(9, integer=True, steps=TICK_STEPS))
        _dress(below, name, field)
    figure.axes[-1].set_xlabel("pixels", fontsize=TEXT_SIZE, color=INK)
    labels = ("first output", label, "last output")
    handles = [
        Patch(facecolor=style["color"], alpha=0.4, label=label)
        for label, style in zip(labels, (FIRST, CHOSEN, LAST), strict=True)
    ]
    _add_legend(figure, [*handles, _dot()], columns=4)
    return figure


def _outputs_to_show(axis: AxisField, chosen: int) -> dict[int, Mapping[str, Any]]:
    """Outputs with their style: the first, the last, the chosen one and its neighbours."""
    # A whole period where there is room, so that every phase is seen.
    count = min(max(axis.period, 3), 8)
    low = max(0, chosen - count // 2)
    around = range(low, min(low + count, axis.output_size))
    styles = dict.fromkeys(around, NEAR) | {0: FIRST, axis.output_size - 1: LAST, chosen: CHOSEN}
    return {output: styles[output] for output in sorted(styles)}


def _draw_timeline(axes: Axes, axis: AxisField, outputs: Mapping[int, Mapping[str, Any]]) -> None:
    axes.axvspan(0, axis.input_size, color="#ececec", linewidth=0)
    for row, (output, style) in enumerate(outputs.items()):
        low, high = axis.interval(output)
        color = style["color"]
        axes.add_patch(
            Rectangle((low, row - 0.32), high - low, 0.64, alpha=0.3, color=color, linewidth=0)
        )
        axes.vlines([low, high], row - 0.32, row + 0.32, color=color, linewidth=LINE_WIDTH)
        axes.plot(axis.center(output), row, ".", color=INK, markersize=8)
    axes.set_yticks(range(len(outputs)), [f"output {output}" for output in outputs])
    axes.set_ylim(len(outputs) - 0.4, -0.6)


def _figure(size: tuple[float, float]) -> Figure:
    figure = Figure(figsize=size, layout="constrained")
    engine = figure.get_layout_engine()
    assert engine is not None  # asked for in the line before
    engine.set(w_pad=0.15, h_pad=0.15)  # type: ignore[call-arg]
    return figure


def _dress(axes: Axes, name: str, field: ReceptiveField) -> None:
    """Titles and quiet axes, as all panels have them."""
    facts = _facts(field)
    lines = facts.count("\n") + 1
    axes.set_title(name, fontsize=TITLE_SIZE, loc="left", color=INK, pad=8 + 16 * lines)
    axes.annotate(
        facts,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 6),
        textcoords="offset points",
        fontsize=TEXT_SIZE,
        color=INK,
    )
    axes.tick_params(labelsize=TEXT_SIZE, color=PALE, labelcolor=INK)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(PALE)


def _facts(field: ReceptiveField) -> str:
    output = f"output {' × '.join(map(str, field.output_shape))}"
    if all(field.is_global):
        return f"global, {output}"
    sizes = ["global" if axis.is_global else str(axis.size) for axis in field.axes]
    strides = dict.fromkeys(map(str, field.stride))
    facts = [f"size {' × '.join(sizes)}", f"stride {' × '.join(strides)}", output]
    density = math.prod(field.density)
    if density < 1:
        facts.append(f"{float(density):.0%} of it seen")
    # No-break spaces, so that lines break between facts only.
    together = (fact.replace(" ", "\N{NO-BREAK SPACE}") for fact in facts)
    return "\n".join(textwrap.wrap(", ".join(together), 46))


def _dot() -> Line2D:
    return Line2D([], [], color=INK, marker=".", linestyle="", markersize=8, label="centre")


def _add_legend(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=TEXT_SIZE,
        labelcolor=INK,
    )

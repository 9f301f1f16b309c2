"""Pictures: what is drawn and where, read back from the figure's own artists."""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib as mpl
from matplotlib.figure import Figure

import rfcore
from rfcore.plot import CHOSEN, FIRST, LAST, PALE, PlotError, draw_fields

# Output j sees [2j - 3, 2j + 4) on both axes: 4 × 6 outputs of an 8 × 12 input.
FIELD = rfcore.estimate("conv 3 s2 p1, conv 3 p1", input_shape=(8, 12))
LINE = rfcore.estimate("conv 3 s2 p1, conv 3 p1", input_shape=(12,))


def boxes(axes, style=None):
    """Rectangles as (top, bottom, left, right), of one style or the pale frame of the input."""
    color = PALE if style is None else style["color"]
    drawn = [
        patch.get_bbox()
        for patch in axes.patches
        if not patch.get_fill() and mpl.colors.same_color(patch.get_edgecolor(), color)
    ]
    return [(box.y0, box.y1, box.x0, box.x1) for box in drawn]


def facts(figure):
    shown = [text.get_text() for axes in figure.axes for text in axes.texts]
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown]


def texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def dots(axes):
    lines = [line for line in axes.lines if line.get_marker() == "."]
    return [tuple(map(float, xy)) for line in lines for xy in line.get_xydata()]


def png(figure):
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=40)
    return stream.getvalue()


def test_boxes_are_unclipped_and_the_view_holds_them():
    (axes,) = draw_fields(FIELD).axes
    assert boxes(axes) == [(0, 8, 0, 12)]
    assert boxes(axes, FIRST) == [(-3, 4, -3, 4)]
    assert boxes(axes, CHOSEN) == [(1, 8, 3, 10)]
    assert boxes(axes, LAST) == [(3, 10, 7, 14)]
    assert axes.get_xlim()[0] < -3
    assert axes.get_xlim()[1] > 14
    # Rows grow downwards.
    bottom, top = axes.get_ylim()
    assert bottom > 10
    assert top < -3


def test_a_chosen_output_is_drawn_instead_of_the_middle_one():
    figure = draw_fields(FIELD, index=(-1, 0))
    assert boxes(figure.axes[0], CHOSEN) == [(3, 10, -3, 4)]
    assert "output -1, 0" in texts(figure)


def test_every_centre_is_a_dot():
    figure = draw_fields(FIELD)
    # The centre of [2j - 3, 2j + 4) is 2j + 1/2.
    expected = {(2 * x + 0.5, 2 * y + 0.5) for y in range(4) for x in range(6)}
    assert set(dots(figure.axes[0])) == expected
    assert "centre" in texts(figure)


def test_too_many_centres_are_left_out():
    figure = draw_fields(rfcore.estimate("conv 3", input_shape=(64, 64)))
    assert dots(figure.axes[0]) == []
    assert "centre" not in texts(figure)


def test_one_panel_per_feature_map_with_its_facts():
    deep = rfcore.estimate("conv 3x5 s2x4, conv 3 d2", input_shape=(64, 128))
    figure = draw_fields({"stem": FIELD, "deep": deep})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["stem", "deep"]
    # Taps {0, 4, 8} + {0, 1, 2}, 9 of 11, by {0, 8, 16} + {0, …, 4}, 15 of 21: 58 %.
    assert facts(figure) == [
        "size 7 × 7, stride 2, output 4 × 6",
        "size 11 × 21, stride 2 × 4, output 27 × 27,\n58% of it seen",
    ]


def test_a_global_field_says_so():
    field = rfcore.estimate("[skip | globalpool]+", input_shape=(6, 6))
    figure = draw_fields(field)
    assert facts(figure) == ["global, output 6 × 6"]
    assert boxes(figure.axes[0], CHOSEN) == [(0, 6, 0, 6)]


@pytest.mark.parametrize("shape", [(8, 12), (8, 12, 3), (8, 12, 4)], ids=str)
def test_an_image_lies_where_the_input_is(shape):
    (axes,) = draw_fields(FIELD, image=np.zeros(shape)).axes
    (shown,) = axes.images
    assert shown.get_extent() == [0, 12, 8, 0]
    assert shown.get_array().shape == shape


@pytest.mark.parametrize("shape", [(12, 8), (3, 8, 12), (8,), (8, 12, 2)], ids=str)
def test_an_image_of_another_shape_is_refused(shape):
    with pytest.raises(PlotError, match=r"the input \(8, 12\)"):
        draw_fields(FIELD, image=np.zeros(shape))


def test_timelines_show_the_first_the_last_and_those_around_the_middle():
    figure = draw_fields({"a": LINE, "b": LINE})
    for axes in figure.axes:
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == ["output 0", "output 2", "output 3", "output 4", "output 5"]
        assert dots(axes) == [(2 * j + 0.5, row) for row, j in enumerate([0, 2, 3, 4, 5])]
        spans = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches[1:]]
        assert spans == [(2 * j - 3, 2 * j + 4) for j in [0, 2, 3, 4, 5]]


def test_timelines_show_a_whole_period():
    field = rfcore.estimate("conv 3 p1, maxpool 4, conv 3 p1, up 4", input_shape=(64,))
    (axes,) = draw_fields(field, index=(20,)).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [f"output {j}" for j in (0, 18, 19, 20, 21, 63)]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        rfcore.estimate("conv 3", input_shape=(8, 8, 8)),
        {"line": LINE, "map": FIELD},
    ],
    ids=["nothing", "three axes", "mixed"],
)
def test_other_fields_are_refused(fields):
    with pytest.raises(PlotError, match="Fields of one axis or of two can be drawn"):
        draw_fields(fields)


@pytest.mark.parametrize("index", [(4, 0), (0,), (0, -7)], ids=str)
def test_an_output_that_does_not_exist_is_refused(index):
    with pytest.raises(IndexError, match="is not inside the output of shape"):
        draw_fields(FIELD, index=index)


@pytest.mark.parametrize("fields", [FIELD, LINE, dict.fromkeys("abcd", FIELD)], ids=["2", "1", "4"])
def test_it_can_be_saved_and_changes_nothing_global(fields):
    before = dict(mpl.rcParams)
    figure = draw_fields(fields)
    assert isinstance(figure, Figure)
    assert png(figure).startswith(b"\x89PNG")
    assert dict(mpl.rcParams) == before


def run(code):
    env = os.environ | {"PYTHONPATH": str(Path(rfcore.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)


def test_no_window_system_is_touched():
    code = "import sys, rfcore.plot; print('matplotlib.pyplot' in sys.modules)"
    assert run(code).stdout == "False\n"


def test_without_matplotlib_it_says_what_to_install():
    done = run("import sys; sys.modules['matplotlib'] = None; import rfcore.plot")
    assert "rfcore.plot needs matplotlib.\nHint: pip install 'rfcore[plot]'" in done.stderr

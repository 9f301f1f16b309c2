"""Pictures of exact fields: what is drawn and where, read back from the figure's own artists."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib as mpl
from matplotlib.figure import Figure

import rfcore
from rfcore import AxisField, ReceptiveField
from rfcore.errors import OutputIndexError, PlotError
from rfcore.plot import grid, growth, panels, slices, timeline
from rfcore.plot.canvas import CHOSEN, FIRST, INK, LAST, OTHER, PALE
from rfcore.plot.heat import BOX
from rfcore.plot.timelines import past_and_lookahead

# Output j sees [2j - 3, 2j + 4) on both axes: 4 × 6 outputs of an 8 × 12 input.
FIELD = rfcore.estimate("conv 3 s2 p1, conv 3 p1", input_shape=(8, 12))
LINE = rfcore.estimate("conv 3 s2 p1, conv 3 p1", input_shape=(12,))
# Output j sees [2j - 1, 2j + 2), [2j, 2j + 5) and [2j - 3, 2j + 4).
SOLID = rfcore.estimate("conv 3x5x7 s2 p1x0x3", input_shape=(8, 12, 16))


def boxes(axes, style=None):
    """Rectangles as (top, bottom, left, right), of one style or the pale frame of the input."""
    color = PALE if style is None else style["color"]
    drawn = [
        patch.get_bbox()
        for patch in axes.patches
        if not patch.get_fill() and mpl.colors.same_color(patch.get_edgecolor(), color)
    ]
    return [(box.y0, box.y1, box.x0, box.x1) for box in drawn]


def facts(axes):
    return [text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in axes.texts]


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def dots(axes, color=INK):
    """Marks without a line between them, of one colour, as (x, y)."""
    marks = [
        line
        for line in axes.lines
        if line.get_linestyle() == "None" and mpl.colors.same_color(line.get_color(), color)
    ]
    return [tuple(map(float, place)) for line in marks for place in line.get_xydata()]


# --- the grid


def test_boxes_are_unclipped_and_the_view_holds_them():
    axes = grid(FIELD)
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
    axes = grid(FIELD, index=(-1, 0))
    assert boxes(axes, CHOSEN) == [(3, 10, -3, 4)]
    assert legend(axes) == ["first output", "output -1, 0", "last output", "centre"]


def test_a_chosen_corner_has_one_box_and_one_label():
    axes = grid(FIELD, index=(0, 0))
    assert boxes(axes, FIRST) == []
    assert boxes(axes, CHOSEN) == [(-3, 4, -3, 4)]
    assert legend(axes) == ["output 0, 0", "last output", "centre"]


def test_every_centre_is_a_dot():
    # The centre of [2j - 3, 2j + 4) is 2j + 1/2.
    expected = {(2 * x + 0.5, 2 * y + 0.5) for y in range(4) for x in range(6)}
    assert set(dots(grid(FIELD))) == expected


def test_of_many_centres_one_in_some_is_drawn_and_the_facts_say_so():
    # 62 × 8 outputs, with room for 18 on an axis: every fourth row.
    axes = grid(rfcore.estimate("conv 3", input_shape=(64, 10)))
    assert set(dots(axes)) == {(x + 1.5, y + 1.5) for y in range(0, 62, 4) for x in range(8)}
    assert facts(axes) == ["size 3 × 3, stride 1, 62 × 8 outputs,\n1 in 4 centres drawn"]


def test_the_naive_grid_shares_the_input_out_evenly():
    # 4 × 6 outputs of 8 × 12 pixels: cells of 2 × 2, whose centres lie at 2j + 1.
    axes = grid(FIELD, naive=True)
    crosses = {(2 * x + 1, 2 * y + 1) for y in range(4) for x in range(6)}
    assert set(dots(axes, OTHER)) == crosses
    segments = {
        tuple(map(tuple, segment.tolist()))
        for lines in axes.collections
        for segment in lines.get_segments()
    }
    rows = {((0, 2 * j), (12, 2 * j)) for j in range(5)}
    columns = {((2 * j, 0), (2 * j, 8)) for j in range(7)}
    assert segments == rows | columns
    assert legend(axes)[-1] == "naive grid"
    assert dots(grid(FIELD), OTHER) == []


def test_a_field_far_larger_than_the_input_is_drawn_to_scale_and_the_input_pointed_at():
    field = rfcore.estimate("conv 101 p50", input_shape=(4, 4))
    axes = grid(field)
    assert boxes(axes, CHOSEN) == [(-48, 53, -48, 53)]
    assert "input" in facts(axes)
    assert "input" not in facts(grid(FIELD))


def test_an_input_of_one_pixel_has_a_picture():
    axes = grid(rfcore.estimate("conv 7 p3", input_shape=(1, 1)))
    assert boxes(axes) == [(0, 1, 0, 1)]
    assert boxes(axes, CHOSEN) == [(-3, 4, -3, 4)]
    assert legend(axes) == ["middle output", "centre"]


def test_a_thin_input_keeps_no_square_pixels():
    thin = rfcore.estimate("conv 1x9 s1x4", input_shape=(4, 400))
    assert grid(thin).get_aspect() == "auto"
    assert grid(FIELD).get_aspect() == 1


def test_phases_are_told():
    field = rfcore.estimate("conv 3 p1, maxpool 4, conv 3 p1, up 4x2", input_shape=(64, 64))
    assert "8 phases" in facts(grid(field))[0]


def test_a_global_field_says_so():
    axes = grid(rfcore.estimate("[skip | globalpool]+", input_shape=(6, 6)))
    assert facts(axes) == ["global, 6 × 6 outputs"]
    assert boxes(axes, CHOSEN) == [(0, 6, 0, 6)]


@pytest.mark.parametrize("shape", [(8, 12), (8, 12, 3), (8, 12, 4)], ids=str)
def test_an_image_lies_where_the_input_is(shape):
    (shown,) = grid(FIELD, np.zeros(shape)).images
    assert shown.get_extent() == [0, 12, 8, 0]
    assert shown.get_array().shape == shape


@pytest.mark.parametrize("shape", [(12, 8), (3, 8, 12), (8,), (8, 12, 2)], ids=str)
def test_an_image_of_another_shape_is_refused(shape):
    with pytest.raises(PlotError, match=r"the input \(8, 12\)"):
        grid(FIELD, np.zeros(shape))


# --- timelines


@pytest.mark.parametrize(
    ("axis", "output", "seen"),
    [
        # [2j - 3, 2j + 4) around step 2j.
        (LINE.axes[0], 3, (3, 3)),
        (AxisField(40, 40, (-6,), (1,)), 20, (6, 0)),
        (AxisField(40, 38, (0,), (3,)), 20, (0, 2)),
        # Nearest upsampling: outputs 2 and 3 stand at step 1 and see it alone.
        (AxisField(8, 16, (0, 0), (1, 1), 2, 1), 3, (0, 0)),
        # All that it sees is to come.
        (AxisField(40, 38, (2,), (3,)), 7, (0, 2)),
        (AxisField(40, 40, None, (1,)), 20, (None, 0)),
        (AxisField(40, 40, (0,), None), 20, (0, None)),
        (AxisField(40, 40, None, None), 20, None),
        (AxisField(40, 40, (39,), (40,), 1, -1), 20, None),
    ],
    ids=["same", "causal", "valid", "upsampled", "ahead", "sum", "sum back", "global", "mirrored"],
)
def test_past_and_lookahead_are_counted_from_the_step_of_the_output(axis, output, seen):
    assert past_and_lookahead(axis, output) == seen


def test_a_timeline_tells_past_and_lookahead():
    axes = timeline(LINE, index=(-1,))
    assert facts(axes) == ["size 7, stride 2, 6 outputs\noutput 5: past 3 steps, lookahead 3 steps"]
    whole = timeline(ReceptiveField((AxisField(40, 40, None, (1,)),)))
    assert facts(whole)[0].endswith("output 20: past all, lookahead 0 steps")


def test_a_timeline_shows_the_first_the_last_and_those_around_the_middle():
    axes = timeline(LINE)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["output 0", "output 2", "output 3", "output 4", "output 5"]
    # Step 2j, which is [2j, 2j + 1).
    assert dots(axes) == [(2 * j + 0.5, row) for row, j in enumerate([0, 2, 3, 4, 5])]
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches[1:]]
    pasts = [(2 * j - 3, 2 * j + 1) for j in [0, 2, 3, 4, 5]]
    lookaheads = [(2 * j + 1, 2 * j + 4) for j in [0, 2, 3, 4, 5]]
    assert bars[::2] == pasts
    assert bars[1::2] == lookaheads


def test_a_timeline_shows_a_whole_period():
    field = rfcore.estimate("conv 3 p1, maxpool 4, conv 3 p1, up 4", input_shape=(64,))
    labels = [label.get_text() for label in timeline(field, index=(20,)).get_yticklabels()]
    assert labels == [f"output {j}" for j in (0, 18, 19, 20, 21, 63)]


# --- growth


def sizes(axes, label):
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return [float(size) for size in line.get_xdata()]


def chain(text, shape=(64, 64)):
    return {
        str(depth): rfcore.estimate(", ".join([text] * depth), input_shape=shape)
        for depth in range(1, 4)
    }


def test_growth_shows_the_size_after_each_layer():
    axes = growth(chain("conv 3 p1"))
    assert sizes(axes, "size") == [3, 5, 7]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["3", "2", "1"]
    assert legend(axes) == ["size", "input, 64 × 64"]


def test_growth_has_a_line_for_each_axis_that_differs():
    axes = growth(chain("conv 3x5 p1x2"))
    assert (sizes(axes, "height"), sizes(axes, "width")) == ([3, 5, 7], [5, 9, 13])
    solid = growth(chain("conv 1x3x3 p0x1x1", (8, 8, 8)))
    assert sizes(solid, "depth") == [1, 1, 1]
    assert sizes(solid, "height and width") == [3, 5, 7]


def test_growth_marks_global_fields_apart():
    fields = chain("conv 3 p1") | {
        "pooled": rfcore.estimate("[skip | globalpool]+", input_shape=(64, 64))
    }
    axes = growth(fields)
    assert sizes(axes, "size") == pytest.approx([3, 5, 7, np.nan], nan_ok=True)
    assert [y for _, y in dots(axes)] == [3]
    assert "global" in legend(axes)


def test_growth_names_as_many_layers_as_there_is_room_for():
    fields = {str(depth): FIELD for depth in range(500)}
    axes = growth(fields)
    named = [label.get_text() for label in axes.get_yticklabels()]
    assert named[0] == "499"
    assert 10 < len(named) < 100


# --- slices


def test_slices_cut_through_the_middle_of_the_box():
    # Output (2, 2, 4) sees [3, 6) × [4, 9) × [5, 12), whose middle is pixel (4, 6, 8).
    volume = np.arange(8 * 12 * 16.0).reshape(8, 12, 16)
    front, side, below = slices(SOLID, gradient=volume).axes[:3]
    assert boxes(front, BOX) == [(4, 9, 5, 12)]
    assert boxes(side, BOX) == [(4, 9, 3, 6)]
    assert boxes(below, BOX) == [(3, 6, 5, 12)]
    np.testing.assert_array_equal(front.images[0].get_array(), volume[4])
    np.testing.assert_array_equal(side.images[0].get_array(), volume[:, :, 8].T)
    np.testing.assert_array_equal(below.images[0].get_array(), volume[:, 6, :])
    assert facts(front)[0].endswith("\nat depth 4")
    assert (facts(side), facts(below)) == (["at width 8"], ["at height 6"])


def test_slices_of_a_box_in_the_padding_cut_the_nearest_pixel():
    # Output (0, 0, 0) sees [-1, 2) × [0, 5) × [-3, 4).
    front, side, below = slices(SOLID, index=(0, 0, 0)).axes[:3]
    assert boxes(front, CHOSEN) == [(0, 5, -3, 4)]
    assert facts(side) == ["at width 0"]
    assert facts(below) == ["at height 2"]


@pytest.mark.parametrize("shape", [(12, 8, 16), (8, 12), (8, 12, 16, 3)], ids=str)
def test_a_volume_of_another_shape_is_refused(shape):
    with pytest.raises(PlotError, match=r"it should be of shape \(8, 12, 16\)"):
        slices(SOLID, np.zeros(shape))


def test_two_axes_are_no_place_for_three_slices():
    axes = list(Figure().subplots(1, 2))
    with pytest.raises(PlotError, match="Three slices do not fit 2 axes"):
        slices(SOLID, axes=axes)


# --- panels


def test_one_panel_per_feature_map_with_its_facts():
    deep = rfcore.estimate("conv 3x5 s2x4, conv 3 d2", input_shape=(64, 128))
    figure = panels({"stem": FIELD, "deep": deep})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["stem", "deep"]
    # Taps {0, 4, 8} + {0, 1, 2}, 9 of 11, by {0, 8, 16} + {0, …, 4}, 15 of 21: 58 %.
    assert [facts(axes) for axes in figure.axes] == [
        ["size 7 × 7, stride 2, 4 × 6 outputs"],
        ["size 11 × 21, stride 2 × 4, 27 × 27 outputs,\n58% of it seen, 1 in 4 centres drawn"],
    ]


@pytest.mark.parametrize(
    ("field", "count"), [(LINE, 1), (FIELD, 1), (SOLID, 3)], ids=["1", "2", "3"]
)
def test_panels_have_the_picture_that_fits_their_axes(field, count):
    figure = panels({"a": field, "b": field})
    assert len(figure.axes) == 2 * count
    assert [axes.get_title(loc="left") for axes in figure.axes[::count]] == ["a", "b"]


@pytest.mark.parametrize(
    ("fields", "options", "problem"),
    [
        ({}, {}, "these have none"),
        ({"line": LINE, "map": FIELD}, {}, "these have 1 and 2"),
        ({"four": rfcore.estimate("conv 3", input_shape=(8,) * 4)}, {}, "these have 4"),
        ({"line": LINE}, {"image": np.zeros(12)}, "Timelines are drawn on no image"),
        ({"line": LINE}, {"naive": True}, "The naive grid is one of two axes"),
    ],
    ids=["nothing", "mixed", "four axes", "image", "naive"],
)
def test_other_panels_are_refused(fields, options, problem):
    with pytest.raises(PlotError, match=problem):
        panels(fields, **options)


# --- what holds of all


@pytest.mark.parametrize(
    ("draw", "field"),
    [(grid, LINE), (grid, SOLID), (timeline, FIELD), (slices, FIELD)],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_field_of_other_axes_is_refused_with_the_picture_that_fits(draw, field):
    with pytest.raises(PlotError, match=r"the field has \d") as caught:
        draw(field)
    assert "rfcore.plot." in caught.value.hint


@pytest.mark.parametrize("fields", [{}, {"a": FIELD, "b": SOLID}], ids=["nothing", "mixed"])
def test_growth_of_other_fields_is_refused(fields):
    with pytest.raises(PlotError, match="Growth is told by fields of one input"):
        growth(fields)


def test_growth_of_four_axes_that_differ_is_refused():
    field = rfcore.estimate("conv 1x3x5x7", input_shape=(9,) * 4)
    with pytest.raises(PlotError, match="4 axes that differ"):
        growth({"four": field})


@pytest.mark.parametrize("index", [(4, 0), (0,), (0, -7), ("a", 0), 3], ids=str)
def test_an_output_that_does_not_exist_is_refused(index):
    with pytest.raises(OutputIndexError, match="names no output") as caught:
        grid(FIELD, index=index)
    assert caught.value.hint == "the last one is index=(3, 5)."


@pytest.mark.parametrize(
    ("draw", "subject"),
    [(grid, FIELD), (timeline, LINE), (growth, {"a": FIELD})],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_axes_that_are_given_are_drawn_on_and_returned(draw, subject):
    figure = Figure(figsize=(8, 4))
    left, right = figure.subplots(1, 2)
    assert draw(subject, axes=right, title="here") is right
    assert right.get_title(loc="left") == "here"
    assert not left.has_data()
    assert figure.axes == [left, right]


def test_slices_are_drawn_on_given_axes():
    figure = Figure()
    axes = list(figure.subplots(1, 3))
    assert slices(SOLID, axes=axes) is figure
    assert figure.axes == axes


def run(code, *folders):
    places = [*map(str, folders), str(Path(rfcore.__file__).parents[1])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)


GLOBALS = """
import sys
import matplotlib
import pictures
before = dict(matplotlib.rcParams), list(matplotlib.colormaps)
for name in {names}:
    pictures.png(name)
{also}
print((dict(matplotlib.rcParams), list(matplotlib.colormaps)) == before)
print('matplotlib.pyplot' in sys.modules)
"""


@pytest.mark.parametrize(
    ("names", "also", "told"),
    [
        ("pictures.CASES", "", ["True", "False"]),
        ("['grid']", "matplotlib.rcParams['lines.linewidth'] = 9", ["False", "False"]),
        ("['grid']", "import matplotlib.pyplot", ["True", "True"]),
    ],
    ids=["as it is", "a setting changed", "pyplot imported"],
)
def test_drawing_every_picture_changes_nothing_global(names, also, told):
    done = run(GLOBALS.format(names=names, also=also), Path(__file__).parent)
    assert done.stdout.split() == told, done.stderr


def test_without_matplotlib_it_says_what_to_install():
    done = run("import sys; sys.modules['matplotlib'] = None; import rfcore.plot")
    assert "rfcore.plot needs matplotlib.\nHint: pip install 'rfcore[plot]'" in done.stderr

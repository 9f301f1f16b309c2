"""Every kind of picture looks as it did when somebody last looked at it (see pictures.py)."""

import pytest

pytest.importorskip("matplotlib")

from matplotlib.testing.compare import compare_images

import pictures

# Root mean square over all pixels, of 255. A box or line that is dashed otherwise makes 1.4 and
# more; releases of matplotlib differ by less than this in how they smooth edges.
TOLERANCE = 0.7


def difference(name, folder, change=None):
    """What differs from the picture that is kept, or None."""
    drawn = folder / f"{name}.png"
    drawn.write_bytes(pictures.png(name, change))
    return compare_images(str(pictures.FOLDER / drawn.name), str(drawn), TOLERANCE)


@pytest.mark.parametrize("name", pictures.CASES)
def test_the_picture_is_the_one_that_is_kept(name, tmp_path):
    assert difference(name, tmp_path) is None


def test_no_picture_is_kept_that_is_not_drawn():
    assert {path.stem for path in pictures.FOLDER.iterdir()} == set(pictures.CASES)


def box_is_dotted(figure):
    figure.axes[0].patches[-1].set_linestyle((0, (1, 1)))


def line_is_dotted(figure):
    figure.axes[0].lines[0].set_linestyle((0, (1, 1)))


def line_is_thin(figure):
    figure.axes[0].lines[0].set_linewidth(1.2)


def steps_are_thin(figure):
    figure.axes[0].patches[0].set_linewidth(1.2)


def contour_is_solid(figure):
    figure.axes[0].collections[1].set_linestyle("-")


def dots_are_larger(figure):
    figure.axes[0].lines[0].set_markersize(6)


def bar_is_pale(figure):
    figure.axes[0].patches[1].set_alpha(0.2)


def colors_are_others(figure):
    figure.axes[0].images[0].set_cmap("viridis")


def box_is_a_pixel_away(figure):
    box = figure.axes[0].patches[-1]
    box.set_x(box.get_x() + 1)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("grid", box_is_dotted),
        ("grid", box_is_a_pixel_away),
        ("grid-photograph", box_is_dotted),
        ("grid-decoder", dots_are_larger),
        ("timeline", bar_is_pale),
        ("growth", line_is_dotted),
        ("growth", line_is_thin),
        ("slices", line_is_dotted),
        ("slices", box_is_a_pixel_away),
        ("gradient", colors_are_others),
        ("effective", contour_is_solid),
        ("effective-log", contour_is_solid),
        ("profile", steps_are_thin),
        ("radial", line_is_thin),
        ("panels", box_is_dotted),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_small_change_is_seen(name, change, tmp_path):
    assert difference(name, tmp_path, change) is not None

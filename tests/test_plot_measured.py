"""Pictures of gradients and effective fields: maps, contours, profiles, by closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("matplotlib")

from matplotlib.colors import LogNorm, same_color
from matplotlib.figure import Figure

import rfcore
from rfcore import AxisField, EffectiveReceptiveField, ReceptiveField
from rfcore.erf import Setting
from rfcore.errors import DeadGradientError, OutputIndexError, PlotError
from rfcore.plot import effective, effective_slices, gradient, profile, radial
from rfcore.plot.heat import BOX
from rfcore.plot.shares import level_of_share, smoothed

# Output j sees [2j - 3, 2j + 4) on both axes; the middle one of 4 × 6 sees [1, 8) × [3, 10).
FIELD = rfcore.estimate("conv 3 s2 p1, conv 3 p1", input_shape=(8, 12))
WIDE = rfcore.estimate("conv 101 p50", input_shape=(120, 140))
CENTER = (60.5, 70.5)


def gaussian(sigma, shape=(120, 140), center=CENTER):
    squares = [((np.arange(n) + 0.5 - c) / sigma) ** 2 for n, c in zip(shape, center, strict=True)]
    return np.exp(-0.5 * np.add.outer(*squares))


def erf(total, field=None, count=1, index=(), center=None, aggregate="abs"):
    total = np.asarray(total, float)
    center = center or (field.center(index) if field else tuple(n / 2 for n in total.shape))
    return EffectiveReceptiveField(total, count, center, Setting(aggregate, index=index), field)


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def facts(axes):
    return [text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in axes.texts]


def boxes(axes):
    return [
        patch.get_bbox().extents
        for patch in axes.patches
        if same_color(patch.get_edgecolor(), BOX["color"])
    ]


# --- gradients


def test_a_gradient_has_the_exact_box_of_its_output_over_it():
    axes = gradient(np.ones((8, 12)), FIELD)
    (box,) = boxes(axes)
    np.testing.assert_array_equal(box, (3, 1, 10, 8))
    (last,) = boxes(gradient(np.ones((8, 12)), FIELD, index=(-1, -1)))
    np.testing.assert_array_equal(last, (7, 3, 14, 10))
    assert boxes(gradient(np.ones((8, 12)))) == []


def test_a_gradient_lies_where_its_pixels_are():
    values = np.arange(96.0).reshape(8, 12)
    (shown,) = gradient(values, FIELD).images
    assert shown.get_extent() == [0, 12, 8, 0]
    np.testing.assert_array_equal(shown.get_array(), values)


def test_the_picture_shows_the_box_and_a_margin():
    field = rfcore.estimate("conv 11 p5", input_shape=(200, 300))
    axes = gradient(np.ones((200, 300)), field, index=(100, 50))
    # The box is [95, 106) × [45, 56), the margin 0.12 of 11.
    assert axes.get_xlim() == pytest.approx((45 - 1.32, 56 + 1.32))
    assert axes.get_ylim() == pytest.approx((106 + 1.32, 95 - 1.32))


def test_a_box_that_reaches_far_beyond_the_picture_is_told():
    field = rfcore.estimate("conv 101 p50", input_shape=(8, 12))
    axes = gradient(np.ones((8, 12)), field)
    assert axes.get_xlim() == pytest.approx((-0.6 * 12, 1.6 * 12))
    assert "box [-46, 55) × [-44, 57)" in facts(axes)[0]


def test_a_box_beside_the_input_leaves_the_input_in_view():
    # Output 0 sees nothing but padding, [-9, -6).
    axis = AxisField(12, 14, (-9,), (-6,))
    field = ReceptiveField((axis, axis))
    axes = gradient(np.ones((12, 12)), field, index=(0, 0))
    assert axes.get_xlim() == pytest.approx((-0.24, 12.24))
    assert "box [-9, -6) × [-9, -6)" in facts(axes)[0]


def test_zero_is_white_and_signs_have_a_colour_each():
    (shown,) = gradient([[0.0, 1, 2]]).images
    assert shown.to_rgba(shown.get_array())[0, 0].tolist() == [1, 1, 1, 1]
    (signed,) = gradient([[-1.0, 0, 2]]).images
    assert (signed.norm.vmin, signed.norm.vmax) == (-2, 2)
    zero = signed.to_rgba(signed.get_array())[0, 1]
    assert min(zero[:3]) > 0.96


def test_a_logarithmic_map_spans_six_decades_at_most_and_leaves_zero_out():
    (shown,) = gradient([[0.0, 1e-9, 1e-3, 10]], log=True).images
    assert isinstance(shown.norm, LogNorm)
    assert (shown.norm.vmin, shown.norm.vmax) == pytest.approx((1e-5, 10))
    assert shown.get_array().mask.tolist() == [[True, False, False, False]]
    (narrow,) = gradient([[2.0, 4]], log=True).images
    assert (narrow.norm.vmin, narrow.norm.vmax) == pytest.approx((0.4, 4))


def test_a_dead_gradient_says_that_it_is_zero():
    assert "zero everywhere" in facts(gradient(np.zeros((8, 12)), FIELD, log=True))
    assert "zero everywhere" in facts(effective(erf(np.zeros((8, 12)), FIELD, index=(2, 3))))


@pytest.mark.parametrize(
    ("values", "options", "problem"),
    [
        (np.full((8, 12), np.inf), {}, "no finite numbers"),
        (np.full((8, 12), 1j), {}, "complex128 holds values"),
        (np.ones((12, 8)), {}, r"shape \(12, 8\); it should be of shape \(8, 12\)"),
        (np.ones((1, 8, 12)), {}, r"shape \(1, 8, 12\)"),
        (np.full((8, 12), -1.0), {"log": True}, "has no logarithm"),
    ],
    ids=["inf", "complex", "turned", "three axes", "negative"],
)
def test_what_is_no_map_of_the_input_is_refused(values, options, problem):
    with pytest.raises(PlotError, match=problem):
        gradient(values, FIELD, **options)


def test_an_output_that_does_not_exist_is_refused():
    with pytest.raises(OutputIndexError):
        gradient(np.ones((8, 12)), FIELD, index=(4, 0))


# --- shares of the mass


@pytest.mark.parametrize(
    ("share", "level"), [(0.1, 4), (0.4, 4), (0.41, 3), (0.7, 3), (0.9, 2), (1, 1)]
)
def test_the_level_of_a_share_counts_from_the_highest(share, level):
    values = np.array([[1.0, 4], [3, 2]])
    assert level_of_share(values, values, share) == level


MAPS = arrays(np.float64, (4, 5), elements=st.integers(0, 9).map(float)).filter(np.any)


@given(MAPS, arrays(np.float64, (4, 5), elements=st.floats(0, 1)), st.floats(0.01, 0.99))
def test_down_to_the_level_lies_the_share_and_above_it_less(values, height, share):
    level = level_of_share(values, height, share)
    assert values[height >= level].sum() >= share * values.sum() * (1 - 1e-9)
    assert values[height > level].sum() < share * values.sum() * (1 + 1e-9)


def test_smoothing_agrees_with_averaging_pixel_by_pixel():
    values = np.random.default_rng(0).random((7, 9))
    expected = np.empty_like(values)
    for y, x in np.ndindex(values.shape):
        rows, columns = np.arange(7) - y, np.arange(9) - x
        near = np.multiply.outer(abs(rows) <= 3, abs(columns) <= 3)
        weight = np.exp(-0.5 * np.add.outer(rows**2, columns**2) / 1.0**2) * near
        expected[y, x] = (weight * values).sum() / weight.sum()
    np.testing.assert_allclose(smoothed(values, 1.0), expected)


def test_no_smoothing_leaves_a_map_as_it_is():
    values = np.random.default_rng(0).random((7, 9))
    assert smoothed(values, 0) is values


def radii(contours):
    (path,) = contours.get_paths()
    return np.hypot(path.vertices[:, 0] - CENTER[1], path.vertices[:, 1] - CENTER[0])


def test_the_contours_of_a_gaussian_are_circles_of_the_known_radius():
    # Within radius r of a plane Gaussian lies 1 - exp(-r² / 2σ²) of its mass.
    axes = effective(erf(gaussian(8), WIDE, index=(60, 70)), contours=(0.9, 0.5))
    half, most = axes.collections
    np.testing.assert_allclose(radii(half), 8 * np.sqrt(2 * np.log(2)), atol=0.3)
    np.testing.assert_allclose(radii(most), 8 * np.sqrt(2 * np.log(10)), atol=0.3)
    assert legend(axes) == ["50% of the mass", "90% of the mass", "centre", "exact field"]


def test_inside_a_contour_lies_its_share_however_noisy_the_map_and_strong_the_smoothing():
    noisy = gaussian(8) * np.random.default_rng(0).exponential(size=(120, 140))
    for smoothing in (2, 6):
        axes = effective(erf(noisy, WIDE, index=(60, 70)), contours=(0.5,), smoothing=smoothing)
        (contour,) = axes.collections
        (path,) = contour.get_paths()
        y, x = np.mgrid[:120, :140] + 0.5
        inside = path.contains_points(np.column_stack([x.ravel(), y.ravel()]))
        share = noisy.ravel()[inside].sum() / noisy.sum()
        assert share == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("contours", [(0,), (1,), (0.5, 1.5), (0.2, 0.4, 0.6, 0.8)], ids=str)
def test_shares_that_are_none_are_refused(contours):
    with pytest.raises(PlotError, match=r"write contours=\(0.5, 0.9\)"):
        effective(erf(gaussian(8)), contours=contours)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2)], ids=str)
def test_maps_of_few_pixels_have_contours(shape):
    axes = effective(erf(np.ones(shape)))
    assert len(axes.collections) == 2


# --- effective fields


def test_an_effective_field_shows_its_mean_centre_and_exact_box():
    axes = effective(erf(np.full((8, 12), 6.0), FIELD, count=3, index=(0, 5)), contours=())
    np.testing.assert_array_equal(axes.images[0].get_array(), np.full((8, 12), 2))
    # [-3, 4) × [7, 14).
    np.testing.assert_array_equal(boxes(axes)[0], (7, -3, 14, 4))
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[10.5, 0.5]]] * 2
    assert legend(axes) == ["centre", "exact field"]
    assert facts(axes)[0].startswith("3 inputs, σ 2.29 × 3.45 pixels")


def test_an_effective_field_without_an_exact_one_is_shown_on_the_whole_input():
    axes = effective(erf(gaussian(8)))
    assert boxes(axes) == []
    assert axes.get_xlim() == pytest.approx((-0.02 * 140, 1.02 * 140))
    # Tokens of a transformer: there is a field, but the unit is none of its outputs.
    assert boxes(effective(erf(gaussian(8), WIDE, index=(5,), center=CENTER))) == []


@pytest.mark.parametrize(
    ("aggregate", "label"),
    [
        ("abs", "mean |gradient|"),
        ("square", "mean gradient²"),
        ("positive", "mean positive gradient"),
    ],
)
def test_the_colour_bar_says_what_is_averaged(aggregate, label):
    axes = effective(erf(gaussian(8), aggregate=aggregate))
    assert axes.child_axes[0].get_ylabel() == label


@pytest.mark.parametrize(
    ("draw", "rank", "instead"),
    [
        (effective, 1, "rfcore.plot.profile(erf) for one"),
        (effective, 3, "effective_slices(erf) for three"),
        (effective_slices, 2, "rfcore.plot.effective(erf) for two"),
    ],
)
def test_a_map_of_other_axes_is_refused_with_the_picture_that_fits(draw, rank, instead):
    with pytest.raises(PlotError, match=f"has {rank}") as caught:
        draw(erf(np.ones((4,) * rank)))
    assert instead in caught.value.hint


def test_effective_slices_share_their_colours():
    values = np.random.default_rng(0).random((4, 5, 6))
    figure = effective_slices(erf(values))
    limits = {axes.images[0].norm.vmax for axes in figure.axes[:3]}
    assert limits == {values.max()}
    assert figure.axes[1].child_axes[0].get_ylabel() == "mean |gradient|"


# --- profiles


def test_a_profile_has_the_share_of_the_mass_at_each_pixel():
    axes = profile(erf([[1.0, 2, 1], [1, 2, 3]], center=(1.0, 1.0)))
    rows, columns = axes.patches
    np.testing.assert_allclose(rows.get_data().values, [0.4, 0.6])
    np.testing.assert_allclose(rows.get_data().edges, [-1, 0, 1])
    np.testing.assert_allclose(columns.get_data().values, [0.2, 0.4, 0.4])
    np.testing.assert_allclose(columns.get_data().edges, [-1, 0, 1, 2])
    assert legend(axes) == ["height", "width"]


def test_a_profile_marks_the_edges_of_the_exact_field():
    axes = profile(erf(np.ones((8, 12)), FIELD, index=(2, 3)))
    # [1, 8) around 4.5 and [3, 10) around 6.5.
    assert [line.get_xdata()[0] for line in axes.lines] == [-3.5, 3.5, -3.5, 3.5]


def test_a_profile_of_a_line_is_told_in_steps():
    axes = profile(erf([1.0, 3, 1]))
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "steps from the centre",
        "share of the mass per step",
    )


def test_a_radial_profile_has_the_mean_of_each_ring():
    values = np.array([[5.0, 1, 5], [2, 7, 4], [5, 1, 5]])
    (line,) = radial(erf(values, center=(1.5, 1.5))).lines
    np.testing.assert_allclose(line.get_xdata(), [0, (4 + 4 * np.sqrt(2)) / 8])
    np.testing.assert_allclose(line.get_ydata(), [7, 28 / 8])


def test_a_profile_of_four_axes_is_refused_and_a_radial_one_is_not():
    four = erf(np.ones((2, 2, 2, 2)))
    with pytest.raises(PlotError, match="4 axes have no room"):
        profile(four)
    assert radial(four).lines


@pytest.mark.parametrize("draw", [profile, radial], ids=lambda f: f.__name__)
def test_what_is_dead_has_no_profile(draw):
    with pytest.raises(DeadGradientError):
        draw(erf(np.zeros((8, 12))))


@pytest.mark.parametrize("draw", [effective, profile, radial], ids=lambda f: f.__name__)
@pytest.mark.parametrize("log", [False, True], ids=["linear", "log"])
def test_axes_that_are_given_are_drawn_on_and_returned(draw, log):
    left, right = Figure(figsize=(9, 4)).subplots(1, 2)
    assert draw(erf(gaussian(8)), log=log, axes=right) is right
    assert not left.has_data()

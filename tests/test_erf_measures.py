"""What is measured on a map: closed forms, published tables, and loops over pixels."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kernels import chain, powers, uniform
from rfcore import EffectiveReceptiveField
from rfcore.erf import Setting
from rfcore.errors import DeadGradientError, MeasureError, NumberError


def on(values: Any, center: Any = None, **more: Any) -> EffectiveReceptiveField:
    """A result over one input; in the middle where no centre is given."""
    values = np.asarray(values, float)
    middle = tuple(n / 2 for n in values.shape) if center is None else center
    return EffectiveReceptiveField(values, 1, middle, **more)


def squared(line: Any) -> np.ndarray:
    return np.outer(line, line)


def gaussian(length: int, sigma: float) -> np.ndarray:
    return np.exp(-(((np.arange(length) + 0.5 - length / 2) / sigma) ** 2) / 2)


# Pixels above 0.0455 of the centre and the side of a square of so many, of layers of 3 × 3 uniform
# weights and of the square root of their profile (counted from the closed form of the kernel).
LUO = {5: (69, 8.307, 109, 10.440), 10: (137, 11.705, 241, 15.524)}
LUO |= {20: (261, 16.155, 517, 22.738), 40: (517, 22.738, 1021, 31.953)}
# E|g| follows the square root of the uniform kernels' profile: its variance, per axis.
ROOT_VARIANCES = {5: 5.434, 10: 12.219, 20: 25.628, 40: 52.316}
VARIANCES: dict[str, tuple[np.ndarray, int, float]] = {
    # name: (taps, size, variance); σ² = Σ J²d²(k²−1)/12, halved for a residual of mass 1.
    "3 taps": (powers(3, 1), 3, 2 / 3),
    "5 taps, 4 times": (powers(5, 4), 17, 4 * 24 / 12),
    "2 taps, 3 times": (powers(2, 3), 4, 3 / 4),
    "fifteen 3 taps": (powers(3, 15), 31, 10),
    "dilations 2, 4, 8": (
        chain([(uniform(3), 1)] * 12 + [(uniform(3, d), 1) for d in (2, 4, 8)]),
        53,
        64,
    ),
    "stride 2 at layers 4, 8, 12": (
        chain([(uniform(3), 2 if layer in (4, 8, 12) else 1) for layer in range(1, 16)]),
        105,
        184,
    ),
    "residuals": (chain([(np.array([1, 4, 1]) / 6, 1)] * 6), 13, 6 * 8 / 24),
}


@pytest.mark.parametrize("name", VARIANCES)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_variances_add_up(name: str, rank: int) -> None:
    taps, size, variance = VARIANCES[name]
    if rank == 3 and size > 53:
        pytest.skip("a map of a million pixels shows no more than one on two axes")
    values = taps
    for _ in range(rank - 1):
        values = np.multiply.outer(values, taps)
    found = on(values)
    assert values.shape == (size,) * rank
    np.testing.assert_allclose(found.covariance, variance * np.eye(rank), atol=1e-9)
    assert found.sigma == pytest.approx([math.sqrt(variance)] * rank)
    assert found.centroid == pytest.approx(found.center)
    assert found.mass == pytest.approx(1)


@pytest.mark.parametrize("layers", LUO)
def test_luo_sizes_are_the_published_ones(layers: int) -> None:
    pixels, size, root_pixels, root_size = LUO[layers]
    line = powers(3, layers)
    found, root = on(squared(line)), on(squared(np.sqrt(line)))
    assert (found.luo_count, root.luo_count) == (pixels, root_pixels)
    assert (found.luo_size, root.luo_size) == (
        pytest.approx(size, abs=5e-4),
        pytest.approx(root_size, abs=5e-4),
    )


@pytest.mark.parametrize("layers", ROOT_VARIANCES)
def test_the_root_of_a_profile_is_wider(layers: int) -> None:
    found = on(squared(np.sqrt(powers(3, layers))))
    assert np.diag(found.covariance) == pytest.approx([ROOT_VARIANCES[layers]] * 2, abs=5e-4)


def test_luo_size_of_a_gaussian_is_that_of_its_contour() -> None:
    # A circle of radius σ·√(2·ln(1/0.0455)) = 2.486 σ has the area (4.406 σ)².
    sigma = 60.0
    found = on(squared(gaussian(601, sigma)))
    assert found.luo_size / sigma == pytest.approx(4.406, abs=2e-3)


@pytest.mark.parametrize(
    ("values", "center", "count"),
    [
        pytest.param([0.0, 1, 8, 1, 0], (2.5,), 3, id="odd"),
        pytest.param([0.2, 4, 4, 0.1, 0], (2.0,), 3, id="between two pixels: 0.2 > 0.182 > 0.1"),
        pytest.param([0.3, 6, 2, 0.1, 0], (2.0,), 3, id="the mean of both, 4: 0.3 counts"),
        pytest.param([4.0, 1, 0.1], (0.0,), 2, id="on the border: the one pixel there"),
        pytest.param([0.1, 1, 4.0], (3.0,), 2, id="on the other border"),
    ],
)
def test_the_value_at_the_centre_is_that_of_the_pixels_it_touches(
    values: Any, center: tuple[float, ...], count: int
) -> None:
    assert on(values, center).luo_count == count


@pytest.mark.parametrize(
    ("values", "center", "problem"),
    [
        pytest.param([1.0, 0, 1], (1.5,), "it is zero at its centre (1.5,)", id="a hole"),
        pytest.param([1.0, 0, 0, 1], (2.0,), "it is zero at its centre (2.0,)", id="between holes"),
        pytest.param([1.0, 0, 1], (-1.0,), "its centre (-1.0,) is outside of the input", id="low"),
        pytest.param([1.0, 0, 1], (4.5,), "its centre (4.5,) is outside of the input", id="high"),
    ],
)
def test_a_map_that_is_zero_at_its_centre_has_no_luo_size(
    values: Any, center: tuple[float, ...], problem: str
) -> None:
    found = on(values, center)
    with pytest.raises(MeasureError, match="has no Luo size") as caught:
        _ = found.luo_size
    assert problem in caught.value.message
    assert found.measures()["luo_size"] is None
    assert "Luo size: none" in str(found)


def test_squares_on_a_uniform_map_have_the_published_sides() -> None:
    rows = on(np.ones((1024, 1024))).area_ratios()
    assert [row.threshold for row in rows] == [0.2, 0.3, 0.5, 0.99]
    assert [row.side for row in rows] == [459, 561, 725, 1019]
    assert [row.ratio for row in rows] == pytest.approx([(row.side / 1024) ** 2 for row in rows])
    # A disc of radius r has the share πr² until it touches the border.
    radii = [1024 * math.sqrt(share / math.pi) for share in (0.2, 0.3, 0.5)]
    assert [row.radius for row in rows[:3]] == pytest.approx(radii, abs=1)


def test_squares_and_discs_on_a_gaussian_have_the_radii_of_its_distribution() -> None:
    sigma = 100.0
    rows = on(squared(gaussian(1201, sigma))).area_ratios()
    # Half-sides are (side)/2; the next square is two pixels larger.
    assert [row.side / 2 / sigma for row in rows] == pytest.approx(
        [0.5936, 0.7516, 1.0518, 2.8062], abs=1 / sigma
    )
    assert [row.radius / sigma for row in rows] == pytest.approx(
        [0.6681, 0.8446, 1.1774, 3.0349], abs=1 / sigma
    )


@pytest.mark.parametrize("shape", [(7,), (6,), (5, 8), (4, 4), (3, 4, 5)], ids=str)
def test_areas_agree_with_looking_at_each_square_in_turn(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(5).random(shape)
    center = tuple(n / 2 for n in shape)
    for row in on(values, center).area_ratios((0.1, 0.4, 0.77, 1.0)):
        assert (row.side, row.ratio) == smallest_square(values, center, row.threshold)
        assert row.radius == pytest.approx(smallest_disc(values, center, row.threshold))


def smallest_square(values: np.ndarray, center: Any, threshold: float) -> tuple[int, float]:
    middle = [int(c) for c in center]
    for half in range(max(values.shape)):
        box = tuple(slice(max(m - half, 0), m + half + 1) for m in middle)
        if values[box].sum() >= threshold * values.sum() * (1 - 1e-12):
            return 2 * half + 1, values[box].size / values.size
    raise AssertionError


def smallest_disc(values: np.ndarray, center: Any, threshold: float) -> float:
    pixels = list(product(*map(range, values.shape)))
    far = {p: math.dist([i + 0.5 for i in p], center) for p in pixels}
    for radius in sorted(set(far.values())):
        held = sum(values[p] for p in pixels if far[p] <= radius)
        if held >= threshold * values.sum() * (1 - 1e-12):
            return radius
    raise AssertionError


def test_a_square_is_cut_where_it_leaves_the_input() -> None:
    (row,) = on([[4.0, 1, 1], [1, 1, 1]], (0.5, 0.5)).area_ratios((7 / 9,))
    # The square of side 3 around the corner pixel holds 4 pixels of 6, and 7/9 of the mass.
    assert (row.side, row.ratio) == (3, pytest.approx(4 / 6))


@pytest.mark.parametrize("threshold", [0, -0.1, 1.01, float("nan"), "half", None])
def test_a_threshold_that_is_no_share_is_refused(threshold: Any) -> None:
    with pytest.raises(NumberError, match="a share above 0 and at most 1"):
        on([1.0, 2, 1]).area_ratios((0.5, threshold))


def test_rings_around_a_pixel_and_between_two() -> None:
    odd = on([3.0, 2, 8, 4, 1]).radial_profile()
    assert odd.radii.tolist() == [0, 1, 2]
    assert odd.mean.tolist() == [8, 3, 2]
    even = on([3.0, 2, 4, 1]).radial_profile()
    assert even.radii.tolist() == [0.5, 1.5]
    assert even.mean.tolist() == [3, 2]
    flat = on([[1.0, 2, 1], [2, 5, 2], [1, 2, 1]]).radial_profile()
    # Corners are √2 = 1.41 away and belong to the same ring as the sides.
    assert flat.radii == pytest.approx([0, (4 + 4 * math.sqrt(2)) / 8])
    assert flat.mean == pytest.approx([5, 12 / 8])


def test_a_profile_falls_as_the_gaussian_does() -> None:
    sigma = 20.0
    profile = on(squared(gaussian(201, sigma))).radial_profile()
    inner = profile.radii < 60
    expected = np.exp(-((profile.radii[inner] / sigma) ** 2) / 2)
    assert profile.mean[inner] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("sigma", "center"),
    [((3.0,), (20.3,)), ((2.5, 6.0), (18.0, 21.7)), ((2.0, 3.0, 4.0), (20.5, 19.0, 22.2))],
    ids=["1-D", "2-D", "3-D"],
)
def test_a_sampled_gaussian_is_found_again(sigma: Any, center: Any) -> None:
    axes = [
        np.exp(-(((np.arange(40) + 0.5 - c) / s) ** 2) / 2)
        for s, c in zip(sigma, center, strict=True)
    ]
    values = 7 * axes[0]
    for axis in axes[1:]:
        values = np.multiply.outer(values, axis)
    fit = on(values).gaussian_fit()
    assert fit.sigma == pytest.approx(sigma, rel=1e-9)
    assert fit.center == pytest.approx(center, rel=1e-9)
    assert fit.amplitude == pytest.approx(7, rel=1e-9)
    assert fit.error < 1e-9


def test_no_gaussian_nearby_is_nearer_than_the_fit() -> None:
    values = np.random.default_rng(2).random((9, 11)) * 0.1 + np.outer(powers(3, 4), powers(3, 5))
    fit = on(values).gaussian_fit()

    def error(amplitude: float, center: Any, sigma: Any) -> float:
        far = [
            ((np.arange(n) + 0.5 - c) / s) ** 2 / 2
            for n, c, s in zip(values.shape, center, sigma, strict=True)
        ]
        made = amplitude * np.exp(-np.add.outer(*far))
        return float(np.linalg.norm(values - made) / np.linalg.norm(values))

    best = error(fit.amplitude, fit.center, fit.sigma)
    assert best == pytest.approx(fit.error)
    given = np.array([fit.amplitude, *fit.center, *fit.sigma])
    for which, factor in product(range(5), (0.99, 1.01)):
        moved = given.copy()
        moved[which] *= factor
        assert error(moved[0], moved[1:3], moved[3:]) > best


def test_a_binomial_is_a_gaussian_more_and_more() -> None:
    # The central limit theorem: σ of the fit goes to √(n(k²−1)/12), the error to 0 as 1/n.
    few, many = (on(powers(3, n)).gaussian_fit() for n in (10, 160))
    assert many.sigma[0] == pytest.approx(math.sqrt(160 * 8 / 12), rel=2e-3)
    assert 12 < few.error / many.error < 20


def test_what_has_no_width_is_fitted_where_it_has_one() -> None:
    values = np.zeros((5, 41))
    values[2] = gaussian(41, 4)
    fit = on(values).gaussian_fit()
    assert fit.sigma == (0, pytest.approx(4))
    assert fit.center == (2.5, pytest.approx(20.5))
    single = np.zeros((3, 3))
    single[1, 2] = 6
    assert on(single).gaussian_fit().amplitude == 6
    assert on(single).gaussian_fit().center == (1.5, 2.5)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (np.ones((8, 8)), "does not fall off along axis 0"),
        (np.outer(gaussian(30, 3), np.ones(9)), "does not fall off along axis 1"),
        ([0.0, 1, 0.4, 0], "has two pixels along axis 0"),
    ],
    ids=["flat", "flat along one", "two pixels"],
)
def test_where_no_width_can_be_told_there_is_no_fit(values: Any, problem: str) -> None:
    found = on(values)
    with pytest.raises(MeasureError, match=problem):
        found.gaussian_fit()
    assert found.measures()["gaussian_fit"] is None


def test_a_dead_map_is_an_error_in_every_measure_and_never_nan() -> None:
    dead = on(np.zeros((4, 4)))
    assert dead.mass == 0
    measures: list[Any] = [
        *(
            lambda name=name: getattr(dead, name)
            for name in ("centroid", "covariance", "sigma", "luo_count", "luo_size")
        ),
        dead.area_ratios,
        dead.radial_profile,
        dead.gaussian_fit,
    ]
    for measure in measures:
        with pytest.raises(DeadGradientError, match="zero at every pixel"):
            measure()
    assert "dead" in str(dead)
    assert "mass=0" in repr(dead)
    assert dead.measures() == {"mass": 0.0}


def script_figures(values: np.ndarray, threshold: float) -> tuple[int, float] | None:
    """What the authors' script says, read as loops."""
    height, width = values.shape
    logs = np.log10(values + 1)
    logs = logs / logs.max()
    for half in range(1, height // 2):
        inside = [
            logs[y, x]
            for y in range(height)
            for x in range(width)
            if abs(y - height // 2) <= half and abs(x - width // 2) <= half
        ]
        if sum(inside) / logs.sum() > threshold:
            return 2 * half + 1, (2 * half + 1) ** 2 / (height * width)
    return None


@pytest.mark.parametrize("shape", [(20, 20), (21, 21), (16, 24)], ids=str)
def test_the_script_is_followed_step_by_step(shape: tuple[int, int]) -> None:
    lines = [gaussian(n, n / 6) for n in shape]
    values = 40 * np.outer(*lines) + np.random.default_rng(3).random(shape)
    found = on(values, setting=Setting(aggregate="replknet"))
    rows = found.replknet_area_ratios((0.0, 0.2, 0.5, 0.9, 0.999))
    expected = [script_figures(values, row.threshold) or (None, None) for row in rows]
    assert [(row.side, row.ratio) for row in rows] == [
        (side, None if ratio is None else pytest.approx(ratio)) for side, ratio in expected
    ]
    assert found.measures()["replknet_area_ratios"][0]["side"] > 1


def test_the_scripts_figures_depend_on_the_scale_and_ours_do_not() -> None:
    values = squared(gaussian(101, 12))
    small, large = (on(v, setting=Setting(aggregate="replknet")) for v in (values, 1e4 * values))
    assert small.area_ratios() == large.area_ratios()
    assert small.replknet_area_ratios() != large.replknet_area_ratios()
    # A gradient so small that x + 1 is 1 has a shape all the same.
    assert on(1e-30 * values, setting=Setting(aggregate="replknet")).replknet_area_ratios() == (
        on(1e-9 * values, setting=Setting(aggregate="replknet")).replknet_area_ratios()
    )


def test_the_scripts_figures_are_for_its_own_maps_only() -> None:
    with pytest.raises(MeasureError, match="effective_replknet"):
        on(np.ones((9, 9))).replknet_area_ratios()
    with pytest.raises(MeasureError, match="the script is for images"):
        on(np.ones(9), setting=Setting(aggregate="replknet")).replknet_area_ratios()
    with pytest.raises(NumberError, match="a share below 1"):
        on(np.ones((9, 9)), setting=Setting(aggregate="replknet")).replknet_area_ratios((1,))


MAPS = (
    st.integers(1, 3)
    .flatmap(
        lambda rank: arrays(
            np.float64,
            st.tuples(*[st.integers(1, 6)] * rank),
            elements=st.floats(0, 10).filter(lambda x: x == 0 or x > 1e-3),
        )
    )
    .filter(np.any)
)


@given(MAPS)
def test_moments_agree_with_a_loop_over_pixels(values: np.ndarray) -> None:
    found, mass = on(values), values.sum()
    pixels = list(np.ndindex(values.shape))
    for axis in range(values.ndim):
        mean = sum(values[p] * (p[axis] + 0.5) for p in pixels) / mass
        variance = sum(values[p] * (p[axis] + 0.5 - mean) ** 2 for p in pixels) / mass
        assert found.centroid[axis] == pytest.approx(mean)
        assert found.sigma[axis] == pytest.approx(math.sqrt(variance), abs=1e-9)


@given(MAPS, st.floats(0.01, 1))
def test_squares_grow_with_the_share_and_hold_it(values: np.ndarray, share: float) -> None:
    rows = on(values).area_ratios((share / 2, share))
    assert rows[0].side <= rows[1].side
    assert rows[0].radius <= rows[1].radius
    side, ratio = smallest_square(values, [n / 2 for n in values.shape], share)
    assert abs(rows[1].side - side) in (0, 2)  # a tie may fall either way
    assert rows[1].side != side or rows[1].ratio == pytest.approx(ratio)


@given(MAPS)
def test_rings_hold_all_of_the_mass(values: np.ndarray) -> None:
    profile = on(values).radial_profile()
    assert (np.diff(profile.radii) > 0).all()
    assert 0 <= profile.mean.min() <= profile.mean.max() <= values.max() * (1 + 1e-12)


@given(MAPS)
def test_turning_the_map_turns_its_measures(values: np.ndarray) -> None:
    values = values + 0.1  # nothing is zero at its centre
    found, turned = on(values), on(np.transpose(values))
    assert turned.sigma == pytest.approx(found.sigma[::-1])
    assert turned.covariance == pytest.approx(found.covariance[::-1, ::-1], abs=1e-9)
    assert turned.luo_count == found.luo_count
    flipped = on(np.flip(values))
    assert flipped.centroid == pytest.approx(
        [n - c for n, c in zip(values.shape, found.centroid, strict=True)]
    )

"""The effective receptive field where a closed form gives it, in every framework."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

import rfcore
from kernels import Array, chain, powers, uniform
from weighted import FRAMEWORKS, Layer, gradient

pytestmark = pytest.mark.parametrize("framework", FRAMEWORKS)


def effective(
    framework: str,
    layers: Sequence[Layer],
    length: int,
    rule: Callable[..., Any] = rfcore.effective,
    **options: Any,
) -> rfcore.EffectiveReceptiveField:
    """The field of the middle output, on an input of one length on all axes."""
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    backend, write, channels = FRAMEWORKS[framework]
    sizes, count = (length,) * layers[0].rank, (layers[0].weights.shape[-2],)
    shape = count + sizes if channels == "first" else sizes + count
    return rule(write(layers), backend=backend, input_shape=shape, **options)


def averaging(
    rank: int, *, dilation: int = 1, stride: int = 1, residual: bool = False, kernel_size: int = 3
) -> Layer:
    """Uniform weights over one channel; a residual halves them, so that all have the mass 1."""
    weights = np.ones((kernel_size,) * rank + (1, 1)) / kernel_size**rank
    return Layer(weights, stride, dilation, residual)


def product_of(taps: Array, rank: int) -> Array:
    values = taps
    for _ in range(rank - 1):
        values = np.multiply.outer(values, taps)
    return values


# Name: (rank, layers, taps per axis, variance per axis: Σ J²d²(k²−1)/12).
LINEAR: dict[str, tuple[int, list[Layer], Array, float]] = {
    "1 2 3 2 1": (1, [averaging(1)] * 2, np.array([1, 2, 3, 2, 1]) / 9, 4 / 3),
    "1 3 6 7 6 3 1": (2, [averaging(2)] * 3, np.array([1, 3, 6, 7, 6, 3, 1]) / 27, 2),
    "three axes": (3, [averaging(3)] * 2, np.array([1, 2, 3, 2, 1]) / 9, 4 / 3),
    "two taps": (2, [averaging(2, kernel_size=2)] * 4, np.array([1, 4, 6, 4, 1]) / 16, 1),
    "fifteen layers": (1, [averaging(1)] * 15, powers(3, 15), 10),
    "dilations 2, 4, 8": (
        2,
        [averaging(2)] * 12 + [averaging(2, dilation=d) for d in (2, 4, 8)],
        chain([(uniform(3), 1)] * 12 + [(uniform(3, d), 1) for d in (2, 4, 8)]),
        64,
    ),
    "stride 2 at layers 4, 8, 12": (
        1,
        [averaging(1, stride=2 if n in (4, 8, 12) else 1) for n in range(1, 16)],
        chain([(uniform(3), 2 if n in (4, 8, 12) else 1) for n in range(1, 16)]),
        184,
    ),
}


@pytest.mark.parametrize("name", LINEAR)
def test_uniform_weights_give_their_kernel(name: str, framework: str) -> None:
    rank, layers, taps, variance = LINEAR[name]
    found = effective(framework, layers, len(taps), count=1)
    # float32 rounds each of 15 sums by 6e-8 of their terms.
    np.testing.assert_allclose(found.map, product_of(taps, rank), rtol=3e-6)
    np.testing.assert_allclose(found.covariance, variance * np.eye(rank), atol=1e-4 * variance)
    assert found.box == ((0, len(taps)),) * rank
    assert found.center == (len(taps) / 2,) * rank
    assert found.centroid == pytest.approx(found.center, rel=1e-5)


@pytest.mark.parametrize("rank", [1, 2])
def test_a_residual_halves_the_variance(rank: int, framework: str) -> None:
    # y = x + u * x per layer, twice ((δ + u)/2) per axis only where the kernel is on that axis.
    layers = [averaging(rank, residual=True) for _ in range(6)]
    found = effective(framework, layers, 13, count=1)
    np.testing.assert_allclose(np.diag(found.covariance), [6 * 8 / 24] * rank, rtol=1e-4)
    assert found.mass == pytest.approx(2**6, rel=1e-5)
    if rank == 1:
        taps = chain([(np.array([1, 4, 1]) / 6, 1)] * 6)
        np.testing.assert_allclose(found.map / 2**6, taps, rtol=3e-6)


@pytest.mark.parametrize(
    ("layers", "pixels", "size"), [(5, 69, 8.307), (10, 137, 11.705), (20, 261, 16.155)]
)
def test_luo_sizes(layers: int, pixels: int, size: float, framework: str) -> None:
    found = effective(framework, [averaging(2)] * layers, 2 * layers + 1, count=1)
    assert found.luo_count == pixels
    assert found.luo_size == pytest.approx(size, abs=5e-4)
    assert found.ratio == pytest.approx(size / (2 * layers + 1), abs=5e-4)


def test_a_unit_that_sees_all_alike_has_a_uniform_map(framework: str) -> None:
    # One window of 32 pixels: the smallest odd sides whose square is over a share t of 32².
    found = effective(framework, [averaging(2, kernel_size=32)], 32, count=1)
    np.testing.assert_allclose(found.map, 1 / 1024, rtol=1e-6)
    sides = {t: row.side for row in found.area_ratios() for t in [row.threshold]}
    assert sides == {0.2: 15, 0.3: 19, 0.5: 23, 0.99: 33}


def test_the_scripts_map_is_that_of_the_channels_above_zero(framework: str) -> None:
    generator = np.random.default_rng(31)
    layers = [
        Layer(generator.normal(size=(3, 2, 8)), relu=True),
        Layer(generator.normal(size=(3, 8, 6)) / 5),
    ]
    pictures = generator.normal(size=(5, 9, 2)).astype(np.float32)
    first = FRAMEWORKS[framework][2] == "first"
    given = pictures.transpose(0, 2, 1) if first else pictures
    found = effective(framework, layers, 9, rule=rfcore.effective_replknet, inputs=given)
    expected = [np.maximum(gradient(layers, image, above=0), 0).sum(axis=1) for image in pictures]
    np.testing.assert_allclose(found.map, np.mean(expected, axis=0), rtol=1e-4, atol=1e-6)
    assert found.aggregate == "replknet"
    # And so it is not that of all channels.
    plain = effective(framework, layers, 9, aggregate="positive", inputs=given)
    assert not np.allclose(found.map, plain.map, rtol=0.01)


# Networks side by side in one: their weights are blocks, so that they know nothing of each other.
NETWORKS, CHANNELS, DEPTH, FIELD = 16, 32, 5, 11


@cache
def drawn(variance: float) -> list[Array]:
    """Weights of each layer and network: (DEPTH, NETWORKS, 3, CHANNELS, CHANNELS)."""
    generator = np.random.default_rng(2016)
    scale = np.sqrt(variance / (3 * CHANNELS))
    shape = (DEPTH, NETWORKS, 3, CHANNELS, CHANNELS)
    return list(generator.normal(scale=scale, size=shape))


def side_by_side(variance: float, *, relu: bool) -> list[Layer]:
    layers = []
    for number, blocks in enumerate(drawn(variance)):
        weights = np.zeros((3, NETWORKS, CHANNELS, NETWORKS, CHANNELS))
        for network, block in enumerate(blocks):
            weights[:, network, :, network] = block
        size = NETWORKS * CHANNELS
        last = number == DEPTH - 1
        layers.append(Layer(weights.reshape(3, size, size), relu=relu and not last))
    return layers


@cache
def images() -> Array:
    """Two inputs of (pixels, channels)."""
    size = (2, FIELD, NETWORKS * CHANNELS)
    return np.random.default_rng(7).normal(size=size).astype(np.float32)


@cache
def expected_maps(aggregate: str, variance: float, relu: bool) -> Array:
    """The map of each network alone, by matrices: (NETWORKS, FIELD)."""
    rule = {"abs": np.abs, "square": np.square}[aggregate]
    parts = np.split(images(), NETWORKS, axis=-1)
    maps = []
    for network in range(NETWORKS):
        layers = [
            Layer(blocks[network], relu=relu and number < DEPTH - 1)
            for number, blocks in enumerate(drawn(variance))
        ]
        found = [rule(gradient(layers, image)).sum(axis=1) for image in parts[network]]
        maps.append(np.mean(found, axis=0))
    return np.array(maps)


def standard_error(maps: Array, variance: float) -> float:
    """Of the variance of position, estimated from the sum of the maps of independent networks.

    It is a ratio of sums, Σ S / Σ M with the second moment S and the mass M of each map, whose
    error is to first order that of Σ (S − variance·M) / Σ M (the delta method).
    """
    offsets = np.arange(FIELD) - FIELD // 2
    strays = maps @ offsets**2 - variance * maps.sum(axis=1)
    return float(np.sqrt((strays**2).sum()) / maps.sum())


RANDOM = {
    # E[g²] has the profile of uniform kernels, variance n(k²−1)/12; E|g| its square root's.
    "squares": ("square", 1.0, False, 5 * 8 / 12),
    "magnitudes": ("abs", 1.0, False, 5.434),
    # A ReLU lets half of the paths through: with doubled variance of the weights all is the same.
    "squares behind ReLUs": ("square", 2.0, True, 5 * 8 / 12),
    "magnitudes behind ReLUs": ("abs", 2.0, True, 5.434),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_weights_give_their_profile_within_the_sampling_error(
    name: str, framework: str
) -> None:
    aggregate, weight_variance, relu, variance = RANDOM[name]
    first = FRAMEWORKS[framework][2] == "first"
    found = effective(
        framework,
        side_by_side(weight_variance, relu=relu),
        FIELD,
        inputs=images().transpose(0, 2, 1) if first else images(),
        aggregate=aggregate,
    )
    maps = expected_maps(aggregate, weight_variance, relu)
    np.testing.assert_allclose(found.map, maps.sum(axis=0), rtol=1e-3)
    error = standard_error(maps, variance)
    # Narrow enough to tell the two profiles apart, 5.43 from 3.33.
    assert 8 * error < 5.434 - 10 / 3
    around = found.covariance[0, 0] + (found.centroid[0] - FIELD / 2) ** 2
    assert abs(around - variance) < 4 * error

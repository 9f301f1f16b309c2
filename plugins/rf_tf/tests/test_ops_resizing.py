"""Resizing ops of TensorFlow against finite changes of every input element."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tf_dependence import assert_exact, changed, traced

MODES = {
    "legacy": {"align_corners": False, "half_pixel_centers": False},
    "corners": {"align_corners": True, "half_pixel_centers": False},
    "half pixel": {"align_corners": False, "half_pixel_centers": True},
}
SIZES = [(4, 8), (5, 10), (4, 12), (8, 4), (9, 3), (7, 5), (5, 7), (6, 6), (4, 1), (1, 4), (3, 16)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("op", ["ResizeNearestNeighbor", "ResizeBilinear", "ResizeBicubic"])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_resize(op: str, mode: str, before: int, after: int) -> None:
    function = getattr(tf.raw_ops, op)
    assert_exact(
        lambda x: function(images=x, size=(after, 2), **MODES[mode]),
        (1, before, 2, 1),
        bases=1,
        scale=100.0,
        steps=(37.0, -1000.0),
    )


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_resize_by_area(corners: bool, before: int, after: int) -> None:
    assert_exact(
        lambda x: tf.raw_ops.ResizeArea(images=x, size=(after, 3), align_corners=corners),
        (1, before, 3, 1),
        bases=1,
    )


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("before", "after"), [(4, 8), (8, 4), (9, 3), (7, 5), (6, 6), (5, 7)])
@pytest.mark.parametrize("kernel", ["triangle", "box", "keyscubic", "mitchellcubic", "gaussian"])
def test_scale_and_translate(kernel: str, before: int, after: int, antialias: bool) -> None:
    def scaled(x: Any) -> Any:
        return tf.raw_ops.ScaleAndTranslate(
            images=x,
            size=(after, 1),
            scale=(after / before, 1.0),
            translation=(0.0, 0.0),
            kernel_type=kernel,
            antialias=antialias,
        )

    found = traced(scaled, (1, before, 1, 1))
    # Weights that the formula makes zero come out as rounding errors.
    certain = np.abs(jacobian(scaled, (1, before, 1, 1))) > 1e-6
    np.testing.assert_array_equal(found.matrix, certain)
    assert found.exact


@pytest.mark.parametrize(
    "method", ["lanczos3", "lanczos5", "bicubic", "bilinear", "area", "nearest"]
)
@pytest.mark.parametrize(("before", "after"), [(8, 16), (16, 8), (12, 9)])
def test_image_resize_with_filters_that_stretch(method: str, before: int, after: int) -> None:
    def resized(x: Any) -> Any:
        return tf.image.resize(x, (after, 1), method, antialias=method != "area")

    found = traced(resized, (1, before, 1, 1))
    certain = np.abs(jacobian(resized, (1, before, 1, 1))) > 1e-6
    np.testing.assert_array_equal(found.matrix, certain)


def jacobian(function: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The matrix of a linear function."""
    count = int(np.prod(shape))
    units = np.eye(count, dtype=np.float32).reshape(count, *shape)
    return np.stack([np.ravel(function(tf.constant(unit))) for unit in units], axis=1)


def test_crop_and_resize() -> None:
    boxes = np.array([[0, 0, 1, 1], [0.25, 0, 0.75, 1], [0.5, 0.2, 1.5, 0.8]], np.float32)

    def cropped(x: Any) -> Any:
        return tf.image.crop_and_resize(x, boxes, [0, 1, 0], (5, 3))

    found = traced(cropped, (2, 9, 4, 1))
    certain = np.abs(jacobian(cropped, (2, 9, 4, 1))) > 1e-6
    np.testing.assert_array_equal(found.matrix, certain)


def test_resize_by_a_computed_size() -> None:
    def doubled(x: Any) -> Any:
        return tf.image.resize(x, 2 * tf.shape(x)[1:3], "nearest")

    found = traced(doubled, (1, 3, 2, 1))
    np.testing.assert_array_equal(found.matrix, changed(doubled, (1, 3, 2, 1), bases=1))

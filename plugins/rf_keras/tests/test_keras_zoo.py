"""A dozen of keras.applications against numbers that no trace had a part in.

They are published, or added up along the longest path of the network as its authors wrote it.
Each Keras backend runs this file, so all of them agree; `nox -s zoo` compares the rest.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import pytest

import rfcore

Window = tuple[int, int, int]
"""Kernel size, stride and zeros at the low end."""


def added_up(windows: Sequence[Window]) -> tuple[int, int, int]:
    """Size, stride and padding of a chain (Araujo et al., Distill 2019)."""
    size, stride, padding = 1, 1, 0
    for kernel_size, step, low in windows:
        size += (kernel_size - 1) * stride
        padding += low * stride
        stride *= step
    return size, stride, padding


def vgg(*convolutions: int) -> Iterator[Window]:
    for count in convolutions:
        yield from ((3, 1, 1),) * count
        yield (2, 2, 0)


def bottlenecks(*blocks: int) -> Iterator[Window]:
    """ResNets that stride in a 1x1 convolution."""
    yield from ((7, 2, 3), (3, 2, 1))
    for number, count in enumerate(blocks):
        yield (1, 1 if number == 0 else 2, 0)
        yield from ((3, 1, 1),) * count


def depthwise(*kernels_and_strides: tuple[int, int]) -> Iterator[Window]:
    """Mobile networks at an even size: a strided window is padded by one more at the high end."""
    for kernel_size, stride in kernels_and_strides:
        yield (kernel_size, stride, kernel_size // 2 - (stride - 1))


def xception() -> Iterator[Window]:
    """The path of separable convolutions; 1x1 shortcuts of the same strides lie within."""
    yield from ((3, 2, 0), (3, 1, 0))
    # Feature maps of 147, 74, 37 and 19: TensorFlow's SAME pads only odd ones below.
    for low, convolutions in ((1, 2), (0, 2), (1, 2), (1, 24 + 2)):
        yield from ((3, 1, 1),) * convolutions
        yield (3, 2, low)
    yield from ((3, 1, 1),) * 2


def strides(*runs: tuple[int, int, int]) -> Iterator[tuple[int, int]]:
    """Runs of (kernel size, stride of the first, how many)."""
    for kernel_size, stride, count in runs:
        yield (kernel_size, stride)
        yield from ((kernel_size, 1),) * (count - 1)


MOBILENET_V2 = (
    (3, 2, 1),
    (3, 1, 1),
    (3, 2, 2),
    (3, 2, 3),
    (3, 2, 4),
    (3, 1, 3),
    (3, 2, 3),
    (3, 1, 1),
)
EFFICIENTNET = (
    (3, 2, 1),
    (3, 1, 1),
    (3, 2, 2),
    (5, 2, 2),
    (3, 2, 3),
    (5, 1, 3),
    (5, 2, 4),
    (3, 1, 1),
)

ADDED_UP = {
    "VGG16": added_up([*vgg(2, 2, 3, 3, 3)]),
    "VGG19": added_up([*vgg(2, 2, 4, 4, 4)]),
    "ResNet50": added_up([*bottlenecks(3, 4, 6, 3)]),
    # Its 3x3 convolutions stride, the last of each stage.
    "ResNet50V2": added_up([*bottlenecks(3, 4, 6, 3)]),
    "MobileNetV2": added_up([*depthwise(*strides(*MOBILENET_V2))]),
    "EfficientNetB0": added_up([*depthwise(*strides(*EFFICIENTNET))]),
    "Xception": added_up([*xception()]),
}
PUBLISHED = {
    # Araujo et al., Distill 2019, and the oracles of tests/data/published.csv.
    "VGG16": (212, 32, 90),
    "ResNet50": (483, 32, 241),
    "InceptionV3": (1311, 32, 618),
    "InceptionResNetV2": (3039, 32, 1482),
    "MobileNet": (315, 32, 126),
    "DenseNet121": (2071, 32, 1021),
    "ConvNeXtTiny": (1688, 32, 828),
}
KNOWN = ADDED_UP | PUBLISHED
SIZES = {"InceptionV3": 299, "InceptionResNetV2": 299, "Xception": 299}


@pytest.mark.parametrize("name", sorted(ADDED_UP.keys() & PUBLISHED.keys()))
def test_what_is_added_up_is_what_is_published(name: str) -> None:
    assert ADDED_UP[name] == PUBLISHED[name]


@pytest.mark.parametrize("name", KNOWN)
def test_known_field(name: str) -> None:
    size = SIZES.get(name, 224)
    build = getattr(keras.applications, name)
    model = build(weights=None, include_top=False, input_shape=(size, size, 3))
    field = rfcore.estimate(model, global_paths="ignore")
    (axis, _) = zip(field.size, field.stride, field.padding, strict=True)
    assert axis == KNOWN[name]
    assert field.is_global == (False, False)
    assert field.exact
    assert field.input_shape == (size, size)
    gc.collect()


@pytest.mark.parametrize("name", ["ConvNeXtTiny", "MobileNetV2"])
def test_zeros_that_one_channel_has_take_nothing_away(name: str) -> None:
    """Fresh weights have exact zeros now and then, and pruned ones many."""
    build = getattr(keras.applications, name)
    model = build(weights=None, include_top=False, input_shape=(224, 224, 3))
    kernels = [w for w in model.weights if "depthwise" in w.path and len(w.shape) == 4]
    assert len(kernels) >= 13
    for kernel in kernels:
        taps = np.ones(kernel.shape, np.float32)
        of_one_channel = taps.reshape(*kernel.shape[:2], -1)[..., 0]
        # A row and a column of taps: rows of outputs along either axis miss them.
        middle = kernel.shape[0] // 2
        of_one_channel[middle] = of_one_channel[:, middle] = 0
        kernel.assign(taps)
    field = rfcore.estimate(model)
    (axis, _) = zip(field.size, field.stride, field.padding, strict=True)
    assert axis == KNOWN[name]
    assert field.exact
    gc.collect()


def test_squeeze_and_excite_is_named() -> None:
    model = keras.applications.MobileNetV3Small(
        weights=None, include_top=False, input_shape=(224, 224, 3)
    )
    field = rfcore.estimate(model)
    assert field.is_global == (True, True)
    assert all("'expanded_conv_squeeze_excite_avg_pool'" in note for note in field.notes)

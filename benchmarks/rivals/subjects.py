"""What is asked about, and the answer that is expected, with where it comes from."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rfcore.testing import CASES

__all__ = ["KERAS", "TF1", "TORCH", "Subject"]

PUBLISHED = Path(__file__).parents[2] / "tests" / "data" / "published.csv"
CHAIN = "chain formula (Araujo et al., Distill 2019)"
HALF = Fraction(1, 2)

Values = tuple[float, ...]


@dataclass(frozen=True)
class Subject:
    """A network, the length of its input's axes, and its field; no size means global."""

    name: str
    pixels: int
    size: Values
    stride: Values
    padding: Values
    source: str
    small: bool = False

    @property
    def enough(self) -> int:
        """Pixels at which a field and its neighbours fit; whole strides keep SAME padding as is."""
        needed = max(self.size, default=0) + 3 * max(self.stride, default=0)
        return max(self.pixels, -(-int(needed) // 32) * 32)


def published(
    name: str, pixels: int, row: str, where: str, feature_map: str | None = None, axes: int = 2
) -> Subject:
    with PUBLISHED.open(newline="") as file:
        (found,) = [
            line
            for line in csv.DictReader(file)
            if (line["network"], line["where"]) == (row, where)
            and feature_map in (None, line["feature_map"])
            and (where != "TF-slim" or line["resolution"] == str(pixels))
        ]
    values = ((float(found[key]),) * axes for key in ("size", "stride", "padding"))
    return Subject(name, pixels, *values, source=found["source"])


def case(name: str, pixels: int, title: str) -> Subject:
    (found,) = [case for case in CASES if case.name == title]
    expected = found.expected
    values = ((float(v),) * 2 for v in (expected.size, expected.stride, expected.padding))
    return Subject(name, pixels, *values, source=found.source)


def by_hand(
    name: str, pixels: int, size: Values, stride: Values, padding: Values, source: str
) -> Subject:
    return Subject(name, pixels, size, stride, padding, source, small=True)


KERAS_ROWS = "keras.applications"
SYMMETRIC = "PyTorch padding"
# 1 + 2 (1 + 2 + 4 + 8), and half of what is added on each side.
DILATED = Subject("dilated stack", 224, (31, 31), (1, 1), (15, 15), CHAIN)
BRANCHES = by_hand("two branches", 64, (7, 7), (1, 1), (3, 3), "the wider of 3 and 7 taps")
TRANSPOSED = by_hand(
    *("transposed", 64, (2, 2), (HALF, HALF), (1, 1)),
    source="output j reads the two inputs around (j + 1) / 2 - 1",
)
VOLUME = by_hand("3-D", 24, (1, 3, 3), (1, 1, 1), (0, 1, 1), "one layer: its own kernel")
GATED = by_hand("squeeze-excite", 64, (), (), (), "the gate holds the mean of all positions")

TORCH = (
    case("VGG-16", 224, "VGG-16"),
    published("ResNet-50", 224, "ResNet-50 v1.5 (stride on the 3x3)", SYMMETRIC),
    # Padding 1 at input strides 1, 2, 2, 4, 4, 8, 8, five times 16, 16 and 32 adds up to 157.
    Subject("MobileNet", 224, (315, 315), (32, 32), (157, 157), CHAIN),
    published("InceptionV3", 299, "InceptionV3", KERAS_ROWS),
    published("DenseNet-121", 224, "DenseNet-121", SYMMETRIC),
    case("U-Net", 224, "U-Net of depth 2, transposed"),
    DILATED,
    published("wav2vec 2.0", 16000, "wav2vec2 feature encoder", "1-D", axes=1),
    by_hand("1-D", 64, (7,), (1,), (3,), f"{CHAIN}: 1 + 2 + 4"),
    by_hand("unequal axes", 64, (3, 5), (2, 1), (0, 0), "one layer: its own kernel and stride"),
    BRANCHES,
    by_hand("functional pooling", 64, (4, 4), (2, 2), (1, 1), f"{CHAIN}: 1 + 2 + 1"),
    TRANSPOSED,
    VOLUME,
    GATED,
)

KERAS = (
    published("VGG-16", 224, "VGG16", KERAS_ROWS),
    published("ResNet-50", 224, "ResNet50", KERAS_ROWS, "conv5_block3_out"),
    published("MobileNet", 224, "MobileNet", KERAS_ROWS),
    published("InceptionV3", 299, "InceptionV3", KERAS_ROWS),
    published("DenseNet-121", 224, "DenseNet-121", SYMMETRIC),
    case("U-Net", 224, "U-Net of depth 2, transposed"),
    DILATED,
    by_hand("1-D", 64, (9,), (2,), (0,), f"{CHAIN}: 5 + 2 2"),
    by_hand("unequal axes", 64, (3, 5), (2, 2), (0, 0), "one layer: its own kernel and stride"),
    BRANCHES,
    TRANSPOSED,
    VOLUME,
    GATED,
)

TF1 = (
    published("VGG-16", 224, "vgg_16", "TF-slim", "vgg_16/pool5"),
    published("ResNet-50", 224, "resnet_v1_50", "TF-slim", "resnet_v1_50/block4"),
    published("InceptionV3", 224, "inception_v3", "TF-slim", "Mixed_7c"),
    *(subject for subject in KERAS if subject.name in ("U-Net", "dilated stack", "unequal axes")),
    *(BRANCHES, TRANSPOSED, GATED),
)

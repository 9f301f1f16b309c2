"""Published fields, of plain functions by their name scopes and of a Flax ResNet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rfcore
from jax_dependence import traced
from jax_networks import (
    ResNet50,
    alexnet_v2,
    masked_layers,
    resnet_v1_50,
    vgg_16,
    wav2vec2,
)

NETWORKS = {"alexnet_v2": alexnet_v2, "vgg_16": vgg_16, "resnet_v1_50": resnet_v1_50}
TABLE = Path(__file__).parents[3] / "tests" / "data" / "published.csv"


def rows() -> Iterator[Any]:
    with TABLE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["network"] in NETWORKS and row["resolution"] == "224":
                yield pytest.param(row, id=row["feature_map"])


@pytest.mark.parametrize("row", list(rows()))
def test_published_feature_map(row: dict[str, str]) -> None:
    field = rfcore.estimate(
        NETWORKS[row["network"]],
        backend="jax",
        input_shape=(224, 224, 3),
        output=row["feature_map"],
    )
    assert field.exact
    assert field.size == (int(row["size"]),) * 2
    assert field.stride == (int(row["stride"]),) * 2
    assert field.padding == (int(row["padding"]),) * 2


def test_resnet50_with_padding_on_both_sides() -> None:
    # 1 + 6 + 2·2, then 2 J per unit, J = 4, 8, 16, 32, where a striding unit still has the old J.
    names = ["stage1_2", "stage2_3", "stage3_5", "stage4_2"]
    fields = rfcore.estimate(ResNet50(), input_shape=(224, 224, 3), output=names)
    sizes = {name: field.size[0] for name, field in fields.items()}
    assert sizes == {"stage1_2": 35, "stage2_3": 91, "stage3_5": 267, "stage4_2": 427}
    assert fields["stage4_2"].stride == (32, 32)
    assert fields["stage4_2"].padding == (213, 213)


def test_wav2vec2_feature_encoder() -> None:
    field = rfcore.estimate(wav2vec2, backend="jax", input_shape=(16000, 1))
    assert (field.size, field.stride, field.padding) == ((400,), (320,), (0,))


def test_pixelcnn_sees_a_growing_triangle() -> None:
    seen = []
    for layers in range(1, 7):
        side = 2 * layers + 1
        found = traced(lambda x, n=layers: masked_layers(x, n), (1, side, side, 1))
        seen.append(int(np.count_nonzero(found.matrix[side * layers + layers])))
    assert seen == [4, 11, 21, 34, 50, 69]

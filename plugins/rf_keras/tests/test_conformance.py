"""The Keras backend under the suite that every backend runs, on whatever Keras runs on."""

from __future__ import annotations

from typing import Any

import keras

from keras_neutral import network
from keras_snapshots import state
from rfcore.testing import BackendConformance, Case
from rfcore.testing.laws.subject import of_cases

# What runs is another backend's, whose own suite verifies them all: one of each kind here.
VERIFIED = {
    *("strided convolution", "max pooling", "cropping", "transposed convolution"),
    *(
        "linear upsampling",
        "three dimensions",
        "two same-padded paths at 9",
        "gated by a neighbour",
    ),
    *("causal convolution with stride", "squeeze and excite", "a field larger than the input"),
}


class TestConformance(BackendConformance):
    backend = "keras"
    channels = "last"
    examples = 10

    @of_cases(lambda _, case: case.name in VERIFIED)
    def test_field_is_verified(self, case: Case) -> None:
        super().test_field_is_verified(case)

    def build(self, case: Case) -> keras.Model:
        return network(case, self.channels)

    def address(self, layer: str) -> str:
        return layer.replace(".", "_")

    def snapshot(self, model: keras.Model) -> Any:
        return state(model)

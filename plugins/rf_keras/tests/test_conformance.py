"""The Keras backend under the suite that every backend runs, on whatever Keras runs on."""

from __future__ import annotations

from typing import Any

import keras

from keras_neutral import network
from keras_snapshots import state
from rfcore.testing import BackendConformance, Case


class TestConformance(BackendConformance):
    backend = "keras"
    channels = "last"
    examples = 10

    def build(self, case: Case) -> keras.Model:
        return network(case, self.channels)

    def address(self, layer: str) -> str:
        return layer.replace(".", "_")

    def snapshot(self, model: keras.Model) -> Any:
        return state(model)

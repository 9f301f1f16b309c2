"""The TensorFlow backend under the suite that every backend runs."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from rfcore.testing import BackendConformance, Case
from tf_neutral import network
from tf_snapshots import process_state, state


class TestConformance(BackendConformance):
    backend = "tf"
    channels = "last"
    examples = 15

    def build(self, case: Case) -> tf.Module:
        return network(case, self.channels)

    def snapshot(self, model: tf.Module) -> Any:
        return state(model), process_state()


class TestChannelsFirst(TestConformance):
    channels = "first"
    names_layout = True
    examples = 5
    # What runs is the same session for both.
    test_field_is_verified = None

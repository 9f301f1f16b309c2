"""From whatever the user holds to an opened model."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from rf_tf.concrete import ConcreteSource
from rf_tf.functions import source_of_callable
from rf_tf.kinds import is_concrete_function
from rf_tf.sources import Source

__all__ = ["opened"]


def opened(model: Any) -> Source:
    """Opens a model by the door that its kind has.

    Raises:
        RfcoreError: One of its kinds, where the model cannot be opened.
    """
    with tf.init_scope():
        if is_concrete_function(model):
            return ConcreteSource(model)
        return source_of_callable(model)

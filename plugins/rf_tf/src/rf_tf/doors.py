"""From whatever the user holds to an opened model."""

from __future__ import annotations

from typing import Any

from rf_tf.concrete import ConcreteSource
from rf_tf.functions import source_of_callable
from rf_tf.graphs import GraphSource
from rf_tf.keras2 import is_keras_2, source_of_keras_2
from rf_tf.kinds import is_concrete_function, is_graph, is_loaded, is_path, is_restored_function
from rf_tf.saved import loaded, source_of_loaded, source_of_restored
from rf_tf.shield import eagerly, modules_kept, random_numbers_kept
from rf_tf.sources import Source

__all__ = ["opened"]


def opened(model: Any) -> Source:
    """Opens a model by the door that its kind has.

    Raises:
        RfcoreError: One of its kinds, where the model cannot be opened.
    """
    if is_graph(model):
        return GraphSource(model)
    with eagerly(), random_numbers_kept(), modules_kept(model):
        if is_path(model):
            return source_of_loaded(loaded(model), str(model))
        if is_concrete_function(model):
            return ConcreteSource(model)
        if is_restored_function(model):
            return source_of_restored(model)
        if is_loaded(model):
            return source_of_loaded(model)
        if is_keras_2(model):
            return source_of_keras_2(model)
        return source_of_callable(model)

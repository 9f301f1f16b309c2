"""Everything about a module, and about the process, that an estimate has to leave as it was."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["process_state", "state"]


def state(model: tf.Module) -> dict[str, Any]:
    """The module's attributes by identity, and the values of its variables."""
    return {
        "attributes": {name: id(value) for name, value in vars(model).items()},
        "variables": [(v.name, v.dtype, v.numpy().tobytes()) for v in model.variables],
        "trainable": [id(v) for v in model.trainable_variables],
    }


def process_state() -> dict[str, Any]:
    """Generators, modes and settings of python, numpy and TensorFlow."""
    generator = np.random.get_state(legacy=False)
    assert isinstance(generator, dict)
    graph = tf.compat.v1.get_default_graph()
    return {
        "random": random.getstate(),
        "numpy": (generator["state"]["key"].tobytes(), generator["state"]["pos"]),
        "tensorflow seed": tf.compat.v1.get_seed(None),
        "global generator": tf.random.get_global_generator().state.numpy().tobytes(),
        "eager": tf.executing_eagerly(),
        "functions run eagerly": tf.config.functions_run_eagerly(),
        "default graph": len(graph.as_graph_def().node),
        "soft placement": tf.config.get_soft_device_placement(),
        "optimizer": str(tf.config.optimizer.get_experimental_options()),
        "default session": tf.compat.v1.get_default_session(),
    }

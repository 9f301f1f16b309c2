"""The JAX backend under the suite that every backend runs, by two of its libraries."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from flax import nnx

from jax_neutral import network
from rfcore.testing import BackendConformance, Case


def weights(tree: Any) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree_util.tree_leaves(tree)]


class TestConformance(BackendConformance):
    """Flax NNX, channels last."""

    backend = "jax"
    channels = "last"
    examples = 20

    def build(self, case: Case) -> Any:
        return network(case)

    def snapshot(self, model: Any) -> Any:
        graph, state = nnx.split(model)
        classes = {
            type(module) for _, module in nnx.iter_graph(model) if isinstance(module, nnx.Module)
        }
        calls = {cls.__name__: cls.__call__ for cls in classes}
        return str(graph), weights(state), calls, jax.config.values["jax_enable_x64"]


class TestChannelsFirst(BackendConformance):
    """Equinox, channels first and no batch."""

    backend = "jax"
    channels = "first"
    examples = 5
    # Gradients and forwards go the same way for every kind of model.
    test_gradient_is_contained = None
    test_field_is_verified = None

    def build(self, case: Case) -> Any:
        return network(case, "first")

    def address(self, layer: str) -> str:
        """Layers are in dicts, paths in lists."""
        steps = layer.split(".")
        return ".".join(
            f"paths.{step}" if i % 2 else f"layers.{step}" for i, step in enumerate(steps)
        )

    def snapshot(self, model: Any) -> Any:
        return weights(model), str(jax.tree_util.tree_structure(model))

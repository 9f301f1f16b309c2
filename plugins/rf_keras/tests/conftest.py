"""Which backend Keras runs on is fixed when it is imported: KERAS_BACKEND, or PyTorch here."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

os.environ.setdefault("KERAS_BACKEND", "torch")
# Gradients and what is drawn at random are compiled on JAX, which takes longer than they do.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

GENERATOR = np.random.default_rng(0)
DRAWING = ("VarianceScaling", "RandomNormal", "TruncatedNormal")


@pytest.fixture(scope="session", autouse=True)
def drawn_by_numpy() -> Iterator[None]:
    """Fresh weights by numpy: JAX compiles anew for each of their shapes, for seconds per model."""
    import keras

    def drawn(
        self: Any, shape: Sequence[int], dtype: object = None, **options: object
    ) -> NDArray[np.float32]:
        bound = math.sqrt(3 / max(1, math.prod(shape[:-1])))
        return GENERATOR.uniform(-bound, bound, shape).astype(np.float32)

    with pytest.MonkeyPatch.context() as patch:
        for name in DRAWING:
            patch.setattr(getattr(keras.initializers, name), "__call__", drawn)
        yield

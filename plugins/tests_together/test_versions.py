"""A framework that is too old for its plugin is said to be, with both versions."""

from __future__ import annotations

import importlib
from importlib.metadata import version

import pytest

import rfcore
from rfcore.errors import FrameworkVersionError


def keras_model() -> object:
    import keras

    return keras.Sequential([keras.Input((16, 1)), keras.layers.Conv1D(1, 3)])


@pytest.mark.parametrize(
    ("backend", "distribution"),
    [("torch", "torch"), ("jax", "jax"), ("tf", "tensorflow"), ("keras", "keras")],
)
@pytest.mark.parametrize("method", ["exact", "gradient"])
def test_both_versions_are_named(
    backend: str, distribution: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module(f"rf_{backend}.backend"), "OLDEST", "999.1")
    model = keras_model() if backend == "keras" else abs
    with pytest.raises(FrameworkVersionError) as caught:
        rfcore.estimate(model, backend=backend, input_shape=(16, 1), method=method)
    assert caught.value.oldest == "999.1"
    assert caught.value.found == version(distribution)
    assert f'pip install "{distribution}>=999.1"' in caught.value.hint

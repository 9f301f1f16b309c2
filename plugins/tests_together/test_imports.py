"""Who imports what, in fresh interpreters with every framework and plugin installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rfcore

FRAMEWORKS = (
    "torch",
    "jax",
    "flax",
    "haiku",
    "equinox",
    "tensorflow",
    "keras",
    "tf_keras",
    "autograd",
    "transformers",
    "pytest",
    "hypothesis",
)
LOADED = f"""
import sys
def loaded():
    return sorted(set({FRAMEWORKS!r}) & sys.modules.keys())
"""
COMMAND = """
import runpy
sys.argv = ["rfcore", {argument!r}]
try:
    runpy.run_module("rfcore", run_name="__main__")
except SystemExit as done:
    assert not done.code
"""
# What each makes is measured both ways; the last line says what that imported.
MODELS = {
    "torch": "import torch; model = torch.nn.Conv1d(1, 1, 3); shape = (1, 20)",
    "jax": "import jax; model = lambda x: x[:, 2:] + x[:, :-2]; shape = (20, 1)",
    "tf": "import tensorflow as tf; model = tf.function(lambda x: x[:, 2:] + x[:, :-2]); "
    "shape = (20, 1)",
    "keras": "import keras; image = keras.Input((20, 1)); "
    "model = keras.Model(image, keras.layers.Conv1D(1, 3)(image)); shape = (20, 1)",
}
ESTIMATE = """
before = loaded()
import rfcore
for method in ("exact", "gradient"):
    field = rfcore.estimate(model, backend={backend!r}, input_shape=shape, method=method)
    assert field.size == (3,), field
print(sorted(set(loaded()) - set(before)))
"""


def run(code: str, *folders: Path, **env: str) -> str:
    """The last line that a fresh interpreter prints."""
    places = [*map(str, folders), str(Path(rfcore.__file__).parents[1])]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(places)} | env
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADED + code],
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_every_plugin_is_there() -> None:
    assert {"torch", "jax", "tf", "keras"} <= {info.name for info in rfcore.backends()}


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import rfcore", id="import"),
        pytest.param("import rfcore; rfcore.backends()", id="backends"),
        pytest.param("import rf_torch, rf_jax, rf_tf, rf_keras", id="plugins"),
        pytest.param("import rfcore; rfcore.estimate('conv 3')", id="every backend is asked"),
        pytest.param(COMMAND.format(argument="--help"), id="rfcore --help"),
        pytest.param(COMMAND.format(argument="backends"), id="rfcore backends"),
    ],
)
def test_no_framework_is_imported(code: str) -> None:
    assert run(f"{code}\nprint(loaded())") == "[]"


@pytest.mark.parametrize("backend", ["torch", "jax", "tf"])
def test_a_plugin_imports_its_own_framework_only(backend: str) -> None:
    assert run(MODELS[backend] + ESTIMATE.format(backend=backend)) == "[]"


@pytest.mark.parametrize("beneath", ["tensorflow", "jax", "torch"])
def test_keras_imports_the_framework_it_runs_on_only(beneath: str) -> None:
    found = run(MODELS["keras"] + ESTIMATE.format(backend="keras"), KERAS_BACKEND=beneath)
    assert found == "[]"


def test_the_check_sees_a_plugin_that_imports_too_much(tmp_path: Path) -> None:
    (tmp_path / "greedy.py").write_text("import hypothesis\n")
    info = tmp_path / "greedy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greedy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rfcore]\ngreedy = greedy\n")
    assert run("import rfcore; rfcore.backends(); print(loaded())", tmp_path) == "['hypothesis']"


def test_the_check_sees_what_an_estimate_imports() -> None:
    code = MODELS["torch"].replace("model =", "model = (lambda f: (lambda x: seen() or f(x)))(")
    code = code.replace("; shape", "); shape") + "\ndef seen(): import hypothesis"
    assert run(code + ESTIMATE.format(backend="torch")) == "['hypothesis']"

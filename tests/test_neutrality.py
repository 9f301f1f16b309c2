"""The core imports no framework: checked in a fresh interpreter, and so is the check."""

import os
import subprocess
import sys
from pathlib import Path

import rfcore

FRAMEWORKS = (
    *("torch", "jax", "flax", "tensorflow", "keras", "matplotlib", "typer", "rich"),
    *("pytest", "hypothesis"),
)
REPORT = f"""
import sys
import rfcore
rfcore.backends()
rfcore.estimate("conv 3, up 2", backend="layers")
print([name for name in {FRAMEWORKS!r} if name in sys.modules])
"""


def run(code, *folders):
    """What a fresh interpreter prints that finds rfcore and the given folders."""
    places = [*map(str, folders), str(Path(rfcore.__file__).parents[1])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_core_imports_no_framework():
    assert run(REPORT) == "[]"


def test_the_check_sees_a_framework_that_is_imported(tmp_path):
    (tmp_path / "torch.py").touch()
    assert run("import torch\n" + REPORT, tmp_path) == "['torch']"


def test_the_check_sees_what_a_plugin_imports(tmp_path):
    (tmp_path / "tensorflow.py").touch()
    (tmp_path / "greedy.py").write_text("import tensorflow\n")
    info = tmp_path / "greedy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greedy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rfcore]\ngreedy = greedy\n")
    assert run(REPORT, tmp_path) == "['tensorflow']"

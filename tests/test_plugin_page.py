"""The page for authors of plugins: its excerpts are the example's code, and the rest runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rfcore

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = [
    tuple(block.split("\n", 1))
    for block in re.findall(r"^```(?:python|toml)\n# (.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]
FILES = {path: code for path, code in BLOCKS if not path.startswith("examples/")}
EXCERPTS = [(path, code) for path, code in BLOCKS if path.startswith("examples/")]


def test_every_block_of_code_says_which_file_it_is():
    assert len(BLOCKS) == PAGE.count("\n```python\n") + PAGE.count("\n```toml\n") == 9


@pytest.mark.parametrize(("path", "code"), EXCERPTS, ids=range(len(EXCERPTS)))
def test_excerpts_are_the_code_of_the_example(path, code):
    assert code in (ROOT / path).read_text(encoding="utf-8")


def test_the_example_is_as_short_as_the_page_says():
    (lines,) = re.findall(r"module of (\d+) lines", PAGE)
    source = ROOT / "examples" / "rf_autograd" / "src" / "rf_autograd" / "__init__.py"
    assert len(source.read_text(encoding="utf-8").splitlines()) == int(lines) <= 100


@pytest.fixture
def run(tmp_path):
    """Runs Python where the page's framework and plugin are installed."""
    for path, code in FILES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")
    (group, entry) = re.findall(
        r"^\[project\.entry-points\.(.*)\]\n(.*)$", FILES["pyproject.toml"], re.MULTILINE
    )[0]
    info = tmp_path / "src" / "rf_chains-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rf-chains\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{entry.replace(chr(34), '')}\n")
    places = [str(tmp_path / "src"), str(Path(rfcore.__file__).parents[1])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(places), "RFCORE_STRICT_PLUGINS": "1"}

    def run(*arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    return run


def test_the_plugin_gives_the_fields_that_the_page_states(run):
    # Each "expression  # value" prints whether they are equal.
    checked = re.sub(r"^(\S.*?)  # (.*)$", r"print(\1 == \2)", FILES["use.py"], flags=re.MULTILINE)
    done = run("-c", checked)
    assert done.stdout.split() == ["True"] * FILES["use.py"].count("  # "), done.stderr


def test_the_plugin_imports_no_framework(run):
    code = "import sys, rfcore; print('chains' in [b.name for b in rfcore.backends()]); "
    done = run("-c", code + "print('chains' in sys.modules)")
    assert done.stdout.split() == ["True", "False"], done.stderr


def test_the_plugin_passes_the_suite_as_the_page_has_it(run):
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    (passed, xfailed) = re.findall(r"^(\d+) passed.* (\d+) xfailed in ", done.stdout, re.MULTILINE)[
        0
    ]
    assert done.returncode == 0
    assert int(passed) > 20
    assert int(xfailed) > 50

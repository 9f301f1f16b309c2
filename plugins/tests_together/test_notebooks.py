"""The notebooks run in a kernel of their own, and show what the comments in their cells say."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from promised_values import promise

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("examples/notebooks/*.ipynb"))


def shown(cell: Any, kind: str) -> list[str]:
    """What a cell shows, of one MIME type."""
    return [output["data"][kind] for output in cell.outputs if kind in output.get("data", {})]


def test_there_is_a_notebook_for_each_framework() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["jax", "keras", "pytorch", "tensorflow"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs_and_shows_what_it_says(path: Path) -> None:
    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    values = pictures = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        pictures += len(shown(cell, "image/png"))
        *_, last = cell.source.splitlines()
        expected = promise(last)
        if expected is not None:
            (text,) = shown(cell, "text/plain")
            assert ast.literal_eval(text) == ast.literal_eval(expected), cell.source
            values += 1
    assert values >= 3
    assert pictures >= 2

"""The page about pictures: its code runs and draws the pictures that the page shows."""

import importlib.util
import re
import runpy
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from matplotlib.testing.compare import compare_images

DOCS = Path(__file__).parent.parent / "docs"
DRAW = runpy.run_path(str(DOCS / "draw.py"))
TEXT = DRAW["PAGE"].read_text(encoding="utf-8")
BLOCKS = DRAW["blocks"]()
SHOWN = re.findall(r"\]\(pictures/(\S+)\)", TEXT)
# The first that needs a framework.
MEASURED = next(number for number, block in enumerate(BLOCKS) if "import torch" in block)
# Fonts are drawn a little differently by each release of FreeType. Other data, or another box, make
# 9 and more.
TOLERANCE = 8


def drawn_again(code, folder):
    """The pictures that code draws, each held against the one of the page."""
    DRAW["run"](code, folder)
    found = sorted(path.name for path in (folder / "pictures").iterdir())
    problems = [
        compare_images(str(DOCS / "pictures" / name), str(folder / "pictures" / name), TOLERANCE)
        for name in found
    ]
    assert problems == [None] * len(found)
    return found


def test_the_code_draws_the_pictures_of_exact_fields(tmp_path):
    assert drawn_again(BLOCKS[:MEASURED], tmp_path) == sorted(SHOWN[:MEASURED])


@pytest.mark.skipif(importlib.util.find_spec("rf_torch") is None, reason="it measures with PyTorch")
def test_the_code_draws_all_pictures(tmp_path):
    assert drawn_again(BLOCKS, tmp_path) == sorted(SHOWN)


def test_the_page_shows_all_pictures_that_there_are():
    assert sorted(path.name for path in (DOCS / "pictures").iterdir()) == sorted(SHOWN)


def test_the_functions_of_the_page_are_those_of_the_package():
    import rfcore.plot

    named = set(re.findall(r"plot\.(\w+)\(", TEXT))
    table = set(re.findall(r"`(\w+)`", TEXT.split("## ")[0]))
    assert named <= set(rfcore.plot.__all__)
    assert set(rfcore.plot.__all__) - {"sample_image", "checkerboard", "read_image"} <= table

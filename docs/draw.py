"""Draws the pictures of plots.md anew, with the code of that page: `python docs/draw.py`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "plots.md"


def blocks() -> list[str]:
    """The page's Python, in order."""
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def run(code: list[str], folder: Path) -> dict[str, Any]:
    """Runs blocks one after the other, in a folder where their pictures go to `pictures/`."""
    (folder / "pictures").mkdir(exist_ok=True)
    names: dict[str, Any] = {}
    before = Path.cwd()
    os.chdir(folder)
    try:
        for block in code:
            exec(block, names)
    finally:
        os.chdir(before)
    return names


if __name__ == "__main__":
    run(blocks(), PAGE.parent)

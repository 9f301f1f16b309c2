"""The examples in docstrings and in the README run and say what they claim."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import rfcore

MODULES = [
    info.name
    for info in pkgutil.walk_packages(rfcore.__path__, "rfcore.")
    if not info.name.startswith(("rfcore.cli", "rfcore.plot", "rfcore.__main__"))
]
README = Path(__file__).parent.parent / "README.md"


def test_the_examples_are_found() -> None:
    assert "rfcore.fit" in MODULES
    assert doctest.DocTestFinder().find(rfcore.fit)[0].examples


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_probe_of_the_readme_gives_the_field_it_states() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "rfcore.fit" in block]
    code, _, promise = block.partition("rfcore.fit")
    names: dict[str, object] = {}
    exec(code, names)
    field = eval("rfcore.fit" + promise.partition("#")[0].strip(), names)
    size, stride, padding = map(int, re.findall(r"(?:size|stride|padding) (\d+)", promise))
    assert (field.size, field.stride, field.padding) == ((size,), (stride,), (padding,))

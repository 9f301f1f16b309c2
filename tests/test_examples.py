"""The examples in docstrings run and say what they claim."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import rfcore
from rfcore import custom

MODULES = [
    info.name
    for info in pkgutil.walk_packages(rfcore.__path__, "rfcore.")
    if not info.name.startswith(("rfcore.cli", "rfcore.plot", "rfcore.__main__"))
]


def test_the_examples_are_found() -> None:
    assert "rfcore.fit" in MODULES
    assert doctest.DocTestFinder().find(rfcore.fit)[0].examples


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What an example registers is gone after it.
    monkeypatch.setattr(custom, "_RULES", {})
    assert doctest.testmod(importlib.import_module(name)).failed == 0

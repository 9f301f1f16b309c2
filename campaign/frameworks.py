"""How the campaign writes a neutral network in each framework, by the builders of the tests."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rfcore.testing import Case

PLUGINS = Path(__file__).resolve().parent.parent / "plugins"
# Backend: its framework, the module that writes neutral networks in it, where channels are.
FRAMEWORKS = {
    "torch": ("torch", "networks.neutral", "first"),
    "jax": ("jax", "jax_neutral", "last"),
    "tf": ("tensorflow", "tf_neutral", "last"),
    "keras": ("keras", "keras_neutral", "last"),
}


def find_builders() -> None:
    """Makes the helper modules beside the plugins' tests importable."""
    for backend in FRAMEWORKS:
        folder = str(PLUGINS / f"rf_{backend}" / "tests")
        if folder not in sys.path:
            sys.path.insert(0, folder)


def installed(wanted: Sequence[str] = ()) -> list[str]:
    """The backends whose framework is there, or those of them that are wanted."""
    return [
        name
        for name, (module, *_) in FRAMEWORKS.items()
        if importlib.util.find_spec(module) and (not wanted or name in wanted)
    ]


def model(backend: str, case: Case) -> Any:
    """The network of a case in the framework of a backend; it may say that it is `Unbuildable`."""
    return importlib.import_module(FRAMEWORKS[backend][1]).network(case)


def input_shape(backend: str, case: Case) -> tuple[int, ...]:
    """The shape of the input as the framework has it, without the batch."""
    first = FRAMEWORKS[backend][2] == "first"
    return (case.channels, *case.input_shape) if first else (*case.input_shape, case.channels)


def forget(backends: Sequence[str]) -> None:
    """Empties the caches in which frameworks keep what they compiled for earlier networks."""
    if "jax" in backends:
        importlib.import_module("jax").clear_caches()
    if "keras" in backends:
        importlib.import_module("keras").backend.clear_session()

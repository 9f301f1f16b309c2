"""The same networks in every framework, in one process: equal fields, each claimed by its own."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

import rfcore
from rfcore.plugins import find_backend
from rfcore.testing import CASES, Case

# Backend: its framework, the module that writes neutral networks in it, where channels are.
FRAMEWORKS = {
    "torch": ("torch", "networks.neutral", "first"),
    "jax": ("jax", "jax_neutral", "last"),
    "tf": ("tensorflow", "tf_neutral", "last"),
    "keras": ("keras", "keras_neutral", "last"),
}
# One of each kind; the conformance suites compare every case with the same layers written out.
CHOSEN = (
    "stem of a ResNet",
    "transposed convolution in two dimensions",
    "linear upsampling",
    "unequal axes",
    "three dimensions",
    "same padding at 224",
    "same padding at 225",
    "same padding, a field larger than the input, at 30",
    "two paths twice",
    "parallel dilations",
    "temporal convolutions, a field larger than the input",
    "dilations 1, 2, 9",
    "U-Net of depth 3, nearest",
    "squeeze and excite",
    "squeeze and excite, ignored",
    "AlexNet",
    "wav2vec 2.0",
    "a field larger than the input",
)
NETWORKS = {case.name: case for case in CASES if case.name in CHOSEN}


def installed() -> list[str]:
    """The backends whose framework is there."""
    names = [name for name, (module, *_) in FRAMEWORKS.items() if importlib.util.find_spec(module)]
    if len(names) < 2:
        pytest.skip("there are fewer than two frameworks to compare")
    return names


def model(backend: str, case: Case) -> Any:
    return importlib.import_module(FRAMEWORKS[backend][1]).network(case)


def input_shape(backend: str, case: Case) -> tuple[int, ...]:
    first = FRAMEWORKS[backend][2] == "first"
    return (case.channels, *case.input_shape) if first else (*case.input_shape, case.channels)


def test_every_chosen_network_exists() -> None:
    assert NETWORKS.keys() == set(CHOSEN)


@pytest.mark.parametrize("case", NETWORKS.values(), ids=str)
def test_frameworks_agree_to_the_last_number(case: Case) -> None:
    fields = {
        backend: rfcore.estimate(
            model(backend, case),
            backend=backend,
            input_shape=input_shape(backend, case),
            global_paths=case.global_paths,
        )
        for backend in installed()
    }
    first, *others = fields
    for other in others:
        assert fields[other] == fields[first], f"{other} against {first}"
        # Equal as values means equal in every number that is written down, too.
        written = [fields[name].to_dict() | {"notes": []} for name in (first, other)]
        assert written[0] == written[1]
    assert len(set(fields.values())) == 1


def test_each_model_is_claimed_by_its_own_backend() -> None:
    case = NETWORKS["unequal axes"]
    claims = {backend: find_backend(model(backend, case), None).name for backend in installed()}
    assert claims == {backend: backend for backend in claims}

"""What autograd alone can get wrong, and what the package promises its users."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import autograd.numpy as anp
import pytest

import rf_autograd
import rfcore
from rfcore.errors import (
    BackendCapabilityError,
    IndependentOutputError,
    NoBackendError,
    NoSpatialAxesError,
    OptionError,
)

README = Path(__file__).parent.parent / "README.md"


@rf_autograd.network
def smooth(x):
    return x[..., :-2] + x[..., 1:-1] + x[..., 2:]


def estimate(model, **options):
    return rfcore.estimate(model, **{"input_shape": (1, 60), "method": "gradient"} | options)


def test_the_example_of_the_readme_gives_the_size_it_states():
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    code, _, promise = block.rpartition("\nrfcore.estimate")
    names = {}
    exec(code, names)
    expression, _, size = f"rfcore.estimate{promise}".partition("#")
    assert eval(expression, names) == eval(size)


def test_importing_the_plugin_imports_no_autograd():
    code = "import sys, rf_autograd, rfcore; rfcore.backends(); print('autograd' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_plain_function_is_nobodys_until_it_is_marked():
    with pytest.raises(NoBackendError):
        estimate(smooth.function)
    assert estimate(smooth).size == (3,)


def test_the_exact_method_is_refused_with_the_way_out():
    with pytest.raises(BackendCapabilityError, match='method="gradient"'):
        estimate(smooth, method="exact")


def test_there_is_one_input():
    assert estimate(smooth, input=0).size == (3,)
    with pytest.raises(OptionError, match="input='mask' is not known"):
        estimate(smooth, input="mask")


def test_an_output_of_fewer_axes_is_refused():
    with pytest.raises(NoSpatialAxesError, match=r"the model has shape \(1, 1\)"):
        estimate(rf_autograd.network(lambda x: anp.mean(x, axis=-1)))


@pytest.mark.filterwarnings("ignore:Output seems independent of input")
def test_an_output_that_does_not_depend_on_the_input_is_refused():
    with pytest.raises(IndependentOutputError):
        estimate(rf_autograd.network(lambda x: anp.ones(x.shape)))

"""A small part of the campaign of random networks, the same at every run."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "campaign" / "fuzz.py"
FRAMEWORKS = ("torch", "jax", "tensorflow", "keras")


def test_random_networks_have_one_field_in_every_framework():
    if sum(importlib.util.find_spec(name) is not None for name in FRAMEWORKS) < 2:
        pytest.skip("there are fewer than two frameworks to compare")
    drawn = ("--count", "30", "--seed", "7", "--processes", "1", "--keras", "jax")
    command = [sys.executable, str(FUZZ), *drawn, "--verify-every", "10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (closing,) = re.findall(
        r"^(\d+) networks, (\d+) in frameworks, (\d+) mismatches", done.stdout, re.M
    )
    networks, in_frameworks, mismatches = map(int, closing)
    # What is drawn again is not asked again.
    assert 20 < networks <= 30
    assert mismatches == 0
    assert in_frameworks >= 2 * networks

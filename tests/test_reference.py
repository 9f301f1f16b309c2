"""The reference in docs/ names everything that is public."""

import re
from pathlib import Path

import rfcore

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
TEXT = {page.stem: page.read_text("utf-8") for page in REFERENCE.glob("*.md")}
# Their names are taken from __all__ when the pages are built.
MODULES = ("errors", "hookspecs", "inputs", "graph", "layers", "plot", "testing")


def test_every_name_of_rfcore_has_its_place():
    described = set(re.findall(r"^\.\. auto\w+:: (?:rfcore\.\w+\.)?(\w+)$", TEXT["rfcore"], re.M))
    # These are on other pages, which the text names.
    elsewhere = {
        "Backend",
        "GradientFieldWarning",
        "MeasurementInterrupted",
        "RfcoreError",
        "hookimpl",
    }
    assert set(rfcore.__all__) <= described | elsewhere
    assert all(f"`{name}`" in TEXT["rfcore"] for name in elsewhere)


def test_every_public_module_has_its_page():
    taken = re.findall(r"^\.\. automodule:: rfcore\.(\w+)$", "\n".join(TEXT.values()), re.M)
    assert set(MODULES) <= set(taken)

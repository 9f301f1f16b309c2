"""The built-in backend under the suite that every backend runs."""

from typing import ClassVar

from rfcore.testing import BackendConformance


class TestConformance(BackendConformance):
    """Fields against known values; tests/test_layer_laws.py checks the rest."""

    backend = "layers"
    channels = "none"
    differentiates = False
    runs = False
    examples = 2
    cannot: ClassVar = {
        "missing_input_shape": "layers of plain ints fit any number of axes, and one is taken"
    }

    def build(self, case):
        return case.layers

    def snapshot(self, model):
        return repr(model)

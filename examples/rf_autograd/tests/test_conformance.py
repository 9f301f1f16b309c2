"""The example backend under the suite that every backend of rfcore runs."""

from __future__ import annotations

import inspect

from autograd_neutral import network

from rf_autograd import Network
from rfcore.testing import BackendConformance, Case


class TestConformance(BackendConformance):
    backend = "autograd"
    traces = False
    runs = False

    def build(self, case: Case) -> Network:
        return network(case)

    def snapshot(self, model: Network) -> dict[str, bytes]:
        weights = inspect.getclosurevars(model.function).nonlocals["weights"]
        return {name: kernel.tobytes() for name, kernel in weights.kernels.items()}

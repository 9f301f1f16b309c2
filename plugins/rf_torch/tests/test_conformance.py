"""The torch backend under the suite that every backend runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from networks.neutral import network
from rfcore.testing import BackendConformance, Case
from snapshots import state


class TestConformance(BackendConformance):
    backend = "torch"
    examples = 20

    def build(self, case: Case) -> nn.Module:
        return network(case)

    def snapshot(self, model: nn.Module) -> Any:
        return state(model), torch.get_rng_state().numpy().tobytes(), torch.is_grad_enabled()

"""The torch backend under the suite that every backend runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

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


class ChannelsLast(nn.Module):
    """A network between two transpositions, as in models that were ported from elsewhere."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.movedim(-1, 1)).movedim(1, -1)


class TestChannelsLast(TestConformance):
    channels = "last"
    names_layout = True
    examples = 5
    # The forward knows nothing of layouts; wrong fields are caught in this one too.
    test_field_is_verified = None

    def build(self, case: Case) -> nn.Module:
        return ChannelsLast(super().build(case)).eval()

    def address(self, layer: str) -> str:
        return f"net.{layer}"

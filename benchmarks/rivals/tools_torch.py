"""How each tool for PyTorch is asked, and what the framework itself takes at the least.

Every function takes a network's name and the length of its input's axes, loads what can be loaded
beforehand, and returns the action that is timed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch_networks

Answer = dict[str, list[float]]
Action = Callable[[], Answer | None]


def loaded(network: str, pixels: int) -> tuple[torch.nn.Module, tuple[int, ...]]:
    channels, axes = torch_networks.channels_and_axes(network)
    return torch_networks.build(network), (channels, *axes * (pixels,))


def rfcore(network: str, pixels: int) -> Action:
    from rfcore_answer import estimated

    return estimated(*loaded(network, pixels))


def own_trace(network: str, pixels: int) -> Action:
    """The propagation of shapes on fake tensors: the least that any trace costs."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    model, shape = loaded(network, pixels)

    def action() -> None:
        with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
            model(torch.empty(1, *shape))

    return action


def forward(network: str, pixels: int) -> Action:
    model, shape = loaded(network, pixels)

    def action() -> None:
        with torch.no_grad():
            model(torch.zeros(1, *shape))

    return action


def forward_and_backward(network: str, pixels: int) -> Action:
    model, shape = loaded(network, pixels)

    def action() -> None:
        model(torch.zeros(1, *shape, requires_grad=True)).sum().backward()

    return action


def torchscan_01(network: str, pixels: int) -> Action:
    """Release 0.1: the last layer's row has the field of the chain of all layers called."""
    from torchscan import crawl_module

    model, shape = loaded(network, pixels)

    def action() -> Answer:
        last = crawl_module(model, shape)["layers"][-1]
        return {"size": [last["rf"]], "stride": [last["s"]], "padding": [last["p"]]}

    return action


def torchscan_02(network: str, pixels: int) -> Action:
    """Release 0.2: the last row of the column "Receptive field"."""
    from torchscan import crawl_module

    model, shape = loaded(network, pixels)

    def action() -> Answer:
        last = crawl_module(model, shape)["layers"][-1]["metrics"]
        names = {"size": "receptive_field", "stride": "effective_stride"}
        names["padding"] = "effective_padding"
        return {key: [last[name]["value"]] for key, name in names.items()}

    return action


def rf_calc(network: str, pixels: int) -> Action:
    from rf_calc import receptive_field

    model, _ = loaded(network, pixels)

    def action() -> Answer:
        table = receptive_field(model, pixels)
        return {"size": [int(n) for n in table["Receptive_field"].iloc[-1].split("*")]}

    return action


def receptive_field_calculation(network: str, pixels: int) -> Action:
    from rf_calc import search_rf

    model, shape = loaded(network, pixels)

    def action() -> Answer:
        found = search_rf(model, shape)
        if found is None:
            raise LookupError("it prints: Can not find rf!")
        return {"size": [int(found)]}

    return action


def receptivefield(network: str, pixels: int) -> Action:
    return _receptivefield(torch_networks.build(network), network, pixels)


def receptivefield_linear(network: str, pixels: int) -> Action:
    model = torch_networks.linearized(torch_networks.build(network))
    return _receptivefield(model, network, pixels)


def _receptivefield(model: torch.nn.Module, network: str, pixels: int) -> Action:
    from receptivefield.pytorch import PytorchReceptiveField
    from receptivefield.types import ImageShape

    channels, _ = torch_networks.channels_and_axes(network)

    class WithFeatureMaps(torch.nn.Module):
        """The list of feature maps that the tool looks for."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.model(x)
            self.feature_maps = [x]
            return x

    def action() -> Answer:
        shape = ImageShape(pixels, pixels, channels)
        (found,) = PytorchReceptiveField(lambda: WithFeatureMaps().eval()).compute(shape)
        # By its names width comes first.
        told = {"size": found.rf.size, "stride": found.rf.stride, "offset": found.rf.offset}
        return {key: [float(value) for value in values[::-1]] for key, values in told.items()}

    return action

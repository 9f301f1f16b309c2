"""Certificates of torch models: real networks, and what only torch's forward can get wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import rfcore
from networks.causal import TCN
from networks.dense import DenseNet121
from networks.from_transformers import transformers_segformer
from networks.pixelcnn import InPlaceMaskedConv2d, PixelCNN
from networks.residual import resnet18
from networks.sequence import SpliceAI10k
from networks.unet import UNet
from rf_torch.backend import TorchBackend
from rf_torch.forward import plain_kernels
from rfcore import Certificate, ReceptiveField
from rfcore.errors import FieldMismatchError, ModelError, UnknownLayerError
from snapshots import process_state, state

IMAGE = (3, 224, 224)
Build = Callable[[], nn.Module]


def certified(
    model: nn.Module, input_shape: tuple[int, ...], output: str | None = None, **options: Any
) -> Certificate:
    field = rfcore.estimate(model, input_shape=input_shape, output=output)
    return field.verify(model, input_shape=input_shape, output=output, **options)


def convolution(**options: Any) -> nn.Conv2d:
    return nn.Conv2d(3, 3, 3, padding=1, **options)


class Function(nn.Module):
    """A function of the input and of modules."""

    def __init__(self, function: Callable[..., Any], *modules: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(modules)

    def forward(self, x: Tensor) -> Any:
        return self.function(x, *self.parts)


# Real networks; those with published fields are certified where these are compared. A field larger
# than the input shows on a strip that is longer on one axis.


@pytest.mark.parametrize(
    ("build", "input_shape", "output", "longest"),
    [
        pytest.param(DenseNet121, IMAGE, None, 2080, id="DenseNet-121, 2071"),
        pytest.param(SpliceAI10k, (4, 224), None, 10016, id="SpliceAI, 10001"),
        pytest.param(lambda: UNet(3, up="bilinear"), (1, 64, 64), None, 128, id="U-Net, 8 phases"),
        pytest.param(lambda: TCN(3, (1, 2, 4, 8)), (1, 40), None, 104, id="TCN, 61"),
    ],
)
def test_real_networks_are_certified(
    build: Build, input_shape: tuple[int, ...], output: str | None, longest: int
) -> None:
    torch.manual_seed(0)
    found = certified(build().eval(), input_shape, output)
    assert found.complete, str(found)
    assert max(max(shape) for shape in found.input_shapes) == longest


def test_a_global_network_is_followed_beyond_the_asked_size() -> None:
    found = certified(transformers_segformer().eval(), (3, 96, 96), "last_hidden_state")
    assert found.complete, str(found)
    # 16 steps of 64 pixels more on one axis, as thin as 32 on the other.
    assert found.input_shapes == ((96, 96), (1120, 32), (32, 1120))


@pytest.mark.parametrize("edge", ["low", "high"])
@pytest.mark.parametrize("step", [-1, 1])
def test_an_edge_of_a_real_network_that_is_off_by_a_pixel_is_caught(edge: str, step: int) -> None:
    torch.manual_seed(0)
    model = resnet18().eval()
    field = rfcore.estimate(model, input_shape=IMAGE, output="layer3")
    height, width = field.axes
    entry = f"{edge}s"
    moved = tuple(pixel + step for pixel in getattr(height, entry))
    wrong = ReceptiveField((replace(height, **{entry: moved}), width))
    found = wrong.verify(model, input_shape=IMAGE, output="layer3")
    against = found.leaks if (step > 0) == (edge == "low") else found.unseen
    assert not found.passed
    assert against
    assert {(check.axis, check.edge) for check in found.leaks + found.unseen} == {(0, edge)}


def test_the_field_of_another_layer_does_not_pass() -> None:
    model = resnet18().eval()
    field = rfcore.estimate(model, input_shape=(3, 64, 64), output="layer1.0")
    assert not field.verify(model, input_shape=(3, 64, 64), output="layer1.1").passed
    with pytest.raises(FieldMismatchError):
        field.verify(model, input_shape=(3, 64, 64), output="layer2")


def test_a_head_of_fixed_size_does_not_keep_strips_from_an_inner_layer() -> None:
    model = nn.Sequential(resnet18(), nn.Flatten(), nn.Linear(64 * 7 * 7, 10)).eval()
    found = certified(model, IMAGE, "0")
    assert found.complete, str(found)
    assert (480, 32) in found.input_shapes


# Kernels


@pytest.mark.parametrize("layer", [None, InPlaceMaskedConv2d], ids=["functional", "in place"])
def test_masked_kernels_are_certified_by_noise(layer: Any) -> None:
    torch.manual_seed(0)
    model = PixelCNN(2) if layer is None else PixelCNN(2, convolution=layer)
    found = certified(model.eval(), (1, 24, 24))
    assert found.complete, str(found)
    assert "finite" in found.methods
    assert any("NaN comes through from beyond" in note for note in found.notes)


NETWORKS: dict[str, Build] = {
    "circular": lambda: nn.Sequential(convolution(padding_mode="circular"), convolution()),
    "reflecting": lambda: nn.Sequential(convolution(padding_mode="reflect"), convolution()),
    "axes swapped": lambda: Function(
        lambda x, conv: conv(x).transpose(2, 3), nn.Conv2d(3, 3, (3, 5), padding=(1, 2))
    ),
    "wide and swapped": lambda: Function(
        lambda x, conv: conv(x).transpose(2, 3), nn.Conv2d(3, 3, (31, 5), padding=(15, 2))
    ),
    "wide and mirrored": lambda: Function(
        lambda x, conv: conv(x.flip(2)), nn.Conv2d(3, 3, (25, 3), padding=(12, 1))
    ),
    "NaN removed": lambda: Function(lambda x, conv: conv(x.nan_to_num()), convolution()),
    "classes": lambda: Function(lambda x, conv: conv(x).argmax(1, keepdim=True), convolution()),
    "logarithm": lambda: Function(lambda x, conv: conv(x.log()), convolution()),
    "an axis averaged": lambda: Function(lambda x, conv: conv(x).mean(3), convolution()),
    "in place": lambda: nn.Sequential(convolution(), nn.ReLU(inplace=True), convolution()),
    "half": lambda: nn.Sequential(convolution(), convolution()).half(),
    "bfloat16": lambda: nn.Sequential(convolution(), convolution()).bfloat16(),
    "double": lambda: nn.Sequential(convolution(), convolution()).double(),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_odd_networks_are_certified(name: str) -> None:
    torch.manual_seed(0)
    found = certified(NETWORKS[name]().eval(), (3, 17, 16))
    assert found.complete, str(found)


def test_batch_statistics_of_training_are_leaks_and_it_says_why() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(convolution(), nn.BatchNorm2d(3), convolution()).train()
    found = certified(model, (3, 16, 16))
    assert found.leaks
    assert any("call model.eval()" in note for note in found.notes)
    assert certified(model.eval(), (3, 16, 16)).complete


def test_dropout_drops_the_same_each_time() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(convolution(), nn.Dropout(0.3), convolution()).train()
    assert certified(model, (3, 16, 16)).complete


# The forward itself


def run(model: Any, input_shape: tuple[int, ...], output: str | None = None) -> tuple[Any, Any]:
    """A random input and what the forward makes of it."""
    backend = TorchBackend()
    spec = backend.input_spec(model, input_shape, None, None)
    forward = backend.forward(model, spec, output)
    image = np.random.default_rng(0).random(spec.shape).astype(forward.dtype)
    return torch.from_numpy(image), torch.from_numpy(forward.run(image))


def test_the_forward_is_the_models_own() -> None:
    model = resnet18().eval()
    image, found = run(model, (3, 64, 64))
    with torch.no_grad():
        assert torch.allclose(found, model(image), rtol=1e-3, atol=1e-5)


def test_a_layer_is_read_before_the_next_one_writes_into_it() -> None:
    model = nn.Sequential(convolution(), nn.ReLU(inplace=True)).eval()
    image, found = run(model, (3, 8, 8), "0")
    with torch.no_grad():
        assert torch.allclose(found, model[0](image), atol=1e-5)
    assert (found < 0).any()


def test_each_call_of_a_shared_layer_is_one_of_its_own() -> None:
    shared = nn.Conv2d(3, 3, 3)
    model = Function(lambda x, conv: conv(conv(x)), shared).eval()
    first, second = (run(model, (3, 9, 9), f"parts.0[{call}]")[1] for call in (0, 1))
    assert (first.shape[2:], second.shape[2:]) == ((7, 7), (5, 5))
    found = certified(model, (3, 9, 9), "parts.0[1]")
    assert found.complete
    assert found.field.size == (5, 5)


def test_outputs_in_containers_and_inputs_by_keyword_are_reached() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 5)

        def forward(self, other: Tensor | None = None, *, pixels: Tensor) -> dict[str, Any]:
            return {"scores": [pixels, self.conv(pixels)]}

    model = Model().eval()
    asked = {"input_shape": (3, 12, 12), "input": "pixels", "output": "[scores][1]"}
    found = rfcore.estimate(model, **asked).verify(model, **asked)
    assert found.complete
    assert found.field.size == (5, 5)


def test_plain_functions_are_verified_by_name() -> None:
    conv = convolution().eval()

    def function(x: Tensor) -> Tensor:
        return conv(x) + x

    field = rfcore.estimate(function, backend="torch", input_shape=(3, 9, 9))
    assert field.verify(function, backend="torch", input_shape=(3, 9, 9)).complete


def test_neither_certificates_nor_errors_leave_a_trace() -> None:
    model = nn.Sequential(convolution(), nn.BatchNorm2d(3), nn.Dropout(), convolution()).train()
    field = rfcore.estimate(model, input_shape=(3, 16, 16))
    before = state(model), process_state()
    field.verify(model, input_shape=(3, 16, 16), phases=1)
    assert (state(model), process_state()) == before
    with pytest.raises(UnknownLayerError):
        field.verify(model, input_shape=(3, 16, 16), output="nowhere")
    assert (state(model), process_state()) == before
    with pytest.raises(ModelError):
        field.verify(model, input_shape=(4, 16, 16))
    assert (state(model), process_state()) == before


def test_weights_that_a_forward_writes_are_as_they_were() -> None:
    model = PixelCNN(2, convolution=InPlaceMaskedConv2d).eval()
    before = state(model)
    certified(model, (1, 12, 12))
    assert state(model) == before


def test_plain_kernels_are_for_the_check_alone() -> None:
    def settings() -> list[object]:
        return [torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled]

    before = settings()
    with plain_kernels():
        assert settings() == [False, False]
    assert settings() == before


def test_a_gradient_field_that_hides_is_told_from_a_wrong_one() -> None:
    class Faint(nn.Module):
        """A second path, so weak that its gradient is lost beside the first one's."""

        def forward(self, x: Tensor) -> Tensor:
            wide = nn.functional.avg_pool1d(x, 5, 1, 2)
            return x + torch.relu(wide - 100.0)

    model = Faint()
    with pytest.warns(rfcore.GradientFieldWarning, match="dead ReLUs"):
        field = rfcore.estimate(model, input_shape=(1, 40), method="gradient")
    assert field.size == (1,)
    found = field.verify(model, input_shape=(1, 40))
    assert found.leaks
    assert any("leaks show what it misses" in note for note in found.notes)
    assert certified(model, (1, 40)).complete

"""The gradient callable: inside the exact field always, equal to it on positive linear networks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

import rfcore
from networks.causal import TCN, WaveNet
from networks.convnext import ConvNeXtTiny
from networks.dense import GoogLeNet
from networks.mobile import EfficientNetB0, MobileNetV2
from networks.patchgan import PatchGAN
from networks.pixelcnn import FunctionalMaskedConv2d, InPlaceMaskedConv2d, PixelCNN
from networks.residual import BagNet33, FCNResNet50, resnet18
from networks.sequence import SpliceAI10k, Wav2Vec2Encoder
from networks.small import (
    AlignedPaths,
    DilatedChain,
    MisalignedPaths,
    SizeDependentPaths,
    StackedAlignedPaths,
    UnequalAxes,
)
from networks.unet import UNet, ValidUNet
from rf_torch.backend import TorchBackend
from rf_torch.gradient import measured_output
from rf_torch.tracing import trace
from rfcore.errors import (
    AmbiguousOutputError,
    IndependentOutputError,
    InputTypeError,
    IrregularFieldError,
    LayerNotRunError,
    MergedAxesError,
    ModelError,
    NoSpatialAxesError,
    OptionError,
    RfcoreError,
    TruncatedFieldError,
    UnknownLayerError,
)
from rfcore.gradients import grid_shape, probe, random_input
from rfcore.graph import Mask
from rfcore.guard import ask_gradient
from rfcore.hookspecs import MeasuredOutput
from rfcore.inputs import InputSpec, input_spec
from rfcore.walk import Walker, one_hot

LINE, GREY, RGB = (1, 96), (1, 40, 32), (3, 64, 40)


class Forward(nn.Module):
    """A forward written as a function of the input and some layers."""

    def __init__(self, function: Callable[..., Any], *layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Any:
        return self.function(x, *self.layers)


def conv(kernel_size: Any = 3, stride: int = 1) -> nn.Conv2d:
    padding = tuple(n // 2 for n in np.broadcast_to(kernel_size, 2).tolist())
    return nn.Conv2d(1, 1, kernel_size, stride, padding)


def positive(model: nn.Module) -> nn.Module:
    """All weights at least 0.1: on the positive input ReLUs pass and nothing cancels."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_().add_(0.1)
    return model.eval()


def points(output_shape: Sequence[int]) -> list[tuple[int, ...]]:
    """The corners' first and last, the middle and its neighbours of every phase up to 4."""
    middle = [n // 2 for n in output_shape]
    near = [
        tuple(min(m + step, n - 1) for m, n in zip(middle, output_shape, strict=True))
        for step in range(4)
    ]
    return list(
        dict.fromkeys([tuple(0 for _ in output_shape), tuple(n - 1 for n in output_shape), *near])
    )


def seen_exactly(
    model: nn.Module, spec: InputSpec, output: str | None, point: Sequence[int]
) -> Mask:
    traced = trace(model, spec)
    node = traced.values[output or ""]
    assert node is not None
    mask = one_hot(traced.graph.nodes[node].shape, spec.axes, [point])
    influence = np.broadcast_to(Walker(traced.graph).influence(node, mask).mask, (1, *spec.shape))
    others = tuple(d + 1 for d in range(len(spec.shape)) if d not in spec.axes)
    seen: Mask = influence[0].any(axis=tuple(d - 1 for d in others))
    return seen


def seen_by_gradient(
    model: nn.Module,
    spec: InputSpec,
    output: str | None,
    chosen: Sequence[tuple[int, ...]] | None = None,
) -> list[tuple[tuple[int, ...], NDArray[np.bool_]]]:
    measured = measured_output(model, spec, output)
    shape = grid_shape(measured)
    assert shape is not None
    probed = probe(measured, spec, random_input(measured, spec))
    found = []
    for point in chosen or points(shape):
        mask = np.zeros(shape)
        mask[point] = 1
        found.append((point, probed(mask) != 0))
    return found


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str | None]] = {
    "resnet18": (lambda: resnet18(width=2), RGB, None),
    "resnet18-layer2": (lambda: resnet18(width=2), RGB, "layer2"),
    "mobilenet-v2": (MobileNetV2, RGB, None),
    "efficientnet": (EfficientNetB0, RGB, None),
    "googlenet": (lambda: GoogLeNet(width=2), RGB, None),
    "convnext": (lambda: ConvNeXtTiny(width=2), RGB, None),
    "fcn": (lambda: FCNResNet50(width=2), RGB, "[out]"),
    "bagnet": (lambda: BagNet33(width=2), RGB, None),
    "patchgan": (lambda: PatchGAN(2), RGB, None),
    "wav2vec2": (Wav2Vec2Encoder, (1, 2000), None),
    "wav2vec2-group-norm": (lambda: Wav2Vec2Encoder(norm="group"), (1, 2000), None),
    "wavenet": (lambda: WaveNet(dilations=(1, 2, 4, 8)), LINE, None),
    "tcn": (lambda: TCN(3, (1, 2, 4)), LINE, None),
    "spliceai": (lambda: SpliceAI10k(groups=((11, 1), (11, 4))), (4, 300), None),
    "unet-transposed": (lambda: UNet(2), GREY, None),
    "unet-nearest": (lambda: UNet(2, up="nearest"), GREY, None),
    "unet-bilinear": (lambda: UNet(2, up="bilinear"), GREY, None),
    "valid-unet": (ValidUNet, (1, 188, 188), None),
    "pixelcnn-in-place": (lambda: PixelCNN(3, convolution=InPlaceMaskedConv2d), GREY, None),
    "pixelcnn": (lambda: PixelCNN(3, convolution=FunctionalMaskedConv2d), GREY, None),
    "aligned": (AlignedPaths, GREY, None),
    "stacked": (StackedAlignedPaths, (1, 64, 48), None),
    "size-dependent": (SizeDependentPaths, (1, 33, 32), None),
    "misaligned": (MisalignedPaths, GREY, None),
    "unequal": (UnequalAxes, GREY, None),
    "holes": (lambda: DilatedChain((1, 2, 9)), LINE, None),
    "holes-3d": (lambda: DilatedChain((2, 2), dimensions=3), (1, 9, 8, 10), None),
    "dropout-in-training": (
        lambda: nn.Sequential(conv(), nn.Dropout(), conv()).train(),
        GREY,
        None,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_gradient_is_inside_the_exact_field(name: str) -> None:
    build, shape, output = NETWORKS[name]
    torch.manual_seed(0)
    model, spec = build(), input_spec(shape, layout=None)
    if "training" not in name:
        model.eval()
    for point, seen in seen_by_gradient(model, spec, output):
        exact = seen_exactly(model, spec, output, point)
        assert seen.shape == exact.shape == spec.spatial_shape
        assert not (seen & ~exact).any(), point


POSITIVE: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "chain": (lambda: nn.Sequential(conv(5, 2), nn.AvgPool2d(2), nn.ReLU(), conv()), (1, 80, 96)),
    "holes": (lambda: DilatedChain((2, 4, 8)), LINE),
    "holes-2d": (lambda: DilatedChain((1, 2, 5), dimensions=2), (1, 48, 40)),
    "aligned": (AlignedPaths, (1, 64, 48)),
    "stacked": (StackedAlignedPaths, (1, 128, 128)),
    "same-even": (SizeDependentPaths, (1, 32, 64)),
    "unequal": (UnequalAxes, (1, 64, 48)),
    "causal": (lambda: TCN(3, (1, 2, 4)), LINE),
    "transposed": (lambda: nn.Sequential(nn.ConvTranspose2d(1, 1, 4, 2, 1), conv()), (1, 32, 24)),
    "bilinear": (lambda: nn.Sequential(conv(), nn.Upsample(scale_factor=2, mode="bilinear")), GREY),
    "nearest-3": (lambda: nn.Sequential(nn.Upsample(scale_factor=3), conv()), (1, 24, 20)),
    "pixel-shuffle": (
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2), conv()),
        (1, 24, 20),
    ),
    "volume": (lambda: nn.Sequential(nn.Conv3d(1, 1, 3, 1, 1), nn.AvgPool3d(2)), (1, 16, 18, 20)),
}


@pytest.mark.parametrize("name", POSITIVE)
def test_on_positive_linear_networks_the_gradient_is_the_exact_field(name: str) -> None:
    build, shape = POSITIVE[name]
    model, spec = positive(build()), input_spec(shape, layout=None)
    for point, seen in seen_by_gradient(model, spec, None):
        np.testing.assert_array_equal(seen, seen_exactly(model, spec, None, point), str(point))
    measured = rfcore.estimate(model, input_shape=shape, method="gradient")
    assert measured.axes == rfcore.estimate(model, input_shape=shape).axes


def test_a_measured_field_says_that_it_is_a_lower_bound() -> None:
    field = rfcore.estimate(conv(), input_shape=GREY, method="gradient")
    assert not field.exact
    assert any("lower bound" in note for note in field.notes)
    assert any("random input" in note for note in field.notes)
    assert "not exact" in str(field)


def test_it_is_one_indeed() -> None:
    # The outer taps of the second kernel are zero by chance: an untrained kernel would not be.
    model = positive(nn.Sequential(conv(), conv(5)))
    with torch.no_grad():
        model[1].weight[:, :, [0, 4]] = 1e-30
        model[0].weight *= 1e-30
    with pytest.warns(rfcore.GradientFieldWarning, match="underflow") as told:
        field = rfcore.estimate(model, input_shape=GREY, method="gradient")
    exact = rfcore.estimate(model, input_shape=GREY)
    assert (field.size, exact.size) == ((5, 7), (7, 7))
    (warning,) = told
    assert (warning.message.measured, warning.message.exact) == (field.size, exact.size)
    assert warning.filename == __file__


def test_the_global_generator_does_not_matter() -> None:
    model, spec = UNet(1).eval(), input_spec(GREY, layout=None)
    probes = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        measured = measured_output(model, spec, None)
        probes.append(probe(measured, spec, random_input(measured, spec)))
    mask = np.zeros(GREY[1:])
    mask[20, 16] = 1
    np.testing.assert_array_equal(probes[0](mask), probes[1](mask))


@pytest.mark.parametrize(
    ("model", "input_shape", "options"),
    [
        pytest.param(nn.Conv1d(1, 1, 3, 2, 1), (1, 40), {}, id="1-d"),
        pytest.param(nn.Conv3d(1, 1, 3, 2, 1), (1, 20, 20, 20), {}, id="3-d"),
        pytest.param(
            Forward(lambda x, layer: layer(x.movedim(-1, 1)).movedim(1, -1), conv(3, 2)),
            (40, 40, 1),
            {"layout": "NHWC"},
            id="channels-last",
        ),
        pytest.param(conv(3, 2).half(), (1, 40, 40), {}, id="half"),
        pytest.param(conv(3, 2).double(), (1, 40, 40), {}, id="double"),
        pytest.param(
            Forward(lambda x, layer: (x, {"deep": layer(x)}), conv(3, 2)),
            (1, 40, 40),
            {"output": "[1][deep]"},
            id="part-of-the-output",
        ),
        pytest.param(
            nn.Sequential(conv(3, 2), nn.Flatten()), (1, 40, 40), {"output": "0"}, id="inner-layer"
        ),
        pytest.param(
            nn.Sequential(nn.ReLU(inplace=True), conv(3, 2)), (1, 40, 40), {}, id="in-place"
        ),
        pytest.param(
            Forward(lambda x, layer: layer(x.mul_(2)), conv(3, 2)), (1, 40, 40), {}, id="mul_"
        ),
        pytest.param(
            Forward(lambda x, layer: layer(x) * (2 + x.mean().item()), conv(3, 2)),
            (1, 40, 40),
            {},
            id="reads-values",
        ),
        pytest.param(
            Forward(lambda x, layer: layer(x), conv(3, 2)), (1, 40, 40), {"input": "x"}, id="named"
        ),
    ],
)
def test_what_can_be_asked(
    model: nn.Module, input_shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    field = rfcore.estimate(positive(model), input_shape=input_shape, method="gradient", **options)
    axes = len(field.axes)
    assert (field.size, field.stride, field.padding) == ((3,) * axes, (2,) * axes, (1,) * axes)


def derivative(model: nn.Module, shape: tuple[int, ...], **options: Any) -> MeasuredOutput:
    spec = input_spec(shape, layout=options.pop("layout", None))
    return ask_gradient(TorchBackend(), model, spec, options.pop("output", None))


@pytest.mark.parametrize(
    ("model", "shape", "axes"),
    [
        pytest.param(Forward(lambda x, f: f(x).mean((2, 3)), conv()), (1, 1), None, id="logits"),
        pytest.param(
            Forward(lambda x, f: f(x).flatten(2).mT, nn.Conv2d(1, 5, 4, 4)),
            (1, 80, 5),
            None,
            id="tokens",
        ),
        pytest.param(Forward(lambda x, f: f(x).sum(), conv()), (), None, id="a-number"),
        pytest.param(
            Forward(lambda x, f: f(x).mean(2), conv()), (1, 1, 32), (None, 2), id="height-averaged"
        ),
        pytest.param(
            Forward(lambda x, f: f(x).mT, conv()), (1, 1, 32, 40), (3, 2), id="transposed"
        ),
        pytest.param(
            Forward(lambda x, f: f(x).movedim(1, -1), conv()), (1, 40, 32, 1), (1, 2), id="moved"
        ),
        pytest.param(Forward(lambda x, f: f(x)[0], conv()), (1, 40, 32), (1, 2), id="no-batch"),
    ],
)
def test_outputs_of_any_rank_have_a_derivative(
    model: nn.Module, shape: tuple[int, ...], axes: Any
) -> None:
    """Every gradient is a row of the dense Jacobian that torch's functional autograd gives."""
    found = derivative(model.eval(), GREY)
    assert (found.shape, found.axes) == (shape, axes)
    image = np.random.default_rng(3).normal(size=(1, *GREY)).astype(np.float32)
    linear = found.at(image)
    np.testing.assert_array_equal(linear.value(), model(torch.from_numpy(image)).detach().numpy())
    jacobian = torch.autograd.functional.jacobian(model, torch.from_numpy(image)).numpy()
    for place in {(0,) * len(shape), tuple(n - 1 for n in shape)}:
        cotangent = np.zeros((1, *shape), np.float32)
        cotangent[(0, *place)] = -2
        np.testing.assert_allclose(linear.pull(cotangent)[0], -2 * jacobian[place], atol=1e-6)


def test_axes_that_moved_are_followed() -> None:
    model = positive(Forward(lambda x, f: f(x).mT, conv((3, 5))))
    field = rfcore.estimate(model, input_shape=GREY, method="gradient")
    assert field.axes == rfcore.estimate(model, input_shape=GREY).axes
    assert field.size == (3, 5)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_types_of_models(kind: torch.dtype) -> None:
    found = derivative(positive(conv()).to(kind), GREY)
    wanted = {torch.float16: np.float16, torch.float64: np.float64}.get(kind, np.float32)
    assert found.dtype == np.dtype(wanted)
    linear = found.at(np.ones((1, *GREY)))
    (gradient,) = linear.pull(np.ones((1, *found.shape)))
    assert (gradient.dtype, linear.value().dtype) == (found.dtype, found.dtype)


def test_the_value_is_that_before_a_later_layer_writes_into_it() -> None:
    model = nn.Sequential(conv(), nn.ReLU(inplace=True))
    found = derivative(model, GREY, output="0")
    image = np.random.default_rng(0).normal(size=(1, *GREY)).astype(np.float32)
    expected = model[0](torch.from_numpy(image)).detach().numpy()
    assert (expected < 0).any()
    linear = found.at(image)
    np.testing.assert_array_equal(linear.value(), expected)
    assert linear.pull(np.ones((1, *found.shape), np.float32)).all()


def test_dropout_is_drawn_alike_each_time() -> None:
    found = derivative(nn.Sequential(conv(), nn.Dropout()).train(), GREY)
    image = np.ones((1, *GREY), np.float32)
    values = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        values.append(found.at(image).value())
    np.testing.assert_array_equal(*values)
    assert (values[0] == 0).any()


def test_what_a_forward_writes_to_its_weights_is_forgotten() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(()))
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                self.weight.mul_(2)
                self.calls.data.add_(1)
            return x * self.weight * self.calls

    model = Counting()
    found = derivative(model, LINE)
    for _ in range(3):
        np.testing.assert_array_equal(found.at(np.ones((1, *LINE))).value(), 2)
    assert (model.weight.item(), model.calls.item()) == (1, 0)


def test_weights_that_change_between_inputs_count() -> None:
    model = conv(1)
    found = derivative(model, GREY)
    for weight in (1.0, 3.0):
        with torch.no_grad():
            model.weight.fill_(weight)
        gradients = found.at(np.ones((1, *GREY))).pull(np.ones((1, *found.shape), np.float32))
        np.testing.assert_array_equal(gradients, weight)


def test_checkpointed_layers_run_again_on_the_copies() -> None:
    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(conv(), nn.BatchNorm2d(1))

        def forward(self, x: Tensor) -> Tensor:
            return torch.utils.checkpoint.checkpoint(self.inner, x, use_reentrant=False)

    model = Checkpointed().train()
    found = derivative(model, GREY)
    before = model.inner[1].running_mean.clone()
    image = np.random.default_rng(0).normal(size=(1, *GREY)).astype(np.float32)
    (gradient,) = found.at(image).pull(np.eye(1, 1280, 600, np.float32).reshape(1, 1, *GREY))
    assert torch.equal(model.inner[1].running_mean, before)
    given = torch.from_numpy(image).requires_grad_()
    model.inner(given)[0, 0].flatten()[600].backward()
    np.testing.assert_allclose(gradient, given.grad, atol=1e-6)


def test_a_forward_that_cannot_be_traced_has_a_gradient() -> None:
    class Cubed(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, x: Tensor) -> Tensor:
            context.save_for_backward(x)
            return torch.from_numpy(x.detach().numpy() ** 3)

        @staticmethod
        def backward(context: Any, gradient: Tensor) -> Tensor:
            (x,) = context.saved_tensors
            return gradient * 3 * x**2

    model = Forward(lambda x, f: Cubed.apply(f(x)), positive(conv()))
    with pytest.raises(RfcoreError):
        rfcore.estimate(model, input_shape=GREY)
    field = rfcore.estimate(model, input_shape=GREY, method="gradient")
    assert (field.size, field.padding) == ((3, 3), (1, 1))


def test_a_refusal_tells_the_exact_field() -> None:
    with pytest.raises(IndependentOutputError) as caught:
        rfcore.estimate(dead().eval(), input_shape=GREY, method="gradient")
    assert 'method="exact", which gives the size (3, 3) here' in caught.value.hint


def test_a_list_of_layers_gives_a_dict() -> None:
    model = positive(nn.Sequential(conv(), conv()))
    fields = rfcore.estimate(model, input_shape=GREY, output=["0", "1"], method="gradient")
    assert {name: field.size for name, field in fields.items()} == {"0": (3, 3), "1": (5, 5)}


def dead() -> nn.Module:
    model = nn.Sequential(conv(), nn.ReLU())
    nn.init.constant_(model[0].bias, -100.0)
    return model


@pytest.mark.parametrize(
    ("error", "model", "options"),
    [
        pytest.param(ModelError, Forward(lambda x: x / 0 + [][0]), {}, id="failing-forward"),
        pytest.param(IndependentOutputError, Forward(torch.zeros_like), {}, id="independent"),
        pytest.param(IndependentOutputError, dead(), {}, id="dead-relu"),
        pytest.param(
            IndependentOutputError, Forward(lambda x, f: f(x).detach(), conv()), {}, id="detached"
        ),
        pytest.param(
            IndependentOutputError,
            Forward(lambda x, f: f(x).argmax(1, keepdim=True), conv()),
            {},
            id="integers",
        ),
        pytest.param(AmbiguousOutputError, Forward(lambda x: (x, 2 * x)), {}, id="two-outputs"),
        pytest.param(UnknownLayerError, conv(), {"output": "layer4"}, id="unknown-layer"),
        pytest.param(
            LayerNotRunError, Forward(lambda x, f: x, conv()), {"output": "layers.0"}, id="not-run"
        ),
        pytest.param(MergedAxesError, nn.Sequential(conv(), nn.Flatten()), {}, id="flattened"),
        pytest.param(NoSpatialAxesError, Forward(lambda x: x.mean((2, 3))), {}, id="logits"),
        pytest.param(
            TruncatedFieldError, nn.Sequential(conv(), nn.AdaptiveAvgPool2d(1)), {}, id="one-output"
        ),
        pytest.param(TruncatedFieldError, conv(101), {}, id="truncated"),
        pytest.param(
            TruncatedFieldError,
            Forward(lambda x: x + x.mean((2, 3), keepdim=True)),
            {},
            id="global",
        ),
        pytest.param(IrregularFieldError, MisalignedPaths(), {}, id="two-strides"),
        pytest.param(
            InputTypeError, nn.Embedding(10, 3), {"input_shape": (20,)}, id="integer-input"
        ),
        pytest.param(OptionError, conv(), {"global_paths": "ignore"}, id="global-paths"),
    ],
)
def test_errors_are_those_of_the_exact_method(
    error: type[RfcoreError], model: nn.Module, options: dict[str, Any]
) -> None:
    positive(model) if error is IrregularFieldError else model.eval()
    with pytest.raises(error) as caught:
        rfcore.estimate(model, method="gradient", **{"input_shape": GREY, **options})
    assert type(caught.value) is error


@torch.library.custom_op("rfcore_tests::no_formula", mutates_args=())
def no_formula(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1)


@no_formula.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(Forward(no_formula), id="op-without-a-formula"),
        pytest.param(nn.Conv2d(1, 1, 3, device="meta"), id="meta-device"),
    ],
)
def test_models_without_a_gradient_are_refused(model: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RfcoreError):
            rfcore.estimate(model, input_shape=GREY, method="gradient")


def test_an_effective_field_takes_no_more_traces_than_an_exact_one() -> None:
    traced: list[tuple[int, ...]] = []

    class Noted(nn.Conv1d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if isinstance(x, FakeTensor):
                traced.append(tuple(x.shape))
            return super().forward(x)

    found = rfcore.effective(Noted(1, 1, 3), input_shape=(1, 20), count=1)
    measured, traced[:] = list(traced), []
    assert rfcore.estimate(Noted(1, 1, 3), input_shape=(1, 20)) == found.field
    assert len(set(traced)) == len(traced) == 2
    assert measured == traced

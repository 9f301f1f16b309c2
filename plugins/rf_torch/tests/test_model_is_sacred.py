"""An estimate leaves the model, its tensors and the process bit for bit as they were."""

from __future__ import annotations

import functools
import gc
import random
import types
import warnings
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rfcore
from networks.pixelcnn import FunctionalMaskedConv2d, InPlaceMaskedConv2d, PixelCNN
from networks.residual import resnet18
from networks.unet import UNet
from rfcore.errors import (
    AmbiguousOutputError,
    IndependentOutputError,
    IrregularFieldError,
    LayerNotRunError,
    MergedAxesError,
    ModelError,
    NoSpatialAxesError,
    RfcoreError,
    TruncatedFieldError,
    UnknownLayerError,
    UnsupportedOpError,
)
from snapshots import process_state, state

SHAPE = (1, 24, 24)


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """The first estimate imports modules of torch that change settings of the process."""
    for method in ("exact", "gradient"):
        rfcore.estimate(conv(), input_shape=SHAPE, method=method)


@contextmanager
def nothing_changes(model: nn.Module) -> Iterator[None]:
    model_before, process_before = state(model), process_state()
    yield
    process_after = process_state()
    assert not [key for key in process_before if process_before[key] != process_after[key]]
    assert state(model) == model_before


def conv(channels: int = 1) -> nn.Conv2d:
    return nn.Conv2d(1, channels, 3, padding=1)


def block() -> nn.Sequential:
    """Convolution, batch-norm with used statistics, and dropout, all in training mode."""
    layers = nn.Sequential(conv(2), nn.BatchNorm2d(2), nn.Dropout(), nn.ReLU(inplace=True))
    layers(torch.randn(2, 1, 8, 8))
    return layers


def with_gradients() -> nn.Module:
    model = block()
    model(torch.randn(1, 1, 8, 8)).sum().backward()
    return model


def partly_frozen() -> nn.Module:
    model = nn.Sequential(conv(), conv(), nn.BatchNorm2d(1))
    model[0].requires_grad_(False)
    model[2].eval()
    return model


def shared() -> nn.Module:
    layer = conv()
    return nn.Sequential(layer, nn.ReLU(), layer)


def tied() -> nn.Module:
    model = nn.Sequential(conv(), conv())
    second = model[1]
    assert isinstance(second, nn.Conv2d)
    second.weight = model[0].weight
    return model


def old_weight_norm() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.Sequential(nn.utils.weight_norm(conv()))


def old_spectral_norm() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.Sequential(nn.utils.spectral_norm(conv()))


def on_meta() -> nn.Module:
    with torch.device("meta"):
        return nn.Sequential(conv(), nn.BatchNorm2d(1), nn.MaxPool2d(2))


class Attention(nn.Module):
    """A transformer layer over the pixels, whose fast path would hide what it does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.stem = nn.Conv2d(1, 4, 4, 4)

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.stem(x)
        tokens = self.layer(maps.flatten(2).transpose(1, 2))
        return tokens.transpose(1, 2).unflatten(2, maps.shape[2:])


class Collecting(nn.Module):
    """Keeps activations in every kind of container, as models do for skips, losses and logs."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = block()
        self.count, self.last = 0, None
        self.shapes: list[Any] = ["before"]
        self.seen: set[Any] = {1}
        self.by_name: dict[str, Any] = {"first": torch.zeros(1)}
        self.nested: dict[str, list[Tensor]] = {"skips": [], "losses": []}
        self.several: defaultdict[str, list[Tensor]] = defaultdict(list)
        self.recent: deque[Tensor] = deque(maxlen=1)
        self.ordered: OrderedDict[str, Tensor] = OrderedDict(kept=torch.ones(1))
        self.helper = types.SimpleNamespace(cache=None, history=[])
        self.pair: tuple[list[Tensor], int] = ([], 0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.trunk(x)
        self.count += 1
        self.last = x
        self.new = x
        self.shapes.append(x)
        self.shapes.pop(0)
        self.seen.add(x.shape[-1])
        self.by_name["first"] = x
        self.by_name[f"call {self.count}"] = x
        self.nested["skips"].append(x)
        self.several["maps"].append(x)
        self.recent.append(x)
        self.ordered["kept"] = x
        self.ordered.move_to_end("kept", last=False)
        self.helper.cache = x
        self.helper.history.append(x)
        self.pair[0].append(x)
        return x


class Rebuilding(nn.Module):
    """Changes its own parameters, buffers, layers, hooks and mode while it runs."""

    average: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = conv(), conv()
        self.register_buffer("average", torch.zeros(1))
        self.register_buffer("optional", None)
        self.first.register_forward_hook(lambda module, args, output: None)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        self.average.mul_(0.9).add_(x.mean())
        self.optional = x.mean()
        self.register_buffer("added", x)
        with torch.no_grad():
            self.second.weight.add_(1)
            self.second.weight.data *= 2
        self.first.weight = nn.Parameter(self.first.weight * 2)
        self.first.bias = None
        self.first.register_forward_hook(lambda module, args, output: None)
        self.second.weight.requires_grad_(False)
        self.eval()
        self.extra = nn.Identity()
        return self.extra(self.second(x))


class Remembering(nn.Module):
    """Adds the output of the call before, which still hangs on its autograd graph."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = conv()
        self.last: Tensor | None = None
        self(torch.zeros(1, *SHAPE))

    def forward(self, x: Tensor) -> Tensor:
        x = self.trunk(x)
        if self.last is not None and self.last.shape == x.shape:
            x = x + self.last
        self.last = x
        return x


class Drawing(nn.Module):
    """Draws from every global generator."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = conv()

    def forward(self, x: Tensor) -> Tensor:
        offset = random.random() + float(np.random.rand())
        return self.trunk(x) + offset + torch.rand(1) + torch.randn_like(x)


class Reading(nn.Module):
    """Reads a value of its input, so that real tensors have to flow through batch-norm."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = block()
        self.values: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        x = self.trunk(x)
        self.values.append(x.mean().item())
        return x * 2 if self.values[-1] > -1e9 else x


MODELS: dict[str, Callable[[], nn.Module]] = {
    "training": block,
    "evaluation": lambda: block().eval(),
    "mixed-modes": partly_frozen,
    "gradients": with_gradients,
    "residual": lambda: resnet18(width=2),
    "decoder": lambda: UNet(2),
    "shared-layer": shared,
    "tied-weights": tied,
    "weight-norm": lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(conv())),
    "spectral-norm": lambda: nn.Sequential(nn.utils.parametrizations.spectral_norm(conv())),
    "old-weight-norm": old_weight_norm,
    "old-spectral-norm": old_spectral_norm,
    "masked-in-place": lambda: PixelCNN(2, convolution=InPlaceMaskedConv2d),
    "masked": lambda: PixelCNN(2, convolution=FunctionalMaskedConv2d),
    "float16": lambda: nn.Sequential(conv(), nn.BatchNorm2d(1)).half().eval(),
    "bfloat16": lambda: nn.Sequential(conv(), nn.BatchNorm2d(1)).bfloat16(),
    "float64": lambda: block().double(),
    "attention": lambda: Attention().eval(),
    "collecting": Collecting,
    "rebuilding": Rebuilding,
    "remembering": Remembering,
    "drawing": Drawing,
    "reading-values": Reading,
}


def shape_for(model: nn.Module) -> tuple[int, ...]:
    return (3, 64, 64) if model.__class__.__name__ == "ResNet" else SHAPE


@pytest.mark.parametrize("method", ["exact", "gradient"])
@pytest.mark.parametrize("name", MODELS)
def test_nothing_changes(name: str, method: Literal["exact", "gradient"]) -> None:
    model = MODELS[name]()
    with nothing_changes(model):
        try:
            rfcore.estimate(model, input_shape=shape_for(model), method=method)
        except RfcoreError:
            # A gradient of a field that the input cuts off is refused.
            assert method == "gradient"


def test_nothing_changes_on_the_meta_device() -> None:
    model = on_meta()
    with nothing_changes(model):
        field = rfcore.estimate(model, input_shape=SHAPE)
    assert (field.size, field.stride) == ((4, 4), (2, 2))


def test_fields_are_right_all_the_same() -> None:
    for name, size in {
        "training": 3,
        "shared-layer": 5,
        "tied-weights": 5,
        "old-weight-norm": 3,
        "spectral-norm": 3,
        "collecting": 3,
        "rebuilding": 5,
        "remembering": 3,
        "drawing": 3,
        "reading-values": 3,
        "float16": 3,
        "bfloat16": 3,
        "float64": 3,
    }.items():
        field = rfcore.estimate(MODELS[name](), input_shape=SHAPE)
        assert (name, field.size) == (name, (size, size))


# Errors


class Failing(nn.Module):
    """Changes whatever a forward can change, and then ends as it is told."""

    def __init__(self, end: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.state = Collecting()
        self.unused = conv()
        self.end = end

    def forward(self, x: Tensor) -> Any:
        x = self.state(x)
        self.flag = x
        return self.end(x)


@torch.library.custom_op("rfcore_tests::without_derivative", mutates_args=())
def without_derivative(x: Tensor) -> Tensor:
    return x.clone()


@without_derivative.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


def raising(error: BaseException) -> Callable[[Tensor], Any]:
    def end(x: Tensor) -> Any:
        raise error

    return end


def raising_when_larger(x: Tensor) -> Tensor:
    if x.shape[-1] > SHAPE[-1]:
        raise ValueError("too large")
    return F.avg_pool2d(x, 2 * SHAPE[-1] - 1, 1, SHAPE[-1] - 1)


def two_strides(x: Tensor) -> Tensor:
    return x[:, :, ::2] + x[:, :, : x.shape[2] // 2]


ERRORS: dict[type[BaseException], tuple[Callable[[Tensor], Any], str | None]] = {
    ModelError: (raising(KeyError("missing")), None),
    KeyboardInterrupt: (raising(KeyboardInterrupt()), None),
    SystemExit: (raising(SystemExit(1)), None),
    NoSpatialAxesError: (lambda x: x.mean((2, 3)), None),
    MergedAxesError: (lambda x: x.flatten(2), None),
    IrregularFieldError: (two_strides, None),
    IndependentOutputError: (torch.zeros_like, None),
    UnsupportedOpError: (without_derivative, None),
    AmbiguousOutputError: (lambda x: (x, x + 1), None),
    TruncatedFieldError: (raising_when_larger, None),
    UnknownLayerError: (lambda x: x, "stat"),
    LayerNotRunError: (lambda x: x, "unused"),
}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_nothing_changes_when_it_fails(error: type[BaseException]) -> None:
    end, output = ERRORS[error]
    model = Failing(end)
    with nothing_changes(model), pytest.raises(error):
        rfcore.estimate(model, input_shape=SHAPE, output=output)


@pytest.mark.parametrize("error", [ModelError, KeyboardInterrupt], ids=lambda error: error.__name__)
def test_nothing_changes_when_a_gradient_fails(error: type[BaseException]) -> None:
    model = Failing(ERRORS[error][0])
    with nothing_changes(model), pytest.raises(error):
        rfcore.estimate(model, input_shape=SHAPE, method="gradient")


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()], ids=repr)
def test_nothing_changes_when_a_forward_on_real_values_fails(error: BaseException) -> None:
    def end(x: Tensor) -> Any:
        if x.mean().item() > -1e9:
            raise error

    model = Failing(end)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ModelError
    with nothing_changes(model), pytest.raises(expected):
        rfcore.estimate(model, input_shape=SHAPE)


def test_a_model_still_trains_after_an_estimate() -> None:
    torch.manual_seed(0)
    model = Failing(raising(KeyError("missing")))
    with pytest.raises(ModelError):
        rfcore.estimate(model, input_shape=SHAPE)
    trunk = model.state.trunk
    optimiser = torch.optim.SGD(trunk.parameters(), 0.1)
    rfcore.estimate(trunk, input_shape=SHAPE)
    before = [parameter.clone() for parameter in trunk.parameters()]
    trunk(torch.randn(2, *SHAPE)).square().sum().backward()
    optimiser.step()
    assert all(not torch.equal(*pair) for pair in zip(before, trunk.parameters(), strict=True))


# Hooks


def test_hooks_of_the_user_run_and_stay_in_order() -> None:
    model, heard = block(), list[str]()
    first = model[0]
    first.register_forward_hook(lambda *_: heard.append("after, first"))
    first.register_forward_hook(lambda *_: heard.append("after, second"))
    first.register_forward_hook(lambda *_: heard.append("after, prepended"), prepend=True)
    first.register_forward_pre_hook(lambda *_: heard.append("before"))
    first.register_full_backward_hook(lambda *_: heard.append("backward"))
    first.weight.register_hook(lambda gradient: heard.append("gradient of the weight"))
    with nothing_changes(model):
        rfcore.estimate(model, input_shape=SHAPE)
    forward = ["before", "after, prepended", "after, first", "after, second"]
    assert heard[: len(forward)] == forward
    assert set(heard) == set(forward)
    heard.clear()
    model(torch.randn(1, *SHAPE, requires_grad=True)).sum().backward()
    assert heard[: len(forward)] == forward
    assert {"backward", "gradient of the weight"} <= set(heard)


def test_global_hooks_of_the_user_stay() -> None:
    heard = list[str]()
    handle = nn.modules.module.register_module_forward_hook(lambda *_: heard.append("global"))
    model = block()
    try:
        with nothing_changes(model):
            rfcore.estimate(model, input_shape=SHAPE)
    finally:
        handle.remove()
    assert set(heard) == {"global"}


def test_a_hook_that_changes_the_output_belongs_to_the_model() -> None:
    model = nn.Sequential(conv())
    model[0].register_forward_hook(lambda module, args, output: F.avg_pool2d(output, 3, 1, 1))
    with nothing_changes(model):
        assert rfcore.estimate(model, input_shape=SHAPE).size == (5, 5)
        assert rfcore.estimate(model, input_shape=SHAPE, output="0").size == (5, 5)


# Models behind functions


class Holder:
    """A callable that is no module and holds one."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def __call__(self, x: Tensor) -> Tensor:
        return self.model(x)

    def run(self, x: Tensor) -> Tensor:
        return self.model(x)


def calling_another_function(model: nn.Module) -> Callable[[Tensor], Tensor]:
    def inner(x: Tensor) -> Tensor:
        return model(x)

    return lambda x: inner(x)


FUNCTIONS: dict[str, Callable[[nn.Module], Callable[[Tensor], Any]]] = {
    "closure": lambda model: lambda x: model(x),
    "list-in-a-closure": lambda model: (lambda models: lambda x: models[0](x))([model]),
    "dict-in-a-closure": lambda model: (lambda models: lambda x: models["m"](x))({"m": model}),
    "nested-closure": calling_another_function,
    "partial": lambda model: functools.partial(lambda module, x: module(x), model),
    "partial-by-keyword": lambda model: functools.partial(
        lambda x, module: module(x), module=model
    ),
    "bound-method": lambda model: model.forward,
    "bound-call": lambda model: model.__call__,
    "method-of-a-part": lambda model: functools.partial(model.get_submodule("trunk").forward),
    "callable-object": Holder,
    "method-of-an-object": lambda model: Holder(model).run,
}


@pytest.mark.parametrize("kind", FUNCTIONS)
@pytest.mark.parametrize("model", [Collecting, Reading], ids=["abstract", "on-real-values"])
def test_nothing_changes_behind_a_function(kind: str, model: Callable[[], nn.Module]) -> None:
    module = model()
    function = FUNCTIONS[kind](module)
    with nothing_changes(module):
        field = rfcore.estimate(function, backend="torch", input_shape=SHAPE)
    assert field.size == (3, 3)


# Modes and settings around the call


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def fast_path(enabled: bool) -> Iterator[None]:
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(enabled)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@pytest.mark.parametrize(
    "surroundings",
    [
        pytest.param(nullcontext, id="none"),
        pytest.param(torch.no_grad, id="no-grad"),
        pytest.param(torch.inference_mode, id="inference-mode"),
        pytest.param(lambda: torch.autocast("cpu", torch.bfloat16), id="autocast"),
        pytest.param(lambda: default_dtype(torch.float64), id="default-dtype"),
        pytest.param(lambda: fast_path(False), id="no-fast-path"),
        pytest.param(lambda: torch.device("cpu"), id="default-device"),
        pytest.param(lambda: torch.random.fork_rng(devices=[]), id="forked-generator"),
    ],
)
@pytest.mark.parametrize(
    "model", [pytest.param(block, id="abstract"), pytest.param(Reading, id="on-real-values")]
)
def test_modes_around_the_call_stay_and_do_not_matter(
    surroundings: Callable[[], AbstractContextManager[object]], model: Callable[[], nn.Module]
) -> None:
    module = model()
    with surroundings(), nothing_changes(module):
        field = rfcore.estimate(module, input_shape=SHAPE)
    assert field.size == (3, 3)


def test_the_result_keeps_nothing_of_the_model() -> None:
    model = Collecting()
    reference = weakref.ref(model)
    field = rfcore.estimate(model, input_shape=SHAPE, output=["trunk.0", "trunk"])
    del model
    gc.collect()
    assert field
    assert reference() is None

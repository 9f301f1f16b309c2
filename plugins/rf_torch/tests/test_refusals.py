"""Bad input to the torch backend: which error, with which values, and a hint that works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import rfcore
from rfcore import errors
from rfcore.testing.refusals import refusal_with_way_out


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)).eval()


class Several(nn.Module):
    """One layer that runs twice, one that never does, and several outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Conv2d(3, 3, 3)
        self.unused = nn.Conv2d(3, 3, 3)

    def forward(self, x: Tensor) -> dict[str, Any]:
        once = self.shared(x)
        return {"once": once, "more": (self.shared(once), x.mean())}


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


SHAPE = (3, 32, 32)
REFUSED: dict[str, tuple[Any, dict[str, Any], type[errors.RfcoreError], str]] = {
    "no input shape": (network(), {"input_shape": None}, errors.InputShapeError, "is needed"),
    "no default layout": (network(), {"input_shape": (1,) * 5}, errors.InputShapeError, "layout"),
    "not a shape": (network(), {"input_shape": (3, -1, 4)}, errors.InputShapeError, "positive"),
    "layout of another rank": (network(), {"layout": "NCL"}, errors.LayoutError, "2 axes beside"),
    "layout without batch": (network(), {"layout": "CHW"}, errors.LayoutError, "batch"),
    "batch left in": (network(), {"input_shape": (1, 3, 32, 32)}, errors.ModelError, "batch out"),
    "wrong channels": (network(), {"input_shape": (4, 32, 32)}, errors.ModelError, "channels"),
    "too small": (
        nn.Sequential(nn.Conv2d(3, 3, 7), nn.Conv2d(3, 3, 7)),
        {"input_shape": (3, 8, 8)},
        errors.ModelError,
        "larger input",
    ),
    "unknown layer": (network(), {"output": "3"}, errors.UnknownLayerError, "no layer"),
    "not a name": (network(), {"output": nn.ReLU()}, errors.OutputNameError, "not the name"),
    "layer never runs": (Several(), {"output": "unused"}, errors.LayerNotRunError, "'unused'"),
    "layer runs twice": (Several(), {"output": "shared"}, errors.AmbiguousOutputError, "shared[0]"),
    "several outputs": (Several(), {}, errors.AmbiguousOutputError, "'once'"),
    "no tensor": (Function(lambda x: "nothing"), {}, errors.NoOutputError, "no tensor|holds"),
    "independent": (
        Function(lambda x: torch.ones(1, 3, 8, 8)),
        {},
        errors.IndependentOutputError,
        "does not depend",
    ),
    "lazy": (nn.Sequential(nn.LazyConv2d(4, 3)), {}, errors.UnsupportedOpError, "once"),
    "logits": (
        nn.Sequential(network(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)),
        {},
        errors.NoSpatialAxesError,
        "output='0",
    ),
    "tokens": (
        Function(lambda x: x.flatten(2)),
        {},
        errors.MergedAxesError,
        "several spatial axes",
    ),
    "a class": (nn.ReLU, {"backend": "torch"}, errors.InputShapeError, "instance"),
    "not callable": (7, {"backend": "torch"}, errors.InputShapeError, "not callable"),
    "function without backend": (lambda x: x, {}, errors.NoBackendError, 'backend="torch"'),
    "unknown backend": (network(), {"backend": "torhc"}, errors.UnknownBackendError, "'torch'"),
    "unknown method": (network(), {"method": "guess"}, errors.OptionError, "gradient"),
}


@pytest.mark.parametrize(("model", "options", "error", "said"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_with_a_hint(
    model: Any, options: dict[str, Any], error: type[errors.RfcoreError], said: str
) -> None:
    with pytest.raises(error, match=said.replace("[", r"\[")) as caught:
        rfcore.estimate(model, **{"input_shape": SHAPE, **options})
    assert caught.value.hint
    assert "\nHint: " in str(caught.value)


class Pooled(nn.Module):
    """Only the mean of all positions comes through, at every position."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.stem(x).mean((2, 3), keepdim=True).expand(-1, -1, 8, 8)


class Detached(nn.Module):
    """No gradient reaches the input, although everything depends on it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.stem(x.detach())


class Unsupported(nn.Module):
    """A layer whose result has as many values as the input decides."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 3, padding=1)
        self.middle = Function(lambda x: x.nonzero().float())

    def forward(self, x: Tensor) -> Tensor:
        return self.middle(self.stem(x))


ADVISED: dict[str, tuple[Any, dict[str, Any], type[errors.RfcoreError]]] = {
    **{
        name: (*REFUSED[name][:2], REFUSED[name][2])
        for name in (
            "no input shape",
            "not a shape",
            "layout of another rank",
            "layout without batch",
            "not a name",
            "layer never runs",
            "layer runs twice",
            "several outputs",
            "logits",
            "function without backend",
            "unknown backend",
            "unknown method",
        )
    },
    "misspelt layer": (Several(), {"output": "sharde"}, errors.UnknownLayerError),
    "unlike any layer": (network(), {"output": "%"}, errors.UnknownLayerError),
    "no gradient": (Detached().eval(), {"method": "gradient"}, errors.IndependentOutputError),
    "option beside another": (
        network(),
        {"method": "gradient", "global_paths": "ignore"},
        errors.OptionError,
    ),
}


@pytest.mark.parametrize(("model", "options", "error"), ADVISED.values(), ids=ADVISED)
def test_the_way_out_works_when_it_is_typed(
    model: Any, options: dict[str, Any], error: type[errors.RfcoreError]
) -> None:
    told = refusal_with_way_out(model, **{"input_shape": SHAPE, **options})
    assert type(told) is error


def test_the_models_own_error_is_the_cause() -> None:
    with pytest.raises(errors.ModelError) as caught:
        rfcore.estimate(network(), input_shape=(4, 32, 32))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_the_names_that_a_refusal_offers_work() -> None:
    model = Several()
    with pytest.raises(errors.AmbiguousOutputError) as caught:
        rfcore.estimate(model, input_shape=SHAPE, output="shared")
    first, second = rfcore.estimate(
        model, input_shape=SHAPE, output=list(caught.value.choices)
    ).values()
    assert (first.size, second.size) == ((3, 3), (5, 5))
    with pytest.raises(errors.NoSpatialAxesError) as told:
        rfcore.estimate(REFUSED["logits"][0], input_shape=SHAPE)
    last = told.value.last_spatial
    assert rfcore.estimate(REFUSED["logits"][0], input_shape=SHAPE, output=last).size == (4, 4)


def test_an_unknown_layer_is_answered_with_the_nearest() -> None:
    with pytest.raises(errors.UnknownLayerError) as caught:
        rfcore.estimate(Several(), input_shape=SHAPE, output="sharde")
    assert "shared[0]" in caught.value.nearest


def test_functions_are_measured_when_the_backend_is_named() -> None:
    model = network()
    for function in (lambda x: model(x), model.forward):
        field = rfcore.estimate(function, backend="torch", input_shape=SHAPE, output="0")
        assert field.size == (3, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_floating_type_gives_the_same_field(dtype: torch.dtype) -> None:
    field = rfcore.estimate(network().to(dtype), input_shape=SHAPE)
    assert (field.size, field.stride, field.padding) == ((4, 4), (2, 2), (1, 1))


def test_a_gradient_lies_within_the_exact_field_and_fills_it_for_positive_linear_nets() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.Conv2d(2, 1, (3, 5), padding=(1, 2)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    exact = rfcore.estimate(model, input_shape=(1, 64, 64))
    measured = rfcore.estimate(model, input_shape=(1, 64, 64), method="gradient")
    assert measured.axes == exact.axes
    assert exact.exact
    assert not measured.exact
    assert any("lower bound" in note for note in measured.notes)


@pytest.mark.parametrize(
    "asks",
    [torch.equal, torch.allclose, lambda x, y: bool((x > y).any()), lambda x, y: x.tolist() == y],
    ids=["equal", "allclose", "bool", "tolist"],
)
def test_a_branch_on_values_is_no_exact_answer(asks: Callable[[Tensor, Tensor], bool]) -> None:
    field = rfcore.estimate(
        lambda x: x if asks(x, x.roll(1, -1)) else 2 * x, backend="torch", input_shape=SHAPE
    )
    assert not field.exact
    assert any("reads values of its input" in note for note in field.notes)


@pytest.mark.parametrize(
    ("function", "op"),
    [
        (lambda x: x.nonzero().float(), "aten.nonzero"),
        (lambda x: x.view(torch.int16).view(torch.float32), "aten.view"),
        (lambda x: torch.from_numpy(x.detach().numpy()), "Tensor.numpy"),
        (lambda x: x[:, :, torch.randperm(32)], "aten.index"),
        (lambda x: torch.as_strided(x, (4000,), (1,)), "aten.as_strided"),
    ],
    ids=["values decide the shape", "bytes", "numpy", "random places", "past the end"],
)
def test_an_op_that_cannot_be_traced_is_named_with_its_layer(
    function: Callable[[Tensor], Tensor], op: str
) -> None:
    model = nn.Sequential()
    model.add_module("stem", nn.Conv2d(3, 3, 3, padding=1))
    model.add_module("odd", Function(function))
    with pytest.raises(errors.UnsupportedOpError, match="in layer 'odd'") as caught:
        rfcore.estimate(model, input_shape=SHAPE)
    assert (caught.value.op, caught.value.layer) == (op, "odd")
    assert type(refusal_with_way_out(model, input_shape=SHAPE)) is errors.UnsupportedOpError


def test_a_value_without_axes_on_the_way_is_followed() -> None:
    field = rfcore.estimate(lambda x: x[x > 0].sum() + x, backend="torch", input_shape=SHAPE)
    assert field.is_global == (True, True)

"""What is said where there is no answer: the error, its values, and hints that work when typed."""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rfcore
from rfcore.errors import (
    AmbiguousOutputError,
    IndependentOutputError,
    InputShapeError,
    InputTypeError,
    LayerNotRunError,
    LayoutError,
    ModelError,
    NoBackendError,
    NoOutputError,
    OptionError,
    OutputNameError,
    RfcoreError,
    UnknownBackendError,
    UnknownLayerError,
    UnsupportedOpError,
)

RGB = (3, 32, 32)
GREY = (1, 32, 32)


def colour() -> nn.Sequential:
    """3x3, ReLU, 3x3 of stride 2: 5 / 2 / 2."""
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2, padding=1))


def conv(kernel_size: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(1, 1, kernel_size, stride, kernel_size // 2)


def typed(hint: str) -> dict[str, Any]:
    """The arguments that a hint tells the user to type, such as output='layer4'."""
    found = re.findall(r"\b(\w+)=(\"[^\"]*\"|'[^']*'|\([^)]*\)|\d+)", hint)
    return {name: ast.literal_eval(value) for name, value in found}


def caught(error: type[RfcoreError], model: object, **options: Any) -> Any:
    """The error of an estimate: of exactly that class, with a fact first and then a hint."""
    with pytest.raises(error) as info:
        rfcore.estimate(model, **options)
    assert type(info.value) is error
    fact, _, hint = str(info.value).partition("\nHint: ")
    assert (fact, hint) == (info.value.message, info.value.hint)
    assert fact.strip()
    assert hint.strip()
    return info.value


# The input


def test_the_shape_of_the_input_is_needed() -> None:
    error = caught(InputShapeError, colour())
    assert error.input_shape is None
    advised = typed(error.hint)
    assert advised.keys() == {"input_shape"}
    assert rfcore.estimate(colour(), **advised).size == (5, 5)


@pytest.mark.parametrize(
    "shape",
    [
        (),
        (3, 0, 32),
        (3, -1, 32),
        (3, 32.5, 32),
        (3, "32", 32),
        (True, 32, 32),
        "abc",
        32,
        (3, None),
    ],
    ids=repr,
)
def test_shapes_that_are_none(shape: Any) -> None:
    error = caught(InputShapeError, colour(), input_shape=shape)
    assert error.input_shape == shape
    assert "is not a sequence of positive integers" in error.message
    assert rfcore.estimate(colour(), **typed(error.hint)).size == (5, 5)


@pytest.mark.parametrize(
    "shape",
    [[3, 32, 32], torch.Size(RGB), np.array(RGB), (np.int64(3), 32, 32)],
    ids=["list", "torch-size", "array", "numpy-integer"],
)
def test_shapes_of_other_types(shape: Any) -> None:
    field = rfcore.estimate(colour(), input_shape=shape)
    assert field.input_shape == (32, 32)
    assert all(type(n) is int for n in field.input_shape)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        pytest.param((3,), r"input of size: \[1, 3\]", id="no-space"),
        pytest.param((3, 32), "to have 3 channels, but got 1", id="a-line"),
        pytest.param((3, 32, 32, 32), r"input of size: \[1, 3, 32, 32, 32\]", id="a-volume"),
        pytest.param((1, 3, 32, 32), r"input of size: \[1, 1, 3, 32, 32\]", id="with-batch"),
        pytest.param((4, 32, 32), "to have 3 channels, but got 4", id="channels"),
        pytest.param((32, 32, 3), "to have 3 channels, but got 32", id="channels-last"),
    ],
)
def test_shapes_that_the_model_does_not_take(shape: tuple[int, ...], says: str) -> None:
    error = caught(ModelError, colour(), input_shape=shape)
    assert error.input_shape == (1, *shape)
    assert re.search(says, error.message)
    assert isinstance(error.__cause__, RuntimeError)
    assert re.search(says, str(error.__cause__))
    assert re.search(r"input_shape \(it leaves the batch out\) and layout", error.hint)


def test_an_input_that_leaves_the_output_empty() -> None:
    class Crop(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, 20:]

    with pytest.raises(InputShapeError, match=r"empty, of shape \(1, 3, 0, 16\)") as caught:
        rfcore.estimate(Crop(), input_shape=(3, 16, 16))
    assert caught.value.input_shape == (3, 16, 16)
    assert rfcore.estimate(Crop(), input_shape=(3, 21, 16)).padding == (-20, 0)


def test_a_rank_without_a_default_layout() -> None:
    error = caught(InputShapeError, colour(), input_shape=(3, 4, 8, 32, 32))
    assert "has 5 axes" in error.message
    assert typed(error.hint).keys() == {"layout"}


@pytest.mark.parametrize(
    ("layout", "problem"),
    [
        ("NCH", "has 2 axes beside the batch, input_shape=(3, 32, 32) has 3"),
        ("NCDHW", "has 4 axes beside the batch, input_shape=(3, 32, 32) has 3"),
        ("CHW", "does not say which axis is the batch"),
        ("NCHH", "does not name each axis by one letter"),
        ("N-HW", "does not name each axis by one letter"),
        ("", "does not name each axis by one letter"),
        ("NC", "has no spatial axis"),
        (5, "not a text"),
    ],
)
def test_layouts_that_cannot_be_read(layout: Any, problem: str) -> None:
    error = caught(LayoutError, colour(), input_shape=RGB, layout=layout)
    assert problem in error.message
    assert str(error.layout) == str(layout)
    assert '"NCHW"' in error.hint


def test_a_layout_that_is_not_the_models() -> None:
    error = caught(ModelError, colour(), input_shape=(32, 32, 3), layout="NHWC")
    assert error.input_shape == (1, 32, 32, 3)
    assert "to have 3 channels, but got 32" in error.message


@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [
        ("method", "grad", ("exact", "gradient")),
        ("global_paths", "cut", ("follow", "ignore")),
    ],
)
def test_unknown_options(argument: str, value: str, allowed: tuple[str, ...]) -> None:
    error = caught(OptionError, colour(), input_shape=RGB, **{argument: value})
    assert (error.argument, error.value, error.allowed) == (argument, value, allowed)


class Tokens(nn.Module):
    """An embedding of token numbers, or what the user embedded, and a 3-tap convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.trunk = nn.Conv1d(4, 4, 3, padding=1)

    def forward(self, ids: Tensor | None = None, inputs_embeds: Tensor | None = None) -> Tensor:
        embedded = self.embedding(ids) if inputs_embeds is None else inputs_embeds
        return self.trunk(embedded.transpose(1, 2)).transpose(1, 2)


class OneHot(nn.Module):
    """A convolution over the one-hot code of letters."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Conv1d(4, 4, 3, padding=1)

    def forward(self, letters: Tensor) -> Tensor:
        return self.trunk(F.one_hot(letters, 4).float().transpose(1, 2))


@pytest.mark.parametrize("output", [None, "trunk"])
@pytest.mark.parametrize("model", [Tokens, OneHot])
def test_inputs_of_integers(model: type[nn.Module], output: str | None) -> None:
    network = model().eval()
    field = rfcore.estimate(network, input_shape=(64,), output=output)
    # The one convolution; a token is looked up position by position.
    assert (field.size, field.stride, field.padding) == ((3,), (1,), (1,))
    assert field.exact or model is OneHot
    certificate = field.verify(network, input_shape=(64,), output=output)
    assert certificate.complete, str(certificate)


def test_a_wrong_field_of_integers_is_caught() -> None:
    network = Tokens().eval()
    field = rfcore.estimate(network, input_shape=(64,))
    (axis,) = field.axes
    assert axis.lows is not None
    for step in (1, -1):
        moved = dataclasses.replace(
            field, axes=(dataclasses.replace(axis, lows=(axis.lows[0] + step,)),)
        )
        assert not moved.verify(network, input_shape=(64,)).passed


def test_integers_have_no_gradient_and_the_hint_works() -> None:
    error = caught(InputTypeError, Tokens(), input_shape=(64,), method="gradient")
    assert "integers" in error.message
    assert typed(error.hint) == {"input": "inputs_embeds"}
    field = rfcore.estimate(Tokens(), input_shape=(64, 4), layout="NLC", **typed(error.hint))
    assert (field.size, field.padding) == ((3,), (1,))


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        pytest.param(1, InputShapeError, "other inputs than the first go by keyword", id="number"),
        pytest.param("pixels", ModelError, "unexpected keyword argument 'pixels'", id="unknown"),
    ],
)
def test_inputs_that_are_not_there(name: Any, error: type[RfcoreError], says: str) -> None:
    assert says in caught(error, colour(), input_shape=RGB, input=name).message


@pytest.mark.parametrize("name", [None, 0, "input"])
def test_the_first_input_has_three_names(name: Any) -> None:
    assert rfcore.estimate(colour(), input_shape=RGB, input=name).size == (5, 5)


class ComplexConvolution(nn.Module):
    """Convolves complex numbers; takes real ones on request."""

    def __init__(self, *, cast: bool) -> None:
        super().__init__()
        self.cast = cast
        self.trunk = nn.Conv2d(1, 1, 3, padding=1, dtype=torch.complex64)

    def forward(self, x: Tensor) -> Tensor:
        return self.trunk(x.to(torch.complex64) if self.cast else x).abs()


def test_complex_inputs() -> None:
    assert rfcore.estimate(ComplexConvolution(cast=True), input_shape=GREY).size == (3, 3)
    error = caught(ModelError, ComplexConvolution(cast=False), input_shape=GREY)
    assert "complex" in error.message


# Names of layers


class Branches(nn.Module):
    """A layer that runs thrice, one that does not run, and one that ends the forward's path."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv()
        self.block = nn.Sequential(conv(), nn.ReLU())
        self.auxiliary_head = nn.Sequential(conv())

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for _ in range(3):
            x = self.block(x)
        return x


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("stm", "stem"), ("Stem", "stem"), ("stem.0", "stem"), ("blok.0[0]", "block.0[0]")],
)
def test_unknown_layers_name_the_nearest(name: str, nearest: str) -> None:
    error = caught(UnknownLayerError, Branches(), input_shape=GREY, output=name)
    assert error.name == name
    assert nearest in error.nearest
    assert repr(nearest) in error.hint
    assert rfcore.estimate(Branches(), input_shape=GREY, output=nearest).size == (
        (3, 3) if nearest == "stem" else (5, 5)
    )


@pytest.mark.parametrize("output", ["nothing like it", 5, -1])
def test_layers_unlike_any_list_the_known(output: Any) -> None:
    error = caught(UnknownLayerError, colour(), input_shape=RGB, output=output)
    assert {"0", "1", "2"} <= set(error.known)
    assert "'0', '1', '2'" in error.hint


@pytest.mark.parametrize("name", ["auxiliary_head", "auxiliary_head.0"])
def test_layers_that_do_not_run(name: str) -> None:
    error = caught(LayerNotRunError, Branches(), input_shape=GREY, output=name)
    assert error.name == name
    assert not any(ran.startswith("auxiliary") for ran in error.ran)
    assert "'stem'" in error.hint


@pytest.mark.parametrize("name", ["block", "block.0", "block.1"])
def test_layers_that_run_several_times_have_one_address_per_call(name: str) -> None:
    error = caught(AmbiguousOutputError, Branches(), input_shape=GREY, output=name)
    assert error.name == name
    assert error.choices == tuple(f"{name}[{call}]" for call in range(3))
    assert typed(error.hint) == {"output": error.choices[0]}
    fields = rfcore.estimate(Branches(), input_shape=GREY, output=list(error.choices))
    assert [field.size[0] for field in fields.values()] == [5, 7, 9]
    beyond = caught(UnknownLayerError, Branches(), input_shape=GREY, output=f"{name}[3]")
    assert f"{name}[2]" in beyond.nearest


def test_a_layer_under_two_names_answers_to_both() -> None:
    shared = conv()
    model = nn.Sequential(shared, nn.ReLU(), shared)
    fields = rfcore.estimate(model, input_shape=GREY, output=["0[0]", "2[0]", "0[1]", "2[1]"])
    assert [field.size[0] for field in fields.values()] == [3, 3, 5, 5]


@pytest.mark.parametrize("output", [1.5, {"0"}, b"0", ("0", 1.5)], ids=repr)
def test_outputs_that_are_no_names(output: Any) -> None:
    error = caught(OutputNameError, colour(), input_shape=RGB, output=output)
    assert "not the name of a layer" in error.message
    assert typed(error.hint).keys() == {"output"}


def test_a_module_is_not_the_name_of_one() -> None:
    model = colour()
    error = caught(OutputNameError, model, input_shape=RGB, output=model[0])
    assert "Conv2d" in error.message


@pytest.mark.parametrize("output", [[], ()])
def test_no_layers_give_no_fields(output: Any) -> None:
    assert rfcore.estimate(colour(), input_shape=RGB, output=output) == {}


# Outputs of several tensors


class Pair(NamedTuple):
    low: Any
    high: Any


@dataclasses.dataclass
class Record:
    low: Any
    high: Any


def model_output(low: Tensor, high: Tensor) -> Any:
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    return BaseModelOutputWithPooling(last_hidden_state=low, pooler_output=high)


class TwoScales(nn.Module):
    """3x3 and 5x5 of stride 2, packed as the user likes: 3 / 1 / 1 and 5 / 2 / 2."""

    def __init__(self, pack: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.fine, self.coarse = conv(3), conv(5, 2)
        self.pack = pack

    def forward(self, x: Tensor) -> Any:
        return self.pack(self.fine(x), self.coarse(x))


@pytest.mark.parametrize(
    ("pack", "choices"),
    [
        pytest.param(lambda low, high: (low, high), ("[0]", "[1]"), id="tuple"),
        pytest.param(lambda low, high: [low, high], ("[0]", "[1]"), id="list"),
        pytest.param(lambda low, high: {"low": low, "high": high}, ("low", "high"), id="dict"),
        pytest.param(lambda low, high: {3: low, 4: high}, ("[3]", "[4]"), id="dict-of-numbers"),
        pytest.param(Pair, ("low", "high"), id="named-tuple"),
        pytest.param(Record, ("low", "high"), id="dataclass"),
        pytest.param(model_output, ("last_hidden_state", "pooler_output"), id="model-output"),
        pytest.param(
            lambda low, high: {"maps": [low, {"deep": high}], "count": 2, "none": None},
            ("[maps][0]", "[maps][1][deep]"),
            id="nested",
        ),
    ],
)
def test_outputs_of_several_tensors(
    pack: Callable[[Tensor, Tensor], Any], choices: tuple[str, str]
) -> None:
    model = TwoScales(pack)
    error = caught(AmbiguousOutputError, model, input_shape=GREY)
    assert error.choices == choices
    assert typed(error.hint) == {"output": choices[0]}
    fields = rfcore.estimate(model, input_shape=GREY, output=list(choices))
    assert [(field.size, field.stride) for field in fields.values()] == [
        ((3, 3), (1, 1)),
        ((5, 5), (2, 2)),
    ]


@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(lambda low, high: (low, high), id="tuple"),
        pytest.param(Pair, id="named-tuple"),
        pytest.param(Record, id="dataclass"),
        pytest.param(model_output, id="model-output"),
    ],
)
def test_outputs_by_number(pack: Callable[[Tensor, Tensor], Any]) -> None:
    fields = rfcore.estimate(TwoScales(pack), input_shape=GREY, output=[0, 1])
    assert [field.size[0] for field in fields.values()] == [3, 5]


@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(lambda low, high: (low,), id="tuple"),
        pytest.param(lambda low, high: (low, None, "text"), id="other-things"),
        pytest.param(lambda low, high: {"out": low}, id="dict"),
        pytest.param(lambda low, high: [[[low]]], id="nested"),
    ],
)
def test_the_only_tensor_needs_no_name(pack: Callable[[Tensor, Tensor], Any]) -> None:
    assert rfcore.estimate(TwoScales(pack), input_shape=GREY).size == (3, 3)


def test_a_layers_name_comes_before_a_key_of_the_output() -> None:
    model = TwoScales(lambda low, high: {"fine": high, "other": low})
    fields = rfcore.estimate(model, input_shape=GREY, output=["fine", "[fine]"])
    assert [field.size[0] for field in fields.values()] == [3, 5]


@pytest.mark.parametrize("result", [None, "text", 3, ()], ids=repr)
def test_a_forward_that_returns_no_tensor(result: Any) -> None:
    model = TwoScales(lambda low, high: result)
    error = caught(NoOutputError, model, input_shape=GREY)
    assert rfcore.estimate(model, input_shape=GREY, **typed(error.hint)).size == (5, 5)


@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(lambda low, high: torch.zeros_like(low), id="zeros"),
        pytest.param(lambda low, high: torch.ones(low.shape), id="shape"),
        pytest.param(lambda low, high: torch.rand(1, 1, 5, 5), id="constant"),
        pytest.param(lambda low, high: low.new_full(low.shape, 2.0), id="full"),
    ],
)
def test_outputs_that_do_not_depend_on_the_input(pack: Callable[[Tensor, Tensor], Any]) -> None:
    error = caught(IndependentOutputError, TwoScales(pack), input_shape=GREY)
    assert "the model" in error.message
    assert error.output == ""


# Kinds of models


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        pytest.param(lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU()), "0", id="convolution"),
        pytest.param(lambda: nn.Sequential(conv(), nn.LazyBatchNorm2d()), "1", id="batch-norm"),
    ],
)
def test_lazy_layers_want_one_call_first(model: Callable[[], nn.Module], layer: str) -> None:
    lazy = model()
    error = caught(UnsupportedOpError, lazy, input_shape=GREY)
    assert error.op.startswith("Lazy")
    assert error.layer == layer
    assert "call the model once on a real input first" in error.message
    lazy(torch.zeros(1, 1, 8, 8))
    assert rfcore.estimate(lazy, input_shape=GREY).size == (3, 3)


class Classifier(nn.Module):
    """A trunk with a way to its features: 5 / 2 / 2."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(conv(5, 2), nn.ReLU())
        self.head = nn.Linear(1, 10)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.trunk(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.forward_features(x).mean((2, 3)))


def functions() -> list[Any]:
    model = Classifier()
    models = [model]

    def calls_another(x: Tensor) -> Tensor:
        return model.forward_features(x)

    return [
        pytest.param(model.forward_features, id="bound-method"),
        pytest.param(lambda x: model.forward_features(x), id="lambda"),
        pytest.param(lambda x: models[0].forward_features(x), id="list-in-a-lambda"),
        pytest.param(lambda x: calls_another(x), id="nested-functions"),
        pytest.param(functools.partial(Classifier.forward_features, model), id="partial"),
        pytest.param(
            functools.partial(lambda x, model: model.forward_features(x), model=model),
            id="partial-by-keyword",
        ),
    ]


@pytest.mark.parametrize("function", functions())
def test_functions_need_a_backend_and_keep_the_names_of_layers(
    function: Callable[..., Any],
) -> None:
    error = caught(NoBackendError, function, input_shape=GREY)
    assert error.model_type is type(function)
    assert "torch" in error.known
    advised = typed(error.hint)
    assert advised == {"backend": "torch"}
    field = rfcore.estimate(function, input_shape=GREY, **advised)
    assert (field.size, field.stride, field.padding) == ((5, 5), (2, 2), (2, 2))
    for name in ("trunk", "trunk.0"):
        assert rfcore.estimate(function, input_shape=GREY, output=name, **advised) == field


def test_a_function_over_two_models_names_their_layers_by_variable() -> None:
    first, second = nn.Sequential(conv(5, 2)), nn.Sequential(conv())

    def chained(x: Tensor) -> Tensor:
        return second(first(x))

    fields = rfcore.estimate(
        chained, backend="torch", input_shape=GREY, output=["first.0", "second.0", "second"]
    )
    assert [field.size[0] for field in fields.values()] == [5, 9, 9]


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda x: F.max_pool2d(x, 3, 2), id="lambda"),
        pytest.param(functools.partial(F.max_pool2d, kernel_size=3, stride=2), id="partial"),
    ],
)
def test_functions_without_layers(function: Callable[[Tensor], Tensor]) -> None:
    field = rfcore.estimate(function, backend="torch", input_shape=GREY)
    assert (field.size, field.stride) == ((3, 3), (2, 2))
    error = caught(UnknownLayerError, function, backend="torch", input_shape=GREY, output="layer4")
    assert "leave output=None" in error.hint


@pytest.mark.parametrize(
    "model",
    [5, "resnet50", None, [1], {"weight": 1}, torch.zeros(3), nn.Conv2d],
    ids=lambda model: getattr(model, "__name__", type(model).__name__),
)
def test_things_that_are_no_models(model: object) -> None:
    error = caught(NoBackendError, model, input_shape=GREY)
    assert error.model_type is type(model)
    named = caught(InputShapeError, model, input_shape=GREY, backend="torch")
    assert getattr(model, "__name__", type(model).__name__) in named.message


def test_an_unknown_backend() -> None:
    error = caught(UnknownBackendError, colour(), input_shape=RGB, backend="troch")
    assert rfcore.estimate(colour(), input_shape=RGB, **typed(error.hint)).size == (5, 5)


@pytest.mark.parametrize("model", [nn.ModuleList([conv()]), nn.ModuleDict(), nn.Module()], ids=repr)
def test_modules_without_a_forward(model: nn.Module) -> None:
    error = caught(ModelError, model, input_shape=GREY)
    assert isinstance(error.__cause__, NotImplementedError)


@pytest.mark.parametrize("model", [nn.Sequential(), nn.Identity(), nn.Dropout()], ids=repr)
def test_doing_nothing_sees_one_pixel(model: nn.Module) -> None:
    field = rfcore.estimate(model, input_shape=RGB)
    assert (field.size, field.stride, field.offset) == ((1, 1), (1, 1), (0.5, 0.5))
    assert field.output_shape == (32, 32)


class Stopping(nn.Module):
    """Fails after its first layer."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.stem = conv()
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        self.stem(x)
        raise self.error


@pytest.mark.parametrize(
    "failure",
    [KeyError("missing"), ValueError(""), RuntimeError("one\ntwo"), StopIteration()],
    ids=repr,
)
def test_errors_of_the_forward_are_the_cause(failure: Exception) -> None:
    error = caught(ModelError, Stopping(failure), input_shape=GREY)
    assert error.__cause__ is failure
    assert type(failure).__name__ in error.message
    assert "\n" not in error.message
    # What ran before the failure can be measured.
    field = rfcore.estimate(Stopping(failure), input_shape=GREY, output="stem")
    assert field.size == (3, 3)


def test_a_forward_of_two_inputs() -> None:
    class Sum(nn.Module):
        def forward(self, x: Tensor, other: Tensor) -> Tensor:
            return x + other

    model = Sum()
    error = caught(ModelError, model, input_shape=GREY)
    assert "missing 1 required positional argument: 'other'" in error.message
    assert "lambda x: model(x, torch.ones_like(x))" in error.hint
    field = rfcore.estimate(
        lambda x: model(x, torch.ones_like(x)), backend="torch", input_shape=GREY
    )
    assert field.size == (1, 1)


def test_torchscript_is_asked_back_for_the_python_model() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted = torch.jit.script(nn.Sequential(conv(), nn.ReLU()))
        traced = torch.jit.trace(nn.Sequential(conv(), nn.ReLU()), torch.zeros(1, 1, 8, 8))
    for model in (scripted, traced):
        for output in (None, "0"):
            error = caught(UnsupportedOpError, model, input_shape=GREY, output=output)
            assert "pass the Python model it was made of" in error.message


@pytest.mark.filterwarnings("ignore:Using `torch.compile:UserWarning")
def test_compiled_models_are_measured_without_compiling() -> None:
    def refuse(graph: object, inputs: object) -> Any:
        raise AssertionError("an estimate must not compile")

    model = nn.Sequential(conv(5, 2), nn.ReLU())
    compiled = torch.compile(model, backend=refuse)
    fields = rfcore.estimate(compiled, input_shape=GREY, output=[None, "0", "1"])  # type: ignore[list-item]
    assert [field.size for field in fields.values()] == [(5, 5)] * 3
    inside = nn.Sequential(torch.compile(model, backend=refuse), conv())
    assert rfcore.estimate(inside, input_shape=GREY).size == (9, 9)
    model.compile(backend=refuse)
    assert rfcore.estimate(model, input_shape=GREY).size == (5, 5)


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(torch.fx.symbolic_trace, id="fx"),
        pytest.param(lambda model: nn.DataParallel(model), id="data-parallel"),
        pytest.param(lambda model: torch.no_grad()(model), id="no-grad"),
        pytest.param(lambda model: torch.inference_mode()(model), id="inference-mode"),
        pytest.param(lambda model: torch.autocast("cpu", torch.bfloat16)(model), id="autocast"),
        pytest.param(
            lambda model: functools.partial(
                torch.utils.checkpoint.checkpoint, model, use_reentrant=False
            ),
            id="checkpoint",
        ),
    ],
)
def test_ways_to_wrap_a_model(wrap: Callable[[nn.Module], Callable[[Tensor], Tensor]]) -> None:
    model = nn.Sequential(conv(5, 2), nn.ReLU(), conv())
    field = rfcore.estimate(wrap(model), backend="torch", input_shape=GREY)
    assert (field.size, field.stride, field.padding) == ((9, 9), (2, 2), (4, 4))
    assert field.exact

"""Every refusal of the core says what, where and why, and its way out works when it is typed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rfcore
from mutants import LayersWithGradients, Net, installed
from rfcore import errors
from rfcore.hookspecs import Trace
from rfcore.layers import Branches, Convolution, Pooling
from rfcore.testing.refusals import advised, refusal, refusal_with_way_out

TEXT = "stem: conv 3 p1, maxpool 2, head: conv 3 p1"
TWICE = (
    Convolution(3, padding=1, name="stem"),
    Branches(((Convolution(3, padding=1, name="left"),), ())),
    Pooling(2, name="pool"),
)

Call = tuple[Any, dict[str, Any]]
Refused = tuple[Call, type[errors.RfcoreError], str]

# What is asked, the error, and what it says.
WITH_A_WAY_OUT: dict[str, Refused] = {
    "method": ((TEXT, {"method": "exct"}), errors.OptionError, "method='exct' is not known"),
    "global paths": (
        (TEXT, {"global_paths": None}),
        errors.OptionError,
        "global_paths=None is not known",
    ),
    "input": ((TEXT, {"input": "image"}), errors.OptionError, "input='image' is not known"),
    "unknown backend": (
        (TEXT, {"backend": "layer"}),
        errors.UnknownBackendError,
        "No backend is called 'layer'",
    ),
    "far from any backend": (
        (TEXT, {"backend": "cv"}),
        errors.UnknownBackendError,
        "No backend is called 'cv'; installed are",
    ),
    "gradients of text": (
        (TEXT, {"method": "gradient"}),
        errors.BackendCapabilityError,
        "The backend 'layers' does not offer gradients",
    ),
    "no batch": ((TEXT, {"layout": "HW"}), errors.LayoutError, "which axis is the batch"),
    "no spatial axis": ((TEXT, {"layout": "NC"}), errors.LayoutError, "no spatial axis"),
    "a letter twice": ((TEXT, {"layout": "NHH"}), errors.LayoutError, "one letter of its own"),
    "no letters": ((TEXT, {"layout": "N-H"}), errors.LayoutError, "one letter of its own"),
    "layout of another rank": (
        (TEXT, {"layout": "NHW", "input_shape": (64,)}),
        errors.LayoutError,
        "has 2 axes beside the batch",
    ),
    "layout is a number": ((TEXT, {"layout": 4}), errors.LayoutError, "is a int, not a text"),
    "misspelt layer": (
        (TEXT, {"output": "haed"}),
        errors.UnknownLayerError,
        "no layer or output called 'haed'",
    ),
    "a layer unlike any": (
        (TEXT, {"output": "%"}),
        errors.UnknownLayerError,
        "no layer or output called '%'",
    ),
    "output by number": (
        (TEXT, {"output": 3}),
        errors.UnknownLayerError,
        r"no layer or output called '\[3\]'",
    ),
    "no name": ((TEXT, {"output": 1.5}), errors.OutputNameError, "output=1.5 is a float"),
    "a truth": ((TEXT, {"output": True}), errors.OutputNameError, "output=True is a bool"),
    "negative size": (
        (TEXT, {"input_shape": (-64,)}),
        errors.InputShapeError,
        "not a sequence of positive integers",
    ),
}


def asked(call: Call) -> tuple[Any, dict[str, Any]]:
    model, options = call
    return model, {"input_shape": (64,), **options}


@pytest.mark.parametrize(("call", "error", "said"), WITH_A_WAY_OUT.values(), ids=WITH_A_WAY_OUT)
def test_the_way_out_works_when_it_is_typed(
    call: Call, error: type[errors.RfcoreError], said: str
) -> None:
    model, options = asked(call)
    if "input_shape=" in refusal(model, **options).hint:
        # The example in the hint has the axes of an image with channels.
        options["layout"] = "NCHW"
    told = refusal_with_way_out(model, **options)
    assert type(told) is error
    assert re.search(said, told.message), told.message


def test_a_global_option_does_not_go_with_gradients() -> None:
    with installed(LayersWithGradients()):
        told = refusal_with_way_out(
            Net(list(TWICE)), input_shape=(64,), method="gradient", global_paths="ignore"
        )
    assert type(told) is errors.OptionError
    assert 'does not go with method="gradient"' in told.message


def test_ranks_without_a_layout_are_named() -> None:
    told = refusal_with_way_out("conv 3", input_shape=(8,) * 5)
    assert type(told) is errors.InputShapeError
    assert dict(advised(told.hint)) == {"layout": "NCTDHW"}


def test_claims_of_two_backends_are_decided_by_name() -> None:
    one, other = LayersWithGradients(), LayersWithGradients()
    other.name = "rival"
    with installed(one, other):
        told = refusal_with_way_out(Net(list(TWICE)), input_shape=(64,))
    assert type(told) is errors.AmbiguousBackendError
    assert "'mutant', 'rival' all accept a model of type Net" in told.message


def test_several_calls_of_a_layer_are_decided_by_name() -> None:
    class Several(LayersWithGradients):
        def trace(self, model: Any, spec: Any) -> Trace:
            trace = super().trace(model, spec)
            node, shape = trace.values[""], trace.shapes[""]
            keys = ("[low]", "[high]")
            return Trace(
                trace.graph,
                dict.fromkeys(keys, node),
                dict.fromkeys(keys, shape),
                ("never",),
            )

    with installed(Several()):
        told = refusal_with_way_out(Net(list(TWICE)), input_shape=(64,))
        assert type(told) is errors.AmbiguousOutputError
        idle = refusal_with_way_out(Net(list(TWICE)), input_shape=(64,), output="never")
        assert type(idle) is errors.LayerNotRunError
        assert "'never' exists but produced no tensor" in idle.message


def test_an_output_that_depends_on_nothing() -> None:
    class Constant(LayersWithGradients):
        def trace(self, model: Any, spec: Any) -> Trace:
            return replace(super().trace(model, spec), values={"": None})

    with installed(Constant()):
        told = refusal(Net(list(TWICE)), input_shape=(64,))
    assert type(told) is errors.IndependentOutputError
    assert "input= names the one" in told.hint


def test_a_forward_that_returns_nothing_names_its_last_layer() -> None:
    class Nothing(LayersWithGradients):
        def trace(self, model: Any, spec: Any) -> Trace:
            trace = super().trace(model, spec)
            return replace(trace, values={k: v for k, v in trace.values.items() if k})

    with installed(Nothing()):
        told = refusal_with_way_out(Net(list(TWICE)), input_shape=(64,))
    assert type(told) is errors.NoOutputError
    assert "returned nothing that holds a tensor" in told.message


# Which advice it is depends on what is installed.
NO_MODELS: dict[str, tuple[Any, str]] = {
    "a number": (3, "plugin"),
    "no layers": ([], "plugin"),
    "text": ("resnet50", 'as in "conv 3 s2"'),
}


@pytest.mark.parametrize(("model", "hint"), NO_MODELS.values(), ids=NO_MODELS)
def test_what_is_no_model_is_named_by_its_type(model: Any, hint: str) -> None:
    told = refusal(model)
    assert type(told) is errors.NoBackendError
    assert f"a model of type builtins.{type(model).__name__}" in told.message
    assert hint in told.hint


def test_the_layer_that_is_too_large_is_named() -> None:
    told = refusal("stem: conv 3, body: conv 9", input_shape=(8,))
    assert type(told) is errors.InputShapeError
    assert "Convolution 'body' gets 6 positions on axis 0" in told.message
    assert "larger input_shape, or give the layer a padding" in told.hint
    assert rfcore.estimate("stem: conv 3, body: conv 9", input_shape=(16,)).size == (11,)


SPECS = ["", "covn 3", "conv", "conv 3 x", "conv 3 s0", "[conv 3 | conv 5]", "conv 3,", "a: b: c 3"]


@pytest.mark.parametrize("text", SPECS)
def test_text_that_is_no_network_is_answered_with_text_that_is(text: str) -> None:
    told = refusal(text, backend="layers", input_shape=(64,))
    assert type(told) is errors.LayerSpecError
    for example in re.findall(r'write for example "([^"]+)"', told.hint):
        assert rfcore.estimate(example, input_shape=(64,)).size


def test_no_error_is_without_use() -> None:
    """Each class of `rfcore.errors` is raised somewhere outside of it."""
    root = Path(rfcore.__file__).parent
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (*root.rglob("*.py"), *root.parents[1].glob("plugins/*/src/**/*.py"))
        if path.parent.name != "errors"
    )
    made = {name for name in errors.__all__ if re.search(rf"\b{name}\(|raise {name}\b", code)}
    assert set(errors.__all__) - made <= {"RfcoreError"}

"""The conformance suite itself: it lets a sound backend pass and catches every wrong one."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mutants import Conformance, LayersWithGradients, but, failures, installed, rewritten
from rfcore.graph import Graph
from rfcore.inputs import InputSpec
from rfcore.layers import (
    Branches,
    Convolution,
    Cropping,
    GlobalPooling,
    Identity,
    Normalization,
    Padding,
    Pooling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing import CASES, Case, same_padding
from rfcore.testing.laws.subject import law_names

LAWS = sorted(law_names(Conformance))


@pytest.mark.parametrize("law", LAWS)
def test_a_sound_backend_passes(law):
    assert failures(LayersWithGradients(), law) == []


def last_path_only(layer):
    return replace(layer, paths=2 * layer.paths[-1:]) if isinstance(layer, Branches) else layer


MISREAD = {
    "dilation": but(Convolution, dilation=1),
    "stride": but(Convolution, stride=1),
    "padding of convolutions": but(Convolution, padding=0),
    "same padding, as if half a kernel": lambda layer: (
        replace(layer, padding=1)
        if isinstance(layer, Convolution) and layer.padding == "same" and layer.kernel_size == 3
        else layer
    ),
    "stride of pooling": lambda layer: (
        replace(layer, stride=1) if isinstance(layer, Pooling) and layer.stride is None else layer
    ),
    "transposed convolution, as a convolution": lambda layer: (
        Convolution(layer.kernel_size, layer.stride, layer.padding)
        if isinstance(layer, TransposedConvolution)
        else layer
    ),
    "linear upsampling, as nearest": but(Upsampling, mode="nearest"),
    "all paths but the last": last_path_only,
    "the side of padding": lambda layer: (
        Padding(layer.high, layer.low) if isinstance(layer, Padding) else layer
    ),
    "cropping": lambda layer: Cropping(0, 0) if isinstance(layer, Cropping) else layer,
    "gates": lambda layer: (
        replace(layer, paths=2 * layer.paths[:1])
        if isinstance(layer, Branches) and layer.join == "multiply"
        else layer
    ),
    "instance norm, as batch norm": but(Normalization, statistics="batch"),
    "order of axes": lambda layer: (
        replace(layer, kernel_size=layer.kernel_size[::-1])
        if isinstance(layer, Convolution) and isinstance(layer.kernel_size, tuple)
        else layer
    ),
    "holes": lambda layer: (
        Convolution(layer.dilation * (layer.kernel_size - 1) + 1, padding=layer.padding)
        if isinstance(layer, Convolution) and layer.dilation != 1
        else layer
    ),
}


@pytest.mark.parametrize("change", MISREAD.values(), ids=MISREAD)
def test_a_layer_that_is_misread_is_caught(change):
    assert failures(rewritten(change), "field")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(but(Convolution, dilation=1), id="dilation"),
        pytest.param(but(Convolution, stride=1), id="stride"),
        pytest.param(last_path_only, id="all paths but the last"),
    ],
)
def test_random_networks_alone_catch_it_too(change):
    suite = type("Longer", (Conformance,), {"examples": 200})
    assert failures(rewritten(change), "random_networks", suite)


class Gradient(LayersWithGradients):
    """A backend whose gradients are changed on their way."""

    def __init__(self, change):
        self.change = change

    def gradient(self, model, spec, output):
        measured = super().gradient(model, spec, output)

        def at(image):
            linear = measured.at(image)
            return replace(linear, pull=lambda cotangents: self.change(linear.pull(cotangents)))

        return replace(measured, at=at)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda pulled: np.roll(pulled, 1, axis=2), id="moved by a pixel"),
        pytest.param(np.ones_like, id="everywhere"),
        pytest.param(np.zeros_like, id="nowhere"),
        pytest.param(lambda pulled: np.where(pulled, np.nan, 0), id="NaN"),
        pytest.param(lambda pulled: pulled.swapaxes(1, 2), id="axes swapped"),
        pytest.param(lambda pulled: pulled[0], id="without the points"),
    ],
)
def test_a_wrong_gradient_is_caught(change):
    assert failures(Gradient(change), "gradient_is_contained")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(np.negative, id="of the other sign"),
        pytest.param(np.abs, id="without a sign"),
        pytest.param(lambda pulled: 2 * pulled, id="twice as large"),
        pytest.param(np.sign, id="signs alone"),
    ],
)
def test_a_gradient_that_is_no_derivative_is_caught(change):
    assert failures(Gradient(change), "gradient_is_the_derivative")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda pulled: pulled[::-1], id="in another order"),
        pytest.param(lambda pulled: pulled + pulled.sum(axis=0), id="mixed"),
        pytest.param(
            lambda pulled: pulled * np.random.default_rng().random(), id="another each time"
        ),
    ],
)
def test_a_stack_that_is_no_stack_is_caught(change):
    assert failures(Gradient(change), "gradients_of_several_outputs_are_those_of_each")


def test_a_gradient_that_hides_is_caught_by_its_fit():
    half = Gradient(lambda pulled: pulled * (np.cumsum(pulled != 0, axis=2) > 1))
    assert failures(half, "gradient_shows_the_field")


class ClaimsEverything(LayersWithGradients):
    def accepts(self, model):
        return True


class ClaimsNothing(LayersWithGradients):
    def accepts(self, model):
        return False


class FailsWhenAsked(LayersWithGradients):
    def accepts(self, model):
        return bool(model.layers)


class ChangesTheModel(LayersWithGradients):
    def trace(self, model, spec):
        model.layers[0] = replace(model.layers[0], name="seen")
        return super().trace(model, spec)


class ChangesTheModelByItsGradient(LayersWithGradients):
    def gradient(self, model, spec, output):
        model.layers.append(Identity())
        return super().gradient(model, spec, output)


class Counts(LayersWithGradients):
    """A backend whose answer depends on how often it was asked."""

    asked = 0

    def input_spec(self, model, input_shape, layout, name):
        self.asked += 1
        wider = [n + self.asked for n in input_shape]
        return super().input_spec(model, wider, layout, name)


class Lenient(LayersWithGradients):
    """A backend that makes something of any shape and layout."""

    def input_spec(self, model, input_shape, layout, name):
        sizes = [n if isinstance(n, int) and n > 0 else 8 for n in input_shape]
        return super().input_spec(model, sizes, None, name)


class Guesses(LayersWithGradients):
    """A backend that takes any shape where none is given, another than its model's rank."""

    def input_spec(self, model, input_shape, layout, name):
        return super().input_spec(model, input_shape or (224,), layout, name)


class Nameless(LayersWithGradients):
    """A backend whose graph knows no layers."""

    def trace(self, model, spec):
        traced = super().trace(model, spec)
        graph = Graph(tuple(replace(node, layer="") for node in traced.graph.nodes))
        return replace(traced, graph=graph)


class OutputOnly(LayersWithGradients):
    """A backend whose trace holds the model's output alone."""

    def trace(self, model, spec):
        traced = super().trace(model, spec)
        return replace(traced, values={"": traced.values[""]} if "" in traced.values else {})


class Crashes(LayersWithGradients):
    """A backend that lets errors of its framework through."""

    def trace(self, model, spec):
        traced = super().trace(model, spec)
        if traced.error is not None:
            raise ValueError("no window fits")
        return traced


class OneSize(LayersWithGradients):
    """A backend that traces the asked size whatever size is wanted."""

    asked: InputSpec

    def input_spec(self, model, input_shape, layout, name):
        self.asked = super().input_spec(model, input_shape, layout, name)
        return self.asked

    def trace(self, model, spec):
        return super().trace(model, self.asked)


@pytest.mark.parametrize(
    ("backend", "law"),
    [
        (ClaimsEverything, "foreign_objects_are_not_claimed"),
        (ClaimsNothing, "exactly_one_backend_claims_the_model"),
        (FailsWhenAsked, "foreign_objects_are_not_claimed"),
        (ChangesTheModel, "model_is_left_as_it_was"),
        (ChangesTheModelByItsGradient, "model_is_left_as_it_was"),
        (Counts, "second_estimate_is_the_same"),
        (Lenient, "unreadable_input_shape"),
        (Lenient, "unreadable_layout"),
        (Guesses, "missing_input_shape"),
        (Nameless, "global_ops_are_named"),
        (OutputOnly, "inner_layers"),
        (OutputOnly, "unknown_layer"),
        (Crashes, "refusal"),
        (Crashes, "model_is_left_as_it_was"),
        (OneSize, "field"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
@pytest.mark.filterwarnings("ignore:the rfcore backend 'mutant' failed when asked")
def test_a_backend_without_manners_is_caught(backend, law):
    assert failures(backend(), law)


def test_a_model_that_two_backends_claim_is_caught():
    rival = type("Rival", (LayersWithGradients,), {"name": "rival"})()
    law = "exactly_one_backend_claims_the_model"
    assert failures(LayersWithGradients(), law, rivals=[rival])


@pytest.mark.parametrize(
    ("attribute", "law"), [("traces", "what_is_not_offered_is_said")], ids=["no tracer"]
)
def test_what_a_backend_says_it_cannot_is_checked(attribute, law):
    modest = type("Modest", (Conformance,), {attribute: False})
    assert failures(LayersWithGradients(), law, modest)


def test_a_backend_that_is_not_installed_is_caught():
    absent = type("Absent", (Conformance,), {"backend": "absent"})
    with installed():
        assert failures(LayersWithGradients(), "backend_is_listed", absent)


GAPS = """
from rfcore.testing import BackendConformance


class TestGaps(BackendConformance):
    backend = "layers"
    channels = "none"
    differentiates = False
    examples = 1
    cannot = {cannot}

    def build(self, case):
        if case.name == "cropping":
            raise NotImplementedError("there is no cropping")
        return case.layers

    def snapshot(self, model):
        return None
"""


@pytest.mark.parametrize(
    ("cannot", "outcomes", "told"),
    [
        ({}, {"failed": 1, "passed": 2}, "there is no cropping"),
        ({"cropping": "no crops"}, {"xfailed": 1, "passed": 2}, "no crops"),
        ({"field[cropping]": "no crops"}, {"xfailed": 1, "passed": 2}, "no crops"),
        ({"cropping": "no crops", "convolution": "old"}, {"xfailed": 1, "failed": 1}, "XPASS"),
        ({"croping": "no crops"}, {"failed": 2, "passed": 1}, "neither a law nor a case"),
    ],
    ids=["unsaid", "by case", "by law and case", "closed", "misspelt"],
)
def test_gaps_are_strict_expected_failures(tmp_path, cannot, outcomes, told):
    file = tmp_path / "test_gaps.py"
    file.write_text(GAPS.replace("{cannot}", repr(cannot)))
    chosen = "field[cropping] or field[convolution] or cannot_names"
    command = [sys.executable, "-m", "pytest", "-rxf", "-p", "no:cacheprovider", "-k", chosen, file]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    (summary,) = re.findall(r"^=+ (.* in .*s) =+$", done.stdout, re.MULTILINE)
    found = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|xfailed)", summary)}
    assert outcomes.items() <= found.items()
    assert told in done.stdout


def test_cases_are_told_apart_and_say_where_their_values_come_from():
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.source for case in CASES)
    assert all(
        (case.error is None) != (case.expected == Case.__dataclass_fields__["expected"].default)
        for case in CASES
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param((8, 3, 2), (0, 1), id="even: one zero, at the high end"),
        pytest.param((9, 3, 2), (1, 1), id="odd"),
        pytest.param((10, 4, 1), (1, 2), id="even kernel"),
        pytest.param((10, 3, 1, 4), (4, 4), id="dilation"),
        pytest.param((10, 1, 4), (0, 0), id="kernel below the stride"),
    ],
)
def test_same_padding_is_the_rule_of_tensorflow(arguments, expected):
    assert same_padding(*arguments) == expected


def test_gradients_are_whole_on_positive_linear_networks_only():
    def whole(*layers, **more):
        case = Case(name="", layers=layers, input_shape=(8,), source="", **more)
        return case.gradient_is_whole

    assert whole(Convolution(3), Pooling(2, kind="average"), Upsampling(2), Padding(1), Identity())
    assert not whole(Convolution(3), weights="random")
    assert not whole(Branches(((), (Pooling(2),))))
    assert not whole(Branches(((), ()), join="multiply"))
    assert not whole(GlobalPooling(kind="max"))
    assert not whole(Normalization())

"""Rules of users for ops of their own: registering them, and what they may return."""

import importlib
from dataclasses import dataclass

import numpy as np
import pytest

import rfcore
import rfcore.errors
from rfcore import custom
from rfcore.custom import CustomOp, add_by_rule, find_rule
from rfcore.errors import CustomRuleError, OptionError, RuleNameError
from rfcore.graph import AxisMap, GraphBuilder, Reduce, Window, WindowAxis
from rfcore.hookspecs import Trace
from rfcore.inputs import InputSpec


@pytest.fixture(autouse=True)
def _only_own_rules(monkeypatch):
    monkeypatch.setattr(custom, "_RULES", {})


@dataclass
class OneOp:
    """A backend whose model is the name of an op that a user has to know."""

    name: str = "one"
    exact: bool = True

    def accepts(self, model):
        return model == "mylib::shift"

    def input_spec(self, model, input_shape, layout, name):
        return InputSpec((1, *(input_shape or (40,))), (1,), "NL")

    def trace(self, model, spec):
        builder = GraphBuilder(spec.shape)
        found = find_rule("one", model)
        assert found is not None
        node = add_by_rule(
            found, builder, [0], CustomOp("one", model, "", (spec.shape,), spec.shape)
        )
        return Trace(builder.finish(), {"": node}, {"": spec.shape})

    def gradient(self, model, spec, output):
        raise OptionError("method", "gradient", ("exact",))


@pytest.fixture(autouse=True)
def _backend(monkeypatch):
    module = importlib.import_module("rfcore.estimate")
    monkeypatch.setattr(module, "find_backend", lambda model, name: OneOp())


def estimate():
    return rfcore.estimate("mylib::shift", backend="one", input_shape=(40,))


def shifted(op):
    """Output j sees the inputs j - 2 and j."""
    length = op.inputs[0][1]
    taps = np.stack([np.arange(length) - 2, np.arange(length)], axis=1)
    return AxisMap(1, np.where(taps < 0, -1, taps))


def pulled(op):
    """The same, as a function on masks."""

    def pullback(mask):
        seen = mask.copy()
        seen[:, :-2] |= mask[:, 2:]
        return [seen]

    return pullback


@pytest.mark.parametrize("rule", [shifted, pulled], ids=["an op", "a function on masks"])
def test_the_field_is_what_the_rule_says(rule):
    rfcore.rule("one", "mylib::shift")(rule)
    field = estimate()
    # By hand: [j - 2, j + 1), of which the middle is not seen.
    assert (field.size, field.stride, field.padding) == ((3,), (1,), (2,))
    assert field.density == (pytest.approx(2 / 3),)
    assert field.exact


def test_a_result_that_went_through_a_rule_says_so():
    rfcore.rule("one", "mylib::shift")(shifted)
    (note,) = estimate().notes
    assert note == (f"mylib::shift: by the rule {__name__}.shifted, which was registered for it")


def test_a_rule_that_names_too_much_makes_an_upper_bound():
    rfcore.rule("one", "mylib::shift", exact=False)(shifted)
    field = estimate()
    assert not field.exact
    assert field.notes[0].endswith("an upper bound")


def test_rules_are_listed_with_the_backend(monkeypatch):
    rfcore.rule("layers", "mylib::shift")(shifted)
    listed = {info.name: info.rules for info in rfcore.backends()}
    assert listed["layers"] == (f"mylib::shift: {__name__}.shifted",)


def raising(op):
    raise ZeroDivisionError("by hand")


FAULTS = {
    "raises": (raising, "raised ZeroDivisionError: by hand"),
    "returns neither": (lambda op: 3, "returned 3, which is neither op nor function"),
    "an op of other lengths": (
        lambda op: AxisMap(1, np.zeros((3, 1), np.int64)),
        "returned a AxisMap that",
    ),
    "taps past the end": (
        lambda op: AxisMap(1, np.full((op.output[1], 1), 99)),
        "returned a AxisMap that",
    ),
    "an op that changes the rank": (lambda op: Reduce((1,), keepdims=False), "returned a Reduce"),
    "a window on no axis": (lambda op: Window((WindowAxis(7, 3),)), "returned a Window that"),
    "a function that raises": (
        lambda op: lambda mask: [mask[99]],
        "returned a function that raised IndexError",
    ),
    "masks of another shape": (
        lambda op: lambda mask: [mask[:, :3]],
        "pulls a mask back to bool of shape (1, 3) over an operand of",
    ),
    "masks of another type": (
        lambda op: lambda mask: [mask.astype(float)],
        "pulls a mask back to float64",
    ),
    "one mask too many": (lambda op: lambda mask: [mask, mask], "not 1"),
    "no masks": (lambda op: lambda mask: None, "pulls a mask back to None"),
}


@pytest.mark.parametrize(("rule", "words"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_rule_is_named_and_gives_no_number(rule, words):
    rfcore.rule("one", "mylib::shift")(rule)
    with pytest.raises(CustomRuleError) as raised:
        estimate()
    assert words in raised.value.message
    assert raised.value.op == "mylib::shift"
    assert raised.value.rule in raised.value.message


def test_what_sees_nothing_does_not_depend_on_the_input():
    rfcore.rule("one", "mylib::shift")(lambda op: None)
    with pytest.raises(rfcore.errors.IndependentOutputError):
        estimate()


def test_the_same_function_may_be_registered_again():
    rfcore.rule("one", "mylib::shift")(shifted)
    rfcore.rule("one", "mylib::shift")(shifted)
    assert len(custom.rules("one")) == 1


NAMES = {
    "another rule has it": ("one", "mylib::shift", f"{__name__}.shifted is its rule already"),
    "Keras": ("keras", "MyLayer", "Keras has no ops of its own"),
    "no text": ("torch", shifted, "that is no name"),
}


@pytest.mark.parametrize(("backend", "op", "words"), NAMES.values(), ids=NAMES)
def test_a_name_that_no_rule_can_have_is_refused(backend, op, words):
    rfcore.rule("one", "mylib::shift")(shifted)
    with pytest.raises(RuleNameError) as raised:
        rfcore.rule(backend, op)(pulled)
    assert words in raised.value.message
    assert raised.value.hint

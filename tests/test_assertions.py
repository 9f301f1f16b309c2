"""Assertions for the tests of models: what passes, what fails, and who is blamed."""

import subprocess
import sys

import pytest

from rfcore.errors import OptionError
from rfcore.layers import Branches, Convolution, GlobalPooling, Identity, Padding, Upsampling
from rfcore.testing import assert_causal, assert_no_leak, assert_receptive_field

CODE = """
import sys
from rfcore.testing import assert_causal, assert_no_leak, assert_receptive_field
assert_receptive_field("conv 3", size=3)
print([name for name in ("pytest", "hypothesis") if name in sys.modules])
"""


def causal(dilation, name=None):
    return (Padding(2 * dilation, 0), Convolution(3, dilation=dilation, name=name))


def test_they_need_neither_pytest_nor_hypothesis():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_field_as_it_should_be_passes_and_is_returned():
    field = assert_receptive_field(
        "conv 7 s2 p3, maxpool 3 s2 p1",
        size=11,
        stride=4,
        offset=0.5,
        padding=5,
        at_least=11,
        at_most=(11,),
        input_shape=(224,),
    )
    assert field.size == (11,)


WRONG = {
    "size": ({"size": 12}, "size is 11, expected 12"),
    "stride": ({"stride": 2}, "stride is 4, expected 2"),
    "padding": ({"padding": 0}, "padding is 5, expected 0"),
    "at least": ({"at_least": 12}, "expected at least 12"),
    "at most": ({"at_most": 10}, "expected at most 10"),
}


@pytest.mark.parametrize(("wanted", "words"), WRONG.values(), ids=WRONG)
def test_another_field_fails_with_both_values(wanted, words):
    with pytest.raises(AssertionError) as raised:
        assert_receptive_field("conv 7 s2 p3, maxpool 3 s2 p1", input_shape=(224,), **wanted)
    assert words in str(raised.value)


def test_a_global_field_exceeds_every_size():
    squeezed = Branches(((Identity(),), (GlobalPooling(),)), join="multiply")
    with pytest.raises(AssertionError, match="size is global, expected at most 500"):
        assert_receptive_field([squeezed], at_most=500, input_shape=(100,))


def test_a_number_of_values_that_fits_no_axes_is_refused():
    with pytest.raises(OptionError, match="size"):
        assert_receptive_field("conv 3", size=(3, 3), input_shape=(9,))


def test_causal_networks_pass():
    # 1 + 2·1 + 2·2 samples, the last of them its own.
    assert assert_causal([*causal(1), *causal(2)], input_shape=(100,)).size == (7,)
    # Output j of stride 4 has seen the samples up to 4 j + 4.
    assert_causal("conv 4 s4", input_shape=(100,))
    assert_causal([*causal(1), Upsampling(2), *causal(1)], input_shape=(100,))


def test_a_network_that_looks_ahead_fails_and_names_the_layer():
    network = [*causal(1, "past"), Convolution(3, padding=1, name="centred"), *causal(2, "last")]
    with pytest.raises(AssertionError) as raised:
        assert_causal(network, input_shape=(100,))
    assert str(raised.value) == (
        "The model sees 1 sample of the future on axis 0. The first layer is 'centred' "
        "(Convolution), which sees 1 sample of the future, and 1 after it."
    )
    assert_causal(network, lookahead=1, input_shape=(100,))


def test_an_inner_layer_can_be_asked_for():
    network = [*causal(1, "past"), Convolution(3, padding=1, name="centred")]
    assert_causal(network, output="past", input_shape=(100,))


def test_statistics_over_time_are_a_leak():
    squeezed = Branches(((Identity(),), (GlobalPooling(name="mean"),)), join="multiply", name="se")
    with pytest.raises(AssertionError) as raised:
        assert_causal([*causal(1, "past"), squeezed], input_shape=(100,))
    assert "because of GlobalPooling in 'se.1.mean'" in str(raised.value)


def test_an_axis_that_is_not_there_is_refused():
    with pytest.raises(OptionError, match="axis"):
        assert_causal("conv 3", axis=2, input_shape=(100,))


def test_blocks_that_do_not_overlap_leak_nothing():
    assert_no_leak("conv 4 s4, conv 2 s2", boundary=32, input_shape=(64,))


def test_what_sees_across_a_boundary_is_named():
    with pytest.raises(AssertionError) as raised:
        assert_no_leak("a: conv 4 s4, b: conv 3 p1", boundary=32, input_shape=(64,))
    # Output 7 of b sees the pixels of outputs 6, 7 and 8 of a: 24 to 36.
    assert "'b' (Convolution), which sees 4 pixels across the boundary at 32" in str(raised.value)


@pytest.mark.parametrize("boundary", [0, -3, 64, 1.5])
def test_a_boundary_outside_of_the_input_is_refused(boundary):
    with pytest.raises(OptionError, match="boundary"):
        assert_no_leak("conv 4 s4", boundary=boundary, input_shape=(64,))

"""What users call a tensor, and which address that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rfcore.addresses import addresses_of, resolve
from rfcore.errors import (
    AmbiguousOutputError,
    LayerNotRunError,
    NoOutputError,
    OutputNameError,
    UnknownLayerError,
)
from rfcore.graph import GraphBuilder
from rfcore.hookspecs import Trace


def trace_of(values: Sequence[str], layers: Sequence[str] = ()) -> Trace:
    graph = GraphBuilder((1, 3, 8)).finish()
    return Trace(graph, dict.fromkeys(values, 0), dict.fromkeys(values, (1, 3, 8)), tuple(layers))


PLAIN = trace_of(["conv1", "layer1.0.conv1", "layer1.0", ""], ["conv1", "layer1.0", "dropped"])
PAIR = trace_of(["conv1", "[0]", "[1]"])
NAMED = trace_of(["out", "[out]", "[aux]"])
NESTED = trace_of(["[boxes][0]", "[boxes][1]", "[logits][0]"])
CALLS = trace_of(["relu[0]", "relu[1]", "lstm[1][0]", "once[0]", ""], ["relu", "lstm", "once"])


@pytest.mark.parametrize(
    ("trace", "output", "address"),
    [
        pytest.param(PLAIN, None, "", id="the output"),
        pytest.param(PLAIN, "", "", id="the output by its empty name"),
        pytest.param(PLAIN, 0, "", id="index 0 of a plain output"),
        pytest.param(PLAIN, "layer1.0", "layer1.0", id="a layer"),
        pytest.param(PLAIN, "layer1.0.conv1", "layer1.0.conv1", id="an inner layer"),
        pytest.param(PAIR, 1, "[1]", id="an index"),
        pytest.param(PAIR, -1, "[1]", id="an index from the end"),
        pytest.param(NAMED, 1, "[aux]", id="an index into a dict"),
        pytest.param(PAIR, "[1]", "[1]", id="an index as text"),
        pytest.param(PAIR, "1", "[1]", id="a number as key"),
        pytest.param(NAMED, "aux", "[aux]", id="a key"),
        pytest.param(NAMED, "[out]", "[out]", id="a key in brackets"),
        pytest.param(NAMED, "out", "out", id="a layer goes before a key of the same name"),
        pytest.param(NESTED, "logits", "[logits][0]", id="the only part of a key"),
        pytest.param(NESTED, "[boxes][1]", "[boxes][1]", id="a nested part"),
        pytest.param(CALLS, "relu[1]", "relu[1]", id="a call"),
        pytest.param(CALLS, "once", "once[0]", id="the only call"),
        pytest.param(CALLS, "lstm", "lstm[1][0]", id="the only tensor of any call"),
        pytest.param(trace_of(["[0]"]), None, "[0]", id="an output of one part"),
    ],
)
def test_a_name_stands_for_an_address(trace: Trace, output: str | int | None, address: str) -> None:
    assert resolve(trace, output) == address


@pytest.mark.parametrize(
    ("trace", "output", "nearest"),
    [
        pytest.param(PLAIN, "conv", ("conv1",), id="nearly a layer"),
        pytest.param(PLAIN, "layer1.1", ("layer1.0",), id="the next block"),
        pytest.param(NAMED, "axu", ("aux",), id="nearly a key"),
        pytest.param(PAIR, 2, ("[1]", "[0]"), id="an index too far"),
        pytest.param(PLAIN, "xyz", (), id="nothing like it"),
        pytest.param(PLAIN, 1, (), id="a part of a plain output"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    trace: Trace, output: str | int | None, nearest: tuple[str, ...]
) -> None:
    with pytest.raises(UnknownLayerError) as caught:
        resolve(trace, output)
    assert set(caught.value.nearest) >= set(nearest)
    assert bool(caught.value.nearest) == bool(nearest)
    for name in nearest:
        assert repr(name) in caught.value.hint


@pytest.mark.parametrize(
    ("values", "hint"),
    [((), "return the tensor"), (("conv1", "conv2"), "output='conv2'")],
    ids=["nothing", "layers"],
)
def test_a_forward_that_returns_no_tensor_is_refused(values: tuple[str, ...], hint: str) -> None:
    with pytest.raises(NoOutputError, match="returned nothing that holds a tensor") as caught:
        resolve(trace_of(values), None)
    assert hint in caught.value.hint


@pytest.mark.parametrize("output", [True, 1.5, ("conv1",), b"conv1"], ids=str)
def test_a_name_is_a_text_or_an_integer(output: Any) -> None:
    with pytest.raises(OutputNameError):
        resolve(PLAIN, output)


@pytest.mark.parametrize("output", ["xyz", 1], ids=["name", "index"])
def test_without_a_near_name_the_known_ones_are_listed(output: str | int) -> None:
    with pytest.raises(UnknownLayerError, match=r"known are 'conv1', 'layer1.0.conv1', 'layer1.0'"):
        resolve(PLAIN, output)


def test_many_known_names_are_cut_short() -> None:
    names = [f"stage{number}" for number in range(30)]
    with pytest.raises(UnknownLayerError) as caught:
        resolve(trace_of(names), "q")
    assert caught.value.known == tuple(names)
    assert "'stage7', … (30 in all)" in caught.value.hint
    assert "stage8" not in caught.value.hint


def test_a_layer_that_did_not_run_is_told_from_an_unknown_one() -> None:
    with pytest.raises(LayerNotRunError, match="'dropped' exists but produced no tensor") as caught:
        resolve(PLAIN, "dropped")
    assert caught.value.ran == ("conv1", "layer1.0.conv1", "layer1.0")
    assert "for example output='conv1'" in caught.value.hint


@pytest.mark.parametrize(
    ("trace", "output", "choices"),
    [
        pytest.param(PAIR, None, ("[0]", "[1]"), id="a tuple"),
        pytest.param(trace_of(["[a]", "[b]"]), None, ("a", "b"), id="a dict"),
        pytest.param(NAMED, None, ("[out]", "aux"), id="a key that is also a layer"),
        pytest.param(NESTED, "boxes", ("[boxes][0]", "[boxes][1]"), id="a nested tuple"),
        pytest.param(CALLS, "relu", ("relu[0]", "relu[1]"), id="two calls"),
    ],
)
def test_a_name_for_several_tensors_is_refused_with_all_of_them(
    trace: Trace, output: str | None, choices: tuple[str, ...]
) -> None:
    with pytest.raises(AmbiguousOutputError) as caught:
        resolve(trace, output)
    assert caught.value.choices == choices
    assert f"output={choices[0]!r}" in caught.value.hint


@pytest.mark.parametrize(
    ("trace", "output", "addresses"),
    [
        pytest.param(PAIR, None, ["[0]", "[1]"], id="a tuple"),
        pytest.param(NAMED, None, ["[out]", "[aux]"], id="a dict"),
        pytest.param(NESTED, "boxes", ["[boxes][0]", "[boxes][1]"], id="a nested tuple"),
        pytest.param(CALLS, "relu", ["relu[0]", "relu[1]"], id="two calls"),
    ],
)
def test_every_choice_that_is_offered_can_be_typed(
    trace: Trace, output: str | None, addresses: list[str]
) -> None:
    with pytest.raises(AmbiguousOutputError) as caught:
        resolve(trace, output)
    assert [resolve(trace, choice) for choice in caught.value.choices] == addresses


@pytest.mark.parametrize(
    ("name", "calls", "expected"),
    [
        pytest.param("conv", [{"": 1}], {"conv": 1}, id="one tensor"),
        pytest.param(
            "lstm", [{"[0]": 1, "[1][0]": 2}], {"lstm[0]": 1, "lstm[1][0]": 2}, id="parts"
        ),
        pytest.param("relu", [{"": 1}, {"": 2}], {"relu[0]": 1, "relu[1]": 2}, id="two calls"),
        pytest.param(
            "rnn",
            [{"[0]": 1}, {"[h]": 2}],
            {"rnn[0][0]": 1, "rnn[1][h]": 2},
            id="parts of two calls",
        ),
        pytest.param("", [{"[logits]": 1}], {"[logits]": 1}, id="the model itself"),
        pytest.param("unused", [], {}, id="no call"),
    ],
)
def test_addresses_of_a_layer(
    name: str, calls: list[dict[str, int]], expected: dict[str, int]
) -> None:
    assert addresses_of(name, calls) == expected

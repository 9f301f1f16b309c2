"""A fault inside a plugin, or a probe that lies, never becomes a number."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import rfcore
from mutants import LayersWithGradients, Net, installed
from rfcore.errors import (
    IndependentOutputError,
    IrregularFieldError,
    NoBackendError,
    NonFiniteGradientError,
    PluginFaultError,
    RfcoreError,
    TruncatedFieldError,
)
from rfcore.graph import Elementwise, Graph, Node, Opaque, Pattern
from rfcore.hookspecs import Backend, Linearization, MeasuredOutput, Trace
from rfcore.inputs import InputSpec
from rfcore.layers import Convolution, Pooling

NET = Net([Convolution(3, padding=1), Pooling(2), Convolution(5, padding=2, dilation=2)])
SHAPE = (80, 76)
TRUTH = rfcore.estimate(NET.layers, input_shape=SHAPE)


def measured(backend: Backend, **options: Any) -> rfcore.ReceptiveField:
    with installed(backend):
        return rfcore.estimate(NET, **{"input_shape": SHAPE, "backend": "mutant", **options})


def refused(backend: Backend, **options: Any) -> PluginFaultError:
    """The error of a faulty backend: it names the backend, its distribution and a way out."""
    with pytest.raises(PluginFaultError) as caught:
        measured(backend, **options)
    error = caught.value
    assert (error.backend, error.distribution) == ("mutant", "a test")
    assert "The backend 'mutant' of a test has a fault" in error.message
    assert error.problem in error.message
    assert error.hint
    return error


def faulty(**methods: Callable[..., Any]) -> LayersWithGradients:
    """A sound backend but for some of its methods."""
    return type("Faulty", (LayersWithGradients,), methods)()


def test_without_a_fault_there_is_a_number() -> None:
    assert measured(faulty()).axes == TRUTH.axes
    assert measured(faulty(), method="gradient").axes == TRUTH.axes


# What a backend raises


FAILURES = [KeyError("x"), ValueError("no window"), RecursionError(), StopIteration(), TypeError()]
FAILURES += [AssertionError("never"), np.linalg.LinAlgError("singular"), OSError(2, "no file")]


@pytest.mark.parametrize("method", ["input_spec", "trace", "gradient"])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_what_a_method_raises_is_the_cause(method: str, failure: Exception) -> None:
    def failing(*arguments: Any) -> Any:
        raise failure

    way = "gradient" if method == "gradient" else "exact"
    error = refused(faulty(**{method: failing}), method=way)
    assert error.asked == method
    assert error.problem == f"raised {type(failure).__name__}: {failure}"
    assert error.__cause__ is failure


@pytest.mark.parametrize("method", ["input_spec", "trace", "gradient"])
def test_an_error_of_rfcore_passes(method: str) -> None:
    told = RfcoreError("a fact", "a hint")

    def telling(*arguments: Any) -> Any:
        raise told

    way = "gradient" if method == "gradient" else "exact"
    with pytest.raises(RfcoreError) as caught:
        measured(faulty(**{method: telling}), method=way)
    assert caught.value is told


@pytest.mark.parametrize("method", ["trace", "gradient"])
def test_the_other_method_is_the_way_out(method: str) -> None:
    def failing(*arguments: Any) -> Any:
        raise KeyError

    def probing(self: Any, model: Any, spec: InputSpec, output: Any) -> MeasuredOutput:
        return LayersWithGradients().gradient(model, spec, output)

    backend = faulty(**{"gradient": probing, method: failing})
    ways = ("gradient", "exact") if method == "trace" else ("exact", "gradient")
    assert f'method="{ways[0]}"' in refused(backend, method=ways[1]).hint
    assert measured(backend, method=ways[0]).axes == TRUTH.axes


def unable(self: Any, model: object) -> bool:
    raise KeyError("no such type")


@pytest.mark.parametrize(
    "accepts",
    [unable, *(lambda self, model, said=said: said for said in (None, "yes", np.nan, 1))],
    ids=["raises", "None", "text", "NaN", "number"],
)
def test_a_backend_that_does_not_say_whether_it_accepts_does_not(accepts: Any) -> None:
    with (
        installed(faulty(accepts=accepts)),
        pytest.warns(RuntimeWarning, match="'mutant' failed"),
        pytest.raises(NoBackendError, match="'mutant'"),
    ):
        rfcore.estimate(NET, input_shape=SHAPE)


# What a backend returns


SPEC = InputSpec((1, 80, 76), (1, 2), "NHW")
NO_SPECS: dict[str, tuple[Any, str]] = {
    "nothing": (None, "NoneType, not an InputSpec"),
    "a tuple": ((1, 80, 76), "tuple, not an InputSpec"),
    "an empty axis": (replace(SPEC, shape=(1, 0, 76)), "no tuple of positive lengths"),
    "a negative axis": (replace(SPEC, shape=(1, -4, 76)), "no tuple of positive lengths"),
    "half a pixel": (replace(SPEC, shape=(1, 2.5, 76)), "no tuple of positive lengths"),
    "an open size": (replace(SPEC, shape=(1, None, 76)), "no tuple of positive lengths"),
    "a list": (replace(SPEC, shape=[1, 80, 76]), "no tuple of positive lengths"),
    "another layout": (replace(SPEC, layout="NHWC"), "layout 'NHWC' for the shape"),
    "no layout": (replace(SPEC, layout=None), "layout None"),
    "no axes": (replace(SPEC, axes=()), "no rising numbers"),
    "an axis twice": (replace(SPEC, axes=(1, 1)), "no rising numbers"),
    "axes backwards": (replace(SPEC, axes=(2, 1)), "no rising numbers"),
    "axes from the end": (replace(SPEC, axes=(-2, -1)), "no rising numbers"),
    "an axis too far": (replace(SPEC, axes=(1, 3)), r"axes (1, 3) for the shape"),
}


@pytest.mark.parametrize(("spec", "said"), NO_SPECS.values(), ids=NO_SPECS)
def test_an_input_that_cannot_be_is_refused(spec: Any, said: str) -> None:
    error = refused(faulty(input_spec=lambda *_: spec))
    assert error.asked == "input_spec"
    assert said in error.problem


Change = Callable[[Trace], Any]


def changing(change: Change) -> LayersWithGradients:
    """A backend whose traces are changed."""
    return faulty(trace=lambda self, *given: change(LayersWithGradients.trace(self, *given)))


def with_node(index: int, **values: Any) -> Change:
    """A trace whose one node is another."""

    def change(trace: Trace) -> Trace:
        nodes = list(trace.graph.nodes)
        nodes[index] = replace(nodes[index], **values)
        return replace(trace, graph=Graph(tuple(nodes)))

    return change


def with_value(node: Any) -> Change:
    return lambda trace: replace(trace, values={**trace.values, "": node})


def with_shape(shape: Any) -> Change:
    return lambda trace: replace(trace, shapes={**trace.shapes, "": shape})


NO_TRACES: dict[str, tuple[Change, str]] = {
    "nothing": (lambda trace: None, "NoneType, not a Trace"),
    "only a graph": (lambda trace: trace.graph, "Graph, not a Trace"),
    "no graph": (lambda trace: replace(trace, graph=None), "no graph with nodes"),
    "no nodes": (lambda trace: replace(trace, graph=Graph(())), "no graph with nodes"),
    "no input": (
        lambda trace: replace(trace, graph=Graph(trace.graph.nodes[1:])),
        "is not the input",
    ),
    "another input": (with_node(0, shape=(1, 80, 75)), "a graph that cannot be|a graph over"),
    "out of order": (
        lambda trace: replace(
            trace, graph=Graph((trace.graph.nodes[0], *trace.graph.nodes[:0:-1]))
        ),
        "do not come before it",
    ),
    "later operand": (with_node(1, inputs=(2,)), r"operands \(2,\), which do not come before it"),
    "no operand": (with_node(1, inputs=()), "has no operands"),
    "negative operand": (with_node(1, inputs=(-1,)), "do not come before it"),
    "another length": (with_node(-1, shape=(1, 40, 37)), "has shape .*, and its node"),
    "another rank": (with_node(-1, shape=(40, 38)), "cannot be"),
    "other channels": (with_node(-1, shape=(2, 40, 38)), "changes axis 0 from 1 to 2"),
    "no op": (with_node(1, op=None), "no kind of op that is known"),
    "a value nowhere": (with_value(10**6), "is node 1000000, which is not there"),
    "a value before all": (with_value(-1), "is node -1, which is not there"),
    "a value by name": (with_value("conv"), "is node 'conv', which is not there"),
    "a value in part": (with_value(1.0), "is node 1.0, which is not there"),
    "another value": (with_value(1), "says that the value ''"),
    "no shape": (with_shape(None), "tells no shape of the value '', but None"),
    "another shape": (with_shape((1, 40, 39)), "has shape .*, and its node"),
    "no shapes": (lambda trace: replace(trace, shapes={}), "tells no shape"),
    "no mapping": (lambda trace: replace(trace, values=[3]), "no mapping"),
    "no exception": (lambda trace: replace(trace, error="it failed"), "no exception"),
}


@pytest.mark.parametrize(("change", "said"), NO_TRACES.values(), ids=NO_TRACES)
def test_a_trace_that_contradicts_itself_is_refused(change: Change, said: str) -> None:
    error = refused(changing(change))
    assert error.asked == "trace"
    assert re.search(said, error.problem), error.problem


def last_pulled(pull: Any) -> Change:
    """The last op has no rule, and this instead of a derivative."""
    return with_node(-1, op=Opaque(pull), name="swirl", layer="block.2")


def gated(pattern: Any) -> Change:
    """A gate behind the last op, which is open where a pattern says."""

    def change(trace: Trace) -> Trace:
        last = len(trace.graph.nodes) - 1
        shape = trace.graph.nodes[last].shape
        gate = Node(Elementwise((Pattern(pattern),)), (last,), shape, "swirl", "block.2")
        return replace(
            trace,
            graph=Graph((*trace.graph.nodes, gate)),
            values={"": last + 1},
            shapes={"": shape},
        )

    return change


def failing_pull(*arguments: Any) -> Any:
    raise ZeroDivisionError("no derivative")


NO_PULLS: dict[str, tuple[Change, str]] = {
    "raises": (last_pulled(failing_pull), "ZeroDivisionError: no derivative"),
    "nothing": (last_pulled(lambda mask: None), "cannot be pulled back"),
    "too few": (last_pulled(lambda mask: ()), "cannot be pulled back"),
    "NaN": (last_pulled(lambda mask: [np.full(mask.shape, np.nan)]), "array of float64"),
    "numbers": (last_pulled(lambda mask: [mask.astype(int)]), "array of int64"),
    "complex": (last_pulled(lambda mask: [mask * 1j]), "array of complex128"),
    "objects": (last_pulled(lambda mask: [mask.astype(object)]), "array of object"),
    "too short": (last_pulled(lambda mask: [mask[:, 1:]]), r"array of bool of shape .* over \(1, "),
    "too flat": (last_pulled(lambda mask: [mask[0]]), "cannot be pulled back"),
    "gate raises": (gated(failing_pull), "cannot be pulled back"),
    "gate of NaN": (gated(lambda: np.full((40, 38), np.nan)), "type float64, not an array of bool"),
    "gate of numbers": (gated(lambda: np.ones((40, 38), int)), "type int64"),
    "gate of words": (gated(lambda: "everywhere"), "type str"),
    "gate too short": (gated(lambda: np.eye(39, 38, dtype=bool)), "does not fit"),
    "gate too deep": (gated(lambda: np.ones((1, 1, 1, 1), bool) & False), "cannot be pulled back"),
}


@pytest.mark.parametrize(("change", "said"), NO_PULLS.values(), ids=NO_PULLS)
def test_an_op_that_cannot_be_pulled_back_is_named_with_its_layer(
    change: Change, said: str
) -> None:
    error = refused(changing(change))
    assert error.asked == "trace"
    assert "has an op, swirl in 'block.2', that" in error.problem
    assert re.search(said, error.problem), error.problem
    assert error.__cause__ is not None


# Larger traces that are not the model's


def only_larger(change: Change) -> LayersWithGradients:
    """A backend that is sound at the asked size alone."""
    return changing(lambda trace: trace if at_asked_size(trace) else change(trace))


def at_asked_size(trace: Trace) -> bool:
    return trace.graph.nodes[0].shape == SPEC.shape


def of(*layers: Any) -> Change:
    """The trace of other layers."""

    def change(trace: Trace) -> Trace:
        spec = replace(SPEC, shape=trace.graph.nodes[0].shape)
        return LayersWithGradients().trace(Net(list(layers)), spec)

    return change


OTHER_NETWORKS: dict[str, Change] = {
    "smaller kernel": of(Convolution(1), Pooling(2), Convolution(5, padding=2, dilation=2)),
    "larger kernel": of(
        Convolution(7, padding=3), Pooling(2), Convolution(5, padding=2, dilation=2)
    ),
    "no dilation": of(Convolution(3, padding=1), Pooling(2), Convolution(5, padding=2)),
    "other stride": of(Convolution(3, 2, 1), Pooling(2), Convolution(5, padding=2, dilation=2)),
    "a layer more": of(*NET.layers, Convolution(3, padding=1)),
    "a layer less": of(*NET.layers[:2]),
    "other padding": of(Convolution(3), Pooling(2), Convolution(5, padding=2, dilation=2)),
}


def told(backend: Backend) -> tuple[rfcore.AxisField, ...] | None:
    """What is told of the net's field; None for an answer that there is none."""
    try:
        return measured(backend).axes
    except PluginFaultError:
        raise
    except RfcoreError:
        return None


@pytest.mark.parametrize("change", OTHER_NETWORKS.values(), ids=OTHER_NETWORKS)
def test_a_larger_trace_of_another_network_changes_no_number(change: Change) -> None:
    assert told(only_larger(change)) in (None, TRUTH.axes)


@pytest.mark.parametrize("change", OTHER_NETWORKS.values(), ids=OTHER_NETWORKS)
def test_traces_that_alternate_give_no_mixture(change: Change) -> None:
    """What a network is at the asked size is asked once, and believed."""
    calls = []

    def alternating(trace: Trace) -> Any:
        calls.append(trace)
        return change(trace) if len(calls) % 2 else trace

    alone = measured(changing(change)).axes
    assert told(changing(alternating)) in (None, alone)


LARGER_FAULTS: dict[str, Change] = {
    "nothing": lambda trace: None,
    "the asked size": lambda trace: LayersWithGradients().trace(NET, SPEC),
    "a node that is not there": with_value(99),
}


@pytest.mark.parametrize("change", LARGER_FAULTS.values(), ids=LARGER_FAULTS)
def test_a_faulty_larger_trace_is_a_fault(change: Change) -> None:
    assert refused(only_larger(change)).asked == "trace"


def test_a_larger_trace_that_sees_nothing_changes_no_number() -> None:
    assert told(only_larger(with_value(None))) in (None, TRUTH.axes)


@settings(max_examples=150)
@given(st.data())
def test_a_node_of_another_shape_gives_no_other_number(data: st.DataObject) -> None:
    """Whichever node lies about its shape: the truth, or an error."""
    count = len(LayersWithGradients().trace(NET, SPEC).graph.nodes)
    index = data.draw(st.integers(0, count - 1))
    shape = data.draw(st.lists(st.integers(-1, 50), max_size=4).map(tuple))

    def change(trace: Trace) -> Trace:
        return with_node(index, shape=shape)(trace) if at_asked_size(trace) else trace

    try:
        found = measured(changing(change))
    except RfcoreError:
        return
    assert (found.size, found.stride) == (TRUTH.size, TRUTH.stride)


# Gradients


def probing(change: Callable[[NDArray[Any]], Any]) -> LayersWithGradients:
    """A backend whose gradients are changed on their way."""

    def gradient(self: Any, model: Any, spec: InputSpec, output: Any) -> MeasuredOutput:
        sound = LayersWithGradients().gradient(model, spec, output)

        def at(image: NDArray[Any]) -> Linearization:
            linear = sound.at(image)
            return replace(linear, pull=lambda cotangents: change(linear.pull(cotangents)))

        return replace(sound, at=at)

    return faulty(gradient=gradient)


NO_GRADIENTS: dict[str, tuple[Callable[[NDArray[Any]], Any], str]] = {
    "complex": (lambda seen: seen + 0j, "type complex128"),
    "objects": (lambda seen: seen.astype(object), "type object"),
    "words": (lambda seen: np.where(seen, "yes", ""), "type <U3"),
    "whole numbers": (lambda seen: seen.astype(int), "type int64"),
    "nothing": (lambda seen: None, "a NoneType, not an array"),
    "a number": (lambda seen: 1.0, "a float, not an array"),
    "transposed": (lambda seen: seen.T, "shape (76, 80, 1, 1), expected (1, 1, 80, 76)"),
    "cropped": (lambda seen: seen[:, :, 1:], "shape (1, 1, 79, 76)"),
    "without the points": (lambda seen: seen[0], "shape (1, 80, 76)"),
}


@pytest.mark.parametrize(("change", "said"), NO_GRADIENTS.values(), ids=NO_GRADIENTS)
def test_what_is_no_gradient_is_refused(change: Any, said: str) -> None:
    error = refused(probing(change), method="gradient")
    assert error.asked == "gradient"
    assert said in error.problem


def test_a_gradient_that_raises_is_refused() -> None:
    error = refused(probing(failing_pull), method="gradient")
    assert "raised ZeroDivisionError: no derivative" in error.problem


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"at": None}, "returned None as `at`, which cannot be called"),
        ({"at": lambda image: image}, "returned a ndarray, not a Linearization"),
        ({"shape": (1, 40, 2.5)}, "an output of shape (1, 40, 2.5)"),
        ({"shape": [1, 40, 38]}, "an output of shape [1, 40, 38]"),
        ({"axes": (1,)}, "the output's axes (1,), with 2 spatial axes"),
        ({"axes": (1, 3)}, "the axes (1, 3) of an output of shape (1, 36, 34)"),
        ({"axes": (1, 1)}, "the axes (1, 1) of an output of shape (1, 36, 34)"),
        ({"dtype": float}, "its input is <class 'float'>, which is no floating type"),
        ({"dtype": np.dtype(int)}, "its input is dtype('int64'), which is no floating type"),
        ({"trace": "a graph"}, "returned a str, not a Trace (as the trace of a measured output)"),
    ],
    ids=[
        "no callable",
        "no linearization",
        "half an output",
        "a list",
        "rank of the input",
        "an axis too far",
        "an axis twice",
        "a type of Python",
        "whole numbers",
        "no trace",
    ],
)
def test_a_gradient_of_other_shapes_is_refused(values: Any, said: str) -> None:
    def gradient(self: Any, model: Any, spec: InputSpec, output: Any) -> MeasuredOutput:
        return replace(LayersWithGradients().gradient(model, spec, output), **values)

    assert said in refused(faulty(gradient=gradient), method="gradient").problem


def test_a_gradient_that_is_no_measured_output_is_refused() -> None:
    error = refused(faulty(gradient=lambda *_: lambda mask: mask), method="gradient")
    assert "function, not a MeasuredOutput" in error.problem


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_refused(number: float) -> None:
    with pytest.raises(NonFiniteGradientError) as caught:
        measured(probing(lambda seen: np.where(seen, number, 0)), method="gradient")
    assert 'method="exact"' in caught.value.hint


def test_a_gradient_of_everything_or_of_nothing_is_no_field() -> None:
    with pytest.raises(TruncatedFieldError):
        measured(probing(np.ones_like), method="gradient")
    with pytest.raises(IndependentOutputError):
        measured(probing(np.zeros_like), method="gradient")


# Probes that lie


Probe = Callable[[NDArray[Any]], NDArray[Any]]


def convolution(mask: NDArray[Any]) -> NDArray[Any]:
    """A 3-tap convolution of stride 2, padding 1."""
    spread = np.zeros(2 * len(mask) + 2)
    for tap in range(3):
        spread[tap : tap + 2 * len(mask) : 2] += mask
    return spread[1:-1]


def one_of_several(mask: NDArray[Any]) -> NDArray[Any]:
    only = np.zeros_like(mask)
    only[np.argmax(mask)] = 1
    return convolution(only)


def nothing_of_several(mask: NDArray[Any]) -> NDArray[Any]:
    return convolution(mask) * (mask.sum() <= 1)


def everything_of_several(mask: NDArray[Any]) -> NDArray[Any]:
    return convolution(mask) + (mask.sum() > 1)


@pytest.mark.parametrize(
    ("probe", "said"),
    [(one_of_several, "less"), (nothing_of_several, "less"), (everything_of_several, "more")],
)
def test_a_probe_of_two_outputs_shows_what_both_see(probe: Probe, said: str) -> None:
    assert rfcore.fit(convolution, input_shape=(40,), output_shape=(20,)).size == (3,)
    with pytest.raises(rfcore.errors.ProbeError, match=f"shows {said} for the outputs"):
        rfcore.fit(probe, input_shape=(40,), output_shape=(20,))


def test_a_probe_that_changes_its_mind_is_refused() -> None:
    asked: set[bytes] = set()

    def forgetful(mask: NDArray[Any]) -> NDArray[Any]:
        known = mask.tobytes() in asked
        asked.add(mask.tobytes())
        return convolution(np.roll(mask, 1) if known else mask)

    with pytest.raises(rfcore.errors.ProbeError, match="another answer when asked for output"):
        rfcore.fit(forgetful, input_shape=(40,), output_shape=(20,))


@settings(max_examples=100)
@given(st.integers(1, 3), st.integers(1, 9), st.data())
def test_a_probe_that_hides_a_part_of_two_is_refused(
    stride: int, size: int, data: st.DataObject
) -> None:
    """Any pixel that one of the two outputs sees and the other's box leaves out."""
    length = 40 * stride + size

    def honest(mask: NDArray[Any]) -> NDArray[Any]:
        seen = np.zeros(length)
        for j in np.flatnonzero(mask):
            seen[j * stride : j * stride + size] += 1
        return seen

    hidden = data.draw(st.sampled_from(["first", "last"]))

    def hiding(mask: NDArray[Any]) -> NDArray[Any]:
        seen = honest(mask)
        if mask.sum() > 1:
            seen[np.flatnonzero(seen)[0 if hidden == "first" else -1]] = 0
        return seen

    found = rfcore.fit(honest, input_shape=(length,), output_shape=(41,))
    assert (found.size, found.stride) == ((size,), (stride,))
    with pytest.raises(rfcore.errors.ProbeError, match="shows less"):
        rfcore.fit(hiding, input_shape=(length,), output_shape=(41,))


def test_gradients_that_cancel_where_outputs_overlap_are_believed() -> None:
    """A difference of neighbours: with both of two outputs asked, the middle cancels."""

    def difference(mask: NDArray[Any]) -> NDArray[Any]:
        spread = np.zeros(len(mask) + 2)
        spread[: len(mask)] += mask
        spread[2:] -= mask
        spread[1:-1] += mask / 2
        return spread

    found = rfcore.fit(difference, input_shape=(12,), output_shape=(10,))
    assert (found.size, found.stride) == ((3,), (1,))


@settings(max_examples=150)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_noise_is_no_field(seed: int, share: float) -> None:
    """Repeatable, and without any law."""

    def noise(mask: NDArray[Any]) -> NDArray[Any]:
        generator = np.random.default_rng([seed, *np.flatnonzero(mask)])
        return generator.random(30) < share

    try:
        found = rfcore.fit(noise, input_shape=(30,), output_shape=(15,))
    except RfcoreError:
        return
    pytest.fail(f"noise was taken for {found!r}")


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_noise_that_does_not_repeat_is_no_field(seed: int) -> None:
    generator = np.random.default_rng(seed)
    with pytest.raises(RfcoreError) as caught:
        rfcore.fit(lambda mask: generator.random(30) < 0.3, input_shape=(30,), output_shape=(15,))
    assert not isinstance(caught.value, PluginFaultError)


def test_an_uneven_probe_is_irregular() -> None:
    starts = np.cumsum(np.arange(20) % 3)

    def uneven(mask: NDArray[Any]) -> NDArray[Any]:
        seen = np.zeros(40)
        for j in np.flatnonzero(mask):
            seen[starts[j] + (j == 10) : starts[j] + 4] = 1
        return seen

    with pytest.raises((IrregularFieldError, TruncatedFieldError)):
        rfcore.fit(uneven, input_shape=(40,), output_shape=(20,))

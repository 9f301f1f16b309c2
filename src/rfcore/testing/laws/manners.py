"""Laws about manners: what a backend claims, leaves alone, repeats and refuses."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import rfcore
from rfcore.errors import (
    InputShapeError,
    LayoutError,
    PluginFaultError,
    RfcoreError,
    UnknownLayerError,
)
from rfcore.field import ReceptiveField
from rfcore.plugins import find_backend
from rfcore.testing.cases import CASES
from rfcore.testing.laws.subject import Subject, law_names
from rfcore.testing.reference import reference_field
from rfcore.testing.small import CHAIN

__all__ = ["MannerLaws"]

# Nobody's model, and text that is no file, network or layer.
FOREIGN: tuple[object, ...] = (
    None,
    3,
    2.5,
    "",
    "a text",
    b"bytes",
    {},
    {"a": 1},
    object(),
    type,
    [1, 2],
)
BAD_SIZES = (0, -3, 2.5, "eight", None)


@contextmanager
def _refusal() -> Iterator[pytest.ExceptionInfo[RfcoreError]]:
    """An error that is an answer, not the fault of a backend that raised something else."""
    with pytest.raises(RfcoreError) as raised:
        yield raised
    assert not isinstance(raised.value, PluginFaultError), str(raised.value)


class MannerLaws(Subject):
    """How a backend behaves, whatever the field."""

    def test_cannot_names_laws_and_cases(self) -> None:
        """Every entry of `cannot` names something of this suite."""
        laws, cases = law_names(type(self)), {case.name for case in CASES}
        for key in self.cannot:
            law, bracket, case = key.partition("[")
            known = law in laws and case[:-1] in cases if bracket else key in laws | cases
            assert known, f"cannot[{key!r}] is neither a law nor a case; laws: {sorted(laws)}"

    def test_backend_is_listed(self) -> None:
        """It is installed as a plugin that loads."""
        listed = [info for info in rfcore.backends() if info.name == self.backend]
        assert [info.problem for info in listed] == [""]

    def test_exactly_one_backend_claims_the_model(self) -> None:
        """Nobody has to name a backend, whichever others are installed."""
        model = self.build(CHAIN)
        assert find_backend(model, None).name == self.backend

    def test_foreign_objects_are_not_claimed(self) -> None:
        """What is nobody's model is not this backend's, and asking raises nothing."""
        backend = find_backend(None, self.backend)
        assert [thing for thing in FOREIGN if backend.accepts(thing)] == []

    def test_model_is_left_as_it_was(self) -> None:
        """Neither results nor errors leave a trace on the model."""
        model = self.build(CHAIN)
        before = self.snapshot(model)
        for attempt in self._attempts(model):
            assert self.snapshot(model) == before, f"changed by {attempt}"

    def _attempts(self, model: Any) -> Iterator[str]:
        if self.traces:
            self.estimate(model, CHAIN)
            yield "the exact method"
        if self.differentiates:
            self.estimate(model, CHAIN, method="gradient")
            yield "the gradient method"
        with _refusal():
            self.estimate(model, CHAIN, output="no such layer", method=self._method())
        yield "an unknown layer"
        with _refusal():
            self.estimate(
                model, CHAIN, input_shape=self.shape(CHAIN, (1, 1)), method=self._method()
            )
        yield "an input that is too small"

    def _method(self) -> str:
        return "exact" if self.traces else "gradient"

    def test_second_estimate_is_the_same(self) -> None:
        """A second estimate of the same model gives the same field and the same notes."""
        model = self.build(CHAIN)
        first, second = (self.estimate(model, CHAIN, method=self._method()) for _ in range(2))
        assert first == second
        assert first.notes == second.notes

    def test_results_travel(self) -> None:
        """A field survives pickle and JSON, without the framework's types in it."""
        field = self.estimate(self.build(CHAIN), CHAIN, method=self._method())
        assert pickle.loads(pickle.dumps(field)) == field
        assert ReceptiveField.from_json(field.to_json()) == field

    def test_unknown_layer(self) -> None:
        """A misspelt layer is answered with the nearest name."""
        name = self.address("stem")
        with pytest.raises(UnknownLayerError) as raised:
            self.estimate(self.build(CHAIN), CHAIN, output=f"{name}x", method=self._method())
        assert name in raised.value.nearest

    def test_missing_input_shape(self) -> None:
        """Without input_shape the model tells its own, or the user is told to give it."""
        model = self.build(CHAIN)
        refused = None
        try:
            field = self.estimate(model, CHAIN, input_shape=None, method=self._method())
        except InputShapeError as error:
            refused = error
        if refused is None:
            assert field.size == reference_field(CHAIN).size
        else:
            assert "input_shape=" in refused.hint

    @pytest.mark.parametrize("size", BAD_SIZES, ids=repr)
    def test_unreadable_input_shape(self, size: object) -> None:
        """Sizes that are none are refused before the model runs."""
        shape = list(self.shape(CHAIN))
        shape[CHAIN.rank - 1] = size  # type: ignore[call-overload]
        with pytest.raises(InputShapeError):
            self.estimate(self.build(CHAIN), CHAIN, input_shape=shape, method=self._method())

    def test_mismatched_rank(self) -> None:
        """An input with an axis too many, or too few, is refused."""
        if self.channels == "none":
            pytest.skip("any number of axes may be right")
        model, shape = self.build(CHAIN), self.shape(CHAIN)
        for wrong in ((*shape, 8), shape[:-1]):
            with _refusal() as raised:
                self.estimate(model, CHAIN, input_shape=wrong, method=self._method())
            assert raised.value.hint

    def test_mismatched_channels(self) -> None:
        """An input with another number of channels is refused."""
        if self.channels == "none":
            pytest.skip("there are no channels")
        shape = list(self.shape(CHAIN))
        shape[0 if self.channels == "first" else -1] += 1
        with _refusal() as raised:
            self.estimate(self.build(CHAIN), CHAIN, input_shape=shape, method=self._method())
        assert raised.value.hint

    def test_layout_in_words(self) -> None:
        """Naming the layout that holds anyway changes nothing."""
        model = self.build(CHAIN)
        method = self._method()
        plain = self.estimate(model, CHAIN, method=method)
        assert self.estimate(model, CHAIN, layout=self.layout(CHAIN), method=method) == plain

    @pytest.mark.parametrize("layout", ["NCHWD", "NCHH", "CHW", "NC", "N-HW", ""])
    def test_unreadable_layout(self, layout: str) -> None:
        """A layout that does not name each axis once is refused."""
        with pytest.raises(LayoutError) as raised:
            self.estimate(self.build(CHAIN), CHAIN, layout=layout, method=self._method())
        assert raised.value.layout == layout
        assert raised.value.hint

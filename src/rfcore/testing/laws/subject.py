"""What a backend's author tells the suite, and how the suite asks their backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import pytest

import rfcore
from rfcore.guard import ask_gradient
from rfcore.hookspecs import Backend, MeasuredOutput
from rfcore.inputs import InputSpec
from rfcore.plugins import find_backend
from rfcore.testing.case import Case
from rfcore.testing.cases import CASES

__all__ = ["Subject", "law_names", "of_cases"]

SPATIAL_LETTERS = {1: "L", 2: "HW", 3: "DHW"}

Law = TypeVar("Law", bound=Callable[..., None])
Chooser = Callable[["Subject", Case], bool]


def of_cases(applies: Chooser) -> Callable[[Law], Law]:
    """Marks a law to be checked on every case for which `applies(subject, case)` holds."""

    def mark(law: Law) -> Law:
        law.applies = applies  # type: ignore[attr-defined]
        return law

    return mark


def law_names(suite: type) -> set[str]:
    """The names of the laws in a suite: its test methods without "test_"."""
    return {name.removeprefix("test_") for name in dir(suite) if name.startswith("test_")}


class Subject:
    """The backend under test.

    Attributes:
        backend: The backend's name.
        channels: Where the framework's arrays have their channels; "none" for a framework
            whose arrays have none.
        names_layout: Whether `layout=` has to be given, as another is the default.
        traces: Whether the backend has a tracer; one without is held to what gradients show.
        differentiates: Whether the backend offers gradients.
        runs: Whether the backend runs its models, which `verify` needs.
        cannot: What the backend cannot do, with the reason: names of cases, of laws, or
            "law[case]". Each is a strict expected failure: a gap that can be seen, and that
            has to be struck off once it is closed.
        examples: Number of random networks.
    """

    backend: ClassVar[str]
    channels: ClassVar[Literal["first", "last", "none"]] = "first"
    names_layout: ClassVar[bool] = False
    traces: ClassVar[bool] = True
    differentiates: ClassVar[bool] = True
    runs: ClassVar[bool] = True
    cannot: ClassVar[Mapping[str, str]] = {}
    examples: ClassVar[int] = 10

    def build(self, case: Case) -> Any:
        """Writes the network of a case as an unmodified model of the framework."""
        raise NotImplementedError("write build(case), which returns a model of your framework")

    def snapshot(self, model: Any) -> Any:
        """Everything about a model that an estimate must leave as it was, comparable by ==."""
        raise NotImplementedError("write snapshot(model): its weights, mode, hooks and state")

    def address(self, layer: str) -> str:
        """The framework's name of a layer that a case calls `layer` ("stem", "block.0.conv")."""
        return layer

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Gives a law about cases those that it applies to."""
        applies = getattr(metafunc.function, "applies", None)
        if applies is not None:
            chosen = [case for case in CASES if applies(self, case)]
            metafunc.parametrize("case", chosen, ids=str)

    @pytest.fixture(autouse=True)
    def _expected_failures(self, request: pytest.FixtureRequest) -> None:
        law = request.function.__name__.removeprefix("test_")
        callspec = getattr(request.node, "callspec", None)
        keys = [law]
        if callspec is not None:
            case = str(callspec.params.get("case", callspec.id))
            keys += [case, f"{law}[{case}]"]
        for key in keys:
            if key in self.cannot:
                request.applymarker(pytest.mark.xfail(strict=True, reason=self.cannot[key]))

    def shape(self, case: Case, spatial: Sequence[int] | None = None) -> tuple[int, ...]:
        """The framework's `input_shape` for a case, or for another spatial shape of its model."""
        sizes = case.input_shape if spatial is None else tuple(spatial)
        if self.channels == "none":
            return sizes
        return (case.channels, *sizes) if self.channels == "first" else (*sizes, case.channels)

    def layout(self, case: Case) -> str:
        """The layout of a case's input, one letter per axis with the batch."""
        spatial = SPATIAL_LETTERS[case.rank]
        return "N" + {"none": spatial, "first": f"C{spatial}", "last": f"{spatial}C"}[self.channels]

    def estimate(self, model: Any, case: Case, **options: Any) -> Any:
        """`rfcore.estimate` by this backend on the case's input."""
        given = {"input_shape": self.shape(case), "backend": self.backend}
        layout = self.layout(case) if self.names_layout else None
        return rfcore.estimate(model, **given | {"layout": layout} | options)

    def name_of(self, output: str | None) -> str | None:
        """The framework's name of a measured layer."""
        return None if output is None else self.address(output)

    def spec(self, model: Any, case: Case) -> InputSpec:
        """The backend's own reading of the case's input."""
        layout = self.layout(case) if self.names_layout else None
        return self.chosen(model).input_spec(model, self.shape(case), layout, None)

    def gradient(self, model: Any, case: Case) -> MeasuredOutput:
        """The case's output with its derivative, whose answers are checked."""
        output = self.name_of(case.output)
        return ask_gradient(self.chosen(model), model, self.spec(model, case), output)

    def chosen(self, model: Any) -> Backend:
        """The backend itself."""
        return find_backend(model, self.backend)

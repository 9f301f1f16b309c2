"""`BackendConformance`: the class that a backend's own tests subclass to get every law."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from rfcore.testing.case import Case

__all__ = ["BackendConformance"]


class BackendConformance:
    """Every law of rfcore, for one backend.

    Subclass it as `TestSomething`, set `backend` and write `build` and `snapshot`.

    Attributes:
        backend: The backend's name.
        channels: Where the framework's arrays have their channels; "none" for a framework
            whose arrays have none.
        traces: Whether the backend has a tracer; one without is held to what gradients show.
        differentiates: Whether the backend offers gradients.
        cannot: What the backend cannot do, with the reason: names of cases, of laws, or
            "law[case]". Each is a strict expected failure: a gap that can be seen, and that
            has to be struck off once it is closed.
        examples: Number of random networks.
    """

    backend: ClassVar[str]
    channels: ClassVar[Literal["first", "last", "none"]] = "first"
    traces: ClassVar[bool] = True
    differentiates: ClassVar[bool] = True
    cannot: ClassVar[Mapping[str, str]] = {}
    examples: ClassVar[int] = 20

    def build(self, case: Case) -> Any:
        """Writes the network of a case as an unmodified model of the framework."""
        raise NotImplementedError("write build(case), which returns a model of your framework")

    def snapshot(self, model: Any) -> Any:
        """Everything about a model that an estimate must leave as it was, comparable by ==."""
        raise NotImplementedError("write snapshot(model): weights, mode and state of the model")

    def address(self, layer: str) -> str:
        """The framework's name of a layer that the case calls `layer` ("stem", "block.1.conv")."""
        return layer

"""Backends that are wrong in one way each, and a runner that says which laws notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any
from unittest import mock

import numpy as np
import pytest

from rfcore import BackendInfo, plugins
from rfcore.addresses import resolve
from rfcore.hookspecs import Backend, Linearization, MeasuredOutput, Trace
from rfcore.inputs import InputSpec, input_spec
from rfcore.layers import LAYOUTS, Branches, Layer, LayersBackend
from rfcore.testing import CASES, BackendConformance
from rfcore.walk import Walker, one_hot


@dataclass(slots=True)
class Net:
    """A model of the made-up framework: layers that can be changed."""

    layers: list[Layer]


class LayersWithGradients(LayersBackend):
    """The layers backend for nets, with what it sees as a gradient."""

    name = "mutant"

    def accepts(self, model: object) -> bool:
        return isinstance(model, Net)

    def input_spec(
        self,
        model: Any,
        input_shape: Sequence[int] | None,
        layout: str | None,
        name: str | int | None,
    ) -> InputSpec:
        return input_spec(input_shape, layout=layout, layouts=LAYOUTS, name=name)

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        return super().trace(model.layers, spec)

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        trace = self.trace(model, spec)
        if trace.error is not None:
            raise trace.error
        node = trace.values[resolve(trace, output)]
        shape = trace.graph.nodes[node].shape
        walker = Walker(trace.graph)

        def pull(cotangents: np.ndarray) -> np.ndarray:
            return np.stack([self.pulled(walker, node, one, spec) for one in cotangents])

        def at(image: np.ndarray) -> Linearization:
            return Linearization(lambda: self.value(walker, node, image, spec), pull)

        return MeasuredOutput(at, shape, spec.axes, np.dtype(float))

    def seen(self, walker: Walker, node: int, places: np.ndarray, spec: InputSpec) -> np.ndarray:
        """What each of some outputs sees, of shape (places, *input shape)."""
        points = one_hot(walker.graph.nodes[node].shape, spec.axes, places[:, 1:].tolist())
        mask = walker.influence(node, points).mask
        return np.broadcast_to(mask, (len(places), *spec.shape))

    def pulled(
        self, walker: Walker, node: int, cotangent: np.ndarray, spec: InputSpec
    ) -> np.ndarray:
        """Every output is the sum of what it sees."""
        places = np.argwhere(cotangent)
        seen = self.seen(walker, node, places, spec)
        return np.tensordot(cotangent[tuple(places.T)], seen.astype(float), axes=1)

    def value(self, walker: Walker, node: int, image: np.ndarray, spec: InputSpec) -> np.ndarray:
        shape = walker.graph.nodes[node].shape
        seen = self.seen(walker, node, np.argwhere(np.ones(shape)), spec)
        return (seen * image).sum(axis=tuple(range(1, seen.ndim))).reshape(shape)


class Conformance(BackendConformance):
    """The suite for any of these backends."""

    backend = "mutant"
    channels = "none"
    runs = False
    examples = 30

    def build(self, case: Any) -> Net:
        return Net(list(case.layers))

    def snapshot(self, model: Net) -> list[Layer]:
        return list(model.layers)


@contextmanager
def installed(*backends: Backend) -> Iterator[None]:
    """Makes some backends the only installed ones beside the layers backend."""
    offered = (LayersBackend(), *backends)
    working = MappingProxyType({backend.name: backend for backend in offered})
    infos = tuple(BackendInfo(name, "a test") for name in working)
    registry = plugins._Registry(working, infos)
    with mock.patch.object(plugins, "_registry", return_value=registry):
        yield


def failures(
    backend: Backend,
    law: str,
    suite: type[BackendConformance] = Conformance,
    rivals: Sequence[Backend] = (),
) -> list[str]:
    """Which cases of a law a backend fails, [""] for a law without cases."""
    subject = suite()
    method = getattr(subject, f"test_{law}")
    arguments: list[tuple[str, dict[str, Any]]] = [("", {})]
    if hasattr(method, "applies"):
        chosen = (case for case in CASES if method.applies(subject, case))
        arguments = [(case.name, {"case": case}) for case in chosen]
    for mark in getattr(method, "pytestmark", []):
        arguments = [(str(value), {mark.args[0]: value}) for value in mark.args[1]]
    failed = []
    with installed(backend, *rivals):
        for name, given in arguments:
            try:
                method(**given)
            except pytest.skip.Exception:
                continue
            except (Exception, pytest.fail.Exception):
                failed.append(name)
    return failed


def rewritten(change: Callable[[Layer], Layer]) -> LayersWithGradients:
    """A backend that takes each layer for another one."""

    def through(layers: Sequence[Layer]) -> list[Layer]:
        return [change(_inside(layer)) for layer in layers]

    def _inside(layer: Layer) -> Layer:
        if not isinstance(layer, Branches):
            return layer
        return replace(layer, paths=tuple(tuple(through(path)) for path in layer.paths))

    class Rewriting(LayersWithGradients):
        def trace(self, model: Any, spec: InputSpec) -> Trace:
            return super().trace(Net(through(model.layers)), spec)

    return Rewriting()


def but(kind: type[Layer], **values: Any) -> Callable[[Layer], Layer]:
    """A change that gives some fields of one kind of layer other values."""
    assert values.keys() <= {field.name for field in fields(kind)}
    return lambda layer: replace(layer, **values) if isinstance(layer, kind) else layer

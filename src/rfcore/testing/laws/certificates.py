"""Laws about `verify`: true fields pass on the backend's own forward, false ones fail by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

from rfcore.errors import (
    BackendCapabilityError,
    FieldMismatchError,
    RfcoreError,
    UnknownLayerError,
)
from rfcore.field import ReceptiveField
from rfcore.hookspecs import ForwardBackend
from rfcore.testing.case import Case
from rfcore.testing.laws.subject import Subject, of_cases
from rfcore.testing.reference import reference_field, reference_shape
from rfcore.testing.small import BLOCKS, CHAIN, SQUEEZE
from rfcore.verify import Certificate, verify

__all__ = ["CertificateLaws"]

Edge = Literal["low", "high"]


def _runs(subject: Subject, case: Case) -> bool:
    # What global_paths="ignore" leaves out, a forward runs through.
    return subject.runs and case.error is None and case.global_paths == "follow"


def _wrong(field: ReceptiveField) -> Iterator[tuple[ReceptiveField, int, Edge, bool]]:
    """The field with one edge moved by a pixel: the axis, the edge, whether it is too small."""
    for number, axis in enumerate(field.axes):
        assert axis.lows is not None
        assert axis.highs is not None
        for edge, step in (("low", 1), ("low", -1), ("high", -1), ("high", 1)):
            moved = {
                "low": {"lows": tuple(low + step for low in axis.lows)},
                "high": {"highs": tuple(high + step for high in axis.highs)},
            }[edge]
            axes = list(field.axes)
            axes[number] = replace(axis, **moved)  # type: ignore[arg-type]
            too_small = (step > 0) == (edge == "low")
            yield replace(field, axes=tuple(axes)), number, edge, too_small  # type: ignore[misc]


class CertificateLaws(Subject):
    """What `ReceptiveField.verify` says of a backend's models."""

    def certificate(
        self, field: ReceptiveField, model: Any, case: Case, **options: Any
    ) -> Certificate:
        """The certificate of a field of a case."""
        given: dict[str, Any] = {
            "input_shape": self.shape(case),
            "backend": self.backend,
            "layout": self.layout(case) if self.names_layout else None,
            "output": self.name_of(case.output),
        }
        return verify(field, model, **given | options)

    @of_cases(_runs)
    def test_field_is_verified(self, case: Case) -> None:
        """What the layers say passes on the framework's own forward, edge by edge."""
        model = self.build(case)
        certificate = self.certificate(reference_field(case), model, case)
        assert certificate.complete, str(certificate)

    @pytest.mark.parametrize("case", [CHAIN, BLOCKS], ids=str)
    def test_wrong_field_is_caught(self, case: Case) -> None:
        """A field with an edge a pixel off fails, and the certificate says where."""
        if not self.runs:
            pytest.skip("the backend does not run its models")
        model = self.build(case)
        for field, axis, edge, too_small in _wrong(reference_field(case)):
            certificate = self.certificate(field, model, case, phases=1)
            said = f"axis {axis}, {edge} edge, {'too small' if too_small else 'too large'}"
            assert not certificate.passed, said
            found = certificate.leaks if too_small else certificate.unseen
            assert {(check.axis, check.edge) for check in found} == {(axis, edge)}, said
            assert all(check.reach != check.pixel for check in found), said
            if too_small:
                for check in found:
                    assert check.witness is not None, said
                    (low, high) = field.axes[axis].interval(check.output)
                    pixel = check.witness.input[axis]
                    assert not low <= pixel < high, said
                    # One pixel was taken away, and that is the one that shows.
                    assert check.reach == (low - 1 if edge == "low" else high), said

    def test_global_field_is_verified(self) -> None:
        """A gate that sees everything is found to see the first pixel and the last."""
        if not self.runs:
            pytest.skip("the backend does not run its models")
        model = self.build(SQUEEZE)
        certificate = self.certificate(reference_field(SQUEEZE), model, SQUEEZE)
        assert certificate.complete, str(certificate)
        ends = {check.pixel for check in certificate.checks if check.axis == 0}
        assert {0, SQUEEZE.input_shape[0] - 1} <= ends

    def test_verified_model_is_left_as_it_was(self) -> None:
        """Neither a certificate nor an error on the way to one leaves a trace on the model."""
        if not self.runs:
            pytest.skip("the backend does not run its models")
        model, field = self.build(CHAIN), reference_field(CHAIN)
        before = self.snapshot(model)
        self.certificate(field, model, CHAIN, phases=1)
        assert self.snapshot(model) == before, "changed by a certificate"
        with pytest.raises(UnknownLayerError):
            self.certificate(field, model, CHAIN, output="no such layer")
        assert self.snapshot(model) == before, "changed by an unknown layer"
        with pytest.raises(RfcoreError):
            self.certificate(
                reference_field(CHAIN), model, CHAIN, input_shape=self.shape(CHAIN, (1, 1))
            )
        assert self.snapshot(model) == before, "changed by an input that is too small"

    def test_forward_repeats_itself(self) -> None:
        """The same input gives the same values to the last bit, of the output's own shape."""
        if not self.runs:
            pytest.skip("the backend does not run its models")
        model = self.build(BLOCKS)
        spec = self.spec(model, BLOCKS)
        backend = self.chosen(model)
        assert isinstance(backend, ForwardBackend)
        forward = backend.forward(model, spec, None)
        image = np.random.default_rng(0).random(spec.shape).astype(forward.dtype)
        given = image.copy()
        first, second = forward.run(image), forward.run(image)
        assert np.array_equal(first, second)
        assert np.array_equal(image, given), "the forward writes into what it is given"
        assert tuple(first.shape[axis] for axis in spec.axes) == reference_shape(BLOCKS)

    def test_field_of_another_layer_is_refused(self) -> None:
        """A field that cannot be that of the asked output is not taken for it."""
        if not self.runs:
            pytest.skip("the backend does not run its models")
        model = self.build(BLOCKS)
        stem = reference_field(BLOCKS, output="stem")
        with pytest.raises(FieldMismatchError):
            self.certificate(stem, model, BLOCKS)
        assert self.certificate(stem, model, BLOCKS, output=self.address("stem")).complete

    def test_backend_that_cannot_run_says_so(self) -> None:
        """Without a forward there is no certificate, and the error says whose it is that lacks."""
        if self.runs:
            pytest.skip("the backend runs its models")
        with pytest.raises(BackendCapabilityError) as raised:
            self.certificate(reference_field(CHAIN), self.build(CHAIN), CHAIN)
        assert raised.value.backend == self.backend

"""Laws about gradients: never beyond the exact field, and all of it where nothing can hide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rfcore.errors import BackendCapabilityError
from rfcore.testing.case import Case
from rfcore.testing.laws.fields import assert_agrees
from rfcore.testing.laws.subject import Subject, of_cases
from rfcore.testing.reference import reference_field, reference_influence, reference_shape
from rfcore.testing.small import CHAIN

__all__ = ["GradientLaws"]

# Each takes some hundred backward passes; a backend with a tracer is asked for a few kinds.
FITTED = {"convolution", "transposed convolution", "dilations 1, 2, 9", "unequal axes"}


def _has_gradient(subject: Subject, case: Case) -> bool:
    # Ignoring global paths is the exact method's; the same network is there with them.
    return subject.differentiates and case.error is None and case.global_paths == "follow"


def _is_fitted(subject: Subject, case: Case) -> bool:
    whole = case.visible_shape is not None and case.gradient_is_whole
    return subject.differentiates and whole and (not subject.traces or case.name in FITTED)


class GradientLaws(Subject):
    """What the gradient callable answers."""

    @of_cases(_has_gradient)
    def test_gradient_is_contained(self, case: Case) -> None:
        """What has a gradient is in the exact field; on positive linear networks all of it has."""
        measured = self.gradient(self.build(case), case)
        shape = reference_shape(case)
        assert (measured.input_shape, measured.output_shape) == (case.input_shape, shape)
        for index in (tuple(n // 2 for n in shape), (0,) * case.rank):
            mask = np.zeros(shape)
            mask[index] = 1.0
            gradient = np.asarray(measured.probe(mask))
            assert gradient.shape == case.input_shape
            assert np.isfinite(gradient).all()
            assert (gradient >= 0).all(), "magnitudes are summed over channels, not signed values"
            seen, field = gradient != 0, reference_influence(case, index)
            beyond = np.argwhere(seen & ~field)
            assert not len(beyond), f"output {index} has a gradient at {beyond[0]}, past its field"
            hidden = np.argwhere(field & ~seen)
            if case.gradient_is_whole:
                assert not len(hidden), f"output {index} has no gradient at {hidden[0]}"

    @of_cases(_is_fitted)
    def test_gradient_shows_the_field(self, case: Case) -> None:
        """Where gradients hide nothing, the field fitted to them is the exact one."""
        assert case.visible_shape is not None
        field = self.estimate(
            self.build(case),
            case,
            method="gradient",
            input_shape=self.shape(case, case.visible_shape),
        )
        outputs = case.expected.outputs if case.visible_shape == case.input_shape else None
        assert_agrees(field, replace(case.expected, outputs=outputs))
        assert not field.exact
        assert any("lower bound" in note for note in field.notes)
        assert replace(field, exact=True) == reference_field(case, input_shape=case.visible_shape)

    def test_what_is_not_offered_is_said(self) -> None:
        """A backend without a tracer, or without gradients, says so and what to do instead."""
        model = self.build(CHAIN)
        missing = {"exact": not self.traces, "gradient": not self.differentiates}
        for method in (name for name, lacks in missing.items() if lacks):
            with pytest.raises(BackendCapabilityError) as raised:
                self.estimate(model, CHAIN, method=method)
            assert raised.value.backend == self.backend
            assert raised.value.hint
        if not any(missing.values()):
            pytest.skip("the backend offers both methods")

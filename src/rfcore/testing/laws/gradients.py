"""Laws about gradients: true derivatives, inside the exact field, all of it where none can hide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rfcore.errors import BackendCapabilityError
from rfcore.gradients import grid_shape, output_cotangent, probe
from rfcore.guard import ask_forward
from rfcore.hookspecs import ForwardBackend, MeasuredOutput
from rfcore.inputs import InputSpec
from rfcore.testing.case import Case
from rfcore.testing.laws.fields import assert_agrees
from rfcore.testing.laws.subject import Subject, of_cases
from rfcore.testing.reference import reference_field, reference_influence, reference_shape
from rfcore.testing.small import CHAIN, SMOOTH

__all__ = ["GradientLaws"]

# Each takes some hundred backward passes; a backend with a tracer is asked for a few kinds.
FITTED = {"convolution", "transposed convolution", "dilations 1, 2, 9", "unequal axes"}
# Float32 rounds, kernels sum in different orders, and a step of this length leaves the tangent.
STEP, TOLERANCE = 0.05, 0.01


def _has_gradient(subject: Subject, case: Case) -> bool:
    # Ignoring global paths is the exact method's; the same network is there with them.
    return subject.differentiates and case.error is None and case.global_paths == "follow"


def _is_fitted(subject: Subject, case: Case) -> bool:
    whole = case.visible_shape is not None and case.gradient_is_whole
    return subject.differentiates and whole and (not subject.traces or case.name in FITTED)


def _inputs(measured: MeasuredOutput, spec: InputSpec) -> Iterator[NDArray[Any]]:
    """Two inputs that have little in common."""
    yield np.random.default_rng(0).random(spec.shape).astype(measured.dtype)
    yield np.random.default_rng(1).normal(size=spec.shape).astype(measured.dtype)


class GradientLaws(Subject):
    """What the gradient callable answers."""

    @of_cases(_has_gradient)
    def test_gradient_is_contained(self, case: Case) -> None:
        """What has a gradient is in the exact field; on positive linear networks all of it has."""
        model = self.build(case)
        measured, spec = self.gradient(model, case), self.spec(model, case)
        shape = reference_shape(case)
        assert grid_shape(measured) == shape
        points = (tuple(n // 2 for n in shape), (0,) * case.rank)
        fields = {index: reference_influence(case, index) for index in points}
        for image in _inputs(measured, spec):
            probed = probe(measured, spec, image)
            for index, field in fields.items():
                mask = np.zeros(shape)
                mask[index] = 1.0
                seen = probed(mask) != 0
                beyond = np.argwhere(seen & ~field)
                assert not len(beyond), f"output {index} has a gradient at {beyond[0]}, past it"
                hidden = np.argwhere(field & ~seen)
                if case.gradient_is_whole:
                    assert not len(hidden), f"output {index} has no gradient at {hidden[0]}"

    def test_gradient_is_the_derivative(self) -> None:
        """Along a random direction, values change as signed gradients say, at several inputs."""
        self._skip_without("differentiates")
        model = self.build(SMOOTH)
        measured, spec = self.gradient(model, SMOOTH), self.spec(model, SMOOTH)
        generator = np.random.default_rng(2)
        weights = generator.normal(size=measured.shape).astype(measured.dtype)
        direction = generator.normal(size=spec.shape).astype(measured.dtype)
        for image in _inputs(measured, spec):
            ahead, behind = (
                measured.at(image + sign * STEP * direction).value() for sign in (1, -1)
            )
            change = (ahead.astype(float) - behind) / (2 * STEP)
            (gradient,) = measured.at(image).pull(weights[None])
            terms = gradient.astype(float) * direction
            scale = np.linalg.norm(terms)
            assert scale, "a random direction changes some output"
            assert abs((change * weights).sum() - terms.sum()) <= TOLERANCE * scale

    def test_gradients_of_several_outputs_are_those_of_each(self) -> None:
        """A stack of cotangents gives what they give one by one, twice the same."""
        self._skip_without("differentiates")
        model = self.build(SMOOTH)
        measured, spec = self.gradient(model, SMOOTH), self.spec(model, SMOOTH)
        image, _ = _inputs(measured, spec)
        places = ((0, 0), (3, 4), (-1, -1))
        stack = np.stack([output_cotangent(measured, spec, place) for place in places])
        linear = measured.at(image)
        together = linear.pull(stack)
        assert together.any(axis=tuple(range(1, together.ndim))).all()
        alone = np.concatenate([linear.pull(one[None]) for one in stack])
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6 * np.abs(alone).max())
        np.testing.assert_array_equal(measured.at(image).pull(stack), together)

    def test_value_is_that_of_the_forward(self) -> None:
        """What gradients are taken of is what the model computes, at several inputs."""
        self._skip_without("differentiates", "runs")
        for case in (SMOOTH, CHAIN):
            model = self.build(case)
            backend, spec = self.chosen(model), self.spec(model, case)
            assert isinstance(backend, ForwardBackend)
            measured = self.gradient(model, case)
            forward = ask_forward(backend, model, spec, self.name_of(case.output))
            for image in _inputs(measured, spec):
                expected = forward.run(image.astype(forward.dtype))
                value = measured.at(image).value()
                scale = np.abs(expected).max()
                np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-4 * scale)

    def _skip_without(self, *abilities: str) -> None:
        for ability in abilities:
            if not getattr(self, ability):
                pytest.skip(f"the backend says {ability}=False")

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

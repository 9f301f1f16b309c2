"""Laws about fields: the known ones, those of random networks, and what names an inner layer."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, note, settings

from rfcore.errors import IrregularFieldError
from rfcore.field import ReceptiveField
from rfcore.testing.case import Case, Expected
from rfcore.testing.laws.subject import Subject, of_cases
from rfcore.testing.reference import reference_field
from rfcore.testing.small import BLOCKS, SQUEEZE
from rfcore.testing.strategies import random_cases

__all__ = ["FieldLaws", "assert_agrees"]


def assert_agrees(field: ReceptiveField, expected: Expected) -> None:
    """Checks all that is known of a field beforehand."""
    found = {
        "size": field.size,
        "stride": field.stride,
        "padding": field.padding,
        "outputs": field.output_shape,
        "density": field.density,
        "is_global": field.is_global,
    }
    for what, values in found.items():
        known = getattr(expected, what)
        if known is not None:
            wanted = known if isinstance(known, tuple) else (known,) * len(field.axes)
            assert values == wanted, f"{what} is {values} instead of {wanted}"
    if expected.phases is not None:
        for axis in field.axes:
            sizes = {hi - lo for lo, hi in map(axis.interval, range(axis.period))}
            assert sizes == expected.phases


class FieldLaws(Subject):
    """What the exact method answers."""

    @of_cases(lambda subject, case: subject.traces and case.error is None)
    def test_field(self, case: Case) -> None:
        """The field is the one known beforehand, in all that the source says and in the rest."""
        field = self.estimate(
            self.build(case),
            case,
            output=self.name_of(case.output),
            global_paths=case.global_paths,
        )
        assert_agrees(field, case.expected)
        assert field == reference_field(case)

    @of_cases(lambda subject, case: subject.traces and case.error is not None)
    def test_refusal(self, case: Case) -> None:
        """What has no field gets an error of the right kind, with something to type."""
        assert case.error is not None
        with pytest.raises(case.error) as raised:
            self.estimate(self.build(case), case)
        assert raised.value.hint

    def test_random_networks(self) -> None:
        """Random networks have the field of the same layers written out."""
        if not self.traces:
            pytest.skip("the backend has no tracer")

        @settings(
            max_examples=self.examples, deadline=None, suppress_health_check=list(HealthCheck)
        )
        @given(random_cases())
        def agrees(case: Case) -> None:
            note(repr(case.layers))
            try:
                known = reference_field(case)
            except IrregularFieldError:
                with pytest.raises(IrregularFieldError):
                    self.estimate(self.build(case), case)
            else:
                assert self.estimate(self.build(case), case) == known

        agrees()

    def test_inner_layers(self) -> None:
        """A list of layers gives a dict of fields by their names, from the same model."""
        if not self.traces:
            pytest.skip("the backend has no tracer")
        layers = ["stem", "block.0.first", "block.0.second", "block", "head"]
        names = [self.address(layer) for layer in layers]
        fields = self.estimate(self.build(BLOCKS), BLOCKS, output=names)
        assert list(fields) == names
        for layer, name in zip(layers, names, strict=True):
            assert fields[name] == reference_field(BLOCKS, output=layer), name

    def test_global_ops_are_named(self) -> None:
        """The note on a global field names the layer that made it global, and the way out."""
        if not self.traces:
            pytest.skip("the backend has no tracer")
        field = self.estimate(self.build(SQUEEZE), SQUEEZE)
        (note_on_height, _) = (note for note in field.notes if note.startswith("axis "))
        assert f"{self.address('se.1.squeeze')!r}" in note_on_height
        assert 'global_paths="ignore"' in note_on_height

"""Laws about scans: every row is what `estimate` says of that layer, field or refusal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, note, settings

import rfcore
from rfcore.errors import RfcoreError
from rfcore.scans import Scan
from rfcore.scans.refusals import refusal_of
from rfcore.testing.case import Case
from rfcore.testing.laws.subject import Subject, of_cases
from rfcore.testing.small import BLOCKS, SQUEEZE
from rfcore.testing.strategies import random_cases

__all__ = ["ScanLaws"]

# Of these every one is scanned by every backend; the random networks fill the gaps.
SCANNED = (
    "same padding at 225",
    "two paths twice",
    "U-Net of depth 3, nearest",
    "squeeze and excite",
    "a field larger than the input",
    "dilations 1, 2, 9",
)


class ScanLaws(Subject):
    """What a scan says."""

    @of_cases(lambda subject, case: subject.traces and case.name in SCANNED)
    def test_scan_agrees_with_estimate(self, case: Case) -> None:
        """All rows of a scan, by value, notes included."""
        for global_paths in ("follow", "ignore"):
            self._assert_agrees(case, global_paths)

    def test_scan_of_random_networks_agrees_with_estimate(self) -> None:
        """The same for random networks."""
        if not self.traces:
            pytest.skip("the backend has no tracer")

        @settings(
            max_examples=max(2, self.examples // 3),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(random_cases())
        def agrees(case: Case) -> None:
            note(repr(case.layers))
            self._assert_agrees(case, "follow")

        agrees()

    def test_scan_tells_layers_and_types(self) -> None:
        """Layers are rows by their names, and what is known to have a type tells it."""
        if not self.traces:
            pytest.skip("the backend has no tracer")
        scan = self._scan(self.build(BLOCKS), BLOCKS, "follow")
        for layer in ("stem", "block.0.first", "block.0.second", "block", "head"):
            assert scan[self.address(layer)].field is not None
        # A scope of ops is of no type, its ops are.
        assert any(row.type for row in scan)

    def test_scan_names_what_made_the_field_global(self) -> None:
        """The first global layer is the one that squeezes, and all after it say so."""
        if not self.traces:
            pytest.skip("the backend has no tracer")
        scan = self._scan(self.build(SQUEEZE), SQUEEZE, "follow")
        squeeze = self.address("se.1.squeeze")
        assert scan.first_global is not None
        assert repr(squeeze) in scan.first_global.global_because

    def _scan(self, model: Any, case: Case, global_paths: str) -> Scan:
        options = {"input_shape": self.shape(case), "backend": self.backend}
        layout = self.layout(case) if self.names_layout else None
        return rfcore.scan(model, **options, layout=layout, global_paths=global_paths)  # type: ignore[arg-type]

    def _assert_agrees(self, case: Case, global_paths: str) -> None:
        # Of one model: a framework may number the layers of another one on.
        model = self.build(case)
        try:
            scan = self._scan(model, case, global_paths)
        except RfcoreError:
            assume(False)
        assert Scan.from_json(scan.to_json()) == scan
        assert str(scan)
        named = [row for row in scan if row.name]
        seen = [row for row in named if row.field is not None]
        fields = self.estimate(
            model, case, output=[row.name for row in seen], global_paths=global_paths
        )
        for row in seen:
            assert row.field == fields[row.name], row.name
            assert row.field is not None
            assert row.field.notes == fields[row.name].notes
        for row in named:
            if row.field is None:
                with pytest.raises(RfcoreError) as raised:
                    self.estimate(model, case, output=row.name, global_paths=global_paths)
                assert refusal_of(raised.value).remark == row.refusal

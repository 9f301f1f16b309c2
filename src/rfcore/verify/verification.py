"""`verify`: the story of a check, axis by axis, on the asked size and on strips where needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rfcore.errors import (
    BackendCapabilityError,
    FieldMismatchError,
    LocalPathsError,
    OptionError,
    RfcoreError,
)
from rfcore.field import AxisField, ReceptiveField
from rfcore.guard import ask_input_spec
from rfcore.hookspecs import ForwardBackend
from rfcore.inputs import InputSpec
from rfcore.notes import COPIES, LOWER_BOUND, PATHS_LEFT_OUT
from rfcore.plugins import find_backend
from rfcore.verify.certificate import Certificate, Check, Unchecked
from rfcore.verify.larger import UNITS, in_sight_on_all, strips, unit_of
from rfcore.verify.leftovers import without_leftovers
from rfcore.verify.output_dims import dim_along
from rfcore.verify.outside import leaks_from_outside
from rfcore.verify.sight import grown, growth_to_show, middle_output, sampled_phases
from rfcore.verify.trial import Trial
from rfcore.verify.verdicts import certain, not_so_far, shows_edge, verdicts_on, without_border
from rfcore.verify.view import EDGES, SIDES, AxisView

__all__ = ["verify"]

# How far a global axis is followed beyond the asked size.
FARTHER = 1024


def verify(
    found: ReceptiveField,
    model: Any,
    *,
    backend: str | None = None,
    input_shape: Sequence[int] | None = None,
    output: str | int | None = None,
    input: str | int | None = None,
    layout: str | None = None,
    phases: int | None = 8,
) -> Certificate:
    """Checks a field on the model's own forward; see `ReceptiveField.verify`."""
    _check_phases(phases)
    left_out = [note for note in found.notes if note.startswith(PATHS_LEFT_OUT)]
    if left_out:
        raise LocalPathsError(left_out[0])
    chosen = find_backend(model, backend)
    if not isinstance(chosen, ForwardBackend):
        hint = (
            "a field is verified on a model that runs: verify with the backend of its framework, "
            'as in backend="torch", or give the backend a method forward(model, spec, output).'
        )
        raise BackendCapabilityError(chosen.name, "forwards", hint)
    spec = ask_input_spec(chosen, model, input_shape, layout, input)
    if spec.spatial_shape != found.input_shape:
        raise FieldMismatchError("an input", found.input_shape, spec.spatial_shape)
    story = _Verification(found, chosen, model, spec, output, phases)
    return story.certificate()


def _check_phases(phases: object) -> None:
    if phases is not None and (type(phases) is not int or phases < 1):
        raise OptionError("phases", phases, (None, 8))


@dataclass(slots=True)
class _Verification:
    """One field on one model."""

    found: ReceptiveField
    backend: ForwardBackend
    model: Any
    spec: InputSpec
    output: str | int | None
    limit: int | None
    checks: list[Check] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    dims: list[int | None] = field(default_factory=list)

    def certificate(self) -> Certificate:
        """The outcome for all axes."""
        asked = self._trial(self.spec)
        self.notes += asked.notes
        self.dims = [
            dim_along(asked, axis, law, self._own_place(asked, axis))
            for axis, law in enumerate(self.found.axes)
        ]
        views = [
            self._view(asked, axis, law, self.dims[axis])
            for axis, law in enumerate(self.found.axes)
        ]
        for view in views:
            self.checks += self._axis(view)
        self.checks += leaks_from_outside(views, self._together(views))
        self._explain()
        runs = sum(trial.runs for trial in self.trials)
        notes = tuple(dict.fromkeys(self.notes))
        checks = tuple(dict.fromkeys(self.checks))
        return Certificate(self.found, checks, tuple(self.unchecked), notes, runs)

    def _trial(self, spec: InputSpec) -> Trial:
        trial = Trial(self.backend, self.model, spec, self.output)
        self.trials.append(trial)
        return trial

    def _view(self, trial: Trial, axis: int, law: AxisField, dim: int | None) -> AxisView:
        copies = any(COPIES in note for note in self.found.notes)
        return AxisView(trial, axis, law, dim, copies)

    def _own_place(self, trial: Trial, axis: int) -> int | None:
        same_rank = len(trial.shape) == len(self.spec.shape)
        return self.spec.axes[axis] if same_rank else None

    def _phases(self, axis: int) -> tuple[int, ...]:
        law = self.found.axes[axis]
        phases = sampled_phases(law, self.limit)
        there = min(law.period, law.output_size)
        if len(phases) < there:
            self.notes.append(f"axis {axis}: {len(phases)} of {there} phases were asked")
        return phases

    def _together(self, views: Sequence[AxisView]) -> list[tuple[int, ...]]:
        """Output positions in sight on all axes at the asked size, up to three."""
        each = []
        for view in views:
            law = view.law
            phases = sampled_phases(law, self.limit)[:3]
            seen = [middle_output(law, phase, clear=False) for phase in phases]
            each.append([output for output in seen if output is not None])
        if not all(each):
            return []
        return [tuple(own[i % len(own)] for own in each) for i in range(max(map(len, each)))]

    def _axis(self, view: AxisView) -> list[Check]:
        """Everything about one axis, at the asked size and beyond it."""
        phases = self._phases(view.axis)
        clear = {phase: middle_output(view.law, phase, clear=True) for phase in phases}
        plain = {phase: middle_output(view.law, phase, clear=False) for phase in phases}
        middles = [clear[p] if clear[p] is not None else plain[p] for p in phases]
        checks = verdicts_on(view, [output for output in middles if output is not None])
        if view.law.is_global:
            checks = self._farther(view, checks)
        elif None in clear.values():
            checks += self._strip(view, phases)
        if any(check.verdict == "unseen" for check in checks):
            checks = self._on_whole(view, phases, checks)
        held = {(c.edge, c.output % view.law.period) for c in checks if c.verdict == "held"}
        shown = all((edge, phase) in held for edge in EDGES.values() for phase in phases)
        return checks if shown else [without_border(check) for check in checks]

    def _strip(self, asked: AxisView, phases: Sequence[int]) -> list[Check]:
        """The verdict on a larger input, where the asked one clips some phase."""
        against: list[Check] | None = None
        why = "its stride is 0" if asked.law.shift == 0 else "no size shows it"
        for base in UNITS if asked.law.shift else ():
            unit = unit_of(self.found, asked.axis, base)
            growth = growth_to_show(asked.law, phases, unit)
            if growth is None:
                continue
            law = grown(asked.law, growth)
            middles = [middle_output(law, phase, clear=True) for phase in phases]
            outputs = [output for output in middles if output is not None]
            for tried in self._runnable(asked.axis, growth, law):
                if isinstance(tried, str):
                    why = tried
                    continue
                checks = verdicts_on(tried, outputs)
                if all(check.verdict in ("held", "quiet", "border") for check in checks):
                    return checks
                against = against or checks
        if against is not None:
            return against
        return self._partly(asked, why)

    def _on_whole(self, asked: AxisView, phases: Sequence[int], checks: list[Check]) -> list[Check]:
        """Asks again about edges that do not show, well inside a larger input on all axes.

        Where a path moves along several axes together, borders of one cut what another sees; and
        what is cropped and padded again inside the network cuts paths of outputs near a border.
        """
        spec = in_sight_on_all(self.found, self.spec, self.limit)
        if spec is None or asked.law.is_global:
            return checks
        growth = spec.spatial_shape[asked.axis] - asked.law.input_size
        law = grown(asked.law, growth) if growth else asked.law
        middles = [middle_output(law, phase, clear=False) for phase in phases]
        try:
            trial = self._trial(spec)
            dim = dim_along(trial, asked.axis, law, self.dims[asked.axis])
        except RfcoreError:
            return checks
        view = self._view(trial, asked.axis, law, dim)
        found = verdicts_on(view, [output for output in middles if output is not None])
        if any(check.verdict in ("leak", "unseen") for check in found):
            return checks
        return [check for check in checks if check.verdict != "unseen"] + found

    def _runnable(self, axis: int, growth: int, law: AxisField) -> Iterator[AxisView | str]:
        """Views of strips that the model takes, or why it does not take one."""
        tried = 0
        for spec in strips(self.found, self.spec, axis, growth):
            tried += 1
            try:
                trial = self._trial(spec)
                dim = dim_along(trial, axis, law, self.dims[axis])
            except RfcoreError as error:
                yield f"the model was run at {spec.spatial_shape}: {_first_line(error)}"
                continue
            yield self._view(trial, axis, law, dim)
        if not tried:
            size = self.spec.spatial_shape[axis] + growth
            yield f"an input with {size} pixels along this axis takes too much memory"

    def _partly(self, asked: AxisView, why: str) -> list[Check]:
        """What the asked size alone shows: edges of outputs whose other edge is clipped."""
        checks = []
        for side in SIDES:
            inside = [j for j in range(asked.law.output_size) if shows_edge(asked, j, side)]
            shown = None
            if inside:
                output = inside[len(inside) // 2]
                shown = asked.judge(output, side, demanded=True)
            if shown is not None and shown.verdict == "held":
                checks.append(shown)
            else:
                self.unchecked.append(Unchecked(asked.axis, EDGES[side], why))
        return checks

    def _farther(self, asked: AxisView, checks: list[Check]) -> list[Check]:
        """A global axis at a larger input too: does the middle still see both ends?"""
        why = "no larger size was tried"
        for base in UNITS:
            growth = -(-FARTHER // base) * base
            for spec in strips(self.found, self.spec, asked.axis, growth):
                try:
                    trial = self._trial(spec)
                except RfcoreError as error:
                    why = _first_line(error)
                    continue
                count = 1 if asked.dim is None else trial.shape[asked.dim]
                size = asked.law.input_size + growth
                law = replace(asked.law, input_size=size, output_size=count)
                view = self._view(trial, asked.axis, law, asked.dim)
                there = [certain(view.judge(count // 2, side, demanded=True)) for side in SIDES]
                checks, there, notes = without_leftovers(asked, checks, view, there)
                self.notes += notes
                if all(check.verdict == "held" for check in there):
                    return checks + there
                break
            else:
                self.notes.append(
                    f"axis {asked.axis}: global as far as {asked.law.input_size} pixels tell; the "
                    f"model does not run on more ({why})"
                )
                return checks
        for check in there:
            if check.verdict != "held":
                self.unchecked.append(Unchecked(asked.axis, check.edge, not_so_far(check)))
        return checks + [check for check in there if check.verdict == "held"]

    def _explain(self) -> None:
        """Says what verdicts rest on, and what they mean for a field that is not exact."""
        if any(trial.nan_spreads for trial in self.trials):
            self.notes.append(
                "NaN comes through from beyond some edges, as weights of zero let it; noise does "
                "not, and was believed: paths too faint for the type's precision would be missed"
            )
        elif any((check.verdict, check.method) == ("held", "nan") for check in self.checks):
            self.notes.append(
                "some edges show by NaN alone: noise fades on the way, or weights of zero are "
                "between"
            )
        failed = any(check.verdict == "leak" for check in self.checks)
        unseen = any(check.verdict == "unseen" for check in self.checks)
        if failed and LOWER_BOUND in self.found.notes:
            self.notes.append(
                "the field was measured from gradients, which is a lower bound: leaks show what "
                "it misses"
            )
        elif unseen and not self.found.exact:
            self.notes.append(
                "the field says that it is not exact: edges that do not show may be too far out"
            )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]

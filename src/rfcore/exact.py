"""The exact field of any traced output: two traces, row probes, and a law that explains them.

The model is traced at the asked input size and at a much larger one. Where both traces have
the same structure, rows of the larger one are probed far from its borders, so that nothing is
clipped, and the law found there is checked against the asked size. Where they differ, or the
model takes no other size, the asked size must be enough, or the answer is an error.
"""

from __future__ import annotations

from functools import partial

from rfcore.asked_size import from_asked
from rfcore.errors import IndependentOutputError, InputShapeError, UnsupportedOpError
from rfcore.field import AxisField, ReceptiveField
from rfcore.global_axes import confirm_global
from rfcore.larger_sizes import from_larger
from rfcore.measurement import Measurement, begin
from rfcore.points import refine_by_points
from rfcore.traces import TraceSet
from rfcore.walk import MaskTooLargeError
from rfcore.ways_out import REFUSALS, offer_layer_before, offer_ways_out

__all__ = ["exact_field", "field_or_refusal"]


def exact_field(
    traces: TraceSet, output: str | int | None, *, ignore_global: bool
) -> ReceptiveField:
    """The exact field of one output.

    Args:
        traces: The model's traces.
        output: What the user calls the output.
        ignore_global: Cut paths through reductions over whole spatial axes.

    Raises:
        RfcoreError: One of its kinds, where there is no exact answer.
    """
    measure = partial(field_or_refusal, ignore_global=ignore_global)
    try:
        return measure(traces, output)
    except UnsupportedOpError as error:
        offer_layer_before(error, traces, measure)
        raise
    except REFUSALS as error:
        offer_ways_out(error, traces, traces.address(output), measure)
        raise


def field_or_refusal(
    traces: TraceSet, output: str | int | None, *, ignore_global: bool
) -> ReceptiveField:
    """As `exact_field`, without a search for what could be asked instead."""
    address = traces.address(output)
    if traces.asked.values[address] is None:
        raise IndependentOutputError(address)
    _refuse_empty(traces, address)
    try:
        told = begin(traces, address, ignore_global=ignore_global)
        return _finished(told, tuple(_axis(told, axis) for axis in range(len(told.axes))))
    except MaskTooLargeError as error:
        reason = f"following it back takes a mask of shape {error.shape}, more than fits in memory"
        raise UnsupportedOpError(error.op, address, reason) from error


def _refuse_empty(traces: TraceSet, address: str) -> None:
    shape = traces.asked.shapes[address]
    if 0 in shape:
        name = f"{address!r}" if address else "the model"
        problem = f"leaves the output of {name} empty, of shape {shape}"
        letters = zip(traces.spec.shape, traces.spec.layout, strict=True)
        given = tuple(n for n, letter in letters if letter != "N")
        raise InputShapeError(given, problem, "ask for a larger input.")


def _axis(told: Measurement, axis: int) -> AxisField:
    """The field along one axis: from ever larger sizes, or from the asked one."""
    comparison, findings = None, told.findings
    growths = list(told.growths)
    while growths:
        growth = growths.pop(0)
        comparison = told.traces.compare(told.address, growth, axis)
        if comparison is None or not comparison.alignment.complete:
            break
        try:
            found = from_larger(told, comparison, axis)
        except MaskTooLargeError as error:
            # Merged axes (tokens) grow with the square of the size.
            found, findings.too_large[axis] = None, error
            growths = [smaller for smaller in told.modest if smaller < growth][:1]
            findings.ties_axes |= comparison.usable and not growths
        if found is not None:
            return found
        if not comparison.usable or findings.ties_axes or axis in findings.drifting:
            break
    usable = comparison is not None and comparison.usable
    if findings.ties_axes and usable and len(told.axes) > 1:
        # Rows see everything because axes are tied; points decide at the end.
        findings.open_axes.add(axis)
        return AxisField(*told.size(axis), None, None)
    return from_asked(told, axis, comparison)


def _finished(told: Measurement, axes: tuple[AxisField, ...]) -> ReceptiveField:
    """The result, with points where rows cannot tell axes apart."""
    findings = told.findings
    if not told.ignore_global:
        confirm_global(told, axes, findings.open_axes)
    if findings.ties_axes and len(axes) > 1:
        first = told.traces.compare(told.address, told.growths[0], 0)
        unit = 1 if first is None else first.alignment.period
        axes, tight = refine_by_points(
            told.traces, told.address, told.dims, axes, told.probed, unit, findings.open_axes
        )
        if not tight and findings.open_axes:
            raise told.truncated(min(findings.open_axes), first)
        if not tight:
            findings.exact = False
            findings.notes.append(
                "spatial axes are tied together and too large to probe point by point: "
                "the field is an upper bound"
            )
    return ReceptiveField(axes, findings.exact, tuple(dict.fromkeys(findings.notes)))

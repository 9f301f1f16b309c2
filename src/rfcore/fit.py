"""Fitting a field to any callable from an output mask to an input gradient: the plain contract.

Single outputs are probed, near the middle and far from it, until a law explains what they see.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rfcore.errors import (
    IndependentOutputError,
    InputShapeError,
    IrregularFieldError,
    TruncatedFieldError,
)
from rfcore.field import AxisField, ReceptiveField
from rfcore.hookspecs import Probe
from rfcore.laws import Law, Sighting, find_law, irregular
from rfcore.point_probes import PointProbes

__all__ = ["fit"]

LOG = logging.getLogger(__name__)

# Periods up to this are told from shorter ones by the first window already: 2^5 is the period
# of a decoder of five levels, the deepest in common use.
FIRST_PERIOD = 32


def fit(probe: Probe, *, input_shape: Sequence[int], output_shape: Sequence[int]) -> ReceptiveField:
    """Fits size, stride and offset to any callable from an output mask to an input gradient.

    Args:
        probe: Takes a float array of shape `output_shape` that is 1 at one output, or at two
            at once, and 0 elsewhere, and returns an array of shape `input_shape` that is
            non-zero where those outputs depend on the input. Signs and magnitudes do not matter.
        input_shape: Spatial shape of the input, in pixels per axis.
        output_shape: Spatial shape of the output.

    Returns:
        The field of the probe. It is exact if the probe is; a gradient can only be too small.

    Raises:
        ProbeError: The probe raised, returned NaN, infinities or a wrong shape, answered the
            same question in two ways, or shows less for two outputs than for each of them.
        IndependentOutputError: The probed outputs do not depend on the input.
        TruncatedFieldError: The field is wider than the input.
        IrregularFieldError: No stride and period explain the outputs.
        InputShapeError: The shapes are empty or of different rank.

    Example:
        >>> import numpy as np, rfcore
        >>> def probe(mask):                      # a 3-tap convolution of stride 2, padding 1
        ...     spread = np.zeros(2 * len(mask) + 2)
        ...     for tap in range(3):
        ...         spread[tap : tap + 2 * len(mask) : 2] += mask
        ...     return spread[1:-1]
        >>> rfcore.fit(probe, input_shape=(40,), output_shape=(20,))
        ReceptiveField(size=(3,), stride=(2,), offset=(0.5,), input_shape=(40,))

    Source: the affine law of receptive fields in Araujo, Norris and Sim, "Computing Receptive
        Fields of Convolutional Neural Networks", Distill 2019, extended by a period.
    """
    inputs, outputs = tuple(input_shape), tuple(output_shape)
    if not inputs or len(inputs) != len(outputs) or min(*inputs, *outputs) < 1:
        raise InputShapeError(
            inputs,
            f"does not fit output_shape={outputs}",
            "give one positive length per spatial axis for both, without batch and channels.",
        )
    probes = PointProbes(probe, inputs, outputs)
    axes = tuple(_fit_axis(probes, axis) for axis in range(len(inputs)))
    probes.confirm()
    return ReceptiveField(axes)


def _fit_axis(probes: PointProbes, axis: int) -> AxisField:
    """Widens a window of probed outputs until a period explains all of it, or none is left."""
    count, length = probes.outputs[axis], probes.inputs[axis]
    max_period = min(FIRST_PERIOD, max(1, count // 2))
    while True:
        sightings = probes.sightings(axis, _window_and_far(count, max_period))
        law = _law(sightings, max_period)
        LOG.debug(
            "axis %d: %d outputs probed, longest period %d; %r",
            axis,
            len(sightings),
            max_period,
            law,
        )
        if law is not None:
            return law.axis_field(length, count)
        if max_period >= count // 2:
            break
        max_period = min(2 * max_period, count // 2)
    return _refused(probes.sightings(axis, range(count)), max_period, axis, length, count)


def _window_and_far(count: int, max_period: int) -> list[int]:
    """Three periods around the middle, and outputs spread over the whole axis to confirm them."""
    middle, reach = count // 2, (3 * max_period + 1) // 2
    window = range(max(0, middle - reach), min(count, middle + reach + 1))
    spread = (round(i * (count - 1) / 8) for i in range(9))
    return sorted({*window, *spread})


def _law(sightings: Mapping[int, Sighting], max_period: int) -> Law | None:
    """The law of the outputs, or of those far from the borders where inner padding cuts others.

    An edge that is cut looks free where the padding of an inner layer hides the outer taps of a
    dilated kernel; the true edge then lies outside of the input.
    """
    law = find_law(sightings, max_period, per_phase=3)
    if law is not None or not sightings:
        return law
    reach = _reach(sightings)
    far = {j: _hidden_within(reach, s) for j, s in sightings.items()}
    law = find_law(far, max_period, per_phase=3)
    return law if law is not None and _explains(law, sightings) else None


def _reach(sightings: Mapping[int, Sighting]) -> int:
    return max(s.last + 1 - s.first for s in sightings.values())


def _hidden_within(reach: int, seen: Sighting) -> Sighting:
    """The same sighting, its edges hidden that lie closer to a border than `reach`."""
    low = None if seen.first < reach else seen.low
    high = None if seen.size - 1 - seen.last < reach else seen.high
    return replace(seen, low=low, high=high)


def _explains(law: Law, sightings: Mapping[int, Sighting]) -> bool:
    """Whether every edge in sight is the law's, or the law's lies outside of the input."""
    assert law.lows is not None
    assert law.highs is not None
    for j, seen in sightings.items():
        cycle, phase = divmod(j, law.period)
        low, high = (edges[phase] + cycle * law.shift for edges in (law.lows, law.highs))
        if seen.low not in (None, low) and low >= 0:
            return False
        if seen.high not in (None, high) and high <= seen.size:
            return False
    return True


def _refused(
    sightings: Mapping[int, Sighting], max_period: int, axis: int, length: int, count: int
) -> AxisField:
    law = _law(sightings, max_period)
    if law is not None:
        return law.axis_field(length, count)
    if not sightings:
        raise IndependentOutputError("", f" on axis {axis}, as far as the probe tells")
    lows = sum(s.low is not None for s in sightings.values())
    highs = sum(s.high is not None for s in sightings.values())
    if min(lows, highs) < len(sightings) and (min(lows, highs) < 2 or max(lows, highs) < 3):
        raise TruncatedFieldError(
            "",
            axis,
            length,
            f"{lows} low and {highs} high edges of {count} outputs could be seen",
            "probe a larger input: at least twice the field, and three outputs inside it.",
        )
    error = irregular(sightings, max_period, "", axis)
    reach = _reach(sightings)
    if sum(_hidden_within(reach, s).low is not None for s in sightings.values()) < 3:
        hint = "probe a larger input, three times the field or more: near its borders edges hide."
        raise IrregularFieldError("", axis, error.detail, hint)
    raise error

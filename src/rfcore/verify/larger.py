"""Larger inputs on which a field shows that is clipped at the asked size: long, thin strips."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from rfcore.field import ReceptiveField
from rfcore.inputs import InputSpec
from rfcore.verify.sight import growth_to_show, middle_output, sampled_phases

__all__ = ["UNITS", "in_sight_on_all", "strips", "unit_of"]

# Sizes are alike if they differ by a multiple of all strides in the network, which a forward does
# not tell. 2^6 covers nearly all; 2^6 · 3 · 5 · 7 is there to confirm what speaks against a field.
UNITS = (64, 6720)
# Values of the input; the activations of a network take some ten times as much.
LARGEST_INPUT = 1 << 23
THINNEST = 16
WIDTHS = 3


def unit_of(field: ReceptiveField, axis: int, base: int) -> int:
    """A multiple of the shift of an axis and of `base`."""
    return math.lcm(base, abs(field.axes[axis].shift) or 1)


def strips(field: ReceptiveField, spec: InputSpec, axis: int, growth: int) -> Iterator[InputSpec]:
    """Inputs with more pixels on one axis, thin on the others, the thinnest first.

    Args:
        field: The field, for the strides of the other axes.
        spec: The asked input.
        axis: The spatial axis that grows.
        growth: Pixels it has more.

    Yields:
        Those that fit into memory; the last one keeps the other axes as they were asked.
    """
    widths = []
    for other, dim in enumerate(spec.axes):
        asked = spec.shape[dim]
        if other == axis:
            widths.append([asked + growth])
            continue
        unit = unit_of(field, other, UNITS[0])
        thin = [n for n in range(asked % unit, asked, unit) if n >= THINNEST][: WIDTHS - 1]
        widths.append([*thin, asked])
    for number in range(max(map(len, widths))):
        lengths = [options[min(number, len(options) - 1)] for options in widths]
        shape = list(spec.shape)
        for dim, length in zip(spec.axes, lengths, strict=True):
            shape[dim] = length
        if math.prod(shape) <= LARGEST_INPUT:
            yield replace(spec, shape=tuple(shape))


def in_sight_on_all(field: ReceptiveField, spec: InputSpec, limit: int | None) -> InputSpec | None:
    """The input at which outputs are well inside on all axes at once, if it fits into memory.

    One unit more than what shows the field keeps outputs clear of what is cropped and padded
    again inside the network.

    Args:
        field: The field.
        spec: The asked input.
        limit: At most so many phases of an axis are asked.
    """
    shape = list(spec.shape)
    for number, (dim, law) in enumerate(zip(spec.axes, field.axes, strict=True)):
        if law.is_global or law.shift == 0:
            continue
        unit = unit_of(field, number, UNITS[0])
        phases = sampled_phases(law, limit)
        seen = all(middle_output(law, phase, clear=True) is not None for phase in phases)
        growth = 0 if seen else growth_to_show(law, phases, unit)
        if growth is None:
            return None
        shape[dim] += growth + unit
    if tuple(shape) == spec.shape or math.prod(shape) > LARGEST_INPUT:
        return None
    return replace(spec, shape=tuple(shape))

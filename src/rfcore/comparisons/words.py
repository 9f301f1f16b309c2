"""A difference between networks as a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rfcore.comparisons.result import ComparedLayer, Difference

__all__ = ["pixels", "sentence"]


def sentence(
    names: Sequence[str], layer: ComparedLayer, quantity: str, *, from_here_on: bool
) -> str:
    """What differs in a layer, by how much, and whether it stays so.

    Args:
        names: What the networks are called.
        layer: The layer.
        quantity: The quantity that tells most.
        from_here_on: Whether all later layers differ too.
    """
    told = [each for each in layer.differences if each.quantity == quantity]
    other = next(n for n, v in enumerate(told[0].values) if v != told[0].values[0])
    ours, theirs = names[0], names[other]
    onward = " from here on" if from_here_on else ""
    rows = layer.rows
    where = f"In layer {rows[0].name or '(output)'}"
    if rows[other].name != rows[0].name:
        where += f" ({rows[other].name} of {theirs})"
    what = _what(layer, told[0], other, theirs, ours)
    axes = sorted({each.axis for each in told if each.axis is not None})
    rank = len(rows[0].field.axes) if rows[0].field is not None else 0
    some = f" on axis {', '.join(map(str, axes))}" if axes and len(axes) < rank else ""
    return f"{where} {what[0]}{some}{onward}{what[1]}."


def _what(
    layer: ComparedLayer, told: Difference, other: int, theirs: str, ours: str
) -> tuple[str, str]:
    """The statement, and the figures behind it."""
    first, value = told.values[0], told.values[other]
    if isinstance(first, str) or isinstance(value, str):
        return f"the {told.quantity} of {theirs} is {value}, that of {ours} {first}", ""
    more = Fraction(value) - Fraction(first)
    figures = f": {told.quantity} {value} instead of {first}"
    if told.quantity == "offset":
        padding = _beside(layer, "padding", told.axis, other)
        return f"{theirs} shifts the map by {pixels(abs(more))} against {ours}", padding or figures
    if told.quantity == "padding":
        return f"{theirs} pads by {pixels(abs(more))} {_more(more)} than {ours}", figures
    if told.quantity == "stride":
        return f"{theirs} moves {pixels(abs(more))} {_more(more)} per output than {ours}", figures
    if told.quantity == "size":
        return f"{theirs} sees {pixels(abs(more))} {_more(more)} than {ours}", figures
    return f"the {told.quantity} of {theirs} is {value}, that of {ours} {first}", ""


def _beside(layer: ComparedLayer, quantity: str, axis: int | None, other: int) -> str:
    for each in layer.differences:
        if each.quantity == quantity and each.axis == axis:
            return f": {quantity} {each.values[other]} instead of {each.values[0]}"
    return ""


def _more(difference: Fraction) -> str:
    return "more" if difference > 0 else "less"


def pixels(count: Fraction) -> str:
    """A number of pixels in words: "half a pixel", "1 pixel", "2.5 pixels"."""
    if count == Fraction(1, 2):
        return "half a pixel"
    return f"{float(count):g} pixel{'' if count == 1 else 's'}"

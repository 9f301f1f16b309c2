"""What a picture says of a field in words, and how axes and outputs are called."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from rfcore.errors import PlotError
from rfcore.field import ReceptiveField

__all__ = ["axis_names", "by_axis", "check_rank", "counted", "facts_of", "index_label", "wrapped"]

NAMES = {1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}
LINE_LENGTH = 46


def axis_names(rank: int) -> tuple[str, ...]:
    """How the axes of an input are called, in array order."""
    return NAMES.get(rank) or tuple(f"axis {number}" for number in range(rank))


def by_axis(values: Sequence[object]) -> str:
    """One value per axis, floats to three digits."""
    texts = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in values]
    return " × ".join(texts)


def counted(numbers: Sequence[int], noun: str) -> str:
    """How many there are: "1 output", "4 × 6 outputs"."""
    return f"{by_axis(numbers)} {noun}{'' if math.prod(numbers) == 1 else 's'}"


def index_label(index: Sequence[int] | None) -> str:
    """How the legend calls the output that was asked for."""
    return "middle output" if index is None else f"output {', '.join(map(str, index))}"


def facts_of(field: ReceptiveField) -> list[str]:
    """Size, stride and the like, one short text each."""
    outputs = counted(field.output_shape, "output")
    if all(field.is_global):
        return ["global", outputs]
    sizes = ["global" if axis.is_global else str(axis.size) for axis in field.axes]
    strides = dict.fromkeys(map(str, field.stride))
    facts = [f"size {' × '.join(sizes)}", f"stride {' × '.join(strides)}", outputs]
    phases = math.prod(axis.period for axis in field.axes)
    if phases > 1:
        facts.append(f"{phases} phases")
    density = math.prod(field.density)
    if density < 1:
        facts.append(f"{float(density):.0%} of it seen")
    return facts


def wrapped(facts: Sequence[str], length: int = LINE_LENGTH) -> str:
    """Facts with commas between them, in lines that break between facts only."""
    together = (fact.replace(" ", "\N{NO-BREAK SPACE}") for fact in facts)
    return "\n".join(textwrap.wrap(", ".join(together), length))


def check_rank(field: ReceptiveField, rank: int, instead: str) -> None:
    """Raises where a field does not have the axes that a picture is of."""
    found = len(field.axes)
    if found != rank:
        axes = "one axis" if rank == 1 else f"{('two', 'three')[rank - 2]} axes"
        raise PlotError(f"This is a picture of {axes}; the field has {found}.", instead)

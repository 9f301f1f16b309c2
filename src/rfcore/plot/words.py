"""What a picture says of a field in words, and how axes and outputs are called."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from rfcore.erf import EffectiveReceptiveField
from rfcore.errors import PlotError
from rfcore.field import ReceptiveField

__all__ = [
    "axis_names",
    "by_axis",
    "check_rank",
    "counted",
    "effective_facts",
    "facts_of",
    "index_label",
    "meaning",
    "unit_of",
    "wrapped",
]

NAMES = {1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}
LINE_LENGTH = 46
PLURALS = {"axis": "axes", "input": "inputs", "output": "outputs", "step": "steps"}
MEANINGS = {
    "abs": "mean |gradient|",
    "square": "mean gradient²",
    "positive": "mean positive gradient",
    "replknet": "mean positive gradient",
}


def axis_names(rank: int) -> tuple[str, ...]:
    """How the axes of an input are called, in array order."""
    return NAMES.get(rank) or tuple(f"axis {number}" for number in range(rank))


def unit_of(rank: int) -> str:
    """What one position of an input is called."""
    return "step" if rank == 1 else "pixel"


def by_axis(values: Sequence[object]) -> str:
    """One value per axis, floats to three digits."""
    texts = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in values]
    return " × ".join(texts)


def counted(numbers: Sequence[int], noun: str) -> str:
    """How many there are: "1 output", "4 × 6 outputs"."""
    return f"{by_axis(numbers)} {noun if math.prod(numbers) == 1 else PLURALS[noun]}"


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


def check_rank(found: int, wanted: int, instead: str) -> None:
    """Raises where a field does not have as many axes as a picture shows.

    Raises:
        PlotError: It has more or fewer.
    """
    if found != wanted:
        raise PlotError(
            f"This picture is one of {counted([wanted], 'axis')}; the field has {found}.", instead
        )


def effective_facts(erf: EffectiveReceptiveField) -> list[str]:
    """Inputs, spread and sizes of a measured field, one short text each."""
    facts = [counted([erf.count], "input")]
    if erf.mass:
        facts.append(f"σ {by_axis(erf.sigma)} {unit_of(erf.map.ndim)}s")
    if erf.box is not None:
        facts.append(f"exact field {by_axis([hi - lo for lo, hi in erf.box])}")
    return facts


def meaning(aggregate: str) -> str:
    """What the values of a measured map are."""
    return MEANINGS.get(aggregate, aggregate)

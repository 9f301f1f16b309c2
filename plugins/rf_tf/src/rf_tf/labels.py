"""Einstein notation as numbered axes."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Labels", "labels_of"]

Labels = tuple[int, ...]


def labels_of(
    equation: str, shapes: Sequence[Sequence[int]], result: Sequence[int]
) -> tuple[list[Labels], Labels]:
    """The labels of the axes of an `einsum`'s operands and of its result.

    Args:
        equation: As in "bqd,bkd->bqk"; an ellipsis stands for broadcast axes.
        shapes: Shapes of the operands.
        result: Shape of the result.
    """
    left, right = equation.replace(" ", "").split("->")
    numbers: dict[str, int] = {}
    widest = len(result) - len(right.replace("...", ""))
    operands = []
    # Broadcast axes of the result are numbered from -widest to -1.
    for number, (subscripts, shape) in enumerate(zip(left.split(","), shapes, strict=True)):
        hidden = len(shape) - len(subscripts.replace("...", ""))
        labels: list[int] = []
        for part in _parts(subscripts):
            if part != "...":
                labels.append(numbers.setdefault(part, len(numbers)))
                continue
            for i in range(hidden):
                label = i - hidden
                position = right.index("...") + widest + label if "..." in right else None
                broadcast = position is not None and shape[len(labels)] != result[position]
                labels.append(1000 * (number + 1) + i if broadcast else label)
        operands.append(tuple(labels))
    found: list[int] = []
    for part in _parts(right):
        found += range(-widest, 0) if part == "..." else [numbers[part]]
    return operands, tuple(found)


def _parts(subscripts: str) -> list[str]:
    before, dots, after = subscripts.partition("...")
    return [*before, *([dots] if dots else []), *after]

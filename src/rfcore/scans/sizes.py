"""What a scan tells about input sizes: layers that integrate nothing new, and the range that suits.

Source: Richter, Byttner, Krumnack, Wiedenroth, Schallner, Shenk, "(Input) Size Matters for CNN
    Classifiers" (2021); Richter, Schöning, Wiedenroth, Krumnack, "Should You Go Deeper?" (2021);
    and the definitions in the code of their receptive field analysis toolbox (rfa_toolbox).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rfcore.errors import InputRangeError, OptionError
from rfcore.scans.row import PathSizes, ScanRow

__all__ = ["critical", "input_range", "lengths", "unproductive"]


def lengths(input_size: int | Sequence[int] | None, scanned: tuple[int, ...]) -> tuple[int, ...]:
    """An input size as pixels per axis.

    Raises:
        OptionError: It is no size, or of another number of axes.
    """
    if input_size is None:
        return scanned
    if isinstance(input_size, int) and not isinstance(input_size, bool):
        given: tuple[int, ...] = (input_size,) * len(scanned)
    else:
        given = tuple(input_size) if isinstance(input_size, tuple | list) else ()
    if len(given) != len(scanned) or not all(type(n) is int and n > 0 for n in given):
        raise OptionError("input_size", input_size, (scanned[0], scanned))
    return given


def unproductive(rows: Sequence[ScanRow], size: tuple[int, ...]) -> list[ScanRow]:
    """The layers that widen the field, though all that they read covers the input already."""
    return [
        row
        for row in rows
        if row.read is not None
        and _widens(row)
        and all(n is not None and n >= m for n, m in zip(row.read, size, strict=True))
    ]


def critical(rows: Sequence[ScanRow], size: tuple[int, ...]) -> list[ScanRow]:
    """The layers whose own smallest field is larger than the input on every axis."""
    return [row for row in rows if _exceeds(row.shortest, size)]


def input_range(rows: Sequence[ScanRow]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The largest of the smallest fields, and the largest field, per axis.

    Raises:
        InputRangeError: Some layer in the body of the network has no such sizes.
    """
    local = [row for row in rows if row.field is not None and not row.is_global]
    if not local:
        raise InputRangeError(
            "no layer has a field of its own",
            'scan with global_paths="ignore", or a part of the model before its axes are merged.',
        )
    widening = [row for row in rows if row.is_global and _widens(row)]
    if widening:
        raise InputRangeError(
            f"the field of {widening[0].name!r} is global, because of "
            f"{widening[0].global_because}, though the network goes on to widen it",
            'scan with global_paths="ignore", which leaves such paths out.',
        )
    uneven = next((row for row in local if None in row.shortest or not row.shortest), None)
    if uneven is not None:
        raise InputRangeError(
            f"{uneven.name or 'the output'!r} has no shortest path of even steps (it upsamples, "
            "or the model takes no other size)",
            "scan the layers before it, by their names as layers.",
        )
    axes = range(len(local[0].shortest))
    smallest = tuple(max(_numbers(row.shortest[axis] for row in local)) for axis in axes)
    largest = tuple(max(row.field.size[axis] for row in local if row.field) for axis in axes)
    return smallest, largest


def _numbers(sizes: Iterator[int | None]) -> Iterator[int]:
    return (size for size in sizes if size is not None)


def _widens(row: ScanRow) -> bool:
    return row.read is not None and any(
        own is not None and read is not None and own > read
        for own, read in zip(row.shortest, row.read, strict=True)
    )


def _exceeds(sizes: PathSizes, input_size: tuple[int, ...]) -> bool:
    pairs = zip(sizes, input_size, strict=True) if sizes else ()
    return bool(sizes) and all(n is not None and n > m for n, m in pairs)

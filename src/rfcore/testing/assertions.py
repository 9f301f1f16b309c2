"""Assertions about a model's field, for the tests of whoever trains or ships it.

They need neither pytest nor hypothesis, and what fails names the first layer that breaks the
promise, not only the output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import rfcore
from rfcore.errors import OptionError
from rfcore.field import AxisField, ReceptiveField
from rfcore.scans import Scan, ScanRow

__all__ = ["assert_causal", "assert_no_leak", "assert_receptive_field"]

Number = int | float | Fraction
PerAxis = Number | Sequence[Number] | None


def assert_receptive_field(
    model: Any,
    *,
    size: PerAxis = None,
    stride: PerAxis = None,
    offset: PerAxis = None,
    padding: PerAxis = None,
    at_least: PerAxis = None,
    at_most: PerAxis = None,
    output: str | int | None = None,
    **options: Any,
) -> ReceptiveField:
    """Asserts that a model has the field that it is meant to have.

    A single number holds for every axis, a sequence has one per axis; None is not checked.

    Args:
        model: As for `rfcore.estimate`.
        size: The size in pixels.
        stride: Pixels per output step.
        offset: Centre of output 0's interval in pixels.
        padding: Effective padding in pixels.
        at_least: Pixels that the size may not fall below.
        at_most: Pixels that the size may not exceed; a global axis exceeds every number.
        output: As for `rfcore.estimate`, like all further options.
        **options: `input_shape`, `backend`, `layout`, `input`, `global_paths`.

    Returns:
        The field, for more checks.

    Raises:
        AssertionError: It has another one; the message holds the whole field.

    Example:
        >>> from rfcore.testing import assert_receptive_field
        >>> field = assert_receptive_field("conv 3, conv 3 s2", size=5, stride=2)
    """
    found = rfcore.estimate(model, output=output, **options)
    exact: dict[str, Any] = {"size": size, "stride": stride, "offset": offset, "padding": padding}
    wrong = [
        f"{name} is {_shown(values)}, expected {_shown(wanted)}"
        for name, given in exact.items()
        if given is not None
        for values, wanted in [(getattr(found, name), _per_axis(given, found, name))]
        if tuple(values) != wanted
    ]
    if at_least is not None:
        floor = _per_axis(at_least, found, "at_least")
        if any(n < least for n, least in zip(found.size, floor, strict=True)):
            wrong.append(f"size is {_shown(found.size)}, expected at least {_shown(floor)}")
    if at_most is not None:
        most = _per_axis(at_most, found, "at_most")
        over = zip(found.axes, most, strict=True)
        if any(axis.is_global or axis.size > limit for axis, limit in over):
            told = ["global" if axis.is_global else axis.size for axis in found.axes]
            wrong.append(f"size is {_shown(told)}, expected at most {_shown(most)}")
    name = "the model" if output is None else f"layer {output!r}"
    assert not wrong, f"The field of {name} is another one: {'; '.join(wrong)}.\n{found}"
    return found


def assert_causal(
    model: Any,
    *,
    axis: int = 0,
    lookahead: int = 0,
    output: str | int | None = None,
    **options: Any,
) -> ReceptiveField:
    """Asserts that no output sees a sample after its own.

    Output j of a model of stride s speaks for the samples up to (j + 1) s; with a lookahead of
    n it may see n more.

    Args:
        model: As for `rfcore.estimate`.
        axis: The spatial axis that is time.
        lookahead: Samples of the future that an output may see.
        output: As for `rfcore.estimate`, like all further options.
        **options: `input_shape`, `backend`, `layout`, `input`, `global_paths`.

    Returns:
        The field, for more checks.

    Raises:
        AssertionError: Some output sees the future; the first layer that does is named.

    Example:
        >>> from rfcore.testing import assert_causal
        >>> field = assert_causal("pad 2:0, conv 3, pad 4:0, conv 3 d2", input_shape=(100,))
    """

    def beyond(field: AxisField) -> int:
        return _future(field) - lookahead

    return _checked(
        model,
        axis,
        beyond,
        lambda pixels: (
            f"sees {_samples(pixels + lookahead)} of the future"
            + (f", and may see {_samples(lookahead)}" if lookahead else "")
        ),
        output,
        options,
    )


def assert_no_leak(
    model: Any,
    *,
    boundary: int,
    axis: int = 0,
    output: str | int | None = None,
    **options: Any,
) -> ReceptiveField:
    """Asserts that outputs before a boundary of the input see nothing from behind it.

    Outputs belong to the side on which their centre lies, in equal shares of the input: with n
    outputs over N pixels, output j is before the boundary if (j + 1) N / n <= boundary. Nor may
    outputs behind it see what is before it.

    Args:
        model: As for `rfcore.estimate`.
        boundary: The first pixel behind the boundary, on the asked input.
        axis: The spatial axis.
        output: As for `rfcore.estimate`, like all further options.
        **options: `input_shape`, `backend`, `layout`, `input`, `global_paths`.

    Returns:
        The field, for more checks.

    Raises:
        AssertionError: Some output sees across the boundary; the first layer that does is named.
        OptionError: The boundary does not lie inside the input.

    Example:
        >>> from rfcore.testing import assert_no_leak
        >>> field = assert_no_leak("conv 4 s4, conv 2 s2", boundary=32, input_shape=(64,))
    """
    if type(boundary) is not int or boundary < 1:
        raise OptionError("boundary", boundary, (1,))
    return _checked(
        model,
        axis,
        lambda field: _across(field, boundary),
        lambda pixels: (
            f"sees {pixels} pixel{'s' if pixels > 1 else ''} across the boundary at {boundary}"
        ),
        output,
        options,
    )


def _checked(
    model: Any,
    axis: int,
    beyond: Callable[[AxisField], int],
    words: Callable[[int], str],
    output: str | int | None,
    options: dict[str, Any],
) -> ReceptiveField:
    """The output's field, if nothing of it lies beyond; else which layer began it."""
    found = rfcore.estimate(model, output=output, **options)
    if not -len(found.axes) <= axis < len(found.axes):
        raise OptionError("axis", axis, tuple(range(len(found.axes))))
    pixels = beyond(found.axes[axis])
    if pixels > 0:
        name = "The model" if output is None else f"Layer {output!r}"
        culprits = _first_beyond(rfcore.scan(model, **options), axis, beyond)
        bound = "" if found.exact else " (The field is an upper bound: see its notes.)"
        told = f"{name} {words(pixels)} on axis {axis}. {_told(culprits, words)}{bound}"
        raise AssertionError(told)
    return found


def _first_beyond(
    scan: Scan, axis: int, beyond: Callable[[AxisField], int]
) -> list[tuple[ScanRow, int]]:
    """The layers that see beyond, in the order in which they run."""
    return [
        (row, pixels)
        for row in scan
        if row.name and row.field is not None and (pixels := beyond(row.field.axes[axis])) > 0
    ]


def _told(culprits: Sequence[tuple[ScanRow, int]], words: Callable[[int], str]) -> str:
    if not culprits:
        return "No layer before the output does."
    (first, pixels), *rest = culprits
    kind = f" ({first.type})" if first.type else ""
    because = f", because of {first.global_because}" if first.global_because else ""
    more = f", and {len(rest)} after it" if rest else ""
    return f"The first layer is {first.name!r}{kind}, which {words(pixels)}{because}{more}."


def _future(field: AxisField) -> int:
    """How many samples past its own step some output sees: over one period, or all of them."""
    stride = Fraction(field.input_size, field.output_size)
    if field.highs is None:
        return field.input_size - int(stride)
    moved = abs(Fraction(field.shift, field.period)) or stride
    own = [-(-(j + 1) * moved.numerator // moved.denominator) for j in range(field.output_size)]
    return max(field.interval(j)[1] - own[j] for j in range(field.output_size))


def _across(field: AxisField, boundary: int) -> int:
    """How many pixels past a boundary, from either side, some output sees of the input."""
    if boundary >= field.input_size:
        raise OptionError("boundary", boundary, (field.input_size // 2,))
    share = Fraction(field.input_size, field.output_size)
    most = 0
    for j in range(field.output_size):
        low, high = field.interval(j)
        low, high = max(low, 0), min(high, field.input_size)
        if (j + 1) * share <= boundary:
            most = max(most, high - boundary)
        elif j * share >= boundary:
            most = max(most, boundary - low)
    return most


def _per_axis(given: Any, field: ReceptiveField, name: str) -> tuple[Any, ...]:
    wanted = tuple(given) if isinstance(given, tuple | list) else (given,) * len(field.axes)
    if len(wanted) != len(field.axes):
        raise OptionError(name, given, (wanted[:1][0] if wanted else 1,))
    return wanted


def _shown(values: Sequence[object]) -> str:
    texts = [str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else f"({', '.join(texts)})"


def _samples(count: int) -> str:
    return f"{count} sample{'' if count == 1 else 's'}"

"""`compare`: scans of two or more networks, layer beside layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rfcore.comparisons.matching import Pairing, matched
from rfcore.comparisons.result import ComparedLayer, Comparison
from rfcore.errors import ComparisonError
from rfcore.scans import Scan, scan

__all__ = ["compare"]


def compare(
    models: Mapping[str, Any],
    *,
    match: Literal["order", "name"] | Pairing = "order",
    backend: str | Mapping[str, str] | None = None,
    input_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    input: str | int | Mapping[str, str | int] | None = None,
    layout: str | Mapping[str, str] | None = None,
    global_paths: Literal["follow", "ignore"] = "follow",
) -> Comparison:
    """Compares the fields of two or more networks layer by layer.

    Args:
        models: Models, or scans of them, by the names that the answer gives them; the first is
            what the others are held against.
        match: Which layers belong together: "order" goes along the convolutions and poolings on
            each network's longest path; "name" takes layers of the same name; a mapping names
            the first network's layers and, for each, the layer of the other one (or a tuple,
            one for each of the others).
        backend: As for `estimate`, for all models or by name, like all that follow.
        input_shape: Shape of the input without the batch, in each framework's own order.
        input: Which of several inputs is measured.
        layout: One letter per axis with the batch.
        global_paths: "follow" all paths, or "ignore" those through whole-axis reductions.

    Returns:
        The layers side by side, with what differs.

    Raises:
        ComparisonError: There are fewer than two networks, they are measured at different
            sizes, or no layers belong together.
        RfcoreError: A model cannot be scanned.

    Example:
        >>> import rfcore
        >>> same = rfcore.compare({"a": "conv 3 s2 p1", "b": "conv 3 s2"}, input_shape=(64,))
        >>> same.equal
        False
        >>> print(same.summary())
        In layer 0 b shifts the map by 1 pixel against a from here on: padding 0 instead of 1.
    """
    if not isinstance(models, Mapping) or len(models) < 2:
        hint = 'give two or more by name: compare({"keras": model, "torch": other}, …).'
        raise ComparisonError("there are fewer than two of them", hint)
    options = {"backend": backend, "input_shape": input_shape, "input": input, "layout": layout}
    scans = {
        name: model
        if isinstance(model, Scan)
        else scan(model, global_paths=global_paths, **_of(name, options))
        for name, model in models.items()
    }
    _refuse_other_sizes(scans)
    rows, unmatched = matched(scans, match)
    layers = tuple(ComparedLayer.of(found) for found in rows)
    return Comparison(tuple(scans), layers, unmatched)


def _of(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of one model, where some are given by name."""
    return {
        option: value.get(name) if isinstance(value, Mapping) else value
        for option, value in options.items()
    }


def _refuse_other_sizes(scans: Mapping[str, Scan]) -> None:
    shapes = {name: found.input_shape for name, found in scans.items()}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} at {shape}" for name, shape in shapes.items())
        hint = "give every model its input_shape, in its own framework's order of axes."
        raise ComparisonError(f"they were measured at different sizes ({told})", hint)

"""The field of a model's output as its gradients show it, held against the exact one."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rfcore.errors import (
    GradientFieldWarning,
    IndependentOutputError,
    IrregularFieldError,
    MergedAxesError,
    NoSpatialAxesError,
    ProbeError,
    RfcoreError,
    TruncatedFieldError,
)
from rfcore.field import ReceptiveField
from rfcore.fit import fit
from rfcore.gradients import SEED, grid_shape, probe, random_input
from rfcore.guard import ask_gradient, fault
from rfcore.hookspecs import Backend
from rfcore.inputs import InputSpec
from rfcore.notes import LOWER_BOUND

__all__ = ["gradient_field"]

_HOW = f"one forward on a uniform random input (seed {SEED}); |gradient| summed over channels"


def gradient_field(
    backend: Backend,
    model: Any,
    spec: InputSpec,
    output: str | int | None,
    exact: Callable[[], ReceptiveField],
) -> ReceptiveField:
    """Fits a field to the gradients at one random input: a lower bound, and marked as one.

    Where it differs from the exact field, a `GradientFieldWarning` tells both; where there is no
    exact field, nothing is held against it.

    Args:
        backend: The model's backend.
        model: The model.
        spec: The measured input.
        output: What the user calls the output.
        exact: Finds the exact field of the same output, or raises an `RfcoreError`.

    Raises:
        RfcoreError: One of its kinds, where gradients show no field.
    """
    name = "" if output is None else str(output)
    measured = ask_gradient(backend, model, spec, output)
    outputs = grid_shape(measured)
    if outputs is None:
        raise _without_a_grid(name, measured.shape, exact)
    probed = probe(measured, spec, random_input(measured, spec), name)
    try:
        found = fit(probed, input_shape=spec.spatial_shape, output_shape=outputs)
    except ProbeError as error:
        raise fault(backend, "gradient", error.problem) from error
    except (IndependentOutputError, IrregularFieldError, TruncatedFieldError) as error:
        known = _known(exact)
        given = "" if known is None else f", which gives the size {known.size} here"
        error.advise(
            f'leave method="exact"{given}: a gradient shows only a part of the field (dead units, '
            f"maxima that hide their rivals, values that cancel); or {error.hint}"
        )
        raise
    known = _known(exact)
    if known is not None and known.exact and known.size != found.size:
        warnings.warn(GradientFieldWarning(name, found.size, known.size), stacklevel=4)
    return replace(found, exact=False, notes=(*found.notes, _HOW, *measured.notes, LOWER_BOUND))


def _known(exact: Callable[[], ReceptiveField]) -> ReceptiveField | None:
    """The exact field, None where there is none: gradients are measured all the same."""
    try:
        return exact()
    except (RfcoreError, MemoryError):
        return None


def _without_a_grid(
    name: str, shape: tuple[int, ...], exact: Callable[[], ReceptiveField]
) -> RfcoreError:
    """Why outputs that are no grid have no field; the exact method may know more of it."""
    try:
        known = exact()
    except (MergedAxesError, NoSpatialAxesError) as error:
        return error
    except (RfcoreError, MemoryError):
        return NoSpatialAxesError(name, shape, None)
    refusal = NoSpatialAxesError(name, shape, None)
    refusal.advise(
        f'leave method="exact", which gives the size {known.size} here; or {refusal.hint}'
    )
    return refusal

"""Why a field cannot be seen whole: what stands in the way of a larger input."""

from __future__ import annotations

from rfcore.errors import TruncatedFieldError
from rfcore.masks import MaskTooLargeError
from rfcore.traces import Comparison, TraceSet

__all__ = ["truncated"]


def truncated(
    traces: TraceSet,
    address: str,
    axis: int,
    comparison: Comparison | None,
    *,
    growth: int = 0,
    unsteady: str = "",
    too_large: MaskTooLargeError | None = None,
) -> TruncatedFieldError:
    """The error that says why the asked size, and no other, shows the field, and not all of it.

    Args:
        traces: The model's traces.
        address: The output.
        axis: The number of the spatial axis.
        comparison: The last larger trace beside the asked one, if there was one.
        growth: The most pixels that were added.
        unsteady: The op that reads at no fixed stride, if there is one.
        too_large: Why a larger size was not followed, if its masks were too large.
    """
    size = traces.spec.spatial_shape[axis]
    cause: Exception | None = None
    unrolled = traces.unrolled(address)
    size_matters = False
    if axis in unrolled:
        why = (
            "the forward is a loop along it, written out step by step (first by "
            f"{unrolled[axis]}), and so another network at every size"
        )
        hint = (
            "measure one step of the loop as a model of its own; the framework's own recurrent "
            "layers (as LSTM) are told as one op."
        )
    elif comparison is None:
        why = "the model takes no larger input"
        hint = "give a model that takes larger inputs (see the cause above)."
        errors = [trace.error for trace in traces.larger_ones() if trace.error is not None]
        cause = errors[0] if errors else None
    elif not comparison.usable:
        op = comparison.alignment.difference or "its striding"
        why = f"at a larger size it is another network, beginning with {op}"
        if unsteady == op:
            why += ", which reads at no fixed stride, as a resize with aligned corners does"
        hint = "give a model whose structure does not change with the size of its input."
        size_matters = not traces.costly(address)
    else:
        why = f"even with {growth} pixels more it is clipped on both sides"
        if too_large is not None:
            why = (
                f"following {too_large.op} back at a larger size takes a mask of shape "
                f"{too_large.shape}, more than fits in memory"
            )
        hint = "measure the first layers of the model as a model of their own."
        cause = too_large
    error = TruncatedFieldError(address, axis, size, why, hint, size_matters=size_matters)
    error.__cause__ = cause
    return error

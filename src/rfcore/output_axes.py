"""Which axis of an output moves along which spatial axis of the input.

Usually the output has the input's layout. Where it has not (channels moved, an axis averaged
away, tokens), probing tells: an axis of the output belongs to the input axis along which one
index of it sees less than all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rfcore.ahead import Ahead
from rfcore.carrying import tells_apart
from rfcore.errors import IndependentOutputError, MergedAxesError, NoSpatialAxesError, RfcoreError
from rfcore.global_paths import global_ops
from rfcore.hookspecs import Trace
from rfcore.inputs import InputSpec
from rfcore.walk import Elastic, MaskTooLargeError, OpFaultError, Walker

__all__ = [
    "OutputView",
    "axes_at_asked_size",
    "axes_in_place",
    "last_spatial_layer",
    "output_axes",
]


@dataclass(frozen=True, slots=True, eq=False)
class OutputView:
    """An output in the trace that serves one spatial axis.

    Attributes:
        walker: The walk over that trace.
        node: The output's node.
        moving: The output's axes that may follow the input's.
        elastic: For the search of global ops, which axes of each node carry position.
        ahead: Walks that were made before they are asked for, if any were.
    """

    walker: Walker
    node: int
    moving: tuple[int, ...]
    elastic: Elastic
    ahead: Ahead | None = None

    def localises(self, dim: int, axes: Sequence[int], *, cut: bool) -> list[bool]:
        """For each spatial axis: does one index of output axis `dim` see less than all of it?"""
        walker = self.walker
        if cut:
            blocked = frozenset(global_ops(walker.graph, self.node, self.elastic))
            walker = Walker(walker.graph, walker.elastic, walker.cut | blocked)
        return list(tells_apart(walker, self.node, dim, axes, self.ahead))


def output_axes(
    views: Sequence[OutputView],
    axes: Sequence[int],
    output: str,
    shape: tuple[int, ...],
    *,
    fixed_size: bool,
    last_spatial: Callable[[], str | None],
) -> tuple[int | None, ...]:
    """For each spatial axis of the input, the output's axis that moves along it, if any.

    Args:
        views: The output in the trace that serves each axis.
        axes: The spatial axes of the input.
        output: The output's address, for messages.
        shape: The output's shape at the asked size.
        fixed_size: Whether no larger trace shows which axes follow the input's.
        last_spatial: Looks for the last layer with spatial axes, for messages.

    Raises:
        NoSpatialAxesError: No axis of the output tells input positions apart.
        MergedAxesError: One axis of the output runs over several axes of the input.
    """
    graph = views[0].walker.graph
    same_rank = len(shape) == len(graph.nodes[0].shape)
    usual = same_rank and all(set(view.moving) == set(axes) for view in views)
    if usual and not fixed_size and graph.keeps_axes_in_place(views[0].node):
        return tuple(axes)
    for cut in (False, True):
        dims = _probed(views, axes, output, shape, cut=cut)
        if any(dim is not None for dim in dims):
            return _completed(dims, axes) if same_rank else dims
    if fixed_size and same_rank and len(shape) > 2 and set(views[0].moving) >= set(axes):
        return tuple(axes)
    raise NoSpatialAxesError(output, shape, last_spatial())


def axes_in_place(spec: InputSpec, shape: Sequence[int]) -> tuple[int | None, ...] | None:
    """Where an output is taken to have the input's layout: in its rank, and in no other.

    Args:
        spec: The measured input.
        shape: Full shape of the output.
    """
    return spec.axes if len(shape) == len(spec.shape) else None


def axes_at_asked_size(trace: Trace, spec: InputSpec, output: str) -> tuple[int | None, ...] | None:
    """For each spatial axis of the input, the output's axis that moves along it, for gradients.

    Where the asked size does not tell them all, an output of the input's rank is taken to have its
    layout. One of another rank may lack some axes; None says that it has none of its own.

    Args:
        trace: The trace at the asked size.
        spec: The measured input.
        output: The output's address.

    Raises:
        IndependentOutputError: The output does not depend on the input.
    """
    node = trace.values[output]
    if node is None:
        raise IndependentOutputError(output)
    shape = trace.graph.nodes[node].shape
    in_place = axes_in_place(spec, shape)
    if in_place is not None and trace.graph.keeps_axes_in_place(node):
        return in_place
    moving = tuple(dim for dim, n in enumerate(shape) if n > 1)
    view = OutputView(Walker(trace.graph), node, moving, {})
    try:
        moves = {dim: view.localises(dim, spec.axes, cut=False) for dim in moving}
    except (RfcoreError, OpFaultError, MaskTooLargeError):
        return in_place
    return _each_its_own(moves, len(spec.axes), in_place)


def _each_its_own(
    moves: Mapping[int, Sequence[bool]], count: int, in_place: tuple[int | None, ...] | None
) -> tuple[int | None, ...] | None:
    """The axes of an output that move along one spatial axis only, one for each of those."""
    own = [[dim for dim, told in moves.items() if told[i] and sum(told) == 1] for i in range(count)]
    if all(len(dims) == 1 for dims in own):
        return tuple(dims[0] for dims in own)
    if in_place is not None:
        merged = any(sum(told) > 1 for told in moves.values()) and not any(own)
        return None if merged else in_place
    if not any(own) or any(len(dims) > 1 for dims in own):
        return None
    return tuple(dims[0] if dims else None for dims in own)


def _completed(dims: Sequence[int | None], axes: Sequence[int]) -> tuple[int | None, ...]:
    """Where an axis sees everything, the output's axis in its own place stands for it."""
    return tuple(
        axis if dim is None and axis not in dims else dim
        for dim, axis in zip(dims, axes, strict=True)
    )


def _probed(
    views: Sequence[OutputView],
    axes: Sequence[int],
    output: str,
    shape: tuple[int, ...],
    *,
    cut: bool,
) -> tuple[int | None, ...]:
    found: list[int | None] = [None] * len(axes)
    merged = []
    for dim in sorted({dim for view in views for dim in view.moving}):
        # One view often serves all axes.
        told = {
            view: view.localises(dim, axes, cut=cut)
            for view in dict.fromkeys(views)
            if dim in view.moving
        }
        moves = [view in told and told[view][i] for i, view in enumerate(views)]
        if sum(moves) > 1:
            merged.append(dim)
        elif sum(moves) == 1:
            axis = moves.index(True)
            found[axis] = dim if found[axis] is None else found[axis]
    if merged and not cut:
        raise MergedAxesError(output, shape, merged[0])
    if merged:
        # Behind a global op it does not matter which of the merged axes an index is on.
        found = [dim if dim is not None else merged[0] for dim in found]
    return tuple(found)


def last_spatial_layer(trace: Trace, larger: Trace, output: str) -> str | None:
    """The last layer in execution order whose output follows the input's size."""
    rank = len(trace.graph.nodes[0].shape)
    spatial = [
        name
        for name, shape in trace.shapes.items()
        if name
        and name != output
        and len(shape) == rank
        and (larger.shapes.get(name, shape) != shape or (trace is larger and max(shape[1:]) > 1))
    ]
    return spatial[-1] if spatial else None

"""Faults of the core, one by one, and the laws that are to notice them.

A fault replaces a single function while a law is asked. The laws are those that the core is held
to anyway: known fields, walked taps, and the dense matrix of each op.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st

import op_cases
import rfcore
from dense import matrices, pulled
from rfcore import graph, larger_sizes, laws, layer_graph, masks, pullback, rows, windows
from rfcore.errors import RfcoreError
from rfcore.graph import WindowAxis
from rfcore.laws import Law, Sighting
from rfcore.layer_graph import LayerForward
from rfcore.layers import Layer, Pooling, TransposedConvolution
from rfcore.masks import Site
from rfcore.testing import CASES, REGRESSIONS, Case, Expected
from rfcore.testing.agreement import assert_walked
from rfcore.testing.laws.fields import assert_agrees
from rfcore.testing.strategies import wide_cases

COUNTED = (
    # Windows begin at 0, 2, …, 10; the last is partly filled.
    Case(
        name="ceil mode",
        layers=(Pooling(3, 2, ceil_mode=True),),
        input_shape=(12,),
        expected=Expected(size=3, outputs=6),
        source="by hand",
    ),
    # 11 · 2 + 3 - 2 + 1.
    Case(
        name="output padding",
        layers=(TransposedConvolution(3, 2, 1, 1, 1),),
        input_shape=(12,),
        expected=Expected(size=2, outputs=24),
        source="by hand",
    ),
)
KNOWN = [
    case for case in (*CASES, *REGRESSIONS, *COUNTED) if case.error is None and case.output is None
]


@dataclass(frozen=True)
class Fault:
    """One deliberate fault.

    Attributes:
        law: Which law has to notice it: "known", "walked", or "dense" with the kind of op.
        target: What holds the function.
        name: The function's name; the op kind for a pullback.
        change: From the right function to the wrong one.
    """

    law: str
    target: Any
    name: Any
    change: Callable[[Any], Any]


@contextmanager
def committed(fault: Fault) -> Iterator[None]:
    """The core with the fault in it."""
    with ExitStack() as stack:
        if isinstance(fault.name, type):
            right = pullback.pull.dispatch(fault.name)
            pullback.pull.register(fault.name)(fault.change(right))
            stack.callback(pullback.pull.register, fault.name, right)
        else:
            right = getattr(fault.target, fault.name)
            stack.enter_context(mock.patch.object(fault.target, fault.name, fault.change(right)))
        yield


def notices(law: str) -> bool:
    """Whether a law fails."""
    kind = law.partition(" ")[2]
    return {"known": _known, "walked": _walked, "dense": lambda: _dense(kind)}[law.split()[0]]()


def _known() -> bool:
    return any(_fails(case, by_walking=False) for case in KNOWN)


def _fails(case: Any, *, by_walking: bool) -> bool:
    try:
        field = rfcore.estimate(
            case.layers, input_shape=case.input_shape, global_paths=case.global_paths
        )
        if by_walking:
            assert_walked(case, field)
        else:
            assert_agrees(field, case.expected)
    except RfcoreError:
        return not by_walking
    except AssertionError:
        return True
    return False


def _found(strategy: st.SearchStrategy[Any], fails: Callable[[Any], bool], count: int) -> bool:
    seen: list[bool] = []

    def once(value: Any) -> bool:
        seen.append(not any(seen) and fails(value))
        return seen[-1]

    options = settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    try:
        find(strategy, once, settings=options)
    except Exception:
        return any(seen)
    return True


def _walked() -> bool:
    return _found(wide_cases(), lambda case: _fails(case, by_walking=True), 60)


@st.composite
def _asked(draw: st.DrawFn, kind: str) -> tuple[op_cases.Case, Any]:
    case = draw(op_cases.CASES[kind])
    return case, draw(op_cases.masks(case.result))


def _dense(kind: str) -> bool:
    def differs(asked: tuple[op_cases.Case, Any]) -> bool:
        case, mask = asked
        full = op_cases.written_out(mask, case.result)
        expected = [
            pulled(full, matrix, shape)
            for matrix, shape in zip(
                matrices(case.op, case.result, case.operands), case.operands, strict=True
            )
        ]
        try:
            parts = pullback.pull(case.op, mask, Site.rigid(len(mask), case.result, *case.operands))
            found = [
                np.broadcast_to(part, (len(part), *shape))
                for part, shape in zip(parts, case.operands, strict=True)
            ]
        except (ValueError, IndexError):
            return True
        return not all(map(np.array_equal, found, expected))

    return _found(_asked(kind), differs, 100)


def on_axis(change: Callable[[WindowAxis, Site], WindowAxis]) -> Callable[[Any], Any]:
    """Windows whose axes are read otherwise."""

    def changed(right: Any) -> Any:
        def wrong(mask: Any, axis: WindowAxis, taps: Any, site: Site) -> Any:
            return right(mask, change(axis, site), taps, site)

        return wrong

    return changed


def _sides_swapped(axis: WindowAxis, site: Site) -> WindowAxis:
    length = (site.operands[0][axis.dim] - 1) * axis.base_dilation + 1
    extent = axis.dilation * (axis.kernel_size - 1) + 1
    read = (site.shape[axis.dim] - 1) * axis.stride + extent
    return replace(axis, low=read - length - axis.low)


def with_op(change: Callable[[Any, Any, Site], Any]) -> Callable[[Any], Any]:
    """A pullback that takes another op for the one it is asked about."""
    return lambda right: lambda op, mask, site: right(change(op, mask, site), mask, site)


def _clipped_is_true(right: Any) -> Any:
    def wrong(influence: Any, **_given: Any) -> Sighting | None:
        positions = np.flatnonzero(influence)
        if not len(positions):
            return None
        first, last = int(positions[0]), int(positions[-1])
        return Sighting(first, last + 1, len(positions), first, last, len(influence))

    return wrong


def _from_two_neighbours(right: Any) -> Any:
    def wrong(sightings: Any, max_period: int, **given: Any) -> Law | None:
        if right(sightings, max_period, **given) is None:
            return None
        seen = {j: s for j, s in sightings.items() if s.low is not None and s.high is not None}
        pairs = [(j, j + 1) for j in sorted(seen) if j + 1 in seen]
        if not pairs:
            return None
        j, k = pairs[0]
        shift = seen[k].low - seen[j].low
        low, high = seen[j].low - j * shift, seen[j].high - j * shift
        share = Fraction(seen[j].seen, high - low)
        return Law((low,), (high,), 1, shift, share) if shift else None

    return wrong


def _period_off_by_one(right: Any) -> Any:
    def wrong(*args: Any, **given: Any) -> Law | None:
        law = right(*args, **given)
        if law is None or law.lows is None or law.highs is None:
            return law
        lows, highs = (*law.lows, law.lows[-1]), (*law.highs, law.highs[-1])
        return replace(law, lows=lows, highs=highs, period=law.period + 1)

    return wrong


def _crossed(right: Any) -> Any:
    return lambda op, mask, site: tuple(reversed(right(op, mask, site)))


def _last_phase_missed(right: Any) -> Any:
    def wrong(*args: Any, **given: Any) -> Law | None:
        law = right(*args, **given)
        if law is None or law.period == 1 or law.lows is None or law.highs is None:
            return law
        return replace(law, highs=(*law.highs[:-1], law.highs[-1] + 1))

    return wrong


def misread(kind: type[Layer], **values: Any) -> Callable[[Any], Any]:
    """Layers of one kind of which some fields are read as others."""

    def changed(right: Any) -> Any:
        def wrong(self: Any, layers: Sequence[Layer], value: int, prefix: str = "") -> Any:
            read = [replace(one, **values) if isinstance(one, kind) else one for one in layers]
            return right(self, read, value, prefix)

        return wrong

    return changed


_WINDOW = (windows, "window_axis")
FAULTS: dict[str, Fault] = {
    "dilation dropped": Fault("known", *_WINDOW, on_axis(lambda a, _: replace(a, dilation=1))),
    "dilation of poolings dropped": Fault(
        "walked", *_WINDOW, on_axis(lambda a, _: replace(a, dilation=1))
    ),
    "low and high padding swapped": Fault("known", *_WINDOW, on_axis(_sides_swapped)),
    "padding dropped": Fault("known", *_WINDOW, on_axis(lambda a, _: replace(a, low=0))),
    "last tap dropped": Fault(
        "known", *_WINDOW, on_axis(lambda a, _: replace(a, kernel_size=max(1, a.kernel_size - 1)))
    ),
    "stride of transposed windows dropped": Fault(
        "known", *_WINDOW, on_axis(lambda a, _: replace(a, base_dilation=1))
    ),
    "taps of a kernel by half": Fault(
        "dense window",
        windows,
        "pull_shared_taps",
        lambda right: lambda m, axes, taps, site: right(m, axes, np.flip(taps), site),
    ),
    "groups ignored": Fault(
        "dense window",
        windows,
        "_mix_channels",
        lambda right: lambda mask, op, source: right(mask, replace(op, groups=1), source),
    ),
    "concatenation offsets wrong": Fault(
        "dense concatenate",
        pullback,
        graph.Concatenate,
        with_op(lambda op, _, site: replace(op, starts=tuple(max(0, s - 1) for s in op.starts))),
    ),
    "operands of a concatenation exchanged": Fault(
        "dense concatenate", pullback, graph.Concatenate, _crossed
    ),
    "reduction axis off by one": Fault(
        "dense reduce",
        pullback,
        graph.Reduce,
        with_op(
            lambda op, _, site: replace(
                op, dims=tuple((d + 1) % len(site.operands[0]) for d in op.dims)
            )
        ),
    ),
    "prefix and suffix exchanged": Fault(
        "dense cumulative",
        pullback,
        graph.Cumulative,
        with_op(lambda op, _, site: replace(op, reverse=not op.reverse)),
    ),
    "crop sides swapped": Fault(
        "known",
        pullback,
        graph.AxisMap,
        with_op(
            lambda op, _, site: replace(
                op, taps=np.where(op.taps < 0, -1, site.operands[0][op.dim] - 1 - op.taps[::-1])
            )
        ),
    ),
    "taps off by one": Fault(
        "walked",
        pullback,
        graph.AxisMap,
        with_op(lambda op, _, site: replace(op, taps=np.where(op.taps > 0, op.taps - 1, op.taps))),
    ),
    "second tap of interpolation dropped": Fault(
        "known",
        pullback,
        graph.AxisMap,
        with_op(lambda op, _, site: replace(op, taps=op.taps[:, :1])),
    ),
    "permutation for its inverse": Fault(
        "dense transpose",
        pullback,
        graph.Transpose,
        with_op(lambda op, _, site: replace(op, order=tuple(map(int, np.argsort(op.order))))),
    ),
    "reshape in column order": Fault(
        "dense reshape",
        pullback,
        graph.Reshape,
        lambda right: (
            lambda op, mask, site: (
                np.broadcast_to(mask, (len(mask), *site.shape)).reshape(
                    (len(mask), *site.operands[0]), order="F"
                ),
            )
        ),
    ),
    "gates ignored": Fault(
        "dense elementwise",
        pullback,
        graph.Elementwise,
        with_op(lambda op, _, site: graph.Elementwise()),
    ),
    "broadcast axis kept": Fault(
        "dense elementwise", pullback, "_unbroadcast", lambda right: lambda mask, shape: mask
    ),
    "zeros of a constant factor ignored": Fault(
        "dense contract",
        pullback,
        graph.Contract,
        with_op(lambda op, _, site: replace(op, pattern=None)),
    ),
    "gathered positions off by one": Fault(
        "dense gather",
        pullback,
        graph.Gather,
        with_op(lambda op, _, site: replace(op, taps=np.maximum(op.taps - 1, op.taps.min()))),
    ),
    "what is overwritten still seen": Fault(
        "dense overwrite", pullback, "_overwritten_base", lambda right: lambda op, mask, site: mask
    ),
    "collapse of what is not constant": Fault(
        "dense concatenate",
        pullback,
        "collapse",
        lambda right: lambda mask, dim: mask.any(axis=dim, keepdims=True),
    ),
    "loss behind a border not flagged": Fault(
        "known", masks.Site, "lose", lambda right: lambda self, mask, border: None
    ),
    "clipped edge taken as true": Fault("known", rows, "sighting", _clipped_is_true),
    "stride from two neighbours": Fault("known", larger_sizes, "find_law", _from_two_neighbours),
    "count of a period off by one": Fault("known", larger_sizes, "find_law", _period_off_by_one),
    "edge of one phase off by one": Fault("known", larger_sizes, "find_law", _last_phase_missed),
    "mirrored law left where the larger trace has it": Fault(
        "known", laws.Law, "moved", lambda right: lambda self, pixels: self
    ),
    "ceil mode ignored": Fault(
        "walked", LayerForward, "through", misread(Pooling, ceil_mode=False)
    ),
    "output padding ignored": Fault(
        "known", LayerForward, "through", misread(TransposedConvolution, output_padding=0)
    ),
    "sides of padding swapped": Fault(
        "known",
        layer_graph,
        "padded",
        lambda right: lambda n, low, high, mode: right(n, high, low, mode),
    ),
    "roll the other way": Fault(
        "known", layer_graph, "rolled", lambda right: lambda n, shift: right(n, -shift)
    ),
    "flip ignored": Fault("known", layer_graph, "flipped", lambda right: lambda n: right(n)[::-1]),
    "holes not counted": Fault(
        "known", laws, "_density", lambda right: lambda *args, **given: Fraction(1)
    ),
}

"""The traces of one model: at the asked input size, and at larger ones as they are needed."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from fractions import Fraction
from typing import Any

from rfcore.addresses import resolve
from rfcore.ahead import Ahead
from rfcore.carrying import Carrying
from rfcore.errors import ModelError, RfcoreError
from rfcore.garbage import old_objects_set_aside
from rfcore.graph import Graph, Opaque
from rfcore.guard import ask_trace
from rfcore.hookspecs import Backend, Trace
from rfcore.inputs import InputSpec
from rfcore.lockstep import Lockstep, in_lockstep
from rfcore.striding import total_strides
from rfcore.structure import Alignment, align
from rfcore.unmerging import unmerged
from rfcore.unrolled import Place, unrolled_axes, unrolled_places
from rfcore.walk import Elastic, Walker

__all__ = ["Comparison", "TraceSet"]

LOG = logging.getLogger(__name__)

# 2^6 · 3 · 5 · 7 pixels: a multiple of nearly all total strides and window sizes in use.
GROWTH = 6720
STEPS = (1, 8, 64)
# 2^3 · 3 · 5 · 7, where the output is several times as long as the input.
UPSAMPLED_GROWTH = 840
UPSAMPLED_STEPS = (1, 8, 64)
SEVERAL_TIMES = 8
# 2^6 · 3 · 7, where larger traces cost memory (each axis then grows by itself) or differ.
MODEST_GROWTH = 1344
MODEST_STEPS = (1, 4)
# 2^3 · 3 · 7, where some part of the model is a loop that is written out step by step.
UNROLLED_GROWTH = 168
# Ops of such a loop up to which each is asked whether it takes in positions, which takes a walk
# through all that are before it.
MOST_PROBED = 400


@dataclass(frozen=True, slots=True)
class Comparison:
    """The trace at the asked size beside a larger one, for the field along some axis.

    Attributes:
        large: The larger trace.
        node: The asked output in it.
        growth: Pixels it has more.
        alignment: How the two correspond.
        asked_shape: Shape of the output at the asked size.
    """

    large: Trace
    node: int
    growth: int
    alignment: Alignment
    asked_shape: tuple[int, ...]

    @property
    def usable(self) -> bool:
        """Whether the larger trace tells about the asked size."""
        return not self.alignment.difference and self.growth % self.alignment.period == 0

    def stride(self, dim: int | None) -> Fraction | None:
        """Input pixels per index of an output's axis, as the lengths in both traces tell."""
        if dim is None:
            return None
        more = self.large.graph.nodes[self.node].shape[dim] - self.asked_shape[dim]
        return Fraction(self.growth, more) if more > 0 else None

    def longest_period(self, dim: int | None) -> int:
        """Outputs along an axis after which the whole network repeats."""
        stride = self.stride(dim)
        if stride is None or not self.usable:
            return 1
        return max(1, int(self.alignment.period / stride))

    def moves_as_shapes_do(self, dim: int | None, period: int, shift: int) -> bool:
        """Whether a law's stride is that of the lengths; mirrored maps move the other way."""
        stride = self.stride(dim)
        return stride is not None and abs(Fraction(shift, period)) == stride


@dataclass(slots=True)
class TraceSet:
    """One model's traces by input size; a failed larger one is kept as the reason.

    `ahead` holds rows that were walked for several outputs or axes at once; `known` is the trace
    at the asked size, where it was made already.
    """

    backend: Backend
    model: Any
    spec: InputSpec
    known: InitVar[Trace | None] = None
    asked: Trace = field(init=False)
    ahead: Ahead = field(default_factory=Ahead, init=False)
    _larger: dict[tuple[int, int | None], Trace] = field(default_factory=dict, init=False)
    _compared: dict[tuple[str, int, int | None], Comparison | None] = field(
        default_factory=dict, init=False
    )

    _together: dict[tuple[int, int | None], Lockstep] = field(default_factory=dict, init=False)
    _strides: tuple[int, ...] = field(init=False)
    _opaque: tuple[bool, ...] = field(init=False)
    _places: frozenset[Place] = field(init=False)
    _unrolled: dict[str, Mapping[int, str]] = field(default_factory=dict, init=False)
    _carrying: Carrying = field(init=False)

    def __post_init__(self, known: Trace | None) -> None:
        self.asked = self._traced(self.spec) if known is None else _unmerged(known)
        self._strides = total_strides(self.asked.graph)
        self._opaque = _behind_opaque(self.asked.graph)
        self._places = unrolled_places(self.asked.graph)
        self._carrying = Carrying(Walker(self.asked.graph), self.spec.axes)

    def address(self, output: str | int | None) -> str:
        """Where the asked output is in the trace at the asked size.

        Raises:
            ModelError: The forward failed before it produced the output.
        """
        failed = self.asked.error
        known = "" if output is None else str(output)
        if failed is not None and not {known, f"[{known}]"} & self.asked.values.keys():
            if isinstance(failed, RfcoreError):
                raise failed
            raise ModelError(self.spec.shape, failed) from failed
        return resolve(self.asked, output)

    def larger(self, growth: int, axis: int | None) -> Trace:
        """The trace with `growth` more pixels on one spatial axis, or on all of them (None)."""
        key = (growth, axis)
        if key not in self._larger:
            axes = None if axis is None else (axis,)
            self._larger[key] = self._traced(self.spec.grown(growth, axes))
        return self._larger[key]

    def _traced(self, spec: InputSpec) -> Trace:
        with old_objects_set_aside():
            trace = ask_trace(self.backend, self.model, spec)
        nodes, stopped = len(trace.graph.nodes), trace.error
        if stopped is None:
            LOG.debug("traced input %s: %d nodes", spec.shape, nodes)
        else:
            LOG.debug("traced input %s: %d nodes until %r", spec.shape, nodes, stopped)
        return _unmerged(trace)

    def larger_ones(self) -> list[Trace]:
        """The larger traces made so far."""
        return list(self._larger.values())

    def compare(self, address: str, growth: int, axis: int) -> Comparison | None:
        """The asked trace beside one that is larger on `axis`; None where there is none.

        Where larger traces are free, one that is larger on all axes serves every axis, unless
        the model takes another size on some axes only.
        """
        unrolled = self.unrolled(address)
        if axis in unrolled:
            return None
        together = not unrolled and not self.costly(address)
        common = self._beside(address, growth, None) if together else None
        if common is not None and common.alignment.complete:
            return common
        if len(self.spec.axes) == 1 and not self.costly(address):
            return common
        return self._beside(address, growth, axis) or common

    def _beside(self, address: str, growth: int, axis: int | None) -> Comparison | None:
        key = (address, growth, axis)
        if key not in self._compared:
            small = self.asked.values[address]
            large = self.larger(growth, axis)
            node = large.values.get(address)
            if small is None or node is None:
                self._compared[key] = None
            else:
                alignment = self._alignment(small, large.graph, node, growth, axis)
                LOG.debug(
                    "output %r beside %d pixels more on %s: %s, repeats after %d pixels",
                    address,
                    growth,
                    "all axes" if axis is None else f"axis {axis}",
                    alignment.difference or "same structure",
                    alignment.period,
                )
                self._compared[key] = Comparison(
                    large, node, growth, alignment, self.asked.graph.nodes[small].shape
                )
        return self._compared[key]

    def _alignment(
        self, small: int, large: Graph, node: int, growth: int, axis: int | None
    ) -> Alignment:
        key = (growth, axis)
        if key not in self._together:
            self._together[key] = in_lockstep(self.asked.graph, large)
        together = self._together[key]
        if small == node and node in together.pairs:
            return together.alignment(small)
        return align(self.asked.graph, small, large, node)

    def unrolled(self, address: str) -> Mapping[int, str]:
        """The axes along which the forward is a loop, written out, with the op that shows it."""
        if address not in self._unrolled:
            node = self.asked.values[address]
            graph, places = self.asked.graph, self._places
            found = {} if node is None else unrolled_axes(graph, node, self.spec.axes, places)
            self._unrolled[address] = found
        return self._unrolled[address]

    def too_long_to_probe(self, address: str) -> bool:
        """Whether the forward is a loop of so many ops that not each of them can be probed."""
        node = self.asked.values[address]
        if node is None or not self.unrolled(address):
            return False
        return len(self.asked.graph.ancestors(node)) > MOST_PROBED

    def carrying_position(self, address: str) -> Elastic:
        """Which axes carry position into ops that reduce them, where no larger trace tells.

        Nothing is known of a loop that is too long to probe: its field is a plain law, or is not
        told at all.
        """
        node = self.asked.values[address]
        if node is None or self.too_long_to_probe(address):
            return {}
        return self._carrying.elastic(node)

    def costly(self, address: str) -> bool:
        """Whether a larger trace costs memory: real values, or ops pulled back on full arrays."""
        node = self.asked.values[address]
        return self.asked.concrete or (node is not None and self._opaque[node])

    def growths(self, address: str) -> tuple[list[int], list[int]]:
        """Growths to try, from small to large: congruent to zero modulo the total stride.

        Returns:
            The growths to begin with, and more modest ones for models that do not keep their
            structure over so many sizes.
        """
        node = self.asked.values[address]
        stride = 1 if node is None else self._strides[node]
        modest = [_congruent(MODEST_GROWTH, stride) * step for step in MODEST_STEPS]
        if self._places:
            few = [_congruent(UNROLLED_GROWTH, stride)]
            return few, few
        if self.costly(address):
            return modest, modest
        base, steps = GROWTH, STEPS
        if node is not None and _upsamples(self.asked.graph.nodes[node].shape, self.spec):
            base, steps = UPSAMPLED_GROWTH, UPSAMPLED_STEPS
        return [_congruent(base, stride) * step for step in steps], modest


def _unmerged(trace: Trace) -> Trace:
    return replace(trace, graph=unmerged(trace.graph))


def _behind_opaque(graph: Graph) -> tuple[bool, ...]:
    """For each node whether it depends on an op that is pulled back on full arrays."""
    found: list[bool] = []
    for node in graph.nodes:
        found.append(isinstance(node.op, Opaque) or any(found[i] for i in node.inputs))
    return tuple(found)


def _upsamples(shape: Sequence[int], spec: InputSpec) -> bool:
    # Many channels are no long axis, where it is known which axis they are on.
    lengths = [shape[axis] for axis in spec.axes] if len(shape) == len(spec.shape) else shape
    return max(lengths, default=1) >= SEVERAL_TIMES * max(spec.spatial_shape)


def _congruent(base: int, stride: int) -> int:
    """A multiple of `stride` not far above `base`, and of `base` too where that is not far."""
    common = math.lcm(base, stride)
    return common if common <= 4 * base else stride * math.ceil(base / stride)

"""Scans over the input, told as running sums: one body over all steps at once.

Written out step by step, a recurrent layer is another network at every length. Told at once, its
state at a step is what all earlier steps put in, and its body runs on all steps side by side,
as `vmap` has it. That is the same dependence where a state is either kept in place from step to
step or mixed as a whole; where it is moved bit by bit, the steps have to be written out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.extend.core import jaxpr_as_fun

from rf_jax.hearing import Hearing
from rf_jax.relations import Relation, closure, reached, relation
from rf_jax.values import Constant, Refused, Seen, Value
from rfcore.graph import Concatenate, Cumulative, Elementwise, Graph, GraphBuilder
from rfcore.walk import Walker

if TYPE_CHECKING:
    from rf_jax.interpreter import Interpreter
    from rf_jax.scopes import Path

__all__ = ["told_at_once"]

_OTHER_STEPS = "it comes from other steps"
_AT_ONCE = (
    "scan: what a step puts into the state is taken to be mixed at once, and not from the step "
    "after it, an upper bound"
)
_NAME = "scan"


def told_at_once(
    reader: Interpreter, equation: Any, operands: Sequence[Value], path: Path
) -> list[Value] | None:
    """What the results of a scan stand for; None where its steps have to be written out."""
    if any(isinstance(operand, Refused) for operand in operands):
        return None
    made = _Scan(reader, equation, operands, path)
    return made.results() if made.is_tellable() else None


class _Scan:
    def __init__(
        self, reader: Interpreter, equation: Any, operands: Sequence[Value], path: Path
    ) -> None:
        self.reader, self.path = reader, path
        params = equation.params
        self.body, self.length = params["jaxpr"], params["length"]
        self.reverse = params["reverse"]
        fixed, count = params["num_consts"], params["num_carry"]
        self.fixed = list(operands[:fixed])
        self.begun = list(operands[fixed : fixed + count])
        self.sliced = list(operands[fixed + count :])
        self.avals = [variable.aval for variable in self.body.jaxpr.invars]
        self.shapes = [aval.shape for aval in self.avals[fixed : fixed + count]]
        self.needs = reached(self.body.jaxpr)
        self.live = self._live()
        jaxpr = self.body.jaxpr
        # States that every step hands on as it found them: weights, as some libraries carry them.
        self.passive = {
            i
            for i in range(count)
            if i not in self.live and jaxpr.outvars[i] is jaxpr.invars[fixed + i]
        }

    def _live(self) -> set[int]:
        """The states that come to depend on the input."""
        first, count = len(self.fixed), len(self.begun)
        outside = {i for i, value in enumerate(self.fixed) if isinstance(value, Seen)}
        outside |= {
            first + count + i for i, value in enumerate(self.sliced) if isinstance(value, Seen)
        }
        live = {i for i, value in enumerate(self.begun) if isinstance(value, Seen)}
        while True:
            known = outside | {first + i for i in live}
            more = {j for j in range(count) if self.needs[j] & known} | live
            if more == live:
                return live
            live = more

    def sources(self, state: int) -> set[int]:
        """The live states that a state depends on one step before."""
        first = len(self.fixed)
        return {i for i in self.live if first + i in self.needs[state]}

    def is_tellable(self) -> bool:
        """Whether the input is scanned, and states change in ways that can be told at once."""
        if not any(isinstance(value, Seen) for value in self.sliced) or self.length < 2:
            return False
        first = len(self.fixed)
        followed = self.live | self.passive
        silent = {first + i for i in range(len(self.begun)) if i not in followed}
        needing = [*self.live, *range(len(self.begun), len(self.needs))]
        if any(self.needs[result] & silent for result in needing):
            return False
        return all(self._is_simple(group) for group in self.groups())

    def groups(self) -> list[frozenset[int]]:
        """Live states that depend on each other, those that others need first."""
        behind = {state: closure(state, self.sources) for state in self.live}
        groups = {
            frozenset({state} | {o for o in behind[state] if state in behind[o]})
            for state in self.live
        }
        return sorted(groups, key=lambda group: len(behind[min(group)] | group))

    def recurs(self, group: frozenset[int]) -> bool:
        """Whether a group of states depends on its own past."""
        return any(self.sources(state) & group for state in group)

    def _is_simple(self, group: frozenset[int]) -> bool:
        if not self.recurs(group):
            return True
        # With no state that follows itself only every some step would count.
        follows = any(state in self.sources(state) for state in group)
        return (
            follows and len({self.shapes[i] for i in group}) == 1 and self.mixed(group) is not None
        )

    def mixed(self, group: frozenset[int]) -> set[int] | None:
        """The axes of a group's states that are mixed from step to step; None where unclear."""
        rank = len(self.shapes[min(group)])
        mixed: set[int] = set()
        for source in group:
            for found in self._relations(source, group):
                if found.kept | found.mixed != frozenset(range(rank)):
                    return None
                mixed |= found.mixed - found.kept
        return mixed

    def _relations(self, source: int, group: frozenset[int]) -> Iterator[Relation]:
        """How the states of a group depend on one of them in one step."""
        from rf_jax.interpreter import Interpreter

        builder = GraphBuilder(self.shapes[source])
        reader = Interpreter(builder, Hearing(), "/")
        args: list[Value] = [Constant(aval.shape, hidden=_OTHER_STEPS) for aval in self.avals]
        for number, value in enumerate((*self.fixed, *self.begun)):
            state = number - len(self.fixed)
            if isinstance(value, Constant) and (state < 0 or state in self.passive):
                args[number] = value
        args[len(self.fixed) + source] = Seen(0)
        consts = [Constant.given(value) for value in self.body.consts]
        results = reader.run(self.body.jaxpr, consts, args)
        graph = builder.finish()
        for target in group:
            result = results[target]
            if isinstance(result, Refused):
                yield Relation(frozenset(), frozenset())
            elif isinstance(result, Seen):
                yield relation(graph, result.node)

    def results(self) -> list[Value]:
        """The last states, then all steps' outputs."""
        count = len(self.begun)
        states: list[Value] = [
            self.begun[i]
            if i in self.passive
            else Constant((self.length, *shape), hidden=_OTHER_STEPS)
            for i, shape in enumerate(self.shapes)
        ]
        sliced = [self._ordered(value) for value in self.sliced]
        for group in self.groups():
            outcome = self._all_steps(states, sliced)
            before = self._running(group, outcome) if self.recurs(group) else outcome
            for state in group:
                states[state] = self._delayed(before[state], state, group)
        outcome = self._all_steps(states, sliced)
        last = [
            self.begun[i] if i in self.passive else self._last(outcome[i], shape)
            for i, shape in enumerate(self.shapes)
        ]
        return [*last, *(self._ordered(value) for value in outcome[count:])]

    def _all_steps(self, states: Sequence[Value], sliced: Sequence[Value]) -> list[Value]:
        """The body on all steps side by side."""
        whole = jaxpr_as_fun(self.body)
        by_step = (
            *(None for _ in self.fixed),
            *(None if i in self.passive else 0 for i in range(len(states))),
            *(0 for _ in sliced),
        )
        avals = [
            jax.ShapeDtypeStruct(
                aval.shape if axis is None else (self.length, *aval.shape), aval.dtype
            )
            for aval, axis in zip(self.avals, by_step, strict=True)
        ]
        closed = jax.make_jaxpr(jax.vmap(whole, in_axes=by_step))(*avals)
        consts = [Constant.given(value) for value in closed.consts]
        with self.reader.hearing.deaf():
            args = [*self.fixed, *states, *sliced]
            return self.reader.run(closed.jaxpr, consts, args, self.path)

    def _running(self, group: frozenset[int], outcome: Sequence[Value]) -> Mapping[int, Value]:
        """For each state of a group what all steps so far put into any of them."""
        builder = self.reader.builder
        mixed = [axis + 1 for axis in sorted(self.mixed(group) or ())]
        put_in = [v.node for state in group if isinstance(v := outcome[state], Seen)]
        if not put_in:
            return {state: outcome[state] for state in group}
        shape = (self.length, *self.shapes[min(group)])
        node = builder.elementwise(put_in, shape, _NAME) if len(put_in) > 1 else put_in[0]
        if mixed:
            told_apart = self._tells_apart(node, mixed)
            node = builder.mix(node, mixed, shape, _NAME)
            if told_apart:
                node = builder.add(Elementwise(), (node,), shape, _NAME, _AT_ONCE, exact=False)
        node = builder.add(Cumulative(0), (node,), shape, _NAME)
        return dict.fromkeys(group, Seen(node))

    def _tells_apart(self, node: int, axes: Sequence[int]) -> bool:
        """Whether what a step puts in is not yet mixed along some axes."""
        graph = Graph(tuple(self.reader.builder.nodes))
        everywhere = range(len(graph.nodes[0].shape))
        return any(any(Walker(graph).tells_apart(node, axis, everywhere)) for axis in axes)

    def _delayed(self, value: Value, state: int, group: frozenset[int]) -> Value:
        """The state that a step finds: the one before it left, and what the scan began with."""
        if isinstance(value, Refused):
            return value
        builder, shape = self.reader.builder, self.shapes[state]
        parts, starts = [], []
        stacked = (self.length, *shape)
        first = self._first(state, group)
        if self.recurs(group) and first is not None:
            every = builder.elementwise((first,), stacked, _NAME)
            if isinstance(value, Seen):
                value = Seen(builder.elementwise((every, value.node), stacked, _NAME))
            else:
                return Seen(every)
        if first is not None:
            parts.append(first)
            starts.append(0)
        if isinstance(value, Seen):
            parts.append(builder.axis_map(value.node, 0, np.arange(self.length - 1), _NAME))
            starts.append(1)
        if not parts:
            return Constant(stacked, hidden=_OTHER_STEPS)
        return Seen(builder.add(Concatenate(0, tuple(starts)), parts, stacked, _NAME))

    def _first(self, state: int, group: frozenset[int]) -> int | None:
        """What a scan began with, as one step, mixed as the states are."""
        builder, shape = self.reader.builder, (1, *self.shapes[state])
        chosen = group if self.recurs(group) else (state,)
        nodes = [
            builder.reshape(value.node, shape, _NAME)
            for i in chosen
            if isinstance(value := self.begun[i], Seen)
        ]
        if not nodes:
            return None
        node = nodes[0] if len(nodes) == 1 else builder.elementwise(nodes, shape, _NAME)
        mixed = [axis + 1 for axis in sorted(self.mixed(group) or ())]
        return builder.mix(node, mixed, shape, _NAME) if mixed and self.recurs(group) else node

    def _ordered(self, value: Value) -> Value:
        """A stacked value in the order in which steps run."""
        if not self.reverse or isinstance(value, Refused):
            return value
        if isinstance(value, Constant):
            return Constant.given(np.flip(value.array(), 0)) if not value.hidden else value
        order = np.arange(self.length)[::-1]
        return Seen(self.reader.builder.axis_map(value.node, 0, order, _NAME))

    def _last(self, value: Value, shape: Sequence[int]) -> Value:
        if isinstance(value, Refused):
            return value
        if isinstance(value, Constant):
            return Constant(shape, hidden=_OTHER_STEPS)
        builder = self.reader.builder
        node = builder.axis_map(value.node, 0, np.array([self.length - 1]), _NAME)
        return Seen(builder.reshape(node, tuple(shape), _NAME))

"""Primitives that keep every position where it is, and those in which a constant hides some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rf_jax import fills
from rf_jax.call import Call, Rule
from rf_jax.values import Constant, Fills, Seen, Value
from rfcore.graph import Mask, Pattern

__all__ = ["RULES"]


def pointwise(call: Call) -> list[int]:
    """Each output position sees the same position of every operand."""
    nodes = call.nodes()
    return [call.elementwise(nodes, shape) for shape in call.results]


def passed(call: Call) -> Value:
    """Casts and copies: the same value, known wherever it was known."""
    (operand,) = call.seen()
    return operand


def multiplication(call: Call) -> Value:
    """A product is zero, and sees nothing, where one of its factors is known to be."""
    factors = call.operands
    zeros = [fills.zeros(factor, structural=True) for factor in factors]
    closed = [
        fills.any_of([zero for j, zero in enumerate(zeros) if j != i])
        for i, factor in enumerate(factors)
        if isinstance(factor, Seen)
    ]
    return _filled(call, _closed(call, closed), fills.any_of(zeros), fills.scaled_lows(factors))


def division(call: Call) -> Value:
    """A quotient is zero, whatever it is divided by, where its numerator is."""
    numerator = call.operands[0]
    zero = fills.zeros(numerator) if isinstance(numerator, Seen) else None
    node = _closed(call, [zero] * len(call.nodes()))
    low = fills.scaled_lows(call.operands) if isinstance(numerator, Seen) else None
    return _filled(call, node, zero, low)


def addition(call: Call) -> Value:
    """A sum is low where one of its terms is: a mask that is added to scores."""
    low = fills.any_of([fills.lows(term) for term in call.operands])
    return _filled(call, call.elementwise(call.nodes(), call.shape), None, low)


def subtraction(call: Call) -> Value:
    """A difference is low where its first term is and the second is not."""
    low = fills.without(*map(fills.lows, call.operands))
    return _filled(call, call.elementwise(call.nodes(), call.shape), None, low)


def exponential(call: Call) -> Value:
    """Zero where its operand is low."""
    (operand,) = call.seen()
    zero = operand.fills.low
    return _filled(call, _closed(call, [zero]), zero)


def maximum(call: Call) -> Value:
    """Low where all its operands are: the maximum of a softmax begins with minus infinity."""
    node = call.elementwise(call.nodes(), call.shape)
    if all(operand.fills.low is None for operand in call.seen()):
        return Seen(node)
    return _filled(call, node, None, fills.all_of([fills.lows(o) for o in call.operands]))


def negation(call: Call) -> Value:
    """Zero under another sign."""
    (operand,) = call.seen()
    return Seen(operand.node, Fills(operand.fills.zero))


def complex_pair(call: Call) -> int:
    """Real and imaginary parts of their own, which are one value from here on."""
    nodes = call.nodes()
    joined = call.elementwise(nodes, call.shape)
    if len(set(nodes)) == 1:
        return joined
    return call.bounded(joined, "real and imaginary parts are not told apart, an upper bound")


def conjunction(call: Call) -> int:
    """`and` is false, whatever else it has, where a constant operand is."""
    return _hidden_by_constant(call, lambda constant: np.asarray(constant != 0))


def disjunction(call: Call) -> int:
    """`or` is true, whatever else it has, where a constant operand is; of truth values only."""

    def open_where(constant: NDArray[Any]) -> Mask:
        return ~constant if constant.dtype == np.bool_ else np.ones(constant.shape, bool)

    return _hidden_by_constant(call, open_where)


def _hidden_by_constant(call: Call, open_where: Callable[[NDArray[Any]], Mask]) -> int:
    nodes = call.nodes()
    gates: list[Pattern | None] = [None] * len(nodes)
    for operand in call.operands:
        if isinstance(operand, Constant) and operand.size > 1 and call.fits(operand):
            gates = [Pattern(operand.holds(open_where))] * len(nodes)
    return call.gated(nodes, gates)


def power(call: Call) -> int:
    """A power is 1, whatever its base, where a constant exponent is 0."""
    exponent = call.operands[1]
    nodes = call.nodes()
    if isinstance(exponent, Constant) and exponent.size > 1 and call.fits(exponent):
        return call.gated(nodes, [exponent.pattern()])
    return call.elementwise(nodes, call.shape)


def choice(call: Call) -> Value:
    """`select_n`: a constant choice hides each case where another one is taken."""
    which, *cases = call.operands
    if isinstance(which, Seen):
        return Seen(call.elementwise(call.nodes(), call.shape))
    nodes = call.nodes()
    if which.hidden:
        return Seen(call.elementwise(nodes, call.shape))
    if not call.fits(which):
        return Seen(call.unread(call.elementwise(nodes, call.shape), which))
    taken = [fills.equal(which, number) for number in range(len(cases))]
    gates = [
        Pattern(mask.holds(_as_is))
        for mask, case in zip(taken, cases, strict=True)
        if isinstance(case, Seen)
    ]
    zero = fills.chosen(taken, [fills.zeros(case) for case in cases])
    low = fills.chosen(taken, [fills.lows(case) for case in cases])
    return _filled(call, call.gated(nodes, gates), zero, low)


def _as_is(mask: Any) -> Any:
    return mask


def _closed(call: Call, masks: Sequence[Constant | None]) -> int:
    """A node that sees each operand that depends on the input only where its mask is not set."""
    gates = [None if mask is None else mask.open() for mask in masks]
    too_large = [mask for mask in masks if mask is not None and not call.fits(mask)]
    if too_large:
        return call.unread(call.elementwise(call.nodes(), call.shape), too_large[0])
    return call.gated(call.nodes(), gates)


def _filled(call: Call, node: int, zero: Constant | None, low: Constant | None = None) -> Seen:
    rank = len(call.shape)
    return Seen(node, Fills(fills.aligned(zero, rank), fills.aligned(low, rank)))


def several(call: Call) -> list[Value]:
    """Identities of any number of operands."""
    return list(call.operands)


def recast(call: Call) -> Value:
    """The same bits as another type of the same size."""
    if call.shapes[0] != call.shape:
        raise call.refused("it cuts or joins values into others of another size")
    return Seen(call.operand(0))


_POINTWISE = (
    "abs acos acosh add_any asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil clamp "
    "clz conj cos cosh digamma eq erf erf_inv erfc expm1 floor ge gt igamma igammac "
    "igamma_grad_a imag integer_pow is_finite le lgamma log log1p lt min ne nextafter "
    "not polygamma population_count real reduce_precision regularized_incomplete_beta rem round "
    "rsqrt shift_left shift_right_arithmetic shift_right_logical sign sin sinh sqrt square tan "
    "tanh xor zeta random_gamma_grad eq_to le_to lt_to mulhi"
)
_PASSED = (
    "convert_element_type copy copy_p stop_gradient sharding_constraint reshard layout_constraint"
)
_SEVERAL = "optimization_barrier device_put pvary pbroadcast"

RULES: dict[str, Rule] = {
    **dict.fromkeys(_POINTWISE.split(), pointwise),
    **dict.fromkeys(_PASSED.split(), passed),
    **dict.fromkeys(_SEVERAL.split(), several),
    "bitcast_convert_type": recast,
    "mul": multiplication,
    "div": division,
    "add": addition,
    "sub": subtraction,
    "exp": exponential,
    "exp2": exponential,
    "logistic": exponential,
    "max": maximum,
    "neg": negation,
    "complex": complex_pair,
    "and": conjunction,
    "or": disjunction,
    "pow": power,
    "select_n": choice,
}

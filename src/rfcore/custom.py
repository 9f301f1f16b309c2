"""Rules for ops that no backend knows: a user's own, registered in one decorated function.

Backends look here before they look among their own rules. What a rule returns is checked like
all that a backend says, and a result that went through one carries a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rfcore.consistency import misfit
from rfcore.errors import CustomRuleError, RfcoreError, RuleNameError
from rfcore.graph import GraphBuilder, Mask, Op, Opaque

__all__ = ["CustomOp", "CustomRule", "Pullback", "add_by_rule", "find_rule", "rule", "rules"]

Shape = tuple[int, ...]

Pullback = Callable[[Mask], Sequence[Mask]]
"""From a full boolean mask over the result to one over each dependent operand, in order."""


@dataclass(frozen=True, slots=True)
class CustomOp:
    """One op of a model, as a user's rule sees it.

    Attributes:
        backend: Which framework's op it is.
        name: The framework's name of the op.
        layer: The user's name of the layer that it is in.
        inputs: Full shapes of the operands that depend on the input, in operand order.
        output: Full shape of the result.
        number: Which result of the op it is, where there are several.
        arguments: Arguments that are no arrays, by name.
    """

    backend: str
    name: str
    layer: str
    inputs: tuple[Shape, ...]
    output: Shape
    number: int = 0
    arguments: Mapping[str, Any] = field(default_factory=dict)
    _read: Callable[[Any], NDArray[Any]] | None = field(default=None, repr=False, compare=False)

    def constant(self, operand: str | int) -> NDArray[Any]:
        """The value of an operand that does not depend on the input: indices, boxes, weights.

        Args:
            operand: Its name in PyTorch, its position elsewhere.

        Raises:
            UnsupportedOpError: Its value is not known.
        """
        assert self._read is not None
        return self._read(operand)


Rule = Callable[[CustomOp], Op | Pullback | None]
R = TypeVar("R", bound=Rule)


@dataclass(frozen=True, slots=True)
class CustomRule:
    """A registered rule.

    Attributes:
        backend: The backend that it is for.
        op: The op.
        function: The user's function.
        exact: Whether it gives the true dependence, not a superset.
        shape: Tells the shape of a result that the framework does not know.
    """

    backend: str
    op: str
    function: Rule
    exact: bool = True
    shape: Callable[[CustomOp], Shape] | None = None

    @property
    def name(self) -> str:
        """The function with its module."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


_RULES: dict[tuple[str, str], CustomRule] = {}


def rule(
    backend: str,
    op: str,
    *,
    exact: bool = True,
    shape: Callable[[CustomOp], Shape] | None = None,
) -> Callable[[R], R]:
    """Registers the decorated function as the rule for an op.

    The function gets a `CustomOp` and returns how the result depends on its operands: an op of
    `rfcore.graph`, or a function from a boolean mask over the result to one mask per operand,
    or None where the result does not depend on the input.

    Args:
        backend: "torch", "tf" or "jax"; for Keras the one that it runs on.
        op: The framework's name of the op: "mylib::roi_thing" in PyTorch, the type of the op in
            TensorFlow, the name of the primitive (or of a foreign function) in JAX.
        exact: Whether the rule gives the true dependence; False for one that may name too much.
        shape: For an op whose result has no shape before it runs (Python code in a graph of
            TensorFlow), tells it from the `CustomOp`.

    Raises:
        RuleNameError: Another function has a rule for this op already, or no op has such a name.

    Example:
        >>> import rfcore
        >>> from rfcore.graph import Window, WindowAxis
        >>> @rfcore.rule("torch", "mylib::blur")
        ... def blur(op):
        ...     return Window((WindowAxis(2, 3, low=1), WindowAxis(3, 3, low=1)))
    """
    if backend == "keras":
        hint = 'name the framework that Keras runs on: rule("tf", …), rule("jax", …) or "torch".'
        raise RuleNameError(backend, op, "Keras has no ops of its own", hint)
    if not isinstance(op, str) or not op or not isinstance(backend, str):
        hint = 'write the names as text: rule("torch", "mylib::roi_thing").'
        raise RuleNameError(backend, op, "that is no name", hint)

    def register(function: R) -> R:
        made = CustomRule(backend, op, function, exact, shape)
        known = _RULES.get((backend, op))
        # A cell of a notebook is run again and again.
        if known is not None and known.name != made.name:
            hint = "rename one of the ops, or call one rule from the other."
            raise RuleNameError(backend, op, f"{known.name} is its rule already", hint)
        _RULES[backend, op] = made
        return function

    return register


def rules(backend: str | None = None) -> tuple[CustomRule, ...]:
    """The rules that were registered, of one backend or of all."""
    return tuple(made for made in _RULES.values() if backend in (None, made.backend))


def find_rule(backend: str, *names: str) -> CustomRule | None:
    """The rule for an op by the first of its names that has one; for backends."""
    if not _RULES:
        return None
    return next((_RULES[backend, name] for name in names if (backend, name) in _RULES), None)


def add_by_rule(
    made: CustomRule, builder: GraphBuilder, nodes: Sequence[int], op: CustomOp
) -> int | None:
    """Adds the node of one result of an op, as a user's rule tells it; for backends.

    Args:
        made: The rule.
        builder: The graph that is built.
        nodes: The operands that depend on the input, as `op.inputs` lists their shapes.
        op: The op.

    Returns:
        The node, or None where the result does not depend on the input.

    Raises:
        CustomRuleError: The rule raised, or what it returned cannot be.
    """
    try:
        found = made.function(op)
    except RfcoreError:
        raise
    except Exception as error:
        raise _faulty(made, op, f"raised {type(error).__name__}: {error}") from error
    if found is None:
        return None
    if not isinstance(found, Op):
        if not callable(found):
            raise _faulty(made, op, f"returned {found!r:.80}, which is neither op nor function")
        found = Opaque(_Checked(made, op, found))
    problem = misfit(found, op.inputs, op.output)
    if problem is not None:
        raise _faulty(made, op, f"returned a {type(found).__name__} that {problem}")
    bound = "" if made.exact else ", an upper bound"
    note = f"{op.name}: by the rule {made.name}, which was registered for it{bound}"
    return builder.add(found, nodes, op.output, op.name, note, made.exact)


def _faulty(made: CustomRule, op: CustomOp, problem: str) -> CustomRuleError:
    return CustomRuleError(made.name, op.name, op.layer, problem)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A user's pullback, whose masks are checked each time."""

    rule: CustomRule
    op: CustomOp
    pullback: Pullback

    def __call__(self, mask: Mask) -> Sequence[Mask]:
        try:
            masks = self.pullback(mask.copy())
        except RfcoreError:
            raise
        except Exception as error:
            problem = f"returned a function that raised {type(error).__name__}: {error}"
            raise self._faulty(problem) from error
        masks = [masks] if isinstance(masks, np.ndarray) else masks
        if not isinstance(masks, list | tuple) or len(masks) != len(self.op.inputs):
            raise self._faulty(f"pulls a mask back to {masks!r:.60}, not {len(self.op.inputs)}")
        for found, shape in zip(masks, self.op.inputs, strict=True):
            if not isinstance(found, np.ndarray) or found.dtype != bool or found.shape != shape:
                what = getattr(found, "dtype", type(found).__name__)
                told = f"{what} of shape {getattr(found, 'shape', None)}"
                raise self._faulty(f"pulls a mask back to {told} over an operand of {shape}")
        return masks

    def _faulty(self, problem: str) -> CustomRuleError:
        return _faulty(self.rule, self.op, problem)

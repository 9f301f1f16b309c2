"""What all layers have in common: a name, and parameters that are checked when a layer is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rfcore.errors import LayerSpecError

__all__ = ["Layer", "Sizes", "at_least", "checked_path", "one_of", "per_axis", "refused"]

Sizes = int | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Base of the layers.

    Attributes:
        name: What the layer is addressed by, an identifier; empty for its number.
    """

    name: str = ""

    def __post_init__(self) -> None:
        if self.name and not self.name.isidentifier():
            raise refused(self, f"the name {self.name!r} is not an identifier", "name='conv1'")


def checked_path(layers: object) -> tuple[Layer, ...]:
    """A sequence of layers as a tuple.

    Raises:
        LayerSpecError: It is something else, or two layers have one name.
    """
    path = tuple(layers) if isinstance(layers, Iterable) else (layers,)
    for layer in path:
        if not isinstance(layer, Layer):
            raise LayerSpecError(
                repr(layer), "it is not a layer", "use rfcore.layers, for example Convolution(3)."
            )
    named = Counter(layer.name for layer in path if isinstance(layer, Layer) and layer.name)
    for name, count in named.items():
        if count > 1:
            raise LayerSpecError(name, f"{count} layers have this name", "give each its own name.")
    return path


def per_axis(value: Sizes, rank: int) -> tuple[int, ...]:
    """One int per axis.

    Raises:
        LayerSpecError: The tuple is for another number of axes.
    """
    if isinstance(value, int):
        return (value,) * rank
    if len(value) != rank:
        raise LayerSpecError(
            "x".join(map(str, value)),
            f"it is for {len(value)} axes, the input has {rank}",
            f"give one number for all axes, or an input_shape of {len(value)} axes.",
        )
    return value


def at_least(layer: Layer, least: int, *names: str) -> None:
    """Checks that some lengths of a layer are ints, none of them below `least`.

    Raises:
        LayerSpecError: One is not.
    """
    for name in names:
        value = getattr(layer, name)
        numbers = value if isinstance(value, tuple) and value else (value,)
        if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
            problem = f"{name}={value!r} is neither an int nor a tuple of one int per axis"
            raise refused(layer, problem, f"{name}=3 or {name}=(3, 5)")
        if min(numbers) < least:
            raise refused(layer, f"{name}={value!r} is below {least}", f"{name}={least}")


def one_of(layer: Layer, name: str, known: tuple[str, ...]) -> None:
    """Checks that a field of a layer has one of a few values.

    Raises:
        LayerSpecError: It has another.
    """
    value = getattr(layer, name)
    if value not in known:
        choices = " or ".join(map(repr, known))
        raise refused(layer, f"{name}={value!r} is not known", f"{name}={choices}")


def refused(layer: Layer, problem: str, example: str) -> LayerSpecError:
    """The error for a layer that cannot be, with what to write instead."""
    return LayerSpecError(type(layer).__name__, problem, f"write for example {example}.")

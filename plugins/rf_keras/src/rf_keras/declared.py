"""What a model says of its inputs: names, shapes, types, and how its call is put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from rfcore.errors import OptionError

__all__ = ["Declared", "DeclaredInput", "declared_inputs", "symbolic_inputs"]

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class DeclaredInput:
    """One input of a model.

    Attributes:
        name: What `input=` takes: the input layer's name, or the place in a list or dict.
        shape: Its shape with the batch, None for every open length; None where nothing is known.
        dtype: Its type, where the model says.
        kind: "dense", "sparse" or "ragged".
    """

    name: str
    shape: Shape | None
    dtype: str | None = None
    kind: str = "dense"


@dataclass(frozen=True, slots=True)
class Declared:
    """The inputs of a model, in the order of its call.

    Attributes:
        inputs: Each of them.
        pack: Puts one tensor per input into the structure that the model is called with.
    """

    inputs: tuple[DeclaredInput, ...]
    pack: Callable[[Sequence[Any]], Any]

    def position(self, name: str | int | None) -> int:
        """The number of the input that the user calls `name`; None stands for the first.

        Raises:
            OptionError: No input is called so.
        """
        names = [given.name for given in self.inputs]
        if name is None:
            return 0
        if isinstance(name, str) and name in names:
            return names.index(name)
        number = isinstance(name, int) and not isinstance(name, bool)
        if number and name in range(-len(names), len(names)):
            return range(len(names))[int(name)]
        raise OptionError("input", name, (*names, *range(len(names))))


def declared_inputs(model: Any) -> Declared:
    """The inputs of a model or layer; of one that says nothing, a single unknown one."""
    inputs = symbolic_inputs(model)
    if inputs:
        each = tuple(map(_from_symbolic, inputs))
        structure = _structure(model, inputs)
        return Declared(each, lambda tensors: _filled(structure, iter(tensors)))
    shapes = _built_with(model)
    if shapes is None:
        return Declared((DeclaredInput("0", None),), lambda tensors: tensors[0])
    named = [DeclaredInput(name or "0", tuple(shape)) for name, shape in _leaves(shapes, "")]
    return Declared(tuple(named), lambda tensors: _filled(shapes, iter(tensors)))


def symbolic_inputs(model: Any) -> list[Any]:
    """The symbolic inputs of a functional model; none of any other layer."""
    try:
        return list(model.inputs or ())
    except (AttributeError, ValueError):
        # A sequential model that was never built raises one or the other, by version.
        return []


def _structure(model: Any, inputs: Sequence[Any]) -> Any:
    """The structure of a functional model's call; the flat list is in the same order."""
    if isinstance(model, keras.Sequential):
        return inputs[0]
    given = model.input
    return given[0] if isinstance(given, list | tuple) and len(given) == 1 else given


def _from_symbolic(tensor: Any) -> DeclaredInput:
    layer = tensor._keras_history.operation
    kinds = [kind for kind in ("sparse", "ragged") if getattr(tensor, kind, False)]
    dtype = str(tensor.dtype)
    return DeclaredInput(layer.name, tuple(tensor.shape), dtype, *kinds)


def _built_with(model: Any) -> Any:
    """The shapes that a layer was built with, in the structure of its first argument."""
    config = model.get_build_config() if getattr(model, "built", False) else None
    shapes = (config or {}).get("input_shape")
    return shapes if shapes is not None and any(_leaves(shapes, "")) else None


def _is_shape(value: Any) -> bool:
    """Whether a value is one shape, and not a structure of several."""
    return isinstance(value, list | tuple) and all(n is None or isinstance(n, int) for n in value)


def _leaves(structure: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Shapes with their keys, in the order in which Keras flattens: dicts by sorted key."""
    if _is_shape(structure):
        yield path, structure
    elif isinstance(structure, dict):
        for key in sorted(structure):
            yield from _leaves(structure[key], f"{path}.{key}" if path else str(key))
    elif isinstance(structure, list | tuple):
        for number, item in enumerate(structure):
            yield from _leaves(item, f"{path}.{number}" if path else str(number))


def _filled(structure: Any, tensors: Iterator[Any]) -> Any:
    """The structure with its leaves, in flattening order, replaced by tensors."""
    if isinstance(structure, dict):
        found = {key: _filled(structure[key], tensors) for key in sorted(structure)}
        return {key: found[key] for key in structure}
    if isinstance(structure, list | tuple) and not _is_shape(structure):
        items = [_filled(item, tensors) for item in structure]
        if hasattr(structure, "_fields"):
            return type(structure)(*items)
        return items if isinstance(structure, list) else tuple(items)
    return next(tensors)

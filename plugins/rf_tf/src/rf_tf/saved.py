"""The door for SavedModels: a folder on disk, or the object that was loaded from one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import tensorflow as tf

from rf_tf.concrete import ConcreteSource, flattened
from rf_tf.errors import NotAModelError, SavedModelError, SeveralSignaturesError, SeveralTracesError
from rf_tf.flat import Flat

__all__ = ["loaded", "source_of_loaded", "source_of_restored"]

DEFAULT = "serving_default"
FILES = ("saved_model.pb", "saved_model.pbtxt")


def loaded(path: str | os.PathLike[str]) -> Any:
    """The object that a SavedModel holds.

    Raises:
        SavedModelError: The path holds none, or TensorFlow cannot load it.
    """
    path = folder = Path(path)
    if folder.name in FILES and folder.is_file():
        folder = folder.parent
    if not folder.exists():
        raise SavedModelError(path, "there is nothing at this path")
    if not folder.is_dir():
        raise SavedModelError(path, "it is a file, not a folder")
    if not any((folder / name).is_file() for name in FILES):
        raise SavedModelError(path, "the folder holds no saved_model.pb")
    try:
        return tf.saved_model.load(str(folder))
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SavedModelError(path, f"TensorFlow does not load it ({first_line})") from error


def source_of_loaded(model: Any, path: str | None = None) -> ConcreteSource:
    """The one signature of a loaded model, or its `__call__` where it has no signature.

    Raises:
        SeveralSignaturesError: It has several that are not the same program.
        NotAModelError: It has nothing that can be called.
    """
    names = list(model.signatures)
    if names:
        # Keras exports one program under two names.
        first = names[0] if DEFAULT not in names else DEFAULT
        program = model.signatures[first]
        if not all(_same(program, model.signatures[name]) for name in names if name != first):
            raise SeveralSignaturesError(names, path)
        return ConcreteSource(program, model)
    if not callable(model):
        hint = "save it with a signature: tf.saved_model.save(model, path, signatures=function)."
        raise NotAModelError(model, "the SavedModel has no signature and is not callable", hint)
    return source_of_restored(model.__call__, model)


def source_of_restored(function: Any, owner: object = None) -> ConcreteSource:
    """The one trace that a restored `tf.function` was saved with.

    Raises:
        SeveralTracesError: It was saved with several, or with none.
    """
    traces = function.concrete_functions
    if len(traces) != 1:
        raise SeveralTracesError([str(trace) for trace in traces])
    return ConcreteSource(traces[0], owner)


def _same(one: Any, other: Any) -> bool:
    """Whether two functions are one program on the same variables."""
    if one.structured_input_signature != other.structured_input_signature:
        return False
    variables = [tuple(map(id, function.captured_inputs)) for function in (one, other)]
    if variables[0] != variables[1]:
        return False
    first, second = (flattened(f, f.graph.inputs[0].op.name) for f in (one, other))
    return _program(first) == _program(second)


def _program(flat: Flat) -> tuple[Any, ...]:
    """What a graph does, whatever its nodes are called."""
    places = {node.name: number for number, node in enumerate(flat.nodes)}
    steps = []
    for node in flat.nodes:
        sources = [reference.partition(":") for reference in node.input]
        attributes = {
            key: value.SerializeToString(deterministic=True)
            for key, value in node.attr.items()
            if key != "shared_name"
        }
        steps.append((node.op, [(places[name], end) for name, _, end in sources], attributes))
    outputs = {path: name.partition(":") for path, name in flat.outputs.items()}
    return steps, {path: (places[name], end) for path, (name, _, end) in outputs.items()}

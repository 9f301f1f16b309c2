"""What tracing must leave as it was: the user's graphs, modules and random numbers."""

from __future__ import annotations

import operator
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

__all__ = ["eagerly", "modules_kept", "random_numbers_kept"]


@contextmanager
def eagerly() -> Iterator[None]:
    """In eager mode wherever the user is, so that no graph of theirs grows.

    Programs that have switched eager mode off for good stay as they are.
    """
    if context.default_execution_mode == context.EAGER_MODE:
        with context.eager_mode():
            yield
    else:
        yield


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Puts the generators of Python and numpy back; TensorFlow's are not moved by a trace."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@contextmanager
def modules_kept(model: Any) -> Iterator[None]:
    """Puts back the attributes of a module and of all modules in it, and their containers."""
    owner = getattr(model, "__self__", model)
    modules = [owner, *owner.submodules] if isinstance(owner, tf.Module) else []
    before = [(vars(module), dict(vars(module))) for module in modules]
    containers = [
        (value, value.copy())
        for _, attributes in before
        for value in attributes.values()
        if isinstance(value, list | dict | set)
    ]
    try:
        yield
    finally:
        for now, attributes in before:
            _put_back(now, attributes)
        for now, content in containers:
            _put_back(now, content)


def _put_back(now: Any, before: Any) -> None:
    """Gives a container its content back, if that has changed."""
    if isinstance(now, dict):
        same = list(now) == list(before) and all(now[key] is before[key] for key in before)
    else:
        same = len(now) == len(before) and all(map(operator.is_, now, before))
    if same:
        return
    now.clear()
    if isinstance(now, list):
        now.extend(before)
    else:
        now.update(before)

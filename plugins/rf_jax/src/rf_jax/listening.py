"""Hearing the layers of a model while it runs, by the means that each library has for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from rf_jax.hearing import Hearing
from rf_jax.kinds import loaded

__all__ = ["instances_heard", "methods_heard"]


@contextmanager
def methods_heard(hearing: Hearing) -> Iterator[None]:
    """Hears Flax Linen and Haiku modules, by those libraries' own interception."""
    with ExitStack() as stack:
        if (linen := loaded("flax.linen")) is not None:
            stack.enter_context(linen.intercept_methods(_interceptor(hearing, _linen_name)))
        if (haiku := loaded("haiku")) is not None:
            stack.enter_context(haiku.intercept_methods(_interceptor(hearing, _haiku_name)))
            # In case they are printed, modules make a text of themselves: a fifth of a trace.
            stack.enter_context(haiku.config.context(module_auto_repr=False))
        yield


def _interceptor(
    hearing: Hearing, name_of: Callable[[Any], str]
) -> Callable[[Any, Any, Any, Any], Any]:
    def intercept(method: Any, args: Any, kwargs: Any, context: Any) -> Any:
        output = method(*args, **kwargs)
        if context.method_name != "__call__":
            return output
        name = name_of(context.module)
        return hearing.mark(name, context.module, output) if name else output

    return intercept


def _linen_name(module: Any) -> str:
    return "/".join(module.path)


def _haiku_name(module: Any) -> str:
    return str(module.module_name)


@contextmanager
def instances_heard(hearing: Hearing, modules: Mapping[str, Any]) -> Iterator[None]:
    """Hears some modules by their classes' `__call__`, which is put back after."""
    names = {id(module): name for name, module in modules.items() if name}
    classes = {type(module): None for name, module in modules.items() if name}
    with ExitStack() as stack:
        for cls in classes:
            if hasattr(cls, "__call__"):  # noqa: B004 - of its instances
                stack.enter_context(_class_heard(cls, hearing, names))
        yield


@contextmanager
def _class_heard(cls: Any, hearing: Hearing, names: Mapping[int, str]) -> Iterator[None]:
    own = "__call__" in vars(cls)
    before = vars(cls).get("__call__")
    # One wrapper per call: a class and its base may both be wrapped.
    original = cls.__call__

    @wraps(original)
    def heard(self: Any, *args: Any, **kwargs: Any) -> Any:
        name = names.get(id(self))
        if name is None or type(self) is not cls:
            return original(self, *args, **kwargs)
        with hearing.inside(name):
            output = original(self, *args, **kwargs)
        return hearing.mark(name, self, output)

    type.__setattr__(cls, "__call__", heard)
    try:
        yield
    finally:
        if own:
            type.__setattr__(cls, "__call__", before)
        else:
            type.__delattr__(cls, "__call__")

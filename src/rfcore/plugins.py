"""Finding backends: entry points loaded one by one, broken ones kept as a reason, not raised.

Environment: RFCORE_BLOCK_PLUGINS names plugins (comma separated) that are not loaded;
RFCORE_STRICT_PLUGINS=1 raises the error of a broken plugin instead of listing it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

import pluggy

from rfcore import hookspecs, layers
from rfcore.custom import rules
from rfcore.errors import AmbiguousBackendError, NoBackendError, UnknownBackendError
from rfcore.hookspecs import PROJECT, Backend

__all__ = ["BackendInfo", "backends", "distribution_of", "find_backend"]


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """One installed backend.

    Attributes:
        name: What `backend=` takes (for a broken plugin, the name of its entry point).
        distribution: The distribution that installed it, with its version.
        problem: Why it cannot be used; empty for a working one.
        rules: The ops for which users registered rules of their own, with the function's name.
    """

    name: str
    distribution: str
    problem: str = ""
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Registry:
    working: MappingProxyType[str, Backend]
    infos: tuple[BackendInfo, ...]

    @property
    def broken(self) -> dict[str, str]:
        return {info.name: info.problem for info in self.infos if info.problem}


def backends() -> tuple[BackendInfo, ...]:
    """The installed backends, broken ones with their reason; imports no framework."""
    return tuple(
        replace(info, rules=tuple(f"{made.op}: {made.name}" for made in rules(info.name)))
        for info in _registry().infos
    )


def distribution_of(name: str) -> str:
    """The distribution, with its version, that installed the backend called `name`."""
    found = (info.distribution for info in _registry().infos if info.name == name)
    return next(found, "an unknown distribution")


def find_backend(model: object, name: str | None) -> Backend:
    """The backend called `name`, or the only one that accepts the model.

    Raises:
        UnknownBackendError: No working backend has that name.
        NoBackendError: None accepts the model.
        AmbiguousBackendError: More than one does.
    """
    registry = _registry()
    if name is not None:
        if name not in registry.working:
            raise UnknownBackendError(name, tuple(registry.working), registry.broken)
        return registry.working[name]
    claims = [key for key, backend in registry.working.items() if _accepts(backend, model)]
    if not claims:
        raise NoBackendError(model, tuple(registry.working), registry.broken)
    if len(claims) > 1:
        raise AmbiguousBackendError(model, claims)
    return registry.working[claims[0]]


def _accepts(backend: Backend, model: object) -> bool:
    """Asks a backend; one that fails to answer does not keep the others from it."""
    try:
        answer = backend.accepts(model)
        if not isinstance(answer, bool):
            raise TypeError(f"it answered {answer!r:.60}, not True or False")
    except Exception as error:
        warnings.warn(
            f"the rfcore backend {backend.name!r} failed when asked whether it accepts a "
            f"{type(model).__qualname__} ({type(error).__name__}: {error})",
            RuntimeWarning,
            stacklevel=3,
        )
        return False
    return answer


@cache
def _registry() -> _Registry:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    working: dict[str, Backend] = {}
    infos = []
    for name, distribution, load in _sources():
        try:
            backend = _offered_by(manager, name, load())
            if backend.name in working:
                raise ValueError(f"another plugin already offers a backend {backend.name!r}")
        except Exception as error:
            if os.environ.get("RFCORE_STRICT_PLUGINS") == "1":
                raise
            problem = f"{type(error).__name__}: {error}"
            warnings.warn(
                f"the rfcore plugin {name!r} of {distribution} does not load ({problem})",
                RuntimeWarning,
                stacklevel=2,
            )
            manager.unregister(name=name)
            infos.append(BackendInfo(name, distribution, problem))
        else:
            working[backend.name] = backend
            infos.append(BackendInfo(backend.name, distribution))
    return _Registry(MappingProxyType(working), tuple(infos))


def _sources() -> Iterator[tuple[str, str, Callable[[], object]]]:
    """Name, distribution and loader of every plugin, the built-in one first."""
    yield "layers", "rfcore (built in)", lambda: layers
    blocked = {name.strip() for name in os.environ.get("RFCORE_BLOCK_PLUGINS", "").split(",")}
    for entry in sorted(entry_points(group=PROJECT), key=lambda entry: entry.name):
        if entry.name not in blocked:
            yield entry.name, _distribution(entry), entry.load


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"


def _offered_by(manager: pluggy.PluginManager, name: str, plugin: object) -> Backend:
    """Registers one plugin, checks its hook against ours and returns its backend."""
    manager.register(plugin, name)
    manager.check_pending()
    callers = manager.get_hookcallers(plugin)
    offered = [
        implementation.function()
        for caller in callers or []
        for implementation in caller.get_hookimpls()
        if implementation.plugin is plugin
    ]
    # The class of a backend has all its attributes too.
    if len(offered) != 1 or isinstance(offered[0], type) or not isinstance(offered[0], Backend):
        raise TypeError("it does not offer exactly one backend through the hook rfcore_backend")
    return offered[0]

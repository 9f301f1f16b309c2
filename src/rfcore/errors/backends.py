"""Exceptions about choosing a backend, and about what a backend can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rfcore.errors.base import RfcoreError, listed, nearest

__all__ = [
    "AmbiguousBackendError",
    "BackendCapabilityError",
    "FrameworkVersionError",
    "NoBackendError",
    "PluginFaultError",
    "UnknownBackendError",
]


class UnknownBackendError(RfcoreError):
    """The named backend is not installed, or its plugin is broken."""

    def __init__(self, name: str, known: Sequence[str], broken: Mapping[str, str]) -> None:
        self.name, self.known, self.broken = name, tuple(known), dict(broken)
        if name in broken:
            message = f"The backend {name!r} is installed but does not load: {broken[name]}"
            hint = "repair or reinstall its distribution; `rfcore backends` shows every reason."
        else:
            message = f"No backend is called {name!r}; installed are {listed(known)}."
            near = nearest(name, known)
            hint = (
                f"did you mean backend={near[0]!r}?"
                if near
                else f"install its plugin (`pip install rf-{name}`), or leave backend=None."
            )
        super().__init__(message, hint)


class NoBackendError(RfcoreError):
    """No installed backend accepts the model."""

    def __init__(self, model: object, known: Sequence[str], broken: Mapping[str, str]) -> None:
        self.model_type, self.known, self.broken = type(model), tuple(known), dict(broken)
        where = f"{type(model).__module__}.{type(model).__qualname__}"
        message = f"No backend accepts a model of type {where}; asked were {listed(known)}."
        if broken:
            message += f" Installed but broken: {listed(broken)}."
        super().__init__(
            message,
            "install the plugin of its framework (for example `pip install rf-torch`), "
            'or name a backend, as in backend="torch" for a plain function.',
        )


class AmbiguousBackendError(RfcoreError):
    """More than one installed backend accepts the model."""

    def __init__(self, model: object, claims: Sequence[str]) -> None:
        self.model_type, self.claims = type(model), tuple(claims)
        super().__init__(
            f"The backends {listed(claims)} all accept a model of type {type(model).__qualname__}.",
            f"name one: backend={claims[0]!r}.",
        )


class BackendCapabilityError(RfcoreError):
    """The backend does not offer what was asked of it."""

    def __init__(self, backend: str, wanted: str, hint: str) -> None:
        self.backend, self.wanted = backend, wanted
        super().__init__(f"The backend {backend!r} does not offer {wanted}.", hint)


class PluginFaultError(RfcoreError):
    """A backend broke its contract, so that nothing it told can be believed."""

    def __init__(self, backend: str, distribution: str, asked: str, problem: str) -> None:
        self.backend, self.distribution = backend, distribution
        self.asked, self.problem = asked, problem
        ways = {
            "trace": 'method="gradient" does without it',
            "gradient": 'method="exact" does without it',
        }
        other = f"RFCORE_BLOCK_PLUGINS={backend} in the environment leaves the plugin out"
        super().__init__(
            f"The backend {backend!r} of {distribution} has a fault: its {asked} {problem}.",
            f"{ways.get(asked, other)}; please report it to the authors of the plugin, "
            "with the model.",
        )


class FrameworkVersionError(RfcoreError):
    """A framework is missing, or older than its plugin can work with."""

    def __init__(self, distribution: str, found: str | None, oldest: str) -> None:
        self.distribution, self.found, self.oldest = distribution, found, oldest
        have = "is not installed" if found is None else f"is installed in version {found}"
        super().__init__(
            f"{distribution} {have}, and {oldest} or newer is needed.",
            f'install it: pip install "{distribution}>={oldest}"',
        )

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


# The plugins that come with rfcore, each for installation as rf-<name>.
PLUGINS = ("torch", "jax", "tf", "keras")


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
            if near:
                hint = f"did you mean backend={near[0]!r}?"
            elif name in PLUGINS:
                hint = f"install its plugin (`pip install rf-{name}`), or leave backend=None."
            else:
                hint = "leave backend=None, which asks every installed backend."
        super().__init__(message, hint)


class NoBackendError(RfcoreError):
    """No installed backend accepts the model."""

    def __init__(self, model: object, known: Sequence[str], broken: Mapping[str, str]) -> None:
        self.model_type, self.known, self.broken = type(model), tuple(known), dict(broken)
        where = f"{type(model).__module__}.{type(model).__qualname__}"
        message = f"No backend accepts a model of type {where}; asked were {listed(known)}."
        if broken:
            message += f" Installed but broken: {listed(broken)}."
        missing = next((name for name in PLUGINS if name not in known), None)
        frameworks = sorted(set(PLUGINS) & set(known), key=PLUGINS.index)
        ways = []
        if isinstance(model, str):
            ways.append('begin text with a layer, as in "conv 3 s2" (backend="layers" says more)')
        elif callable(model) and frameworks:
            ways.append(f'name a backend for a plain function: backend="{frameworks[0]}"')
        if missing is not None:
            ways.append(f"install the plugin of its framework, as in `pip install rf-{missing}`")
        otherwise = "pass a model of a framework whose plugin is installed, or layers"
        super().__init__(message, f"{'; or '.join(ways) or otherwise}.")


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

"""Discovery and selection of backends, on entry points that are made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from pluggy import PluginValidationError

from rfcore import layers, plugins
from rfcore.errors import AmbiguousBackendError, NoBackendError, UnknownBackendError
from rfcore.hookspecs import MeasuredOutput, Trace, hookimpl
from rfcore.inputs import InputSpec
from rfcore.plugins import BackendInfo, backends, find_backend

BUILT_IN = BackendInfo("layers", "rfcore (built in)")


class FakeBackend:
    """Accepts models of one type and can do nothing else."""

    def __init__(self, name: str, accepted: type = complex) -> None:
        self.name, self.accepted = name, accepted

    def accepts(self, model: object) -> bool:
        return isinstance(model, self.accepted)

    def input_spec(
        self,
        model: Any,
        input_shape: Sequence[int] | None,
        layout: str | None,
        name: str | int | None,
    ) -> InputSpec:
        raise NotImplementedError

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        raise NotImplementedError

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        raise NotImplementedError


class FakeDistribution(NamedTuple):
    """What is used of `importlib.metadata.Distribution`."""

    name: str = "rf-fake"
    version: str = "1.2"


class FakeEntryPoint(NamedTuple):
    """What is used of `importlib.metadata.EntryPoint`."""

    name: str
    load: Callable[[], object]
    dist: FakeDistribution | None = FakeDistribution()


def plugin_with(**functions: Callable[..., object]) -> ModuleType:
    module = ModuleType("fake_plugin")
    for name, function in functions.items():
        function.__name__ = name
        setattr(module, name, hookimpl(function))
    return module


def offering(backend: object) -> Callable[[], ModuleType]:
    module = plugin_with(rfcore_backend=lambda: backend)
    return lambda: module


def not_installed() -> object:
    raise ImportError("No module named 'tensorflow'")


def fails_to_make_one() -> object:
    raise RuntimeError("no device")


Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Makes the given entry points the only installed ones, for one test."""
    monkeypatch.delenv("RFCORE_STRICT_PLUGINS", raising=False)
    monkeypatch.delenv("RFCORE_BLOCK_PLUGINS", raising=False)

    def install(*entries: FakeEntryPoint) -> None:
        def entry_points(*, group: str) -> tuple[FakeEntryPoint, ...]:
            assert group == "rfcore"
            return entries

        monkeypatch.setattr(plugins, "entry_points", entry_points)
        plugins._registry.cache_clear()

    yield install
    plugins._registry.cache_clear()


# Discovery


def test_without_plugins_there_is_the_built_in_backend(install: Install) -> None:
    install()
    assert backends() == (BUILT_IN,)
    assert isinstance(find_backend("conv 3", None), layers.LayersBackend)


def test_plugins_are_listed_by_name_with_their_distribution(install: Install) -> None:
    install(
        FakeEntryPoint("torch", offering(FakeBackend("torch"))),
        FakeEntryPoint("jax", offering(FakeBackend("jax")), dist=None),
    )
    assert backends() == (
        BUILT_IN,
        BackendInfo("jax", "an unknown distribution"),
        BackendInfo("torch", "rf-fake 1.2"),
    )


def test_plugins_are_loaded_once(install: Install) -> None:
    loads: list[int] = []
    load = offering(FakeBackend("fake"))

    def counted() -> object:
        loads.append(1)
        return load()

    install(FakeEntryPoint("fake", counted))
    backends()
    find_backend(1j, None)
    assert loads == [1]


BROKEN = {
    "import error": (not_installed, "ImportError: No module named 'tensorflow'"),
    "no hook": (lambda: ModuleType("empty"), "TypeError: it does not offer exactly one backend"),
    "nothing at all": (lambda: None, "it does not offer exactly one backend"),
    "misspelt hook": (
        lambda: plugin_with(rfcore_bakend=lambda: FakeBackend("fake")),
        "PluginValidationError: unknown hook 'rfcore_bakend'",
    ),
    "hook with arguments": (
        lambda: plugin_with(rfcore_backend=lambda model: FakeBackend("fake")),
        "PluginValidationError: Plugin 'fake' for hook 'rfcore_backend'",
    ),
    "hook that raises": (
        lambda: plugin_with(rfcore_backend=lambda: fails_to_make_one()),
        "RuntimeError: no device",
    ),
    "no backend": (offering(None), "TypeError: it does not offer exactly one backend"),
    "half a backend": (
        offering(SimpleNamespace(name="fake", accepts=bool)),
        "TypeError: it does not offer exactly one backend",
    ),
    "class of a backend": (
        offering(layers.LayersBackend),
        "TypeError: it does not offer exactly one backend",
    ),
    "name in use": (
        offering(FakeBackend("layers")),
        "ValueError: another plugin already offers a backend 'layers'",
    ),
}


@pytest.mark.parametrize(("load", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_listed_with_its_reason(
    install: Install, load: Callable[[], object], problem: str
) -> None:
    install(
        FakeEntryPoint("fake", load),
        FakeEntryPoint("good", offering(FakeBackend("good"))),
    )
    with pytest.warns(RuntimeWarning, match=r"plugin 'fake' of rf-fake 1\.2 does not load"):
        built_in, broken, good = backends()
    assert (built_in, good) == (BUILT_IN, BackendInfo("good", "rf-fake 1.2"))
    assert (broken.name, broken.distribution) == ("fake", "rf-fake 1.2")
    assert problem in broken.problem
    assert find_backend(1j, None).name == "good"


@pytest.mark.parametrize(("load", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_raises_in_strict_mode(
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
    load: Callable[[], object],
    problem: str,
) -> None:
    install(FakeEntryPoint("fake", load))
    monkeypatch.setenv("RFCORE_STRICT_PLUGINS", "1")
    expected = (ImportError, TypeError, ValueError, RuntimeError, PluginValidationError)
    with pytest.raises(expected) as caught:
        backends()
    assert problem.rpartition("Error: ")[2] in str(caught.value)


def test_the_same_plugin_under_two_names_is_one_backend(install: Install) -> None:
    load = offering(FakeBackend("fake"))
    install(FakeEntryPoint("one", load), FakeEntryPoint("two", load))
    with pytest.warns(RuntimeWarning, match="plugin 'two'"):
        infos = backends()
    assert infos[1] == BackendInfo("fake", "rf-fake 1.2")
    assert infos[2].problem


def test_two_plugins_of_one_name_keep_the_first(install: Install) -> None:
    first = FakeBackend("fake")
    install(
        FakeEntryPoint("fake", offering(first)),
        FakeEntryPoint("fake", offering(FakeBackend("fake"))),
    )
    with pytest.warns(RuntimeWarning, match="plugin 'fake'"):
        assert find_backend(1j, None) is first


@pytest.mark.parametrize(
    ("blocked", "left"),
    [
        pytest.param("fake", ["good"], id="one"),
        pytest.param(" fake , good ", [], id="two with blanks"),
        pytest.param("", ["fake", "good"], id="none"),
        pytest.param("layers", ["fake", "good"], id="the built-in one stays"),
        pytest.param("fak", ["fake", "good"], id="only whole names"),
    ],
)
def test_blocked_plugins_are_not_loaded(
    install: Install, monkeypatch: pytest.MonkeyPatch, blocked: str, left: list[str]
) -> None:
    install(
        FakeEntryPoint("good", offering(FakeBackend("good"))),
        FakeEntryPoint("fake", offering(FakeBackend("fake"))),
    )
    monkeypatch.setenv("RFCORE_BLOCK_PLUGINS", blocked)
    assert [info.name for info in backends()] == ["layers", *left]


# Selection


def test_a_named_backend_is_taken_without_asking_it(install: Install) -> None:
    install(FakeEntryPoint("fake", offering(FakeBackend("fake"))))
    assert find_backend("not a complex number", "fake").name == "fake"


def test_a_backend_that_fails_to_answer_does_not_keep_others_from_it(install: Install) -> None:
    class Failing(FakeBackend):
        def accepts(self, model: object) -> bool:
            raise KeyError("lost")

    willing = FakeBackend("willing")
    install(
        FakeEntryPoint("failing", offering(Failing("failing"))),
        FakeEntryPoint("willing", offering(willing)),
    )
    with pytest.warns(RuntimeWarning, match="'failing' failed when asked .*KeyError: 'lost'"):
        assert find_backend(1j, None) is willing


def test_two_claims_are_ambiguous(install: Install) -> None:
    install(
        FakeEntryPoint("one", offering(FakeBackend("one"))),
        FakeEntryPoint("two", offering(FakeBackend("two"))),
    )
    with pytest.raises(AmbiguousBackendError, match="'one', 'two' all accept a model") as caught:
        find_backend(1j, None)
    assert caught.value.claims == ("one", "two")
    assert caught.value.hint == "name one: backend='one'."
    assert find_backend(1j, "two").name == "two"


@pytest.mark.filterwarnings("ignore:the rfcore plugin 'broken'")
def test_a_model_that_none_accepts_is_refused_with_all_who_were_asked(install: Install) -> None:
    install(
        FakeEntryPoint("broken", not_installed),
        FakeEntryPoint("fake", offering(FakeBackend("fake"))),
    )
    with pytest.raises(NoBackendError) as caught:
        find_backend(3.5, None)
    assert caught.value.known == ("layers", "fake")
    assert "type builtins.float; asked were 'layers', 'fake'" in caught.value.message
    assert "Installed but broken: 'broken'" in caught.value.message
    assert caught.value.model_type is float


@pytest.mark.filterwarnings("ignore:the rfcore plugin 'broken'")
@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        pytest.param(
            "broken", "installed but does not load: ImportError", "repair or reinstall", id="broken"
        ),
        pytest.param("fakee", "No backend is called 'fakee'", "backend='fake'", id="misspelt"),
        pytest.param("tf", "installed are 'layers', 'fake'", "pip install rf-tf", id="missing"),
    ],
)
def test_an_unknown_backend_is_refused(
    install: Install, name: str, message: str, hint: str
) -> None:
    install(
        FakeEntryPoint("broken", not_installed),
        FakeEntryPoint("fake", offering(FakeBackend("fake"))),
    )
    with pytest.raises(UnknownBackendError) as caught:
        find_backend(1j, name)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.name == name

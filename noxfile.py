"""The one door to every check of this repository: `nox -l` lists them."""

import os
import re
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.sessions = ["lint", "types", "docs", "tests"]
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"
# A missing interpreter is a skipped session, on CI too, and never a download.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

CORE = ("-e", ".[plot,cli]")
# Pinned to the release the tests know; unpinned torch pulls gigabytes of CUDA packages.
TORCH = ("-e", "plugins/rf_torch", "torch==2.13.0", "transformers")
JAX = ("-e", "plugins/rf_jax")
TENSORFLOW = ("-e", "plugins/rf_tf", "tensorflow")
KERAS = ("-e", "plugins/rf_keras")
EVERYTHING = (*CORE, *TORCH, *JAX, *TENSORFLOW, *KERAS)
KERAS_BACKENDS = ("tensorflow", "torch", "jax")
PYTHONS = ("3.11", "3.12", "3.13")
DEMOS = {"jax": (*CORE, *JAX, *KERAS), "torch": (*CORE, *TORCH)}
# What is run with the oldest versions (dependency groups oldest-…) that still install; PyTorch's
# do with gigabytes of CUDA only.
OLDEST = {
    "jax": ("test_jax_ops.py", "test_jax_conformance.py", "-k", "not TestChannelsFirst"),
    "keras": ("test_keras_models.py", "test_keras_errors.py", "test_conformance.py"),
    # TensorFlow 2.12 has no gradients of channels-first pooling without a GPU.
    "tf": (
        *("test_conformance.py", "test_tf_doors.py", "test_ops_windows.py"),
        *("-k", "not TestChannelsFirst"),
    ),
}
# Tests take from milliseconds to a minute: a worker that is done takes over from the other.
TWO_WORKERS = ("-n", "2", "--dist", "worksteal")
# Nothing is downloaded, nothing is drawn on a screen, and frameworks keep their logs to
# themselves. Two workers already fill two cores; more threads would get in their way.
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "MPLBACKEND": "agg",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), name)


def interpreter(version: str) -> str:
    """The newest pyenv build of a version; without one, the version, for nox to look up."""
    # pyenv's shims are on PATH but fail for every version that is not activated.
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    builds = root.glob(f"versions/{version}.*/bin/python{version}")
    newest_last = sorted(builds, key=lambda path: [int(n) for n in re.findall(r"\d+", str(path))])
    return str(newest_last[-1]) if newest_last else version


@nox.session
def demo(session: nox.Session) -> None:
    """Measure a real ResNet-50: table, picture, what to try next; `-- torch` for PyTorch."""
    wanted = session.posargs or ["jax"]
    if len(wanted) != 1 or wanted[0] not in DEMOS:
        session.error(f"no demo for {' '.join(wanted)}; there is one for {', '.join(DEMOS)}")
    session.install(*DEMOS[wanted[0]])
    session.run("python", "examples/demo.py", wanted[0], env=QUIET)


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test, then the core's without a framework; `-- -k name` narrows it down."""
    session.install(*EVERYTHING, *group("test"), *group("models"), *group("notebooks"))
    if session.posargs:
        session.run("pytest", *TWO_WORKERS, *session.posargs, env=QUIET | {"KERAS_BACKEND": "jax"})
        return
    # One process knows one Keras backend only.
    suites = [
        ("jax", "tests", "plugins/rf_torch", "plugins/rf_jax", "plugins/tests_together"),
        ("tensorflow", "plugins/rf_tf"),
        *((backend, "plugins/rf_keras") for backend in KERAS_BACKENDS),
    ]
    failed = []
    for backend, *paths in suites:
        env = QUIET | {"KERAS_BACKEND": backend}
        try:
            session.run("pytest", *TWO_WORKERS, *paths, env=env)
        except nox.command.CommandFailed:
            failed.append(f"{' '.join(paths)} (Keras on {backend})")
    if failed:
        session.error(f"failed: {'; '.join(failed)}")
    session.notify("outsider")
    for plugin in OLDEST:
        session.notify(f"oldest({plugin})")
    # The suites above ran on one Python; what holds without a framework on the newest holds before.
    session.notify(f"core({PYTHONS[-1]})")


@nox.session
def outsider(session: nox.Session) -> None:
    """Install the example plugin from wheels, as somebody else's would be, and run its tests."""
    folder = Path(session.create_tmp(), "wheels")
    for old in folder.glob("*.whl"):
        old.unlink()
    session.install("pip")
    session.run(
        "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), ".", "examples/rf_autograd"
    )
    plugin, core = sorted(folder.glob("*.whl"))
    session.install("--force-reinstall", f"{core}[testing]", str(plugin), "mypy")
    session.chdir("examples/rf_autograd")
    session.run("pytest", "-p", "no:cacheprovider", env=QUIET)
    session.run("mypy", "--strict", "src")


@nox.session
@nox.parametrize("python", [nox.param(interpreter(version), id=version) for version in PYTHONS])
def core(session: nox.Session) -> None:
    """Run the core's own tests, with no framework installed."""
    session.install(*CORE, *group("test"))
    session.run("pytest", *TWO_WORKERS, "tests", *session.posargs, env=QUIET)


@nox.session
@nox.parametrize("plugin", [nox.param(plugin, id=plugin) for plugin in OLDEST])
def oldest(session: nox.Session, plugin: str) -> None:
    """Run a plugin's tests with the oldest framework that it supports."""
    folder = f"plugins/rf_{plugin}"
    beneath = ("-e", "plugins/rf_jax") if plugin == "keras" else ()
    oldest_ones = group(f"oldest-{plugin}")
    session.install("-e", ".", "-e", folder, *beneath, *group("test"), *oldest_ones)
    session.chdir(f"{folder}/tests")
    # Old frameworks have warnings of their own.
    env = QUIET | {"KERAS_BACKEND": "jax"}
    session.run("pytest", *TWO_WORKERS, "-W", "default", *OLDEST[plugin], env=env)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format with ruff; `-- --fix` repairs what it can."""
    session.install(*group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", *([] if "--fix" in session.posargs else ["--check"]))


@nox.session
def types(session: nox.Session) -> None:
    """Check every annotation with mypy, strictly."""
    session.install(*EVERYTHING, *group("types"), *group("test"), *group("models"))
    session.run("mypy", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the pages of docs/ into docs/_build; a broken link or reference is an error."""
    session.install("-e", ".[plot,cli,testing]", *group("docs"))
    # -n finds references to what is not there, -W makes that an error, -E reads every page again.
    session.run("sphinx-build", "-nWE", "--keep-going", "-q", "docs", "docs/_build", env=QUIET)
    session.log("open docs/_build/index.html")


@nox.session
def zoo(session: nox.Session) -> None:
    """Measure every architecture of keras.applications on all Keras backends, side by side."""
    session.install(*EVERYTHING)
    session.run("python", "examples/zoo.py", *session.posargs, env=QUIET)


@nox.session
def pictures(session: nox.Session) -> None:
    """Draw the pictures of docs/plots.md and those that the tests keep anew."""
    session.install(*CORE, *TORCH)
    session.run("python", "docs/draw.py", env=QUIET)
    session.run("python", "tests/pictures.py", env=QUIET)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Compare random networks in every framework; `-- --count 1000` or `-- --minutes 10`."""
    session.install(*EVERYTHING, *group("test"), *group("models"))
    session.run("python", "campaign/fuzz.py", *session.posargs, env=QUIET)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare estimates and scans with each framework's own trace, and ERFs with bare passes."""
    session.install(*EVERYTHING, *group("models"))
    names = session.posargs or ("core", "torch", "jax", "tensorflow")
    for name in names:
        session.run("python", "benchmarks/bench.py", name, env=QUIET)


@nox.session
def rivals(session: nox.Session) -> None:
    """Ask other tools for the same fields, each in its own environment; `-- torch` for one."""
    session.install(*CORE, *TORCH, *TENSORFLOW, *KERAS, *group("test"), *group("models"))
    session.run("python", "benchmarks/rivals/compare.py", *session.posargs, env=QUIET)

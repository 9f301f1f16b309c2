"""The one door to every check of this repository: `nox -l` lists them."""

import os
import re
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"
# A missing interpreter is a skipped session, on CI too, and never a download.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

# Pinned to the release the tests know; unpinned torch pulls gigabytes of CUDA packages.
TORCH = "torch==2.13.0"
CORE = ("-e", ".[plot,cli]")
CORE_AND_TORCH = (*CORE, "-e", "plugins/rf_torch", TORCH)
PYTHONS = ("3.11", "3.12", "3.13")
FRAMEWORKS = ("torch",)


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
    """Measure a real ResNet-50: a table, a picture and what to try next."""
    unknown = sorted(set(session.posargs) - set(FRAMEWORKS))
    if unknown:
        session.error(f"no demo for {', '.join(unknown)}; there is one for {', '.join(FRAMEWORKS)}")
    session.install(*CORE_AND_TORCH, "transformers")
    session.run("python", "examples/demo.py", env={"HF_HUB_OFFLINE": "1"})


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test, then the core's alone on each Python; `-- -k name` narrows it down."""
    session.install(*CORE_AND_TORCH, "transformers", *group("test"))
    # Two workers already fill two cores; torch's own threads would only get in their way.
    env = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "HF_HUB_OFFLINE": "1"}
    session.run("pytest", "-n", "2", *session.posargs, env=env)
    if not session.posargs:
        for version in PYTHONS:
            session.notify(f"core({version})")


@nox.session
@nox.parametrize("python", [nox.param(interpreter(version), id=version) for version in PYTHONS])
def core(session: nox.Session) -> None:
    """Run the core's own tests, with no framework installed."""
    session.install(*CORE, *group("test"))
    session.run("pytest", "-n", "2", "tests", *session.posargs, env={"MPLBACKEND": "agg"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format with ruff; `-- --fix` repairs what it can."""
    session.install(*group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", *([] if "--fix" in session.posargs else ["--check"]))


@nox.session
def types(session: nox.Session) -> None:
    """Check every annotation with mypy, strictly."""
    session.install(*CORE_AND_TORCH, *group("types"))
    session.run("mypy", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare the time of an estimate with torch's own trace, as ratios."""
    session.install(*CORE_AND_TORCH, "transformers")
    session.run(
        "python", "benchmarks/bench_torch.py", *session.posargs, env={"HF_HUB_OFFLINE": "1"}
    )

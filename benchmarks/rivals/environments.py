"""A virtual environment for each tool, and what the plain way to install it comes to."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HERE", "Environment", "Made", "made"]

FOLDER = Path(__file__).parents[2] / ".nox" / "rivals-tools"
# The packages whose versions belong beside a result.
TOLD = ("numpy", "torch", "tensorflow", "tensorflow-cpu", "keras", "pip")


@dataclass(frozen=True)
class Environment:
    """How a tool is installed.

    Args:
        name: What it is called.
        plainly: What a user would hand to today's pip on the Python that runs this.
        around: Steps, each the arguments of one `pip install`, where the plain way is refused.
        python: The Python for the way around, if that has to be another one.
    """

    name: str
    plainly: tuple[str, ...] = ()
    around: tuple[tuple[str, ...], ...] = ()
    python: str | None = None


# The environment that runs this, with rfcore in it.
HERE = Environment("rfcore")


@dataclass(frozen=True)
class Made:
    """An environment that was made, or the reason why not.

    Args:
        python: Its interpreter, if there is one.
        versions: The versions of Python and of what matters in it.
        refusal: What pip said to the plain way, if it refused.
        failure: Why there is no environment.
    """

    python: Path | None
    versions: dict[str, str]
    refusal: str | None = None
    failure: str | None = None


@functools.cache
def made(environment: Environment) -> Made:
    if environment == HERE:
        python = Path(sys.executable)
        return Made(python, versions(python))
    folder = FOLDER / re.sub(r"[^\w.]+", "-", environment.name).strip("-")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    base = Path(sys.executable)
    refusal = None
    if environment.around:
        refusal = refused(environment.plainly)
        found = interpreter(environment.python) if environment.python else base
        if found is None:
            failure = f"skipped: there is no Python {environment.python} on this machine"
            return Made(None, {}, refusal, failure)
        base = found
    steps = environment.around or (environment.plainly,)
    if not (folder / "made").exists():
        subprocess.run([str(base), "-m", "venv", "--clear", str(folder)], check=True)
        for step in steps:
            said = pip(python, "install", "--quiet", *step)
            if said.returncode:
                return Made(None, {}, refusal, reason(said.stderr))
        (folder / "made").touch()
    return Made(python, versions(python), refusal)


def interpreter(version: str) -> Path | None:
    """The newest pyenv build of a version, or one on the path."""
    # pyenv's shims are on PATH but fail for every version that is not activated.
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    builds = sorted(root.glob(f"versions/{version}.*/bin/python{version}"))
    for candidate in (*reversed(builds), Path(f"python{version}")):
        try:
            subprocess.run([str(candidate), "--version"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    return None


def pip(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@functools.cache
def newest_pip() -> Path:
    folder = FOLDER / "pip"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip(python, "install", "--quiet", "--upgrade", "pip").check_returncode()
    return python


def refused(requirements: tuple[str, ...]) -> str | None:
    """What today's pip says to a plain install on today's Python, if it refuses."""
    said = pip(newest_pip(), "install", "--quiet", "--dry-run", *requirements)
    return reason(said.stderr) if said.returncode else None


# The lines of pip that say why, the telling ones first.
TELLING = (
    r"has (invalid metadata: .+)",
    # Of all versions that another Python would have, the last is the one asked for.
    r"ERROR: Ignored the following versions .*[ ;](\S+ Requires-Python [^;\n]+)",
    r"ERROR: (Cannot install .*)",
    r"ERROR: (Could not find a version .*)",
    r"ERROR: (.*)",
)


def reason(said: str) -> str:
    for pattern in TELLING:
        if found := re.search(pattern, said):
            text = re.sub(r"\s*\(?from (?:https?|file)://\S+\)?", "", found[1])
            return re.sub(r" \(from versions: .*", "", text)
    return said.strip().splitlines()[-1] if said.strip() else "no reason given"


def versions(python: Path) -> dict[str, str]:
    listed = json.loads(pip(python, "list", "--format=json").stdout)
    code = "import platform; print(platform.python_version())"
    told = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True)
    found = {package["name"].lower().replace("_", "-"): package["version"] for package in listed}
    return {"Python": told.stdout.strip()} | {name: found[name] for name in TOLD if name in found}
